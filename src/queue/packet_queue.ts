/**
 * A packet queue: the class that programs work with.
 *
 * @module
 */

import type { QueueFlags } from "../nfqueue/flags.ts";
import type { Kernel } from "../nfqueue/kernel_queue.ts";
import { SYSTEM_KERNEL } from "../nfqueue/system_kernel.ts";
import type { Configuration } from "./send/configuration.ts";
import type { QueueCounters } from "./report/counters.ts";
import type { Handler, SyncHandler } from "./loops/deliver.ts";
import { Engine } from "./loops/engine.ts";
import { QueueClosedError } from "./packet/errors.ts";
import type { PacketQueueEventMap, QueueEvent } from "./report/events.ts";
import { PacketIterator } from "./loops/iterate.ts";
import {
  checkCopyRange,
  checkFlags,
  checkMaxLength,
  type PacketQueueOptions,
  resolveSettings,
  type Settings,
} from "./settings/options.ts";
import type { Packet } from "./packet/packet.ts";
import "./packet/names.ts";
import { run, type RunOptions } from "./loops/run.ts";
import { runSync, type RunSyncOptions, type RunSyncResult } from "./loops/run_sync.ts";
import { Waiter } from "./loops/waiter.ts";
import { Warnings } from "./report/warnings.ts";

/** @ignore Opens a queue of another kernel than the system's: a stand-in. */
export const OPEN_IN: unique symbol = Symbol("openIn");
/** @ignore How many packets have no verdict yet. */
export const WAITING: unique symbol = Symbol("waiting");
/** @ignore Lets time pass at once. */
export const ADVANCE: unique symbol = Symbol("advance");

/**
 * One kernel queue (NFQUEUE), owned by this object until `close()`.
 *
 * Read it in one way at a time: `run`, `runSync` or `for await`. Packets that a rule sends here
 * wait in the kernel until they have a verdict.
 *
 * @example A filter
 * ```ts no-eval
 * import { PacketQueue } from "@nfqueue/nfqueue";
 *
 * using queue = PacketQueue.open(0, { copyRange: 128 });
 * for await (const packet of queue) {
 *   if (packet.tcp?.destinationPort === 25) packet.drop();
 *   else packet.accept();
 * }
 * ```
 */
export class PacketQueue extends EventTarget {
  readonly #engine: Engine;
  readonly #warnings: Warnings;
  readonly #waiter: Waiter;
  readonly #forget: () => void;
  /** `run()` began in this turn: nobody can have waited for it yet. */
  #begun = false;

  private constructor(settings: Settings, kernel: Kernel) {
    super();
    this.#warnings = new Warnings(settings);
    const emit = (event: QueueEvent): void => {
      this.dispatchEvent(event);
      this.#warnings.consider(event);
    };
    this.#engine = new Engine(settings, { kernel, emit });
    this.#waiter = new Waiter(this.#engine);
    this.#forget = kernel.onExit(() => this.close());
  }

  /**
   * Binds a queue.
   *
   * @param number 0 to 65535, the number that the rule names
   * @throws {TypeError | RangeError} for a wrong number or option, before anything is opened
   * @throws {SystemError} when the system refuses: without CAP_NET_ADMIN, when the queue has an
   * owner already, when the kernel has no nfnetlink_queue; the message says what to do
   * @throws {LibraryLoadError} when libnetfilter_queue is not installed
   */
  static open(number: number, options?: PacketQueueOptions): PacketQueue {
    return PacketQueue[OPEN_IN](SYSTEM_KERNEL, number, options);
  }

  /** @ignore */
  static [OPEN_IN](kernel: Kernel, number: number, options?: PacketQueueOptions): PacketQueue {
    return new PacketQueue(resolveSettings(number, options), kernel);
  }

  /** The queue's number. */
  get number(): number {
    return this.#engine.settings.number;
  }

  /** Whether `close()` was called. */
  get closed(): boolean {
    return this.#engine.closed;
  }

  /** Netlink port of the queue's socket, as /proc/net/netfilter/nfnetlink_queue shows it. */
  get portId(): number {
    return this.#engine.kernel.portId;
  }

  /** @ignore Those that wait in the kernel too, where it tells. */
  get [WAITING](): number {
    const { closed, kernel, counters } = this.#engine;
    const length = closed ? 0 : kernel.numbers().statistics?.length ?? 0;
    return Math.max(length, counters.outstanding);
  }

  /** @ignore Packets have waited so many milliseconds longer. */
  [ADVANCE](milliseconds: number): void {
    if (this.closed) return;
    this.#engine.age(milliseconds);
    this.#engine.expire();
    this.#waiter.look();
  }

  /** What has passed since the queue was opened; stays readable after `close()`. */
  get statistics(): QueueCounters {
    return this.#engine.counters.snapshot();
  }

