// Random histories of one buffer against a model in plain TypeScript: what we believe of the C
// structure is what it holds.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { backend } from "../../ffi/backend.ts";
import { AF_INET, PacketMemory } from "../../src/libnetfilter_queue/packet_buffer/memory.ts";
import { PacketBuffer } from "../../src/libnetfilter_queue/mod.ts";
import { isQuick, runs } from "../support/runtime/quick.ts";
import { randomBytes } from "./packet_samples.ts";

/** A packet in the middle of its memory. */
class Model {
  readonly memory: Uint8Array;
  start = 0;
  end: number;
  mangled = false;

  constructor(data: Uint8Array, extra: number) {
    this.memory = new Uint8Array(data.length + extra);
    this.memory.set(data);
    this.end = data.length;
  }

  get packet(): Uint8Array {
    return this.memory.slice(this.start, this.end);
  }

  /** Whether it could be done; throws when it may not be asked. */
  mangle(at: number, length: number, bytes: Uint8Array): boolean {
    if (at < this.start || at + length > this.end) throw new RangeError();
    const growth = bytes.length - length;
    if (this.end + growth > this.memory.length) return false;
    this.memory.copyWithin(at + bytes.length, at + length, this.end);
    this.memory.set(bytes, at);
    this.end += growth;
    this.mangled = true;
    return true;
  }
}

const amount = fc.integer({ min: 0, max: 40 });
const step = fc.oneof(
  fc.record({ kind: fc.constantFrom("push", "pull", "put", "trim"), amount }),
  fc.record({
    kind: fc.constant("mangle"),
    base: fc.integer({ min: -4, max: 30 }),
    amount: fc.integer({ min: 0, max: 20 }),
    length: fc.integer({ min: 0, max: 15 }),
    bytes: fc.uint8Array({ maxLength: 60 }),
  }),
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

function advance(model: Model, step: Step): boolean | undefined {
  const { kind, amount } = step;
  const outside = (most: number): void => {
    if (amount > most) throw new RangeError();
  };
  if ("base" in step) return model.mangle(step.base + amount, step.length, step.bytes);
  if (kind === "push") {
    outside(model.start);
    model.start -= amount;
  } else if (kind === "pull") {
    outside(model.end - model.start);
    model.start += amount;
  } else if (kind === "put") {
    outside(model.memory.length - model.end);
    model.end += amount;
  } else {
    outside(model.memory.length - model.start);
    model.end = model.start + amount;
  }
  return undefined;
}

function perform(buffer: PacketBuffer, step: Step): boolean | undefined {
  const { kind, amount } = step;
  if ("base" in step) return buffer.pktb_mangle(step.base, amount, step.length, step.bytes);
  if (kind === "push") buffer.pktb_push(amount);
  else if (kind === "pull") buffer.pktb_pull(amount);
  else if (kind === "put") buffer.pktb_put(amount);
  else buffer.pktb_trim(amount);
  return undefined;
}

function outcome(action: () => boolean | undefined): unknown {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return "RangeError";
  }
}

test("a buffer is what the model is, after every step", { timeout: 60_000 }, () => {
  const seen = new Map<unknown, number>();
  const history = fc.record({
    length: fc.integer({ min: 0, max: 60 }),
    extra: fc.integer({ min: 0, max: 30 }),
    seed: fc.nat(),
    steps: fc.array(step, { maxLength: 20 }),
  });
  fc.assert(
    fc.property(history, ({ length, extra, seed, steps }) => {
      const data = randomBytes(length, seed);
      const model = new Model(data, extra);
      using buffer = PacketBuffer.pktb_alloc(AF_INET, data, extra);
      for (const step of steps) {
        const expected = outcome(() => advance(model, step));
        seen.set(expected, (seen.get(expected) ?? 0) + 1);
        assert.equal(outcome(() => perform(buffer, step)), expected);
        assert.deepEqual(buffer.pktb_data(), model.packet);
        assert.equal(buffer.pktb_len(), model.end - model.start);
        assert.equal(buffer.pktb_tailroom(), model.memory.length - model.end);
        assert.equal(buffer.pktb_mangled(), model.mangled);
        assert.deepEqual(buffer.pktb_network_header(), model.memory.slice(0, model.end));
      }
    }),
    { numRuns: runs(3000) },
  );
  for (const common of [true, false, undefined, "RangeError"]) {
    assert.ok((seen.get(common) ?? 0) > (isQuick ? 0 : 100), `${common}: ${seen.get(common)}`);
  }
});

test("what the C structure points to is what is read and written", { timeout: 20_000 }, () => {
  const memory = new PacketMemory({ family: AF_INET, data: randomBytes(40, 1), extra: 8 });
  const byLibrary = (): Uint8Array => {
    const { library, pointer } = memory;
    const length = library.pktb_len(pointer);
    return new Uint8Array(backend().viewOf(library.pktb_data(pointer)!, length)).slice();
  };
  memory.pull(7);
  assert.deepEqual(byLibrary(), memory.copyFrom());
  memory.push(3);
  memory.put(5);
  assert.deepEqual(byLibrary(), memory.copyFrom());
  memory.view.setUint8(4, 0xaa);
  assert.equal(byLibrary()[0], 0xaa);
  memory.trim(9);
  assert.deepEqual(byLibrary(), memory.copyFrom());
  const { library, pointer, network } = memory;
  const header = new Uint8Array(backend().viewOf(library.pktb_network_header(pointer)!, 4));
  assert.deepEqual(header, new Uint8Array(memory.view.buffer, network, 4));
  assert.deepEqual(
    new Uint8Array(backend().viewOf(memory.pointerAt(4), 1)),
    new Uint8Array([0xaa]),
  );
  memory.free();
});
