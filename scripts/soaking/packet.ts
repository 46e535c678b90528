/** A numbered datagram: packet.h says what is where. */
import type { Packet } from "../../mod.ts";

/** 20 bytes of IPv4 and 8 of UDP are before it. */
const START = 28;
const ACCEPTED = 65; // "A"

/** What becomes of a packet. */
export const Fate = { Drop: 0, Accept: 1, Repeat: 2, Rewrite: 3 } as const;
export type Fate = (typeof Fate)[keyof typeof Fate];

/** By the number's sixteenth: 3 dropped, 1 sent through the chain again, 1 rewritten, the others accepted. */
const FATES: readonly Fate[] = Array.from(
  { length: 16 },
  (_, sixteenth) =>
    [Fate.Drop, Fate.Drop, Fate.Drop, Fate.Repeat, Fate.Rewrite][sixteenth] ?? Fate.Accept,
);

/** The mark that the queue's rule excludes: what is sent through the chain again carries it. */
export const REPEATED = 1;

export function numberOf(packet: Packet): number {
  const { payload } = packet;
  const at = START + 4;
  return (payload[at]! | payload[at + 1]! << 8 | payload[at + 2]! << 16 |
    payload[at + 3]! << 24) >>> 0;
}

/** What an honest consumer does with it. */
export function fateOf(packet: Packet): Fate {
  if (packet.payload[START] === ACCEPTED) return Fate.Accept;
  return FATES[Math.imul(numberOf(packet), 2654435761) >>> 28]!;
}

/** The datagram, with its state set. */
export function datagram(packet: Packet, state: number): Uint8Array<ArrayBuffer> {
  const data = packet.payload.slice(START);
  data[1] = state;
  return data;
}

/** The state of the datagram. */
export function stateOf(packet: Packet): number {
  return packet.payload[START + 1]!;
}
