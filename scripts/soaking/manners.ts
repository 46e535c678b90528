/** How handlers behave. */
import { setTimeout as delay } from "node:timers/promises";
import { type Packet, Verdict } from "../../mod.ts";
import type { MannerName } from "./order.ts";
import { datagram, Fate, fateOf, numberOf, REPEATED } from "./packet.ts";
import type { Random } from "./random.ts";

/** undefined: the packet has its verdict, is held, or was forgotten. */
export type Decision = Verdict | undefined;

/** One handler, for the ways that want it at once and for those that may wait. */
export interface Manner {
  readonly decide: (packet: Packet) => Decision;
  readonly decideLater: (packet: Packet) => Promise<Decision>;
  /** Ends timers; what is still held stays so. */
  readonly end: () => void;
}

/** Thrown on purpose. */
export class Mishap extends Error {}

/** Does with a packet what its number asks for. */
export function fulfil(packet: Packet): Decision {
  switch (fateOf(packet)) {
    case Fate.Drop:
      return Verdict.Drop;
    case Fate.Accept:
      return Verdict.Accept;
    case Fate.Repeat:
      packet.repeat({ mark: REPEATED });
      return undefined;
    case Fate.Rewrite:
      packet.udp!.payload = datagram(packet, 1);
      return Verdict.Accept;
  }
}

function plain(): Manner {
  return {
    decide: fulfil,
    decideLater: async (packet) => {
      await null;
      return fulfil(packet);
    },
    end: () => {},
  };
}

function spin(milliseconds: number): void {
  for (const end = performance.now() + milliseconds; performance.now() < end;);
}

/** Now and then it takes long; one that may wait always does. */
function slow(random: Random): Manner {
  return {
    decide: (packet) => {
      if (random.below(64) === 0) spin(random.pick([2, 5, 50]));
      return fulfil(packet);
    },
    decideLater: async (packet) => {
      await delay(random.pick([1, 5, 50]));
      return fulfil(packet);
    },
    end: () => {},
  };
}

/** Throws at every 64th packet, and forgets every 97th. */
function throwing(): Manner {
  const decide = (packet: Packet): Decision => {
    const number = numberOf(packet);
    if (number % 64 === 0) throw new Mishap(`packet ${number}`);
    return number % 97 === 0 ? undefined : fulfil(packet);
  };
  return {
    decide,
    decideLater: async (packet) => {
      await null;
      return decide(packet);
    },
    end: () => {},
  };
}

/** Packets held at once, and how long the others are (ms). */
const HELD = 300;
const HOLD = 40;
/** So many of the first are kept to the end. */
const KEPT = 20;

/** Holds every packet for a while, and decides them out of order. */
function holding(random: Random): Manner {
  let held: Packet[] = [];
  let kept = 0;
  const release = () => {
    const packets = random.shuffled(held);
    held = [];
    for (const packet of packets) {
      if (packet.verdict !== undefined) continue; // the queue was faster: close, deadline
      const verdict = fulfil(packet);
      if (verdict === Verdict.Drop) packet.drop();
      else if (verdict === Verdict.Accept) packet.accept();
    }
  };
  const timer = setInterval(release, HOLD);
  const decide = (packet: Packet): Decision => {
    packet.hold();
    if (kept < KEPT) kept++;
    else held.push(packet);
    if (held.length >= HELD) release();
    return undefined;
  };
  return {
    decide,
    decideLater: async (packet) => {
      await null;
      return decide(packet);
    },
    end: () => clearInterval(timer),
  };
}

/** By name. */
export const MANNERS: Readonly<Record<MannerName, (random: Random) => Manner>> = {
  plain,
  slow,
  throwing,
  holding,
};
