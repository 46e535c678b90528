// The packets whose plain fields are all changed.
import type { PacketFields } from "../../../src/packet/mod.ts";
import { counting } from "../../packet/edits.ts";

const ports = { sourcePort: 40001, destinationPort: 40002 } as const;
const both: Readonly<Record<string, PacketFields>> = {
  tcp: { tcp: { ...ports, sequenceNumber: 5, syn: true, mss: 1400, windowScale: 5 } },
  "tcp with data": { tcp: { ...ports, ack: true, acknowledgmentNumber: 9 }, payload: counting(33) },
  udp: { udp: ports, payload: counting(21) },
};
const echo = { identifier: 3, sequenceNumber: 4 } as const;

/** By family and name: what is in the packet behind the IP header. */
export const UPPER: Readonly<Record<4 | 6, Readonly<Record<string, PacketFields>>>> = {
  4: { ...both, ping: { icmp: echo, payload: counting(15) } },
  6: { ...both, ping: { icmpv6: echo, payload: counting(15) } },
};
