/**
 * Wrong arguments for every option, as a table: used with the library and without it.
 *
 * @module
 */

import { PacketQueue, type PacketQueueOptions } from "../../../mod.ts";

/** One wrong argument. */
export interface ArgumentCase {
  readonly name: string;
  readonly error: "TypeError" | "RangeError";
  /** The error's sentence must name the option. */
  readonly mentions: RegExp;
  readonly act: (number: number) => unknown;
}

const notNumbers: readonly unknown[] = ["1", "", null, true, {}, [], 5n, Symbol("s"), () => 1];
const notBooleans: readonly unknown[] = ["true", 0, 1, null, {}, []];
const notIntegers: readonly unknown[] = [NaN, Infinity, -Infinity, 1.5, -1, 2 ** 53];
const notVerdicts: readonly unknown[] = [2, 3, 6, -1, 1.5, NaN, "Drop", null, true, {}];

/** Values beyond each number's range; negative ones, fractions and the like are wrong for all. */
const numbers: Readonly<Record<string, readonly number[]>> = {
  copyRange: [65532, 0xffff, 0xffffffff],
  maxLength: [0, 0x100000000],
  receiveBuffer: [0, 0x80000000],
  batchSize: [0, 1025],
  concurrency: [0, 0x100000000],
};
const booleans = ["failOpen", "gso", "conntrack", "uidGid", "securityContext", "reportOverruns"];

const show = (value: unknown): string =>
  typeof value === "bigint" || typeof value === "symbol" || typeof value === "function"
    ? String(value)
    : JSON.stringify(value) ?? String(value);

function* optionCases(): Generator<ArgumentCase> {
  const one = (option: string, value: unknown, error: ArgumentCase["error"]): ArgumentCase => ({
    name: `${option}: ${typeof value === "number" ? value : show(value)}`,
    error,
    mentions: new RegExp(option),
    act: (number) => PacketQueue.open(number, { [option]: value } as PacketQueueOptions),
  });
  for (const [option, outside] of Object.entries(numbers)) {
    for (const value of notNumbers) yield one(option, value, "TypeError");
    for (const value of [...notIntegers, ...outside]) yield one(option, value, "RangeError");
  }
  for (const option of booleans) {
    for (const value of notBooleans) yield one(option, value, "TypeError");
  }
  for (const value of notVerdicts) yield one("onError", value, "TypeError");
  for (const value of ["inet", "IPv4", "", 2, null, {}, true]) {
    yield one("family", value, "TypeError");
  }
  for (const value of [5, "1s", null, true]) yield one("deadline", value, "TypeError");
  yield one("misspelt", true, "TypeError");
  yield one("copyrange", 5, "TypeError");
}

function* deadlineCases(): Generator<ArgumentCase> {
  const one = (deadline: object, error: ArgumentCase["error"], part: string): ArgumentCase => ({
    name: `deadline ${Object.entries(deadline).map(([key, value]) => `${key}: ${show(value)}`)}`,
    error,
    mentions: new RegExp(`deadline.*${part}`),
    act: (number) =>
      PacketQueue.open(number, { deadline: deadline as { milliseconds: number; verdict: 0 } }),
  });
  for (const milliseconds of notNumbers) {
    yield one({ milliseconds, verdict: 0 }, "TypeError", "milliseconds");
  }
  for (const milliseconds of [...notIntegers, 0, 0x80000000]) {
    yield one({ milliseconds, verdict: 0 }, "RangeError", "milliseconds");
  }
  for (const verdict of notVerdicts) {
    yield one({ milliseconds: 5, verdict }, "TypeError", "verdict");
  }
  yield one({}, "TypeError", "");
  yield one({ verdict: 0 }, "TypeError", "milliseconds");
  yield one({ milliseconds: 5 }, "TypeError", "verdict");
  yield one({ milliseconds: 5, verdict: 0, seconds: 1 }, "TypeError", "seconds");
}

function* numberCases(): Generator<ArgumentCase> {
  for (const value of [...notNumbers, undefined]) {
    yield {
      name: `queue number ${show(value)}`,
      error: "TypeError",
      mentions: /queue number/,
      act: () => PacketQueue.open(value as number),
    };
  }
  for (const value of [...notIntegers, 65536]) {
    yield {
      name: `queue number ${value}`,
      error: "RangeError",
      mentions: /queue number/,
      act: () => PacketQueue.open(value as number),
    };
  }
  for (const value of [null, 5, "options", true]) {
    yield {
      name: `options ${show(value)}`,
      error: "TypeError",
      mentions: /options/,
      act: (number) => PacketQueue.open(number, value as unknown as PacketQueueOptions),
    };
  }
}

/** Wrong arguments of `PacketQueue.open`. */
export const openCases: readonly ArgumentCase[] = [
  ...numberCases(),
  ...optionCases(),
  ...deadlineCases(),
];

/** Runs a case; gives what is wrong with its error, nothing when it is as it must be. */
export function problemOf({ name, error, mentions, act }: ArgumentCase, number: number): string[] {
  try {
    act(number);
  } catch (thrown) {
    if (!(thrown instanceof Error)) return [`${name}: threw ${String(thrown)}`];
    if (thrown.name !== error) return [`${name}: ${thrown.name} for ${error}: ${thrown.message}`];
    return mentions.test(thrown.message) ? [] : [`${name}: does not say ${mentions}: ${thrown}`];
  }
  return [`${name}: nothing was thrown`];
}
