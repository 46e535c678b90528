// What callbacks make of streams: the same length, longer, shorter, nothing, held, and ends of all kinds.

import { HOLD, type StreamResult } from "../../../src/streams/mod.ts";
import { Random } from "../../support/tcp/random.ts";
import { type Call, joined, type Transform } from "./record.ts";

const NOTHING = new Uint8Array(0);
const TEN = new TextEncoder().encode("[TEN-MORE]");
const NEWLINE = 10;

/** Each byte by itself, by where it stands, so that it does not matter how calls are cut. */
function each({ data, before }: Call, make: (byte: number, at: number) => number[]): Uint8Array {
  const out: number[] = [];
  for (const [index, byte] of data.entries()) out.push(...make(byte, before + index));
  return Uint8Array.from(out);
}

function filled(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => 65 + at % 26);
}

/** What a transform does to the connection. */
export type Ending = "closed" | "passed" | "refused";

/** A kind of transform. */
export interface Kind {
  /** @param at a byte of the stream where something happens */
  readonly make: (at: number, seed: number) => Transform;
  /** How the connection ends, if the stream is long enough. */
  readonly ending?: Ending;
  /**
   * It holds bytes. Where the FIN behind them is lost, or the sender may send no more, only the limit of time
   * ends that; in the model it is `pass()` that does.
   */
  readonly holds?: boolean;
}

function atByte(at: number, act: (call: Call) => StreamResult, before?: Transform): Transform {
  let done = false;
  return (call) => {
    if (done || call.before + call.data.length < at) return before?.(call);
    done = true;
    return act(call);
  };
}

const grown: Transform = (call) => each(call, (byte, at) => at % 2 === 0 ? [byte, 35] : [byte]);
const shorter: Transform = (call) => each(call, (byte, at) => at % 3 === 0 ? [] : [byte]);
const nothing: Transform = () => NOTHING;

/** All kinds. */
export const KINDS: Readonly<Record<string, Kind>> = {
  untouched: { make: () => () => undefined },
  "the same bytes": { make: () => ({ data }) => data },
  xor: { make: () => (call) => each(call, (byte) => [byte ^ 0x20]) },
  "half as much again": { make: () => grown },
  "ten times as much": { make: () => (call) => each(call, (byte) => Array(10).fill(byte)) },
  "ten bytes more a call": { make: () => ({ data }) => joined([data, TEN]) },
  shorter: { make: () => shorter },
  "one byte of ten": { make: () => (call) => each(call, (b, at) => at % 10 === 0 ? [b] : []) },
  nothing: { make: () => nothing },
  "nothing until a byte, then all": {
    make: (byte) => (call) => each(call, (b, at) => at < byte ? [] : [b]),
  },
  "all until a byte, then nothing": {
    make: (byte) => (call) => each(call, (b, at) => at < byte ? [b] : []),
  },
  "an insertion at the start": {
    make: (at) => ({ data, calls }) => calls === 0 ? joined([filled(at), data]) : undefined,
  },
  "an insertion at the end": {
    make: (at) => ({ data, stream }) => stream.ended ? joined([data, filled(at)]) : undefined,
  },
  "an insertion in the middle": {
    make: (at) => atByte(at, ({ data }) => joined([data, filled(4_000)])),
  },
  "held until so many bytes": {
    holds: true,
    make: (at) => ({ data, stream }) => data.length < at % 600 && !stream.ended ? HOLD : undefined,
  },
  "held until so many bytes, then longer": {
    holds: true,
    make: (at) => ({ data, stream }) =>
      data.length < at % 300 && !stream.ended ? HOLD : joined([data, TEN]),
  },
  "held to the end of the line": {
    holds: true,
    make: () => ({ data, stream }) => {
      const end = data.lastIndexOf(NEWLINE) + 1;
      if (stream.ended) return undefined;
      return end === 0
        ? HOLD
        : { data: joined([TEN, data.slice(0, end)]), hold: data.length - end };
    },
  },
  "lines taken out": {
    holds: true,
    make: () => ({ data, stream }) => {
      const end = data.lastIndexOf(NEWLINE) + 1;
      return stream.ended ? NOTHING : { data: NOTHING, hold: data.length - end };
    },
  },
  "held at the last call too": {
    make: () => ({ data }) => data.length > 200 ? undefined : HOLD,
    holds: true,
  },
  "the last three bytes held": {
    holds: true,
    make: () => ({ data }) => {
      const hold = Math.min(3, data.length);
      return { data: data.slice(0, data.length - hold), hold };
    },
  },
  mixture: {
    make: (_, seed) => {
      const random = new Random(seed);
      return ({ data }) =>
        random.one<() => StreamResult>([
          () => undefined,
          () => NOTHING,
          () => data.slice(0, random.integer(0, data.length)),
          () => joined([filled(random.integer(0, 30)), data]),
          () => joined([data, filled(random.integer(0, 3_000))]),
          () => data.length < 500 && random.chance(0.5) ? HOLD : data.map((byte) => byte ^ 1),
          () => ({
            data: filled(random.integer(0, 9)),
            hold: random.integer(0, Math.min(500, data.length)),
          }),
        ])();
    },
    holds: true,
  },
  "pass() midway": {
    make: (at) => atByte(at, ({ stream }) => stream.connection.pass()),
    ending: "passed",
  },
  "pass() midway, longer before": {
    make: (at) => atByte(at, ({ stream }) => stream.connection.pass(), grown),
    ending: "passed",
  },
  "pass() midway, shorter before": {
    make: (at) => atByte(at, ({ stream }) => stream.connection.pass(), shorter),
    ending: "passed",
  },
  "pass() midway, nothing before": {
    make: (at) => atByte(at, ({ stream }) => stream.connection.pass(), nothing),
    ending: "passed",
  },
  "pass() while bytes are held": {
    make: (at) =>
      atByte(at, ({ stream, data }) => {
        stream.connection.pass();
        return { data: TEN, hold: data.length };
      }),
    ending: "passed",
  },
  "reset() midway": {
    make: (at) => atByte(at, ({ stream }) => stream.connection.reset(), grown),
    ending: "refused",
  },
  "throws midway": {
    make: (at) =>
      atByte(at, () => {
        throw new Error("the callback's own");
      }, shorter),
    ending: "refused",
  },
};
