/** Consumers that lie: they show that the harness can fail. */
import { createSocket } from "node:dgram";
import { type Packet, Verdict } from "../../mod.ts";
import type { Decision, Manner } from "./manners.ts";
import type { Lie, Tally } from "./order.ts";
import { datagram, numberOf, stateOf } from "./packet.ts";

/** Every so many packets. */
const OFTEN = 100;

/** A manner, and what it makes of the numbers. */
export interface Liar {
  readonly manner: Manner;
  readonly tell: (statistics: Tally) => Tally;
}

/** Drops packets, and does not count them. */
function dropsSilently(manner: Manner): Liar {
  let dropped = 0;
  const decide = (packet: Packet): Decision => {
    if (numberOf(packet) % OFTEN !== 0) return manner.decide(packet);
    dropped++;
    return Verdict.Drop;
  };
  return {
    manner: { ...manner, decide, decideLater: (packet) => Promise.resolve(decide(packet)) },
    tell: (statistics) => ({ ...statistics, dropped: (statistics["dropped"] ?? 0) - dropped }),
  };
}

/** Accepts packets, and sends a copy of them too. */
function sendsTwice(manner: Manner): Liar {
  const socket = createSocket("udp4");
  const decide = (packet: Packet): Decision => {
    if (stateOf(packet) === 2) return Verdict.Accept;
    if (numberOf(packet) % OFTEN !== 0) return manner.decide(packet);
    socket.send(datagram(packet, 2), packet.udp!.destinationPort, "127.0.0.1");
    return Verdict.Accept;
  };
  return {
    manner: {
      decide,
      decideLater: (packet) => Promise.resolve(decide(packet)),
      end: () => {
        manner.end();
        socket.close();
      },
    },
    tell: (statistics) => statistics,
  };
}

/** The manner as an honest consumer has it, or with a lie. */
export function withLie(manner: Manner, lie: Lie): Liar {
  if (lie === "drops-silently") return dropsSilently(manner);
  if (lie === "sends-twice") return sendsTwice(manner);
  return { manner, tell: (statistics) => statistics };
}
