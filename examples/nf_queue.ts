/**
 * libnetfilter_queue without its callback, as in nf-queue.c of the C library: messages are built and
 * taken apart by the `nfq_nlmsg_*` functions. Prints a line a packet and accepts it.
 *
 *     sudo iptables -A OUTPUT -p udp -j NFQUEUE --queue-num 0 --queue-bypass
 *     sudo deno run --allow-ffi examples/nf_queue.ts
 *     sudo bun examples/nf_queue.ts
 *
 * `iptables -D OUTPUT …` removes the rule; `ip6tables` takes the same words for IPv6.
 */

import { parseArgs } from "node:util";
import {
  AF_INET,
  NF_ACCEPT,
  NFQA_CAP_LEN,
  NFQA_PACKET_HDR,
  NFQA_PAYLOAD,
  NFQA_SKB_CSUMNOTREADY,
  NFQA_SKB_INFO,
  NfqHandle,
  NFQNL_CFG_CMD_BIND,
  NFQNL_COPY_PACKET,
  NFQNL_MSG_CONFIG,
  NFQNL_MSG_VERDICT,
  NlmsgBuilder,
} from "@nfqueue/nfqueue/libnetfilter_queue";

const { values } = parseArgs({ options: { queue: { type: "string", default: "0" } } });
const queue = Number(values.queue);

const NLMSG_ERROR = 2;
/** Before the attributes: struct nlmsghdr and, of an error, the negative errno. */
const NLMSG_HEADER_SIZE = 16;

// C opens a plain netlink socket here; a handle without queues of its own is one.
using handle = NfqHandle.nfq_open();
const builder = new NlmsgBuilder();

builder.nfq_nlmsg_put(NFQNL_MSG_CONFIG, queue);
builder.nfq_nlmsg_cfg_put_cmd(AF_INET, NFQNL_CFG_CMD_BIND);
handle.send(builder.message());

builder.nfq_nlmsg_put(NFQNL_MSG_CONFIG, queue);
builder.nfq_nlmsg_cfg_put_params(NFQNL_COPY_PACKET, 0xffff);
handle.send(builder.message());

const buffer = new Uint8Array(0x12000);
for (;;) {
  const length = await handle.receiveAsync(buffer);
  takeMessage(buffer.subarray(0, length));
}

function takeMessage(message: Uint8Array): void {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  if (view.getUint16(4, true) === NLMSG_ERROR) {
    const errno = -view.getInt32(NLMSG_HEADER_SIZE, true);
    throw new Error(`the kernel answered with errno ${errno}: is queue ${queue} taken?`);
  }
  const attributes = NlmsgBuilder.nfq_nlmsg_parse(message);
  const header = viewOf(attributes.get(NFQA_PACKET_HDR));
  if (header === undefined) throw new Error("a packet without its header");
  const id = header.getUint32(0);
  const hwProtocol = header.getUint16(4).toString(16).padStart(4, "0");
  const hook = header.getUint8(6);

  const payload = attributes.get(NFQA_PAYLOAD) ?? new Uint8Array();
  const wholeLength = viewOf(attributes.get(NFQA_CAP_LEN))?.getUint32(0) ?? payload.length;
  const bits = viewOf(attributes.get(NFQA_SKB_INFO))?.getUint32(0) ?? 0;
  const truncated = wholeLength > payload.length ? " (truncated)" : "";
  const unfinished = bits & NFQA_SKB_CSUMNOTREADY ? ", checksum not ready" : "";
  console.log(
    `packet received (id=${id} hw=0x${hwProtocol} hook=${hook}, ` +
      `payload len ${wholeLength}${truncated}${unfinished})`,
  );

  builder.nfq_nlmsg_put(NFQNL_MSG_VERDICT, queue);
  builder.nfq_nlmsg_verdict_put(id, NF_ACCEPT);
  handle.send(builder.message());
}

function viewOf(bytes: Uint8Array | undefined): DataView | undefined {
  return bytes && new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
