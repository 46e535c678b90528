// Random connections: what the ends are like, what they send, and how bad the way is.

import fc from "fast-check";
import type { ConnectionOptions, Middle } from "../../support/tcp/connection.ts";
import type { Closes, EndpointOptions } from "../../support/tcp/endpoint.ts";
import type { Faults } from "../../support/tcp/path.ts";
import { Random } from "../../support/tcp/random.ts";

/** What one end is like. */
export interface EndScenario {
  readonly initial: number;
  readonly bytes: number;
  readonly segmentSize: number;
  readonly scale: number | undefined;
  readonly sack: boolean;
  readonly timestamps: number | undefined;
  readonly gso: number;
  readonly cuts: number;
  readonly flight: number;
  readonly probe: "byte" | "empty";
  readonly write: { readonly bytes: number; readonly pause: number };
  readonly buffer: number;
  readonly read: { readonly bytes: number; readonly pause: number };
  readonly tellsDuplicates: boolean;
}

/** A connection. */
export interface Scenario {
  readonly seed: number;
  readonly ipv6: boolean;
  readonly client: EndScenario;
  readonly server: EndScenario;
  readonly closes: readonly [client: Closes, server: Closes];
  readonly faults: readonly [near: Faults, far: Faults];
}

/** Numbers near 2³² and 2³¹, where they wrap and where their sign changes. */
const initial = fc.oneof(
  { weight: 4, arbitrary: fc.nat(30_000).map((below) => 0xffff_ffff - below) },
  { weight: 2, arbitrary: fc.nat(30_000).map((below) => 0x8000_0000 - below) },
  { weight: 1, arbitrary: fc.constantFrom(0, 0xffff_ffff, 0xffff_fffe, 0x7fff_ffff, 0x8000_0000) },
  { weight: 1, arbitrary: fc.nat(0xffff_ffff) },
);

const end: fc.Arbitrary<EndScenario> = fc.record({
  initial,
  bytes: fc.oneof(fc.nat(20), fc.nat(3_000), fc.nat(16_000)),
  segmentSize: fc.constantFrom(1460, 1460, 536, 200, 1000),
  scale: fc.constantFrom(undefined, 0, 2, 7),
  sack: fc.boolean(),
  timestamps: fc.constantFrom(undefined, 1, 0xffff_ffc0, 0x7fff_fff0),
  gso: fc.constantFrom(1, 1, 4, 12),
  cuts: fc.constantFrom(0, 0, 0.2, 0.8),
  flight: fc.constantFrom(60_000, 14_000, 4_000),
  probe: fc.constantFrom("byte", "empty"),
  write: fc.constantFrom(
    { bytes: 1_000_000, pause: 0 },
    { bytes: 900, pause: 7 },
    { bytes: 100, pause: 1 },
  ),
  buffer: fc.constantFrom(60_000, 60_000, 8_000, 3_000),
  read: fc.constantFrom(
    { bytes: 0, pause: 0 },
    { bytes: 0, pause: 0 },
    { bytes: 1_500, pause: 30 },
    { bytes: 4_000, pause: 400 },
  ),
  tellsDuplicates: fc.boolean(),
});

const faults: fc.Arbitrary<Faults> = fc.record({
  loss: fc.constantFrom(0, 0, 0.02, 0.1),
  doubles: fc.constantFrom(0, 0, 0.05, 0.2),
  swaps: fc.constantFrom(0, 0, 0.1, 0.4),
  delay: fc.constantFrom(1, 5, 20),
  splits: fc.constantFrom(0, 0.5, 1),
});

const closes: fc.Arbitrary<Closes> = fc.oneof(
  fc.constantFrom<Closes>("at once", "at once", "after the other"),
  fc.nat(400).map((milliseconds) => ({ milliseconds })),
);

/** Any connection. It can shrink. */
export const scenarios: fc.Arbitrary<Scenario> = fc.record({
  seed: fc.nat(0x7fff_ffff),
  ipv6: fc.boolean(),
  client: end,
  server: end,
  // One of the two closes by itself.
  closes: fc.oneof(
    closes.map((one) => [one, "at once"] as const),
    closes.map((one) => ["at once", one] as const),
  ),
  faults: fc.oneof(
    fc.tuple(faults, faults),
    faults.map((far) => [{ ...far, loss: 0, swaps: 0, doubles: 0 }, far] as const),
  ),
});

/** What an end sends: text of short lines, the same for the same seed. */
export function dataOf(seed: number, bytes: number): Uint8Array {
  const random = new Random(seed);
  const data = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at++) {
    data[at] = random.chance(0.04) ? 10 : random.integer(97, 122);
  }
  return data;
}

/** What is played, and what each end sends. */
export function connectionOf(
  { seed, ipv6, client, server, closes, faults }: Scenario,
  middle: Middle,
): ConnectionOptions & { readonly data: readonly [client: Uint8Array, server: Uint8Array] } {
  const address = (last: number): readonly number[] =>
    ipv6 ? [0x20, 1, 0xd, 0xb8, ...Array<number>(11).fill(0), last] : [192, 0, 2, last];
  const ends = [
    { address: address(1), port: 40_000 },
    { address: address(2), port: 80 },
  ] as const;
  const data = [dataOf(seed, client.bytes), dataOf(seed + 1, server.bytes)] as const;
  const inOrder = faults.every(({ swaps, doubles }) => swaps === 0 && doubles === 0);
  const endOf = (one: EndScenario, index: 0 | 1): EndpointOptions => ({
    ...{ name: index === 0 ? "client" : "server", client: index === 0, inOrder },
    ...{ here: ends[index], there: ends[1 - index]!, initial: one.initial },
    ...{ segmentSize: one.segmentSize, scale: one.scale, sack: one.sack },
    ...{ timestamps: one.timestamps, closes: closes[index] },
    sending: {
      ...{ data: data[index], gso: one.gso, cuts: one.cuts, flight: one.flight },
      ...{ probe: one.probe, write: one.write },
    },
    receiving: { buffer: one.buffer, read: one.read, tellsDuplicates: one.tellsDuplicates },
  });
  return { seed, client: endOf(client, 0), server: endOf(server, 1), faults, middle, data };
}
