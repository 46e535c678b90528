/**
 * Runs a filter: its queues, its rules, its handler, from the first to the last packet. `runFilter` and
 * the command `nfqueue run` are made of it.
 *
 * @module
 */

import { checkSignal, show } from "../base/checks.ts";
import { deferred } from "../base/deferred.ts";
import { PacketQueue } from "../queue/packet_queue.ts";
import type { Packet } from "../queue/packet/packet.ts";
import { type Verdict, verdictName } from "../queue/packet/verdict.ts";
import type { QueueCounters } from "../queue/report/counters.ts";
import type { PacketQueueOptions } from "../queue/settings/options.ts";
import type { Range, Rule } from "../rules/rule/rule.ts";
import { atMost, type Engagement, inTime } from "./engagement.ts";
import { Failures } from "./failures.ts";
import {
  type CheckedFilter,
  checkFilter,
  checkRules,
  type Filter,
  type FilterHandler,
  type NamedRule,
} from "./filter.ts";
import { InstalledRules, type InstallRules } from "./installed_rules.ts";
import { checkQueues, numbersInRules, openQueues, withQueues } from "./queue_numbers.ts";
import { type OptionChanges, QueueSettings } from "./queue_settings.ts";
import { ServedQueue } from "./served_queue.ts";
import { sumOf } from "./statistics.ts";

/** How long packets that wait when the filter ends may take, and a `start` that is under way then. */
const END_MILLISECONDS = 1000;
/** How long a `start` or a `stop` may take while packets wait for it. */
const CHANGE_MILLISECONDS = 10_000;
const STEP_MILLISECONDS = 2;
/** As often in a row nothing may wait: what is on its way into a queue is not in it yet. */
const QUIET_STEPS = 2;

/** How a host runs a filter. */
export interface HostOptions {
  /** Ends the filter. */
  readonly signal?: AbortSignal | undefined;
  /** The queues; without it those that rules name, else the lowest free number. */
  readonly queues?: number | Range<number> | undefined;
  /** In the place of the filter's rules; `false` installs none. */
  readonly rules?: Rule | readonly Rule[] | false | undefined;
  /** Hears of failures of the filter. */
  readonly log?: ((message: string) => void) | undefined;
  readonly installRules: InstallRules;
  /** How long a `start` or a `stop` may take while packets wait for it (ms). Default 10,000. */
  readonly patience?: number | undefined;
  /** `PacketQueue.open`, or a stand-in's. */
  readonly openQueue?: (number: number, options: PacketQueueOptions) => PacketQueue;
}

/** What came of a replacement. */
export interface Replacement {
  readonly rulesReplaced: boolean;
  readonly options: OptionChanges;
}

