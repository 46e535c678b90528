// What a queue does in a second: from the differences of the kernel's counters.
import type { PortProcess } from "../../nfqueue/process_of_port.ts";
import type { QueueStatistics } from "../../nfqueue/queue_table.ts";

/** Rates that are kept of each queue. */
const MOST_RATES = 200;
/** How often, in readings, an owner is looked for again that was not found. */
const LOOK_AGAIN = 10;

/** A queue, and what it did since the last reading. Rates are per second. */
export interface QueueState extends QueueStatistics {
  readonly owner: PortProcess | undefined;
  /** Packets queued; undefined at the first reading. */
  readonly packets: number | undefined;
  readonly queueDrops: number | undefined;
  readonly userDrops: number | undefined;
  /** `packets` of the last readings, oldest first. */
  readonly rates: readonly number[];
}

/** Where readings come from. */
export interface MeterSources {
  readonly queues: () => readonly QueueStatistics[];
  readonly ownerOf: (portId: number) => PortProcess | undefined;
  /** Milliseconds. */
  readonly now: () => number;
}

interface Entry {
  state: QueueState;
  readonly rates: number[];
  /** Readings since its owner was looked for. */
  age: number;
}

/** The kernel's counters have 32 bits, and wrap. */
const growth = (now: number, before: number): number => (now - before) >>> 0;

/** Reads the table of queues again and again. */
export class QueueMeter {
  readonly #sources: MeterSources;
  #entries = new Map<number, Entry>();
  #readAt = -Infinity;

  constructor(sources: MeterSources) {
    this.#sources = sources;
  }

  /**
   * Reads the table, by number.
   *
   * @throws {SystemError} where it cannot be read
   */
  read(): readonly QueueState[] {
    const { queues, now } = this.#sources;
    const lines = [...queues()].sort((one, other) => one.queue - other.queue);
    const time = now();
    const seconds = (time - this.#readAt) / 1000;
    this.#readAt = time;
    const entries = new Map<number, Entry>();
    for (const line of lines) {
      const before = this.#entries.get(line.queue);
      // With another owner its counters have begun anew.
      const same = before?.state.portId === line.portId ? before : undefined;
      entries.set(line.queue, this.#entry(line, same, seconds));
    }
    this.#entries = entries;
    return [...entries.values()].map(({ state }) => state);
  }

  #entry(line: QueueStatistics, before: Entry | undefined, seconds: number): Entry {
    const { ownerOf } = this.#sources;
    if (before === undefined) {
      const nothing = { packets: undefined, queueDrops: undefined, userDrops: undefined };
      const rates: number[] = [];
      const owner = ownerOf(line.portId);
      return { state: { ...line, ...nothing, owner, rates }, rates, age: 0 };
    }
    const { state, rates } = before;
    const rate = (name: "idSequence" | "queueDropped" | "userDropped") =>
      seconds > 0 ? growth(line[name], state[name]) / seconds : 0;
    const packets = rate("idSequence");
    rates.push(packets);
    if (rates.length > MOST_RATES) rates.shift();
    const stale = ++before.age >= LOOK_AGAIN;
    if (stale) before.age = 0;
    const owner = stale ? ownerOf(line.portId) : state.owner;
    before.state = {
      ...{ ...line, owner, packets, rates },
      ...{ queueDrops: rate("queueDropped"), userDrops: rate("userDropped") },
    };
    return before;
  }
}
