/**
 * Turns cats into dogs in UDP packets over IPv4 and mends their checksums, with the class of libipq.
 *
 *     sudo iptables -A OUTPUT -p udp --dport 9999 -j NFQUEUE --queue-num 0
 *     sudo deno run --allow-ffi examples/ipq_rewrite.ts
 *     sudo bun examples/ipq_rewrite.ts
 *
 * `iptables -D OUTPUT …` removes the rule.
 */

import { Buffer } from "node:buffer";
import { IPQ_COPY_PACKET, IpqHandle, NF_ACCEPT, NFPROTO_IPV4 } from "@nfqueue/nfqueue/ipq";
import { finishChecksums } from "@nfqueue/nfqueue/packet";

/** The longest message: its header, a packet of 65535 bytes, padding. */
const buffer = new Uint8Array(112 + 65_536);

using handle = IpqHandle.create(0, NFPROTO_IPV4);
handle.setMode(IPQ_COPY_PACKET, 0); // 0: whole packets
for (;;) {
  await handle.readAsync(buffer);
  const packet = IpqHandle.getPacket(buffer);
  if (packet === null) throw new Error(`the kernel's answer: errno ${IpqHandle.getMsgerr(buffer)}`);
  const bytes = Buffer.from(packet.payload);
  const at = bytes.indexOf("cat");
  if (at < 0) handle.setVerdict(packet.packetId, NF_ACCEPT);
  else {
    bytes.write("dog", at);
    handle.setVerdict(packet.packetId, NF_ACCEPT, finishChecksums(bytes));
  }
}
