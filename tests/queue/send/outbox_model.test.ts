// Verdicts against a model of the kernel's queue: whatever the order in which packets are received,
// handed out, held, decided and sent, each gets exactly the verdict that it was given.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { OutgoingMessage } from "../../../ffi/memory.ts";
import { ReceiveSlots } from "../../../src/linux/receive_slots.ts";
import { type Arena, SlotState } from "../../../src/queue/receive/arena.ts";
import { ArenaChain } from "../../../src/queue/receive/chain.ts";
import { MESSAGE } from "../../../src/queue/packet/friends.ts";
import { Outbox } from "../../../src/queue/send/outbox.ts";
import { Packet } from "../../../src/queue/packet/packet.ts";
import { NO_MARK } from "../../../src/queue/packet/verdict.ts";
import type { SendMemory } from "../../../src/nfqueue/kernel_queue.ts";
import { netlinkMessages } from "../../../src/netlink/message.ts";
import { QUEUE_MESSAGE } from "../../../src/netlink/queue/numbers.ts";
import { ATTRIBUTE_STRIDE } from "../../../src/netlink/queue/packet_index.ts";
import { encodeVerdictChanges } from "../../../src/netlink/queue/changes.ts";
import {
  decodeVerdict,
  decodeVerdictBatch,
  VERDICT_SIZE,
} from "../../../src/netlink/queue/verdict.ts";
import { runs } from "../../support/runtime/quick.ts";

const queue = 7;
const memory = (capacity: number): SendMemory => new OutgoingMessage(capacity);
/** Of a message without attributes. */
const MESSAGE_SIZE = 20;

/** What a packet was given, or got: comparable as text. */
const text = (
  verdict: number,
  mark: number | undefined,
  payload: number | undefined,
  priority?: number,
): string =>
  `verdict ${verdict}, mark ${mark === NO_MARK ? undefined : mark}, ` +
  `payload ${payload}, priority ${priority}`;

/** nfnetlink_queue: undecided packets by id, oldest first, and what became of the others. */
class KernelQueue {
  readonly waiting: number[] = [];
  readonly got = new Map<number, string>();
  failing = false;

  /** Reads a datagram as nfnetlink_rcv does. */
  send(message: SendMemory, length: number): true {
    if (this.failing) throw new Error("ENOBUFS");
    const datagram = message.bytes.slice(0, length);
    for (const { offset, length, type } of netlinkMessages(datagram)) {
      const bytes = datagram.subarray(offset, offset + length);
      if (type === QUEUE_MESSAGE.VERDICT) this.#decideOne(bytes);
      else if (type === QUEUE_MESSAGE.VERDICT_BATCH) this.#decideUpTo(bytes);
      else assert.fail(`message type ${type}`);
    }
    return true;
  }

  /** nfqnl_recv_verdict. */
  #decideOne(bytes: Uint8Array): void {
    const { id, verdict, mark, payload, sequence, priority } = decodeVerdict(bytes);
    assert.equal(sequence, id, "an error answer names its packet");
    const index = this.waiting.indexOf(id);
    assert.notEqual(index, -1, `ENOENT: a verdict for ${id}, which does not wait`);
    this.waiting.splice(index, 1);
    if (payload !== undefined) assert.ok(payload.every((byte) => byte === (id & 0xff)));
    this.got.set(id, text(verdict, mark, payload?.length, priority));
  }

  /** nfqnl_recv_verdict_batch: every id that is not after this one, as a signed difference. */
  #decideUpTo(bytes: Uint8Array): void {
    const { id: last, verdict, mark } = decodeVerdictBatch(bytes);
    let count = 0;
    while (this.waiting.length > 0 && ((this.waiting[0]! - last) | 0) <= 0) {
      this.got.set(this.waiting.shift()!, text(verdict, mark, undefined));
      count++;
    }
    assert.ok(count > 1, "a batch is for several packets");
  }
}

interface Undecided {
  readonly arena: Arena;
  readonly slot: number;
  readonly id: number;
  /** Once it was handed out. */
  packet?: Packet;
}

/** Whether a packet is where it was received, or was moved out to memory of its own. */
const isMoved = ({ packet }: Undecided): boolean =>
  packet !== undefined && packet[MESSAGE].store.single;

/** The part of Engine that moves packets, over the model. */
class Bench {
  readonly kernel = new KernelQueue();
  readonly given = new Map<number, string>();
  readonly chain: ArenaChain;
  readonly outbox: Outbox;
  /** Counts what may make batches lie. */
  changes = 0;
  /** Packets without a verdict, oldest first. */
  readonly undecided: Undecided[] = [];
  #id: number;
  #slotSize = 64;

