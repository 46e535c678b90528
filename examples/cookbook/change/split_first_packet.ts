// Sends the ClientHello of TLS in two segments instead of one: does what is on the way still read it?
import { defineFilter, type Packet, Verdict } from "@nfqueue/nfqueue";
import { clientHello } from "@nfqueue/nfqueue/identify";
import { finishChecksums } from "@nfqueue/nfqueue/packet";

/** The packet with a part of its data. */
function part(packet: Packet, from: number, to: number): Uint8Array {
  const copy = packet.copy();
  const tcp = copy.tcp!;
  tcp.payload = tcp.payload.slice(from, to);
  tcp.sequenceNumber = (tcp.sequenceNumber + from) >>> 0; // it has 32 bits, and wraps
  return finishChecksums(copy.payload);
}

export default defineFilter({
  rules: { hook: "output", protocol: "tcp", destinationPort: 443, firstPackets: 8 },
  options: { gso: false },
  packet(packet) {
    const data = packet.tcp?.payload ?? new Uint8Array();
    if (data.length < 2 || clientHello(data).status === "other") return Verdict.Accept;
    const middle = data.length >> 1;
    packet.send(part(packet, 0, middle));
    packet.send(part(packet, middle, data.length));
    return Verdict.Drop;
  },
});
