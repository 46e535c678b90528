/** One second or so of flood through one way of running, with one fault thrown in. */
import { setTimeout as delay } from "node:timers/promises";
import { command } from "../../tests/support/runtime/command.ts";
import { Cable, Namespace } from "../../tests/support/network/namespaces.ts";
import { until } from "../../tests/support/runtime/waiting.ts";
import { Consumer } from "./consumer_process.ts";
import type { Fault, Struck } from "./faults.ts";
import { atRest, kernelCounts } from "./kernel.ts";
import { options } from "./options.ts";
import type { Order, Report, Way } from "./order.ts";
import type { Random } from "./random.ts";
import { SoakRules } from "./rules.ts";
import { type Gaps, type Sums, sumUp } from "./sums.ts";
import { type Arrivals, Receiver, Sender } from "./traffic.ts";

/** How long a flood lasts (ms). */
const SHORTEST = 600;
const LONGEST = 1200;
/** Pause between two strikes of a fault (ms). */
const PAUSES = [10, 30, 80] as const;

export interface PhaseOptions {
  readonly fault: Fault;
  readonly way: Way;
  /** Takes no two phases with the same. */
  readonly number: number;
  readonly random: Random;
  readonly consumer: Consumer;
}

/** What came of it. */
export interface Outcome {
  readonly sums: Sums;
  readonly gaps: Gaps;
  /** Why it failed beside the numbers. */
  readonly failures: readonly string[];
  /** What is worth telling where it failed. */
  readonly notes: readonly string[];
  /** The consumer that is there now: another one where the first was killed. */
  readonly consumer: Consumer;
}

export class Phase implements Struck {
  readonly #options: PhaseOptions;
  readonly #order: Order;
  readonly #port: number;
  readonly #senders: Sender[] = [];
  readonly #killed = { waiting: 0, queueDropped: 0, userDropped: 0 };
  #rules: SoakRules | undefined;
  #namespace: Namespace | undefined;
  #cable: Cable | undefined;
  #complete = true;
  #lost = false;
  consumer: Consumer;