  constructor(slots: number, firstId: number) {
    // One arena that is full: packets that are held behind it move out.
    const budget = slots * this.#slotSize;
    this.chain = new ArenaChain({ slots, slotSize: this.#slotSize }, {
      memory: (shape) => new ReceiveSlots(shape),
      budget,
    });
    this.outbox = new Outbox({
      queue,
      flush: () => this.outbox.flush(),
      memory,
      kernel: {
        send: (message, length) => this.kernel.send(message, length),
        sendInDoubt: (message, length) => this.kernel.send(message, length),
        changes: () => this.changes,
      },
      refused: () => assert.fail("nothing is refused"),
    });
    this.#id = firstId;
  }

  /** `kinds`: 0 a packet, 1 one that was lost at the socket, 2 an answer of the kernel. */
  receive(kinds: readonly number[]): void {
    const arena = this.chain.space();
    const first = arena.filled;
    assert.ok(first < arena.slots, "there is a free slot");
    const kept = kinds.filter((kind) => kind !== 1).slice(0, arena.slots - first);
    arena.filled = first + kept.length;
    arena.states.fill(SlotState.Waiting, first, arena.filled);
    let slot = first;
    for (const kind of kinds) {
      if (slot === arena.filled && kind !== 1) break;
      if (kind !== 2) this.#id = (this.#id + 1) >>> 0;
      if (kind === 1) continue;
      if (kind === 2) this.chain.decide(arena, slot++);
      else {
        arena.index[slot * ATTRIBUTE_STRIDE] = this.#id | 0;
        arena.view.setUint32(slot * arena.slotSize, MESSAGE_SIZE, true);
        this.kernel.waiting.push(this.#id);
        this.undecided.push({ arena, slot: slot++, id: this.#id });
      }
    }
  }

  handOut(): void {
    const arena = this.chain.takeWaiting();
    if (arena === undefined) return;
    const slot = arena.cursor - 1;
    const id = arena.index[slot * ATTRIBUTE_STRIDE]! >>> 0;
    const next = this.undecided.find(({ packet }) => packet === undefined)!;
    assert.deepEqual([next.arena === arena, next.slot, next.id], [true, slot, id]);
    arena.states[slot] = SlotState.Delivered;
    next.packet = arena.packets[slot] = new Packet(undefined, arena.messages[slot]!);
  }

  /** As Engine.decide and its settling; a send that fails leaves the packet undecided. */
  decide(
    place: number,
    { verdict, mark, payload: size, priority }: {
      verdict: number;
      mark: number;
      payload?: number | undefined;
      priority?: number | undefined;
    },
  ): void {
    const packet = this.undecided[place % Math.max(1, this.undecided.length)];
    if (packet === undefined) return;
    const { arena, slot, id } = packet;
    const moved = isMoved(packet);
    const message = moved ? packet.packet![MESSAGE] : arena.messages[slot]!;
    assert.equal(message.id, id, "its slot is still its own");
    const oldest = moved ? this.chain.isOldestMoved(message) : this.chain.isOldest(arena, slot);
    try {
      if (size !== undefined || priority !== undefined) {
        const payload = size === undefined ? undefined : new Uint8Array(size).fill(id & 0xff);
        const attributes = priority === undefined ? undefined : encodeVerdictChanges({ priority });
        this.outbox.addWithChanges(id, verdict, mark, { payload, attributes });
      } else if (oldest) this.outbox.addOldest(id, verdict, mark);
      else this.outbox.add(id, verdict, mark);
    } catch (error) {
      if (this.kernel.failing && String(error).includes("ENOBUFS")) return;
      throw error;
    }
    if (moved) this.chain.decideMoved(message);
    else this.chain.decide(arena, slot);
    this.undecided.splice(this.undecided.indexOf(packet), 1);
    this.given.set(id, text(verdict, mark, size, priority));
  }

  flush(): void {
    if (!this.kernel.failing) return this.outbox.flush();
    // With nothing to send it does not fail either.
    try {
      this.outbox.flush();
    } catch (error) {
      assert.match(String(error), /ENOBUFS/);
    }
  }

  grow(): void {
    this.chain.setSlotSize(this.#slotSize += 8);
  }

  /** Nothing is lost, nothing is decided twice, and nobody got a neighbour's verdict. */
  check(): void {
    this.kernel.failing = false;
    this.outbox.flush();
    assert.deepEqual(this.kernel.got, this.given);
    // Packets go on in the order in which they were decided.
    assert.deepEqual([...this.kernel.got.keys()], [...this.given.keys()]);
    assert.deepEqual(this.kernel.waiting, this.undecided.map(({ id }) => id));
    const oldest = this.chain.oldest();
    const first = this.undecided[0];
    assert.equal(oldest === undefined, first === undefined);
    assert.equal(oldest?.packet, first?.packet);
    if (oldest === undefined || first === undefined || isMoved(first)) return;
    assert.deepEqual([oldest.arena === first.arena, oldest.slot], [true, first.slot]);
  }
}

type Action = (bench: Bench) => void;

const decision = fc.record({
  verdict: fc.constantFrom(0, 1, 1, 1, 1, 1, 0x00070003),
  mark: fc.constantFrom(NO_MARK, NO_MARK, NO_MARK, NO_MARK, NO_MARK, 0, 0xffffffff),
  payload: fc.option(fc.constantFrom(1, 3, 1400, 65531), { nil: undefined, freq: 12 }),
  priority: fc.option(fc.constantFrom(0, 0xffffffff), { nil: undefined, freq: 12 }),
}, { noNullPrototype: true });

const plain: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.array(fc.constantFrom(0, 0, 0, 0, 0, 1, 2), { maxLength: 12 })
      .map((kinds): Action => (bench) => bench.receive(kinds)),
  },
  {
    weight: 4,
    arbitrary: fc.nat(8).map((count): Action => (bench) => {
      for (let turn = 0; turn < count; turn++) bench.handOut();
    }),
  },
  // In order, as a quick handler decides, and anywhere, as held packets and deadlines are.
  {
    weight: 6,
    arbitrary: fc.record({ count: fc.nat(12), decision }).map(
      ({ count, decision }): Action => (bench) => {
        for (let turn = 0; turn < count; turn++) bench.decide(0, decision);
      },
    ),
  },
  {
    weight: 6,
    arbitrary: fc.record({ place: fc.nat(40), decision })
      .map(({ place, decision }): Action => (bench) => bench.decide(place, decision)),
  },
  // From then on verdicts go one by one for a while.
  { weight: 1, arbitrary: fc.constant<Action>((bench) => void bench.changes++) },
  { weight: 2, arbitrary: fc.constant<Action>((bench) => bench.flush()) },
  { weight: 1, arbitrary: fc.constant<Action>((bench) => bench.grow()) },
);

const failing: fc.Arbitrary<Action> = fc.oneof(
  { weight: 8, arbitrary: plain },
  {
    weight: 1,
    arbitrary: fc.boolean().map((on): Action => (bench) => {
      bench.kernel.failing = on;
    }),
  },
);

// Ids wrap around in the middle of a run, and where a signed 32-bit number changes its sign.
const firstId = fc.constantFrom(0, 0x7ffffff8, 0xfffffff8);
const slots = fc.constantFrom(1, 2, 3, 8);

for (const [name, actions] of [["", plain], [" while sends fail now and then", failing]] as const) {
  test(`each packet gets the verdict it was given${name}`, { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(
        slots,
        firstId,
        fc.array(actions, { minLength: 30, maxLength: 150, size: "max" }),
        (slots, firstId, actions) => {
          const bench = new Bench(slots, firstId);
          for (const action of actions) action(bench);
          bench.check();
        },
      ),
      { numRuns: runs(200) },
    );
  });
}

test("packets that are held are moved out, and keep their places", { timeout: 60_000 }, () => {
  const run = fc.record({ place: fc.nat(60), count: fc.integer({ min: 1, max: 4 }) });
  fc.assert(
    fc.property(slots, firstId, fc.array(run, { maxLength: 30 }), (slots, firstId, runs) => {
      const bench = new Bench(slots, firstId);
      for (let turn = 0; turn < 60; turn++) {
        bench.receive([0]);
        bench.handOut();
      }
      const moved = bench.undecided.filter(isMoved).length;
      assert.ok(moved >= 60 - 2 * slots, `${moved} of 60 were moved out`);
      for (const { place, count } of runs) {
        for (let turn = 0; turn < count; turn++) bench.decide(place, { verdict: 1, mark: NO_MARK });
      }
      bench.check();
    }),
    { numRuns: runs(200) },
  );
});

test("a full buffer that cannot be sent loses nothing", { timeout: 20_000 }, () => {
  const bench = new Bench(8, 0);
  bench.receive([0, 0, 0, 0, 0, 0, 0, 0]);
  bench.decide(0, { verdict: 1, mark: NO_MARK, payload: 65531 });
  bench.kernel.failing = true;
  // Runs of one, each a message of its own, until the buffer is full and beyond.
  for (let turn = 0; turn < 4000; turn++) {
    bench.decide(0, { verdict: turn % 2, mark: turn });
    if (bench.undecided.length === 0) bench.receive([0, 0, 0, 0]);
  }
  bench.check();
});

test("a payload that cannot be written, or lies about its length", { timeout: 20_000 }, () => {
  const sent: number[] = [];
  const send = (_: unknown, length: number) => sent.push(length) > 0;
  const outbox: Outbox = new Outbox({
    queue,
    flush: () => outbox.flush(),
    memory,
    kernel: { send, sendInDoubt: send, changes: () => 0 },
    refused: () => assert.fail("nothing is refused"),
  });
  const payload = new Uint8Array(200_000);
  assert.throws(() => outbox.addWithChanges(1, 1, NO_MARK, { payload, attributes: undefined }));
  outbox.flush();
  assert.deepEqual(sent, [], "no verdict without it is left behind");
  const lying = new Uint8Array(8);
  Object.defineProperty(lying, "length", { value: 60_000 });
  outbox.addWithChanges(1, 1, NO_MARK, { payload: lying, attributes: undefined });
  outbox.flush();
  assert.deepEqual(sent, [VERDICT_SIZE + 4 + 8]);
});
