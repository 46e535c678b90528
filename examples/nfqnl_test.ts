/**
 * The callback API of libnetfilter_queue, as in the C library's nfqnl_test.c: says everything about
 * each packet and accepts it.
 *
 *     sudo iptables -A OUTPUT -p udp -j NFQUEUE --queue-num 0 --queue-bypass
 *     sudo deno run --allow-ffi examples/nfqnl_test.ts
 *     sudo bun examples/nfqnl_test.ts
 *
 * `iptables -D OUTPUT …` removes the rule; `ip6tables` takes the same words for IPv6.
 */

import { parseArgs } from "node:util";
import {
  NF_ACCEPT,
  NFQA_CFG_F_UID_GID,
  type NfqData,
  NfqHandle,
  NFQNL_COPY_PACKET,
  NlifHandle,
  SystemError,
} from "@nfqueue/nfqueue/libnetfilter_queue";

const { values } = parseArgs({ options: { queue: { type: "string", default: "0" } } });

using handle = NfqHandle.nfq_open();
using names = NlifHandle.nlif_open();
names.nlif_query();

using queue = handle.nfq_create_queue(Number(values.queue), (queue, _message, data) => {
  console.log(describe(data));
  const id = data.nfq_get_msg_packet_hdr()?.packetId ?? 0;
  return queue.nfq_set_verdict(id, NF_ACCEPT);
});
queue.nfq_set_queue_flags(NFQA_CFG_F_UID_GID, NFQA_CFG_F_UID_GID);
queue.nfq_set_mode(NFQNL_COPY_PACKET, 0xffff);

// As in C this blocks; a program with more to do awaits handle.receiveAsync(buffer).
const buffer = new Uint8Array(0x12000);
for (;;) {
  try {
    const length = handle.receive(buffer);
    if (length !== undefined) handle.nfq_handle_packet(buffer, length);
  } catch (error) {
    // Too many packets at once for this program: those are lost, others will come.
    if (!(error instanceof SystemError && error.code === "ENOBUFS")) throw error;
    console.error("losing packets!");
  }
}

function describe(data: NfqData): string {
  const parts: string[] = [];
  const header = data.nfq_get_msg_packet_hdr();
  if (header !== undefined) {
    const protocol = header.hwProtocol.toString(16).padStart(4, "0");
    parts.push(`hw_protocol=0x${protocol}`, `hook=${header.hook}`, `id=${header.packetId}`);
  }
  const address = data.nfq_get_packet_hw();
  if (address !== undefined) {
    const bytes = [...address].map((byte) => byte.toString(16).padStart(2, "0"));
    parts.push(`hw_src_addr=${bytes.join(":")}`);
  }
  const mark = data.nfq_get_nfmark();
  if (mark !== 0) parts.push(`mark=${mark}`);
  const inDevice = data.nfq_get_indev();
  if (inDevice !== 0) parts.push(`indev=${data.nfq_get_indev_name(names) ?? inDevice}`);
  const outDevice = data.nfq_get_outdev();
  if (outDevice !== 0) parts.push(`outdev=${data.nfq_get_outdev_name(names) ?? outDevice}`);
  const inPort = data.nfq_get_physindev();
  if (inPort !== 0) parts.push(`physindev=${data.nfq_get_physindev_name(names) ?? inPort}`);
  const outPort = data.nfq_get_physoutdev();
  if (outPort !== 0) parts.push(`physoutdev=${data.nfq_get_physoutdev_name(names) ?? outPort}`);
  const uid = data.nfq_get_uid();
  if (uid !== undefined) parts.push(`uid=${uid}`);
  const gid = data.nfq_get_gid();
  if (gid !== undefined) parts.push(`gid=${gid}`);
  const label = data.nfq_get_secctx();
  if (label !== undefined) parts.push(`secctx="${label}"`);
  parts.push(`payload_len=${data.nfq_get_payload().length}`);
  return parts.join(" ");
}
