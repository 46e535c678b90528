/**
 * A kernel for tests: queues without rules, root or C.
 *
 * @module
 */

import { setImmediate } from "../../ffi/turn.ts";
import { checkMilliseconds } from "../base/checks.ts";
import { QueueClosedError } from "../queue/packet/errors.ts";
import type { Verdict } from "../queue/packet/verdict.ts";
import { ADVANCE, OPEN_IN, PacketQueue } from "../queue/packet_queue.ts";
import type { UndecidedEvent } from "../queue/report/events.ts";
import type { PacketQueueOptions } from "../queue/settings/options.ts";
import { StandInKernel } from "./kernel.ts";
import {
  checkNumber,
  checkOptions,
  givenPacket,
  type TestPacket,
  type TestPacketOptions,
} from "./packet_options.ts";
import type { Outcome, StandInPacket } from "./passage.ts";
import type { TestResult } from "./test_result.ts";

/** Options of `TestKernel.send`. */
export interface TestSendOptions extends TestPacketOptions {
  /** The queue that it is sent to, 0 to 65535. It can be left out where one queue is open. */
  readonly queue?: number | undefined;
}

const LAST = 0xffff;
/** From `send` to the handler: the reader wakes, and may have used up its slice. */
const TURNS = 2;

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A queue that was opened, and which packets it decided itself. */
interface Opened {
  readonly queue: PacketQueue;
  /** By id, until the packet's end was told. */
  readonly undecided: Map<number, UndecidedEvent>;
}

/**
 * A kernel of its own, in plain TypeScript. Its queues do what nfnetlink_queue does with packets,
 * verdicts, limits and options. It needs no root and no C library, on any system.
 */
export class TestKernel implements Disposable {
  readonly #kernel = new StandInKernel();
  readonly #opened = new Map<number, Opened>();

  /**
   * Opens a queue, as `PacketQueue.open`.
   *
   * @param number 0 to 65535; without it the lowest number that is free
   * @throws {TypeError | RangeError} for a wrong number or option
   * @throws {SystemError} EPERM where the queue is open already
   */
  open(number: number, options?: PacketQueueOptions): PacketQueue;
  /** Opens the queue with the lowest number that is free. */
  open(options?: PacketQueueOptions): PacketQueue;
  open(
    first: number | PacketQueueOptions | undefined,
    second?: PacketQueueOptions,
  ): PacketQueue {
    const numbered = first !== undefined && (typeof first !== "object" || first === null);
    const number = numbered ? first : this.#free();
    const queue = PacketQueue[OPEN_IN](this.#kernel, number, numbered ? second : first);
    const undecided: Opened["undecided"] = new Map();
    this.#opened.set(number, { queue, undecided });
    // Not by the queue's own method: a listener of the program ends the warnings on the console.
    EventTarget.prototype.addEventListener.call(queue, "undecided", (event) => {
      const { packetId } = event as UndecidedEvent;
      undecided.set(packetId, event as UndecidedEvent);
    });
    return queue;
  }

  /**
   * Sends a packet to a queue, at once. While nobody reads the queue, it waits there.
   *
   * @param packet a whole IP packet, or what `buildPacket` makes one of
   * @returns when the packet has its verdict
   * @throws {TypeError | RangeError} naming what is wrong with packet or options
   * @throws {QueueClosedError} when the queue is closed before the program has decided
   * @throws {Error} when no queue was opened, or none with that number
   */
  async send(packet: TestPacket, options: TestSendOptions = {}): Promise<TestResult> {
    checkOptions(options, ["queue"]);
    const number = options.queue === undefined ? this.#only() : checkNumber(options.queue);
    return await this.#deliver(number, givenPacket(packet, options).packet);
  }

  /**
   * Lets time pass at once, when handlers have seen what was sent: packets that the program holds have
   * waited so much longer for their deadlines, and a reader for its first packet. Timers of the program's
   * own, in handlers too, are not touched.
   *
   * @throws {TypeError | RangeError} for what is no time
   */
  async advance(milliseconds: number): Promise<void> {
    checkMilliseconds("milliseconds", milliseconds);
    for (let turns = 0; turns < TURNS; turns++) await nextTurn();
    for (const { queue } of [...this.#opened.values()]) queue[ADVANCE](milliseconds);
  }

  /** Closes its queues. Idempotent. */
  close(): void {
    for (const { queue } of this.#opened.values()) queue.close();
  }

  /** Closes its queues, at the end of a `using` scope. */
  [Symbol.dispose](): void {
    this.close();
  }

  #deliver(number: number, packet: StandInPacket): Promise<TestResult> {
    const opened = this.#opened.get(number);
    if (opened === undefined) {
      throw new Error(`queue ${number} is not open: kernel.open(${number})`);
    }
    if (opened.queue.closed) throw new QueueClosedError(number);
    // They are for the stand-in's own tests.
    this.#kernel.outcomes.length = this.#kernel.sent.length = 0;
    return new Promise((resolve, reject) => {
      const ended = (outcome: Outcome): void => {
        // Behind the queue's events, some of which come after the verdict.
        queueMicrotask(() => {
          const { queue, id } = outcome.passage;
          const event = this.#takeUndecided(queue, id);
          if (outcome.cause === "closed" || event?.cause === "close") {
            reject(new QueueClosedError(queue));
          } else resolve(resultOf(outcome, event));
        });
      };
      this.#kernel.send(number, packet, { ended });
    });
  }

  #takeUndecided(queue: number, id: number): UndecidedEvent | undefined {
    const undecided = this.#opened.get(queue)?.undecided;
    const event = undecided?.get(id);
    undecided?.delete(id);
    return event;
  }

  #free(): number {
    let number = 0;
    while (number < LAST && this.#opened.get(number)?.queue.closed === false) number++;
    return number;
  }

  /** The queue that is meant where none is named: the one that is open, else the one that was. */
  #only(): number {
    const all = [...this.#opened.keys()];
    const open = all.filter((number) => !this.#opened.get(number)!.queue.closed);
    if (open.length > 1) {
      throw new TypeError(`queues ${open.join(", ")} are open: say which by the option queue`);
    }
    const number = open[0] ?? all.at(-1);
    if (number === undefined) throw new Error("no queue is open: kernel.open()");
    return number;
  }
}

function resultOf(
  { passage, verdict, cause, mark, payload, changes }: Outcome,
  event: UndecidedEvent | undefined,
): TestResult {
  const { queue } = passage;
  return {
    verdict: verdict as Verdict,
    ...{ mark, bytes: payload, sent: passage.sent, changes, queued: true, queue, cause },
    ...{ undecided: event?.cause, error: event?.error },
  };
}

/**
 * Makes a kernel for a test.
 *
 * @example A test of a handler
 * ```ts
 * import { testKernel } from "@nfqueue/nfqueue/testing";
 * import { type Packet, Verdict } from "@nfqueue/nfqueue";
 * import { strict as assert } from "node:assert";
 *
 * const noTelnet = (packet: Packet) =>
 *   packet.tcp?.destinationPort === 23 ? Verdict.Drop : Verdict.Accept;
 *
 * using kernel = testKernel();
 * const running = kernel.open(0).run(noTelnet);
 * const result = await kernel.send({
 *   ipv4: { source: "192.0.2.1", destination: "192.0.2.2" },
 *   tcp: { sourcePort: 40_000, destinationPort: 23, syn: true },
 * });
 * assert.equal(result.verdict, Verdict.Drop);
 * kernel.close();
 * await running;
 * ```
 */
export function testKernel(): TestKernel {
  return new TestKernel();
}
