/**
 * The program of the manual page libipq(3), which lets every packet pass: once with the functions of
 * the manual, once with the class. It has the manual's rule too, which means queue 0 today.
 *
 *     sudo iptables-legacy -A OUTPUT -p icmp -j QUEUE
 *     sudo deno run --allow-ffi examples/ipq_accept.ts
 *     sudo bun examples/ipq_accept.ts --class
 *
 * Where iptables is the one of nf_tables it does not know that target: `-j NFQUEUE` is the same.
 * `--ipv6` takes IPv6 packets (`ip6tables-legacy -A OUTPUT -p icmpv6 -j QUEUE`).
 * `iptables-legacy -D OUTPUT …` removes the rule.
 */

import process from "node:process";
import { parseArgs } from "node:util";
import {
  IPQ_COPY_PACKET,
  ipq_create_handle,
  ipq_destroy_handle,
  ipq_get_msgerr,
  ipq_get_packet,
  ipq_message_type,
  ipq_perror,
  ipq_read,
  ipq_set_mode,
  ipq_set_verdict,
  IpqHandle,
  IPQM_PACKET,
  NF_ACCEPT,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
  NLMSG_ERROR,
} from "@nfqueue/nfqueue/ipq";

const BUFFER_SIZE = 2048;
const { values } = parseArgs({
  options: {
    class: { type: "boolean", default: false },
    ipv6: { type: "boolean", default: false },
  },
});
const protocol = values.ipv6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
if (values.class) withClass();
else withFunctions();

function die(handle: IpqHandle | null): never {
  ipq_perror("passer", handle);
  ipq_destroy_handle(handle);
  process.exit(1);
}

function withFunctions(): never {
  const buffer = new Uint8Array(BUFFER_SIZE);
  const handle = ipq_create_handle(0, protocol);
  if (handle === null) die(handle);
  if (ipq_set_mode(handle, IPQ_COPY_PACKET, BUFFER_SIZE) < 0) die(handle);
  for (;;) {
    const status = ipq_read(handle, buffer, BUFFER_SIZE, 0);
    if (status < 0) die(handle);
    if (status === 0) continue; // a signal
    switch (ipq_message_type(buffer)) {
      case NLMSG_ERROR:
        console.error(`Received error message ${ipq_get_msgerr(buffer)}`);
        break;
      case IPQM_PACKET: {
        const packet = ipq_get_packet(buffer)!;
        if (ipq_set_verdict(handle, packet.packetId, NF_ACCEPT, 0, null) < 0) die(handle);
        break;
      }
      default:
        console.error("Unknown message type!");
    }
  }
}

function withClass(): never {
  const buffer = new Uint8Array(BUFFER_SIZE);
  using handle = IpqHandle.create(0, protocol);
  handle.setMode(IPQ_COPY_PACKET, BUFFER_SIZE);
  for (;;) {
    if (handle.read(buffer) === 0) continue; // a signal
    const packet = IpqHandle.getPacket(buffer);
    if (packet !== null) handle.setVerdict(packet.packetId, NF_ACCEPT);
    else console.error(`Received error message ${IpqHandle.getMsgerr(buffer)}`);
  }
}
