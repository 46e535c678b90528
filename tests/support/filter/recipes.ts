/**
 * Recipes of the cookbook in tests: each comes as a fresh module, with a clock and a console of the test's
 * own.
 *
 * @module
 */

import { mock } from "node:test";
import type { Filter } from "../../../mod.ts";
import { buildPacket, type IpFields, type PacketFields } from "../../../src/packet/mod.ts";
import { type TestFilter, testFilter } from "../../../src/testing/mod.ts";
import { freshModule } from "../runtime/fresh_module.ts";

/** Where a recipe is. */
export function recipeFile(name: string): URL {
  return new URL(`../../../examples/cookbook/${name}.ts`, import.meta.url);
}

/** The filter of a recipe. A module keeps what it has seen, so each test gets one of its own. */
export async function recipe(name: string): Promise<Filter> {
  const module = await freshModule(recipeFile(name));
  return (module as { readonly default: Filter }).default;
}

/** A recipe at work in the kit. */
export async function recipeInKit(name: string): Promise<TestFilter> {
  return testFilter(await recipe(name));
}

/** Addresses of the client and the server of a test, of documentation's networks. */
export const ENDS = { source: "203.0.113.7", destination: "203.0.113.80" } as const;
/** The same of IPv6. */
export const ENDS6 = { source: "2001:db8:1::7", destination: "2001:db8:1::80" } as const;

/** A UDP datagram. */
export function udp(
  destinationPort: number,
  payload: Uint8Array | string = "hello",
  { sourcePort = 4000, ip = ENDS }: { sourcePort?: number; ip?: IpFields } = {},
): Uint8Array<ArrayBuffer> {
  return buildPacket({ ip, udp: { sourcePort, destinationPort }, payload: bytesOf(payload) });
}

/** A TCP segment; without anything else the first of a connection. */
export function tcp(
  destinationPort: number,
  { payload = "", ip = ENDS, ...fields }:
    & { readonly payload?: Uint8Array | string; readonly ip?: IpFields }
    & NonNullable<PacketFields["tcp"]> = {},
): Uint8Array<ArrayBuffer> {
  const first = payload.length === 0 && fields.ack === undefined;
  const flags = first ? { syn: true } : { ack: true, psh: true };
  return buildPacket({
    ip,
    tcp: { sourcePort: 40_000, destinationPort, sequenceNumber: 7, ...flags, ...fields },
    payload: bytesOf(payload),
  });
}

function bytesOf(payload: Uint8Array | string): Uint8Array {
  return typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
}

/** What is written by console.log in its scope is kept, and not shown. */
export class Lines implements Disposable {
  readonly #log = console.log;
  readonly all: string[] = [];

  constructor() {
    console.log = (...parts: unknown[]) => void this.all.push(parts.map(String).join(" "));
  }

  [Symbol.dispose](): void {
    console.log = this.#log;
  }
}

/** Timers and `Date` stand still in its scope, but for what `tick` lets pass. */
export class TestClock implements Disposable {
  constructor() {
    mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: 1_800_000_000_000 });
  }

  /** Lets so much time pass. */
  tick(milliseconds: number): void {
    mock.timers.tick(milliseconds);
  }

  [Symbol.dispose](): void {
    mock.timers.reset();
  }
}

/** `Math.random` gives these numbers in its scope, one after the other, and begins again. */
export class Dice implements Disposable {
  readonly #random = Math.random;

  constructor(...numbers: readonly number[]) {
    let at = 0;
    Math.random = () => numbers[at++ % numbers.length]!;
  }

  [Symbol.dispose](): void {
    Math.random = this.#random;
  }
}