/** A filter that runs. */
export class FilterHost {
  readonly #options: HostOptions;
  readonly #failures: Failures;
  readonly #rules: InstalledRules;
  /** In the place of any filter's own. */
  readonly #givenRules: readonly NamedRule[] | undefined;
  readonly #loops = new AbortController();
  readonly #ended = deferred<void>();
  readonly #endAsked = deferred<void>();
  #checked: CheckedFilter;
  #served: readonly ServedQueue[] = [];
  #runs: readonly Promise<void>[] = [];
  #settings: QueueSettings | undefined;
  /** The filter at work on each queue, or about to be. */
  #engaged: readonly Engagement[] = [];
  /** The start or the last swap; it does not reject. */
  #changing: Promise<unknown> = Promise.resolve();
  #ending: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  private constructor(filter: Filter | FilterHandler, options: HostOptions) {
    const { rules, signal, log = (message) => console.error("%s", message) } = options;
    checkSignal(signal);
    if (typeof log !== "function") throw new TypeError(`log must be a function, got ${show(log)}`);
    this.#checked = checkFilter(filter);
    this.#givenRules = rules === undefined ? undefined : rules === false ? [] : checkRules(rules);
    this.#options = options;
    this.#failures = new Failures(log);
    this.#rules = new InstalledRules(options.installRules);
    // Those who ask for it hear of an error.
    this.ended.catch(() => {});
  }

  /**
   * Opens the queues, calls `start`, installs the rules, and hands out packets.
   *
   * @throws what is wrong with filter or options, what the system refuses, what `start` throws; nothing is
   * left behind then
   */
  static async start(filter: Filter | FilterHandler, options: HostOptions): Promise<FilterHost> {
    const host = new FilterHost(filter, options);
    await host.#start();
    return host;
  }

  /** The queues, in order. */
  get queues(): readonly PacketQueue[] {
    return this.#served.map(({ queue }) => queue);
  }

  /** The rules that are installed. */
  get rules(): readonly Rule[] {
    return this.#rules.rules;
  }

  /** The counters of all queues in sum; readable behind the end. */
  get statistics(): QueueCounters {
    return sumOf(this.#served.map(({ queue }) => queue.statistics));
  }

  /** Packets of its queues that have no verdict yet, the kernel's too where it tells. */
  get waiting(): number {
    return this.#served.reduce((sum, { waiting }) => sum + waiting, 0);
  }

  /**
   * Resolves when the filter has ended and nothing is left of it.
   *
   * @throws what has ended it, where that was an error; what its `stop` throws
   */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /**
   * Ends the filter: no new packets, those that wait are decided (a second at most), `stop` is called, the
   * queues are closed. Idempotent.
   *
   * @throws as `ended`
   */
  async stop(): Promise<void> {
    await this.#end();
    await this.ended;
  }

  /**
   * Puts another filter in the place of this one, between two packets. Its rules replace the rules; the
   * options that can change do. Promises under way keep the old handler. Where one of the two has `start`
   * or `stop`, packets wait while they are called: `stop` of the old one, when its promises have settled (a
   * second at most), then `start` of the new one. Each may take ten seconds.
   *
   * @throws what is wrong with it, what its `start` throws, or that this takes too long: the old one is at
   * work again then, and its `start` was called anew where `stop` was called
   */
  async swap(filter: Filter | FilterHandler): Promise<Replacement> {
    const checked = checkFilter(filter);
    const swapped = this.#changing.then(() => this.#swap(checked));
    this.#changing = swapped.catch(() => {});
    return await swapped;
  }

  async #start(): Promise<void> {
    const { signal } = this.#options;
    const abort = (): void => void this.#end();
    signal?.addEventListener("abort", abort);
    this.ended.finally(() => signal?.removeEventListener("abort", abort)).catch(() => {});
    if (signal?.aborted) return await this.#end();
    const beginning = this.#begin();
    this.#changing = beginning.catch(() => {});
    try {
      await beginning;
    } catch (error) {
      // What `start` throws when it is told to end is no failure.
      if (this.#ending !== undefined) return await this.#ending;
      await this.#end({ error });
      throw error;
    }
    if (this.#ending !== undefined) await this.#ending;
  }

  async #begin(): Promise<void> {
    const rules = this.#givenRules ?? this.#checked.rules;
    const numbers = this.#numbers(rules);
    // Before a queue is opened, where that can be told.
    if (numbers !== undefined) withQueues(rules, numbers);
    this.#open(numbers);
    await this.#startAll(this.#engaged);
    if (this.#ending !== undefined) return;
    this.#rules.become(this.#withQueues(rules));
    this.#runs = this.#served.map((served) => served.run(this.#loops.signal));
    for (const run of this.#runs) run.then(() => this.#end(), (error) => this.#end({ error }));
  }

  #numbers(rules: readonly NamedRule[]): readonly number[] | undefined {
    const { queues } = this.#options;
    if (queues !== undefined) return checkQueues(queues);
    const numbers = numbersInRules(rules);
    return numbers.length === 0 ? undefined : numbers;
  }

  #withQueues(rules: readonly NamedRule[]): readonly Rule[] {
    return withQueues(rules, this.queues.map(({ number }) => number));
  }

  #open(numbers: readonly number[] | undefined): void {
    const { openQueue = (number, options) => PacketQueue.open(number, options) } = this.#options;
    const { options } = this.#checked;
    const queues = openQueues(numbers, (number) =>
      openQueue(number, {
        ...options,
        onHandlerError: (error, packet) => this.#failed(number, error, packet) as Verdict,
      }));
    this.#served = queues.map((queue, worker) => new ServedQueue(queue, worker, this.#checked));
    this.#engaged = this.#served.map(({ current }) => current);
    this.#settings = new QueueSettings(queues, options);
    for (const queue of queues) this.#listen(queue, options);
  }

  /** What a queue would warn of on the console, and a host knows better. */
  #listen(queue: PacketQueue, { warn = true }: PacketQueueOptions): void {
    queue.addEventListener("undecided", ({ cause, message }) => {
      if (!warn || cause === "error" || cause === "close") return;
      this.#failures.note(`queue ${queue.number}: ${message}`);
    });
    queue.addEventListener("idle", ({ message }) => {
      // With rules of its own it sees no packet where nobody sends one.
      if (warn && this.#rules.rules.length === 0) this.#failures.note(message);
    });
  }

  /** A handler has thrown. Undefined ends the filter with that error. */
  #failed(number: number, error: unknown, packet: Packet): Verdict | undefined {
    const served = this.#served.find(({ queue }) => queue.number === number);
    const verdict = served?.verdictAfter(error, packet);
    if (verdict === undefined) return undefined;
    const fate = packet.verdict === undefined ? `got ${verdictName(verdict)}` : "had its verdict";
    this.#failures.tell(`queue ${number}: the handler failed, packet ${packet.id} ${fate}`, error);
    return verdict;
  }

  async #swap(next: CheckedFilter): Promise<Replacement> {
    const settings = this.#settings;
    if (this.#ending !== undefined || settings === undefined) {
      throw new Error("the filter has ended");
    }
    const before = { checked: this.#checked, rules: this.#rules.rules };
    const rules = this.#withQueues(this.#givenRules ?? next.rules);
    const rulesReplaced = this.#rules.become(rules);
    try {
      const options = settings.change(next.options);
      await this.#engage(next);
      this.#checked = next;
      return { rulesReplaced, options };
    } catch (error) {
      if (this.#ending === undefined) {
        settings.change(before.checked.options);
        this.#rules.become(before.rules);
      }
      throw error;
    }
  }

  /** Lets another filter decide from the next packet on. */
  async #engage(next: CheckedFilter): Promise<void> {
    const old = this.#engaged;
    const engagements = this.#served.map((served) => served.engage(next));
    if (this.#checked.filter.stop === undefined && next.filter.start === undefined) {
      for (const engagement of engagements) engagement.started = true;
      this.#put(engagements);
      // Their promises may still look at its signal.
      for (const engagement of old) void engagement.settled().then(() => engagement.abort());
      return;
    }
    const open = this.#served.map((served) => served.hold());
    try {
      await Promise.all(old.map((engagement) => engagement.settled()));
      await this.#stopAll(old, this.#patience);
      await this.#startAll(engagements, this.#patience);
      this.#put(engagements);
    } catch (error) {
      await this.#goBack();
      throw error;
    } finally {
      for (const release of open) release();
    }
  }

  get #patience(): number {
    return this.#options.patience ?? CHANGE_MILLISECONDS;
  }

  #put(engagements: readonly Engagement[]): void {
    this.#engaged = engagements;
    this.#served.forEach((served, at) => served.current = engagements[at]!);
  }

  /** The filter that was stopped for another one works again. */
  async #goBack(): Promise<void> {
    if (this.#ending !== undefined) return;
    const engagements = this.#served.map((served) => served.engage(this.#checked));
    try {
      await this.#startAll(engagements, this.#patience);
      this.#put(engagements);
    } catch (error) {
      // Not waited for: the end waits for this change.
      void this.#end({ error });
    }
  }

  /** Calls `start` of each, which may take so long. Where one throws, those before it are stopped. */
  async #startAll(engagements: readonly Engagement[], patience?: number): Promise<void> {
    this.#engaged = engagements;
    try {
      for (const engagement of engagements) {
        if (this.#ending !== undefined) return;
        const starting = engagement.start();
        // A `start` that does not end cannot keep the host from ending.
        const tooLong = this.#endAsked.promise.then(() => atMost(END_MILLISECONDS, starting));
        const ended = Promise.race([starting, tooLong]);
        if (patience === undefined) await ended;
        else await inTime("the filter's start", ended, patience);
      }
    } catch (error) {
      await this.#stopAll(engagements, patience);
      throw error;
    }
  }

  /** Calls `stop` of each, which may take so long. What one throws is told; the first is given back. */
  async #stopAll(
    engagements: readonly Engagement[],
    patience?: number,
  ): Promise<{ error: unknown } | undefined> {
    let failure: { error: unknown } | undefined;
    for (const engagement of engagements) {
      try {
        const stopping = engagement.stop();
        if (patience === undefined) await stopping;
        else await inTime("it", stopping, patience);
      } catch (error) {
        failure ??= { error };
        this.#failures.tell("the filter's stop failed", error);
      }
    }
    return failure;
  }

  #end(failure?: { readonly error: unknown }): Promise<void> {
    this.#failure ??= failure;
    return this.#ending ??= this.#finish();
  }

  async #finish(): Promise<void> {
    this.#endAsked.resolve();
    for (const engagement of this.#engaged) if (!engagement.started) engagement.abort();
    // Behind this `#ending` is set, which a start or a swap looks at.
    await this.#changing;
    this.#rules.withdraw();
    await this.#drain();
    this.#loops.abort();
    await Promise.allSettled(this.#runs);
    const failure = await this.#stopAll(this.#engaged);
    this.#failure ??= failure;
    for (const { queue } of this.#served) this.#attempt(() => queue.close());
    this.#attempt(() => this.#rules.remove());
    this.#failures.end();
    if (this.#failure === undefined) this.#ended.resolve();
    else this.#ended.reject(this.#failure.error);
  }

  /** Waits until no packet waits in a queue that is read; a second at most. */
  async #drain(): Promise<void> {
    const end = performance.now() + END_MILLISECONDS;
    for (let quiet = 0; quiet < QUIET_STEPS && performance.now() < end;) {
      await atMost(STEP_MILLISECONDS, new Promise(() => {}));
      const busy = this.#served.some((served) => served.running && served.waiting > 0);
      quiet = busy ? 0 : quiet + 1;
    }
  }

  #attempt(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#failure ??= { error };
    }
  }
}
