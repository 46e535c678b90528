// Random fragments beside a model, and floods: what is seen is what a receiver would put together, within limits.

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import fc from "fast-check";
import { Datagrams } from "../../../src/streams/mod.ts";
import { readFragment } from "../../../src/streams/datagrams/fragment.ts";
import { split } from "../../../src/streams/datagrams/split.ts";
import { isQuick, runs } from "../../support/runtime/quick.ts";
import { collectGarbage } from "../../support/runtime/child.ts";
import {
  type Cut,
  fragmentOf,
  fragmentsOf,
  hand,
  joined,
  MadePacket,
  udpPacket,
  type Version,
} from "./made.ts";

const timeout = 120_000;
const numRuns = runs(2000);

/** Bytes of data of the datagrams here: a UDP header and 200 bytes. */
const TOTAL = 208;
const UNITS = TOTAL / 8;

/** Of these fragments of one datagram: what the callback sees, as the rules say it. */
class Model {
  readonly bytes: (number | undefined)[] = [];
  readonly cuts: string[] = [];
  total: number | undefined;
  spoilt = false;
  done = false;

  /** @returns `"held"`, `"dropped"`, or `"whole"` for the one that completes it */
  add({ start, end, more }: Cut): "held" | "dropped" | "whole" {
    if (this.spoilt) return "dropped";
    const name = `${start} ${end} ${more}`;
    if (this.cuts.includes(name)) return "dropped";
    for (let at = start; at < end; at++) if (this.bytes[at] !== undefined) this.spoilt = true;
    const reaches = Math.max(0, ...this.cuts.map((cut) => Number(cut.split(" ")[1])));
    if (!more && (this.total !== undefined || reaches > end)) this.spoilt = true;
    if (more && this.total !== undefined && end >= this.total) this.spoilt = true;
    if (this.spoilt) return "dropped";
    this.cuts.push(name);
    for (let at = start; at < end; at++) this.bytes[at] = 1;
    if (!more) this.total = end;
    const have = this.bytes.filter((one) => one !== undefined).length;
    return have === this.total ? "whole" : "held";
  }
}

const cut: fc.Arbitrary<Cut> = fc.record({
  start: fc.integer({ min: 0, max: UNITS - 1 }),
  units: fc.integer({ min: 1, max: 8 }),
}).map(({ start, units }) => {
  const end = Math.min(TOTAL, 8 * (start + units));
  return { start: 8 * start, end, more: end < TOTAL };
}).filter(({ start, more }) => more || start > 0);

/** A way to cut it that leaves nothing out, mixed with others and doubled. */
const cuts: fc.Arbitrary<readonly Cut[]> = fc.tuple(
  fc.uniqueArray(fc.integer({ min: 1, max: UNITS - 1 }), { minLength: 1, maxLength: 6 }),
  fc.array(cut, { maxLength: 3 }),
  fc.array(fc.nat(20), { maxLength: 3 }),
).chain(([places, others, twice]) => {
  const ends = [...places.sort((a, b) => a - b).map((place) => 8 * place), TOTAL];
  const own = ends.map((end, at) => ({ start: ends[at - 1] ?? 0, end, more: end < TOTAL }));
  const doubled = twice.map((at) => own[at % own.length]!);
  const all = [...own, ...doubled, ...others];
  return fc.shuffledSubarray(all, { minLength: all.length });
});

test("random fragments, beside a model", { timeout }, () => {
  fc.assert(
    fc.property(fc.constantFrom<Version>(4, 6), cuts, (version, list) => {
      const whole = udpPacket(version, TOTAL - 8);
      const wholes: Uint8Array[] = [];
      using datagrams = new Datagrams<MadePacket>({
        datagram: ({ bytes }) => {
          wholes.push(bytes);
          return 1;
        },
      });
      let model = new Model();
      let held: MadePacket[] = [];
      let expected = 0;
      for (const one of list) {
        const packet = hand(datagrams, new MadePacket(fragmentOf(whole, one)));
        const says = model.add(one);
        if (says === "held") {
          held.push(packet);
          assert.equal(packet.method, undefined);
          continue;
        }
        if (says === "dropped") {
          assert.equal(packet.method, "drop");
          if (!model.spoilt) continue;
          assert.ok(held.every(({ method }) => method === "drop"));
          held = [];
          continue;
        }
        assert.ok([...held, packet].every(({ method }) => method === "accept"));
        assert.deepEqual(joined([...held, packet].map(({ passed }) => passed!)), whole);
        // What comes now begins another one.
        [model, held] = [new Model(), []];
        expected++;
      }
      assert.equal(wholes.length, expected);
      for (const bytes of wholes) assert.deepEqual(bytes, whole);
      assert.equal(datagrams.statistics.waitingFragments, held.length);
    }),
    { numRuns },
  );
});

