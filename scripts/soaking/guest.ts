/** The queues of a consumer: opened, run in some way, and closed, in the thread that made this. */
import { setTimeout as delay } from "node:timers/promises";
import { PacketQueue, Verdict } from "../../mod.ts";
import { useNetAdmin } from "./capability.ts";
import { type Liar, withLie } from "./liars.ts";
import { MANNERS, Mishap } from "./manners.ts";
import {
  add,
  type Answer,
  type Order,
  type Question,
  type Report,
  type Tally,
  type Way,
} from "./order.ts";
import { Random } from "./random.ts";

const EVENTS = ["verdicterror", "overrun", "undecided", "idle", "exhausted"];

/** A loop at work. */
interface Work {
  readonly queue: PacketQueue;
  readonly liar: Liar;
  readonly signal: AbortSignal;
}

/** Each returns when the signal aborts or the queue closes, and throws what its queue throws. */
const LOOPS: Readonly<Record<string, (work: Work) => Promise<void>>> = {
  runSync: async ({ queue, liar, signal }) => {
    while (!signal.aborted && !queue.closed) {
      queue.runSync(liar.manner.decide, { timeout: 20, maxPackets: 20_000 });
      await delay(0); // whoever speaks to this process is heard between the calls
    }
  },
  run: ({ queue, liar, signal }) => queue.run(liar.manner.decide, { signal }),
  "run, async handler": ({ queue, liar, signal }) => queue.run(liar.manner.decideLater, { signal }),
  "for await": async ({ queue, liar, signal }) => {
    signal.addEventListener("abort", () => queue.close());
    for await (const packet of queue) {
      const verdict = liar.manner.decide(packet);
      if (verdict === Verdict.Drop) packet.drop();
      else if (verdict === Verdict.Accept) packet.accept();
    }
  },
};
/** What several queues of a thread do beside each other. */
const BESIDE = ["run", "run, async handler", "for await"];

/** The loop that a way means for the queue with this index. */
function loopOf(way: Way, index: number): (work: Work) => Promise<void> {
  const name = way === "worker" ? "run" : way === "several queues" ? BESIDE[index]! : way;
  return LOOPS[name]!;
}

/** Options that this version of the library does not know are left out. */
function open(number: number, { onHandlerError, ...options }: Order["options"]): PacketQueue {
  if (onHandlerError === undefined) return PacketQueue.open(number, options);
  try {
    return PacketQueue.open(number, { ...options, onHandlerError } as Order["options"]);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return PacketQueue.open(number, options);
  }
}

class Guest {
  readonly #order: Order;
  readonly #queues: PacketQueue[] = [];
  readonly #liars: Liar[] = [];
  readonly #loops: Promise<void>[] = [];
  readonly #controller = new AbortController();
  readonly #events: Tally = {};
  readonly #errors: Tally = {};

  constructor(order: Order) {
    this.#order = order;
    for (const [index, number] of order.queues.entries()) {
      const queue = open(number, order.options);
      this.#queues.push(queue);
      for (const type of EVENTS) {
        (queue as EventTarget).addEventListener(type, () => add(this.#events, { [type]: 1 }));
      }
      const liar = withLie(MANNERS[order.manner](new Random(order.seed + index)), order.lie);
      this.#liars.push(liar);
      this.#loops.push(this.#work({ queue, liar, signal: this.#controller.signal }, index));
    }
  }

  /** Runs the queue until the end, again and again: a firewall goes on after an error. */
  async #work(work: Work, index: number): Promise<void> {
    const loop = loopOf(this.#order.way, index);
    while (!work.signal.aborted && !work.queue.closed) {
      try {
        await loop(work);
      } catch (error) {
        if (error instanceof Mishap) continue;
        add(this.#errors, { [String(error)]: 1 });
        await delay(5);
      }
    }
  }

  reconfigure(maxLength: number, copyRange: number): void {
    for (const queue of this.#queues) {
      queue.setMaxLength(maxLength);
      queue.setCopyRange(copyRange);
      queue.setFlags({ gso: false });
    }
  }

  netAdmin(used: boolean): void {
    useNetAdmin(used);
  }

  /** Ends the loops, closes, and tells. */
  async stop(): Promise<Report> {
    this.#controller.abort();
    await Promise.all(this.#loops);
    const statistics: Tally = {};
    for (const [index, queue] of this.#queues.entries()) {
      const { manner, tell } = this.#liars[index]!;
      manner.end();
      queue.close();
      add(statistics, tell({ ...queue.statistics }));
    }
    return { statistics, events: this.#events, errors: this.#errors };
  }
}

let guest: Guest | undefined;

/** Does in this thread what is asked for. */
export async function answerHere(question: Question): Promise<Answer> {
  if (question.ask === "start") guest = new Guest(question.order);
  else if (question.ask === "netAdmin") guest?.netAdmin(question.used);
  else if (question.ask === "reconfigure") {
    guest?.reconfigure(question.maxLength, question.copyRange);
  } else if (question.ask === "stop" && guest !== undefined) {
    const report = await guest.stop();
    guest = undefined;
    return { report };
  }
  return {};
}
