// Numbers, their translation, and the bytes that are kept, against plain arrays and maps. Numbers wrap.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { KeptBytes, MemoryAccount } from "../../../src/streams/tcp/bytes/kept_bytes.ts";
import { OutOfOrder } from "../../../src/streams/tcp/bytes/out_of_order.ts";
import { advance, distance, later } from "../../../src/streams/tcp/bytes/sequence.ts";
import { Translation } from "../../../src/streams/tcp/bytes/translation.ts";
import { runs } from "../../support/runtime/quick.ts";

const LIMIT = { timeout: 30_000 } as const;
/** First numbers: any, and those before the places where they wrap and where their sign changes. */
const firstNumber = fc.oneof(
  fc.constantFrom(-1, 0, 0x7fff_ffff, -0x8000_0000, -100, 0x7fff_ff00),
  fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
);
const RUNS = { numRuns: runs(300) };

test("numbers wrap: distance, advance, later", LIMIT, () => {
  fc.assert(
    fc.property(
      firstNumber,
      fc.integer({ min: -0x7fff_ffff, max: 0x7fff_ffff }),
      (number, step) => {
        const other = advance(number, step);
        assert.equal(other, Number(BigInt.asIntN(32, BigInt(number) + BigInt(step))));
        assert.equal(distance(other, number), step);
        assert.equal(later(number, other), step >= 0 ? other : number);
        assert.equal(later(other, number), step >= 0 ? other : number);
      },
    ),
    RUNS,
  );
});

const pieces = fc.array(
  fc.record({ input: fc.nat(20), output: fc.nat(20) }),
  { minLength: 1, maxLength: 12 },
);

test("translation: whole pieces, byte by byte where lengths are equal", LIMIT, () => {
  fc.assert(
    fc.property(firstNumber, firstNumber, pieces, (input, output, parts) => {
      const translation = new Translation();
      translation.start(input, output);
      let [at, to] = [0, 0];
      for (const part of parts) {
        translation.append(part.input, part.output);
        [at, to] = [at + part.input, to + part.output];
      }
      assert.equal(translation.inputEnd, advance(input, at));
      assert.equal(translation.outputEnd, advance(output, to));
      // What comes behind is shifted by the same.
      for (const behind of [1, 100]) {
        assert.equal(
          translation.toOutput(advance(input, at + behind)),
          advance(output, to + behind),
        );
        assert.equal(
          translation.toInput(advance(output, to + behind)),
          advance(input, at + behind),
        );
      }
      [at, to] = [0, 0];
      for (const part of parts) {
        if (part.input === part.output) {
          for (let index = 1; index < part.input; index++) {
            const inside = advance(output, to + index);
            assert.equal(translation.toOutput(advance(input, at + index)), inside);
            assert.equal(translation.toInput(inside), advance(input, at + index));
          }
        }
        [at, to] = [at + part.input, to + part.output];
      }
    }),
    RUNS,
  );
});

test("translation: never back, never outside, and all input is over with all output", LIMIT, () => {
  fc.assert(
    fc.property(firstNumber, pieces, fc.nat(300), (first, parts, acknowledged) => {
      const translation = new Translation();
      translation.start(first, first);
      for (const part of parts) translation.append(part.input, part.output);
      const { inputEnd, outputEnd } = translation;
      const most = distance(outputEnd, first);
      translation.acknowledge(advance(first, Math.min(acknowledged, most)));
      let before = -Infinity;
      for (let at = Math.min(acknowledged, most); at <= most; at++) {
        const input = distance(translation.toInput(advance(first, at)), first);
        assert.ok(input >= before && input <= distance(inputEnd, first), `${at}: ${input}`);
        before = input;
      }
      if (most > 0) assert.equal(translation.toInput(outputEnd), inputEnd);
      before = -Infinity;
      for (let at = 0; at <= distance(inputEnd, first); at++) {
        const output = distance(translation.toOutput(advance(first, at)), first);
        assert.ok(output >= before && output <= most, `${at}: ${output}`);
        // In the midst of a piece one is rounded down, the other up.
        const end = distance(translation.toOutputEnd(advance(first, at)), first);
        assert.ok(end >= output && end <= most, `${at}: ${output} to ${end}`);
        before = output;
      }
      const same = distance(inputEnd, outputEnd) === 0 && translation.pieces === 0;
      if (same) assert.ok(translation.same);
    }),
    RUNS,
  );
});

