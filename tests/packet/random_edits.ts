// Random edits of any packet, the same for the same seed.
import { type Layers, WireError } from "../../src/packet/mod.ts";
import { PLAIN_FIELDS, viewOf } from "./edits.ts";

/** Numbers from a seed (mulberry32): the same under every runtime. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** An integer from 0 to `below` − 1. */
  below(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  }

  pick<Value>(values: readonly Value[]): Value {
    return values[this.below(values.length)]!;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}

type Act = (layers: Layers, random: Random) => void;

/** An option in front of which, and behind which, there is padding. */
const hopOption = (random: Random) => ({ type: 0x1e, data: random.bytes(random.below(9)) });

const ACTS: Readonly<Record<string, Act>> = {
  "payload": ({ tcp, udp, icmp, icmpv6 }, random) => {
    const view = tcp ?? udp ?? icmp;
    if (view !== undefined) view.payload = random.bytes(random.below(120));
    // Its length is what makes a neighbor's message one.
    else if (icmpv6 !== undefined) icmpv6.payload = random.bytes(icmpv6.payload.length);
  },
  "tcp.mss": ({ tcp }, random) => {
    if (tcp !== undefined) tcp.mss = random.pick([undefined, 0, 1460, 65535]);
  },
  "tcp.timestamps": ({ tcp }, random) => {
    const timestamps = { value: random.below(0xffffffff), echoReply: random.below(0xffffffff) };
    if (tcp !== undefined) tcp.timestamps = random.pick([undefined, timestamps]);
  },
  "tcp.optionList": ({ tcp }, random) => {
    if (tcp === undefined) return;
    const list = tcp.optionList.map(({ kind, data }) => ({ kind, data: data.slice() }));
    tcp.optionList = random.pick([[], list.reverse(), list.slice(1), [
      { kind: 1, data: new Uint8Array() },
      { kind: 253, data: random.bytes(random.below(30)) },
    ]]);
  },
  "ipv4.optionList": ({ ipv4 }, random) => {
    if (ipv4 === undefined) return;
    ipv4.optionList = random.pick([[], [{ type: 148, data: random.bytes(2) }], [
      { type: 1, data: new Uint8Array() },
      { type: 25, data: random.bytes(random.below(20)) },
    ]]);
  },
  "ipv6.hopByHopOptions": ({ ipv6 }, random) => {
    if (ipv6 !== undefined) ipv6.hopByHopOptions = random.pick([undefined, [hopOption(random)]]);
  },
  "ipv6.destinationOptions": ({ ipv6 }, random) => {
    if (ipv6 !== undefined) ipv6.destinationOptions = random.pick([undefined, [hopOption(random)]]);
  },
  "ipv6.routing": ({ ipv6 }, random) => {
    if (ipv6 === undefined) return;
    const data = Uint8Array.from([0, 0, 0, 0, ...random.bytes(16 * random.below(3))]);
    const segmentsLeft = random.below(data.length > 4 ? 2 : 1);
    ipv6.routing = random.pick([undefined, { type: 0, segmentsLeft, data }]);
  },
};

/** Scapy has no class for every type of ICMPv6, and would give it as bytes. */
const FIELDS = PLAIN_FIELDS.filter(({ layer, name }) => layer !== "icmpv6" || name !== "type");

/** Up to five edits; returns which were done. What the packet refuses is left out. */
export function editAtRandom(layers: Layers, random: Random): string[] {
  const names = Object.keys(ACTS);
  const done: string[] = [];
  for (let left = 1 + random.below(5); left > 0; left--) {
    if (random.below(3) === 0) {
      const name = random.pick(names);
      if (attempt(() => ACTS[name]!(layers, random))) done.push(name);
      continue;
    }
    const possible = FIELDS.filter(({ layer, name }) =>
      viewOf(layers, layer)?.[name] !== undefined
    );
    if (possible.length === 0) break;
    const { layer, name, values } = random.pick(possible);
    const value = random.pick(values);
    if (attempt(() => viewOf(layers, layer)![name] = value)) {
      done.push(`${layer}.${name} = ${String(value)}`);
    }
  }
  return done;
}

function attempt(act: () => void): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (error instanceof RangeError || error instanceof WireError) return false;
    throw error;
  }
}
