/**
 * What an assignment to a packet's properties says: nearly all of them can only be read.
 *
 * @module
 */

import { type Advice, guardWords } from "../../base/name_guard.ts";
import { Packet } from "./packet.ts";

const FIELDS = "assign to its fields, as in packet.ip.ttl = 9";
const option = (name: string): string => `packet.accept({ ${name} }) sends it with the verdict`;

const ADVICE: Advice = {
  payload: "packet.replacePayload(bytes) takes a whole packet, packet.udp.payload = bytes new data",
  length: "it follows the payload",
  etherType: "packet.ip.protocol = 17 says what is behind the IP header",
  mark: option("mark"),
  priority: option("priority"),
  conntrack: option("conntrack"),
  layer2Header: `${option("layer2Header")}, and packet.ethernet has its fields`,
  verdict: "packet.accept(), packet.drop(), … give it, or the handler's result",
  ...{ ip: FIELDS, ipv4: FIELDS, ipv6: FIELDS, arp: FIELDS, ethernet: FIELDS },
  ...{ tcp: FIELDS, udp: FIELDS, icmp: FIELDS, icmpv6: FIELDS },
  flow: "assign to the fields of packet.ip and of packet.tcp or packet.udp",
};

guardWords(Packet, "packet", ADVICE);

// Where every IP header has a protocol, a comparison with what is not there would be false in silence.
Object.defineProperty(Object.getPrototypeOf(Packet.prototype), "protocol", {
  ...Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Packet.prototype), "protocol"),
  get: () => {
    throw new TypeError(
      "packet has no protocol: packet.etherType tells IPv4 from IPv6, packet.ip.protocol TCP from UDP",
    );
  },
});