test("what is split comes together again, in fragments that fit", { timeout }, () => {
  fc.assert(
    fc.property(
      fc.constantFrom<Version>(4, 6),
      fc.integer({ min: 0, max: 3000 }),
      fc.integer({ min: 68, max: 2000 }),
      fc.integer({ min: 1, max: 12 }),
      (version, size, largest, most) => {
        const whole = udpPacket(version, size, { identification: 77 });
        const pieces = split(whole, { largest, identification: 77, most });
        assert.ok(version === 6 || pieces.length <= most);
        for (const piece of version === 6 ? pieces : pieces.slice(0, most - 1)) {
          assert.ok(piece.length <= largest);
        }
        if (pieces.length > 1) {
          for (const piece of pieces) assert.equal(typeof readFragment(piece), "object");
        }
        const wholes: Uint8Array[] = [];
        using datagrams = new Datagrams<MadePacket>({
          datagram: ({ bytes }) => {
            wholes.push(bytes);
            return 1;
          },
        });
        for (const piece of pieces) hand(datagrams, new MadePacket(piece));
        assert.deepEqual(wholes, [whole]);
      },
    ),
    { numRuns },
  );
});

test("any bytes: no error, and one decision", { timeout }, () => {
  const seeds = [4, 6].flatMap((version) => fragmentsOf(udpPacket(version as Version, 100), [64]));
  fc.assert(
    fc.property(
      fc.constantFrom(...seeds),
      fc.array(fc.tuple(fc.nat(60), fc.integer({ min: 0, max: 255 })), { maxLength: 12 }),
      fc.nat(200),
      (seed, changes, length) => {
        const bytes = new Uint8Array(length);
        bytes.set(seed.subarray(0, length));
        for (const [at, value] of changes) if (at < length) bytes[at] = value;
        using datagrams = new Datagrams<MadePacket>({
          datagram: ({ layers }) => {
            layers.toJSON();
            return 1;
          },
        });
        const packets = [bytes, ...seeds].map((one) => hand(datagrams, new MadePacket(one)));
        datagrams.close();
        assert.ok(packets.every(({ method }) => method !== undefined));
        assert.equal(datagrams.statistics.waitingBytes, 0);
      },
    ),
    { numRuns },
  );
});

test("a flood of first fragments stays within limits, memory too", { timeout }, async () => {
  const rounds = isQuick ? 5_000 : 50_000;
  const bytes = fragmentOf(udpPacket(4, 1400), { start: 0, end: 1368, more: true });
  const view = new DataView(bytes.buffer);
  let given = 0;
  using datagrams = new Datagrams<MadePacket>({
    datagram: () => 1,
    onIncomplete: () => given++,
  });
  const flood = (count: number): void => {
    for (let at = 0; at < count; at++) {
      // Another source each: no key comes twice.
      view.setUint32(12, Math.imul(at, 2654435761));
      view.setUint16(4, at);
      hand(datagrams, new MadePacket(bytes));
      if (at % 64 !== 0) continue;
      const { waitingDatagrams, waitingFragments, waitingBytes } = datagrams.statistics;
      assert.ok(waitingDatagrams <= 256 && waitingFragments <= 512 && waitingBytes <= 4 << 20);
    }
  };
  flood(rounds);
  await collectGarbage();
  const before = memory();
  flood(rounds);
  let grown = Infinity;
  // V8 frees collected buffers in a thread of its own, a little later.
  for (let looks = 0; looks < 20 && grown >= 4 << 20; looks++) {
    await collectGarbage();
    grown = memory() - before;
  }
  assert.ok(grown < 4 << 20, `${grown} bytes more`);
  assert.equal(datagrams.statistics.waitingDatagrams, 256);
  assert.equal(given, 2 * rounds - 256);
});

/** Bytes that objects and their buffers hold. */
function memory(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