  constructor(phase: PhaseOptions) {
    const { fault, way, number, random } = phase;
    this.#options = phase;
    this.consumer = phase.consumer;
    const count = way === "several queues" ? 3 : 1;
    this.#port = 20_000 + number * 4 % 40_000;
    this.#order = {
      ...{ way, manner: fault.manner, options: fault.options ?? {}, lie: options.lie },
      queues: Array.from({ length: count }, (_, index) => 1 + (number * 4 + index) % 60_000),
      seed: random.below(0x7fffffff),
    };
  }

  /** Plays it from the first rule to the last. */
  async play(): Promise<Outcome> {
    const { fault, random } = this.#options;
    const { queues } = this.#order;
    await using stack = new AsyncDisposableStack();
    this.#rules = stack.use(
      new SoakRules({ port: this.#port, queues, backend: fault.backend ?? "nft" }),
    );
    if (fault.cable) {
      this.#namespace = stack.use(new Namespace());
      this.#cable = new Cable(this.#namespace);
    }
    stack.defer(() => this.#cable?.[Symbol.dispose]());
    const receiver = stack.use(new Receiver(queues.map((_, index) => this.#port + index)));
    await receiver.line();
    await this.consumer.open(this.#order);
    for (const sender of this.#makeSenders()) {
      this.#senders.push(stack.use(sender));
      await sender.line();
    }
    const end = performance.now() + SHORTEST + random.below(LONGEST - SHORTEST);
    try {
      for (let strikes = 0; performance.now() < end; strikes++) {
        await delay(random.pick(PAUSES));
        if (strikes === 0 || !fault.once) await fault.strike?.(this);
      }
      for (const sender of this.#senders) await sender.finish();
      await atRest(queues);
      const kernel = kernelCounts(queues);
      const report = await this.#report();
      return this.#judge(report, { kernel, arrivals: await receiver.finish() });
    } finally {
      this.consumer.freeDescriptors();
    }
  }

  *#makeSenders(): Generator<Sender> {
    const { fault, random } = this.#options;
    const { size = random.pick([64, 64, 300, 1400]), kind = "D" } = fault;
    const rate = random.pick(fault.rates ?? [5000, 20_000, 60_000, 0]);
    const streams = this.#order.queues.map((_, index) => [index, this.#port + index] as const);
    yield new Sender({ streams, rate, size, kind });
    if (this.#cable === undefined) return;
    const far = streams.map(([stream, port]) =>
      [stream + this.#order.queues.length, port] as const
    );
    const { address } = this.#cable;
    const prefix = this.#namespace!.prefix;
    yield new Sender({
      streams: far,
      rate: rate || 20_000,
      size: Math.min(size, 1400),
      kind,
      address,
      prefix,
    });
  }

  /** Statistics, or nothing from one that cannot tell any more. */
  async #report(): Promise<Report | undefined> {
    if (!this.#lost) return await this.consumer.stopQueues();
    this.#note(kernelCounts(this.#order.queues));
    await this.#end();
    return undefined;
  }

  #judge(
    report: Report | undefined,
    { kernel, arrivals }: { kernel: ReturnType<typeof kernelCounts>; arrivals: Arrivals },
  ): Outcome {
    const statistics = report?.statistics ?? {};
    const known = statistics["queueDropped"] ?? 0;
    const hidden = options.user && !this.#lost ? Math.max(0, kernel.queueDropped - known) : 0;
    const entered = this.#rules!.entered;
    const { fault } = this.#options;
    const { sums, gaps } = sumUp({
      ...{ entered, arrivals, statistics, hidden },
      again: fault.kernel === "queues again" ? Math.max(0, kernel.seen - entered) : 0,
      refused: fault.kernel === "refuses" ? Math.max(0, entered - kernel.seen) : 0,
      ...{ complete: this.#complete, killed: this.#killed },
    });
    const failures: string[] = [];
    const fail = (count: number, what: string) => count > 0 && failures.push(`${count} ${what}`);
    fail(arrivals.damaged, "arrived damaged");
    fail(this.#complete ? arrivals.wrong : 0, "arrived that were to be dropped");
    fail(
      this.#rules!.passed - arrivals.arrived - arrivals.duplicates - arrivals.damaged -
        arrivals.lost,
      "came out of the queue and never to the socket",
    );
    if (sums.sent === 0) failures.push("nothing was sent");
    return {
      ...{ sums, gaps, failures, consumer: this.consumer },
      notes: [
        `kernel ${JSON.stringify(kernel)}`,
        `statistics ${JSON.stringify(statistics)}`,
        `events ${JSON.stringify(report?.events)}`,
        `errors ${JSON.stringify(report?.errors)}`,
        `arrivals ${JSON.stringify(arrivals)}`,
      ],
    };
  }

  get random(): Random {
    return this.#options.random;
  }

  get rules(): SoakRules {
    return this.#rules!;
  }

  /** Down and up again. */
  async unplug(): Promise<void> {
    this.#cable!.down();
    await delay(this.random.pick([1, 20]));
    command("ip", ["link", "set", this.#cable!.device, "up"]);
  }

  deleteCable(): void {
    this.#cable![Symbol.dispose]();
    this.#cable = undefined;
  }

  async stopFor(milliseconds: number): Promise<void> {
    await this.consumer.pause();
    await delay(milliseconds);
    this.consumer.signal("SIGCONT");
  }

  /**
   * Kills it in the middle of the flood, and starts another. What waits in the kernel at that moment is lost
   * with it; everything stands still while that is counted.
   */
  async kill(): Promise<void> {
    await this.consumer.pause();
    await delay(this.random.pick([1, 10, 50]));
    for (const sender of this.#senders) await sender.pause();
    await atRest(this.#order.queues);
    this.#complete = false;
    this.#note(kernelCounts(this.#order.queues));
    await this.#end();
    this.consumer = await Consumer.start(this.consumer.runtime);
    await this.consumer.open({ ...this.#order, seed: this.random.below(0x7fffffff) });
    for (const sender of this.#senders) sender.signal("SIGCONT");
  }

  /** The queue stays bound until the process ends, which is then its end. */
  async terminateWorker(): Promise<void> {
    this.#complete = false;
    this.#lost = true;
    await this.consumer.ask({ ask: "terminate" });
    await this.consumer.memory(); // it still answers
  }

  /** Another consumer wants the queues, and must not get them. */
  async intrude(): Promise<void> {
    await using other = await Consumer.start(this.consumer.runtime);
    const refused = await other.open({ ...this.#order, way: "run" }).then(() => false, () => true);
    if (!refused) throw new Error("a queue was opened twice");
  }

  #note({ waiting, queueDropped, userDropped }: ReturnType<typeof kernelCounts>): void {
    this.#killed.waiting += waiting;
    this.#killed.queueDropped += queueDropped;
    this.#killed.userDropped += userDropped;
  }

  async #end(): Promise<void> {
    this.consumer.signal("SIGKILL");
    await this.consumer.end();
    const { queues } = this.#order;
    await until(() => kernelCounts(queues).waiting === 0, { what: "the kernel empties the queue" });
  }
}