const actions = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ append: fc.uint8Array({ maxLength: 3000 }) }) },
    { weight: 2, arbitrary: fc.record({ release: fc.nat(4000) }) },
  ),
  { maxLength: 30 },
);

test("kept bytes: a queue of bytes by number, whose memory is given back", LIMIT, () => {
  fc.assert(
    fc.property(firstNumber, actions, (first, list) => {
      const account = new MemoryAccount();
      const kept = new KeptBytes(account);
      kept.start(first);
      let model: number[] = [];
      let low = first;
      for (const action of list) {
        if ("append" in action) {
          // From the midst of other bytes.
          const around = Uint8Array.from([1, 2, ...action.append, 3]);
          kept.append(around, 2, 2 + action.append.length);
          model.push(...action.append);
        } else {
          const count = Math.min(action.release, model.length);
          kept.release(advance(low, action.release));
          model = model.slice(count);
          low = advance(low, count);
        }
        assert.deepEqual([kept.low, kept.length, kept.high], [
          ...[low, model.length, advance(low, model.length)],
        ]);
        const from = Math.floor(model.length / 3);
        const target = new Uint8Array(model.length - from + 2);
        kept.copyTo(target, 1, { from: advance(low, from), count: model.length - from });
        assert.deepEqual([...target], [0, ...model.slice(from), 0]);
        const part = { from: advance(low, from), count: model.length - from };
        assert.ok(kept.equals(target, 1, part));
        if (part.count > 0) {
          target[1]! ^= 1;
          assert.ok(!kept.equals(target, 1, part));
        }
        assert.ok(account.bytes >= model.length && account.bytes <= Math.max(4096, 8 * 90_000));
      }
      kept.release(kept.high);
      assert.equal(account.bytes, 0);
    }),
    RUNS,
  );
});

const stretches = fc.array(
  fc.record({ at: fc.nat(60), bytes: fc.uint8Array({ minLength: 1, maxLength: 20 }) }),
  { maxLength: 12 },
);

test("out of order: what came first stays; rows, differences, what is let go", LIMIT, () => {
  fc.assert(
    fc.property(firstNumber, stretches, fc.nat(90), (first, list, until) => {
      const account = new MemoryAccount();
      const stored = new OutOfOrder(account);
      const model = new Map<number, number>();
      for (const { at, bytes } of list) {
        const start = advance(first, at);
        const clashes = bytes.some((byte, index) => (model.get(at + index) ?? byte) !== byte);
        const range = { from: 0, to: bytes.length, write: false };
        assert.equal(stored.differs(start, bytes, range), clashes);
        const agreed = bytes.slice();
        stored.differs(start, agreed, { ...range, write: true });
        assert.deepEqual(
          [...agreed],
          [...bytes].map((byte, index) => model.get(at + index) ?? byte),
        );
        stored.store(start, bytes, 0, bytes.length);
        bytes.forEach((byte, index) => {
          if (!model.has(at + index)) model.set(at + index, byte);
        });
        assert.deepEqual([stored.bytes, account.bytes], [model.size, model.size]);
      }
      const last = Math.max(...model.keys());
      if (model.size > 0) assert.equal(stored.end, advance(first, last + 1));
      for (let at = 0; at < 90; at++) {
        let row = 0;
        while (model.has(at + row)) row++;
        assert.equal(stored.inRow(advance(first, at)), row);
        const target = new Uint8Array(row);
        stored.copyTo(target, 0, { from: advance(first, at), count: row });
        assert.deepEqual([...target], Array.from(target, (_, index) => model.get(at + index)));
      }
      stored.release(advance(first, until));
      const left = [...model.keys()].filter((at) => at >= until).length;
      assert.deepEqual([stored.bytes, account.bytes], [left, left]);
      stored.clear();
      assert.deepEqual([stored.bytes, account.bytes, stored.stretches.length], [0, 0, 0]);
    }),
    RUNS,
  );
});
