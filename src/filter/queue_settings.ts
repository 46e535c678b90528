// Options of queues that are open: some can change, others count only when a queue is opened.
import { FLAG_BITS, type QueueFlags } from "../nfqueue/flags.ts";
import type { PacketQueue } from "../queue/packet_queue.ts";
import {
  DEFAULT_MAX_LENGTH,
  type PacketQueueOptions,
  resolveSettings,
  type Settings,
} from "../queue/settings/options.ts";

/** What can change, with every default filled in. */
interface Changeable {
  readonly copyRange: number;
  readonly maxLength: number;
  readonly flags: QueueFlags;
}

/** What came of other options: names of options. */
export interface OptionChanges {
  readonly changed: readonly string[];
  /** They are other than those that the queues were opened with, and count only for new ones. */
  readonly needRestart: readonly string[];
}

/** `onHandlerError` is not among them: the host asks it anew each time. */
const FIXED = [
  ...["receiveBuffer", "batchSize", "family", "reportOverruns", "deadline", "onError", "warn"],
  "concurrency",
] as const;
const FLAGS = Object.keys(FLAG_BITS) as (keyof QueueFlags)[];

function changeable({ copyRange, maxLength = DEFAULT_MAX_LENGTH, flags }: Settings): Changeable {
  return { copyRange, maxLength, flags };
}

function differing(one: Changeable, other: Changeable): readonly string[] {
  const numbers = (["copyRange", "maxLength"] as const).filter((name) => one[name] !== other[name]);
  return [...numbers, ...FLAGS.filter((name) => one.flags[name] !== other.flags[name])];
}

/** Makes the named options what `wanted` says. */
function set(queue: PacketQueue, names: readonly string[], wanted: Changeable): void {
  if (names.includes("maxLength")) queue.setMaxLength(wanted.maxLength);
  // One by one, so that a refusal is of one.
  for (const name of FLAGS) {
    if (names.includes(name)) queue.setFlags({ [name]: wanted.flags[name] });
  }
  if (names.includes("copyRange")) queue.setCopyRange(wanted.copyRange);
}

/** The options of a filter's queues. */
export class QueueSettings {
  readonly #queues: readonly PacketQueue[];
  readonly #opened: Settings;
  #now: Changeable;

  /** @param options those that the queues were opened with */
  constructor(queues: readonly PacketQueue[], options: PacketQueueOptions) {
    this.#queues = queues;
    this.#opened = resolveSettings(0, options);
    this.#now = changeable(this.#opened);
  }

  /**
   * Changes what can change, on all queues or on none.
   *
   * @throws {TypeError | RangeError | SystemError}
   */
  change(options: PacketQueueOptions): OptionChanges {
    const settings = resolveSettings(0, options);
    const [before, wanted] = [this.#now, changeable(settings)];
    const changed = differing(before, wanted);
    try {
      for (const queue of this.#queues) set(queue, changed, wanted);
    } catch (error) {
      for (const queue of this.#queues) putBack(queue, changed, before);
      throw error;
    }
    this.#now = wanted;
    const needRestart = FIXED.filter((name) =>
      JSON.stringify(settings[name as keyof Settings]) !==
        JSON.stringify(this.#opened[name as keyof Settings])
    );
    return { changed, needRestart };
  }
}

/** What the kernel took before it takes again; a queue that was closed needs nothing. */
function putBack(queue: PacketQueue, names: readonly string[], before: Changeable): void {
  for (const name of names) {
    try {
      set(queue, [name], before);
    } catch {
      // It was this option that was refused.
    }
  }
}