  /**
   * Calls `handler` for every packet, without blocking the program. It may return a verdict, call
   * a method of the packet, or return a promise of either; up to `concurrency` packets are then
   * under way at once. What it leaves undecided gets the verdict `onError`, unless it called
   * `packet.hold()`.
   *
   * @returns a promise that resolves when `signal` aborts or the queue closes. Packets that handlers
   * still hold then stay theirs until `close()`.
   * @throws {Error} what the handler throws, unless `onHandlerError` says otherwise; its packet got
   * `onError`
   * @throws {SystemError}
   * @throws {QueueClosedError}
   */
  async run(handler: Handler, options: RunOptions = {}): Promise<void> {
    const running = run(
      { engine: this.#engine, waiter: this.#waiter },
      checkHandler(handler),
      options,
    );
    this.#begun = true;
    queueMicrotask(() => this.#begun = false);
    await running;
  }

  /**
   * As `run`, but blocks this thread: the lowest latency, and nothing else of the program runs
   * meanwhile. Without options it returns only when the handler closes the queue or a signal comes
   * that the program listens for; without a listener Ctrl-C ends the process. A worker that is to be
   * terminated gives a `timeout` and yields between the calls: Deno's `terminate()` ends no loop that
   * never yields, and the process waits for it.
   *
   * @throws {Error} what the handler throws, unless `onHandlerError` says otherwise; its packet got
   * `onError`
   * @throws {TypeError} when the handler returns a promise
   * @throws {SystemError}
   * @throws {QueueClosedError}
   */
  runSync(handler: SyncHandler, options: RunSyncOptions = {}): RunSyncResult {
    return runSync(this.#engine, checkHandler(handler), options);
  }

  /** The packets, one by one. Asking for the next ends the turn of the one before. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Packet, undefined, undefined> {
    return new PacketIterator({ engine: this.#engine, waiter: this.#waiter });
  }

  /**
   * Changes how much of each packet is copied, while packets flow and without losing any.
   *
   * @param bytes 0 to 65531; 0 is metadata only
   * @throws {TypeError | RangeError}
   * @throws {SystemError}
   * @throws {QueueClosedError}
   */
  setCopyRange(bytes: number): void {
    const value = checkCopyRange(bytes);
    this.#configure((configuration) => configuration.setCopyRange(value));
  }

  /**
   * Changes how many packets may wait in the kernel.
   *
   * @param packets 1 to 0xffffffff
   * @throws {TypeError | RangeError}
   * @throws {SystemError}
   * @throws {QueueClosedError}
   */
  setMaxLength(packets: number): void {
    const value = checkMaxLength(packets);
    this.#configure((configuration) => configuration.setMaxLength(value));
  }

  /**
   * Changes the named switches and leaves the others.
   *
   * @throws {TypeError}
   * @throws {SystemError} where the kernel lacks one
   * @throws {QueueClosedError}
   */
  setFlags(flags: QueueFlags): void {
    const value = checkFlags(flags);
    this.#configure((configuration) => configuration.setFlags(value));
  }

  /**
   * Sends the verdicts given so far. Never needed: loops send theirs when a batch is done, others go
   * at the end of the current turn of the event loop, or when a `runSync` of this thread has handled
   * what it received.
   *
   * @throws {SystemError}
   * @throws {QueueClosedError}
   */
  flush(): void {
    if (this.closed) throw new QueueClosedError(this.number);
    this.#engine.flush();
  }

  #configure(change: (configuration: Configuration) => void): void {
    if (this.closed || this.#engine.closing) throw new QueueClosedError(this.number);
    change(this.#engine.configuration);
    this.#waiter.nudge();
  }

  /** Gives undecided packets the verdict `onError`, ends the loops, and unbinds. Idempotent. */
  close(): void {
    if (this.closed) return;
    this.#forget();
    this.#waiter.close();
    this.#engine.close();
  }

  /** Closes it, at the end of a `using` scope. It warns when a `run` is still going on. */
  [Symbol.dispose](): void {
    // Only run() sets it. A program that closes by hand means it; one that leaves a scope may not.
    const { warn } = this.#engine.settings;
    if (warn && this.#begun && this.#engine.onClose !== undefined) {
      console.warn(
        "%s",
        `queue ${this.number} was closed in the turn in which run() began, since \`using\` closes it ` +
          "at the end of its scope: write `await queue.run(…)` there",
      );
    }
    this.close();
  }

  /** Closes it, at the end of an `await using` scope. */
  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this[Symbol.dispose]());
  }

  /** Listens for `"verdicterror"`, `"overrun"`, `"undecided"`, `"idle"` or `"exhausted"`. */
  override addEventListener<Type extends keyof PacketQueueEventMap>(
    type: Type,
    listener: ((event: PacketQueueEventMap[Type]) => void) | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  /** Listens for events of any name. */
  override addEventListener(
    type: string,
    listener: EventListener | EventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  override addEventListener(
    type: string,
    listener: ((event: never) => void) | EventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void {
    super.addEventListener(type, listener as EventListener, options);
    if (listener === null) return;
    this.#warnings.add(type, listener, typeof options === "object" ? options : {});
  }

  /** Listens no longer. */
  override removeEventListener(
    type: string,
    listener: ((event: never) => void) | EventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void {
    super.removeEventListener(type, listener as EventListener, options);
    this.#warnings.remove(type, listener);
  }
}

function checkHandler<Value>(handler: Value): Value {
  if (typeof handler === "function") return handler;
  throw new TypeError(`a handler is a function, got ${typeof handler}`);
}
