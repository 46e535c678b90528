// The packets of a filter as pcapng: as each came, with its verdict, and as it went on where it was changed.
import {
  type CapturedPacket,
  type CapturedVerdict,
  type CaptureInterface,
  LINK_TYPE,
  PcapngWriter,
  recordOf,
} from "../../capture/mod.ts";
import { checkFilter, type Filter, type FilterHandler } from "../../filter/filter.ts";
import type { QueueVerdict } from "../../netlink/queue/verdict.ts";
import type { Kernel } from "../../nfqueue/kernel_queue.ts";
import { REJECT_MARKS } from "../../linux/raw/own_marks.ts";
import { SYSTEM_KERNEL } from "../../nfqueue/system_kernel.ts";
import type { Packet } from "../../queue/packet/packet.ts";
import { OPEN_IN, PacketQueue } from "../../queue/packet_queue.ts";
import type { QueueCounters } from "../../queue/report/counters.ts";
import type { PacketQueueOptions } from "../../queue/settings/options.ts";
import { BoundedOutput, type ByteWriter } from "../output/bounded_output.ts";
import { overheard } from "./verdict_tap.ts";

/** A packet that has no verdict yet. */
interface Waiting {
  readonly record: CapturedPacket;
  /** Bytes before the network header. */
  readonly before: number;
}

const NAMES: Readonly<Record<number, string>> = { 0: "drop", 1: "accept", 4: "repeat", 5: "stop" };
const QUEUE = 3;
const REPEAT = 4;
const REJECTED: ReadonlySet<number> = new Set<number>(Object.values(REJECT_MARKS));

/** A verdict as recordings tell it. One by which the kernel rejects the packet is a drop, as everywhere else. */
export function verdictOf(
  { verdict, mark }: {
    readonly verdict: number;
    readonly mark?: number | undefined;
  },
): CapturedVerdict {
  const plain = verdict & 0xffff & ~0x8000;
  if (plain === REPEAT && mark !== undefined && REJECTED.has(mark)) return { verdict: "drop" };
  const name = plain === QUEUE ? `queue ${verdict >>> 16}` : NAMES[plain] ?? `${verdict}`;
  return mark === undefined ? { verdict: name } : { verdict: name, mark };
}

/** A file that is written while a filter runs. The filter never waits for it. */
export class Recording implements Disposable {
  /** Why it has ended early. */
  failure: { readonly error: unknown } | undefined;
  /** Packets that are in the file. */
  written = 0;
  /** By queue, packets that found the file too slow, or came behind its end. */
  readonly #missed = new Map<number, number>();
  readonly #writer = new PcapngWriter({ application: "nfqueue run" });
  readonly #output: BoundedOutput;
  /** By queue, the packets without a verdict by their numbers, oldest first. */
  readonly #waiting = new Map<number, Map<number, Waiting>>();
  readonly #kernel: Kernel;
  #begun = false;

  /** @param failed called once where the file cannot be written any more */
  constructor(
    file: ByteWriter,
    { failed, kernel = SYSTEM_KERNEL }: {
      readonly failed: (error: unknown) => void;
      readonly kernel?: Kernel;
    },
  ) {
    this.#output = new BoundedOutput(file, (error) => {
      this.failure = { error };
      failed(error);
    });
    this.#kernel = overheard(kernel, {
      decided: (verdict) => this.#decided(verdict),
      decidedUpTo: (verdict) => this.#decidedUpTo(verdict),
    });
  }

  /** Packets that are not in the file. */
  get notWritten(): number {
    return this.#missed.values().reduce((sum, count) => sum + count, 0);
  }

  /** As `PacketQueue.open`, overheard. */
  readonly openQueue = (number: number, options: PacketQueueOptions): PacketQueue => {
    const queue = PacketQueue[OPEN_IN](this.#kernel, number, options);
    // What is in the file is not given up for a filter that cannot begin.
    this.#begin();
    return queue;
  };

  /** The same filter, whose packets are recorded before it sees them. */
  wrap(given: Filter | FilterHandler): Filter {
    const { filter } = checkFilter(given);
    const { rules, options } = filter;
    return {
      ...{ rules, options },
      packet: (packet, context) => {
        this.#take(packet);
        return filter.packet(packet, context);
      },
      ...(filter.start === undefined ? {} : { start: (context) => filter.start!(context) }),
      ...(filter.stop === undefined ? {} : { stop: (context) => filter.stop!(context) }),
    };
  }

  /**
   * Writes what is left, and each queue's counters.
   *
   * @param signal when it aborts, the file has a second more
   */
  async finish(
    counted: readonly { readonly number: number; readonly statistics: QueueCounters }[],
    signal: AbortSignal,
  ): Promise<void> {
    this.#begin();
    for (const packets of this.#waiting.values()) {
      for (const { record } of packets.values()) this.#write(record);
    }
    this.#waiting.clear();
    for (const { number, statistics } of counted) this.#count(number, statistics);
    const left = await this.#output.finish(signal);
    if (left > 0) this.failure ??= { error: new Error(`${left} bytes found no room in time`) };
  }

  [Symbol.dispose](): void {
    this.#output[Symbol.dispose]();
  }

  #begin(): void {
    if (!this.#begun) this.#output.writeBytes(this.#writer.start());
    this.#begun = true;
  }

  #take(packet: Packet): void {
    const record = recordOf(packet);
    const { queue, id } = packet;
    let packets = this.#waiting.get(queue);
    if (packets === undefined) this.#waiting.set(queue, packets = new Map());
    packets.set(id, { record, before: record.bytes.length - packet.payload.length });
  }

  #decided(verdict: QueueVerdict): void {
    const packets = this.#waiting.get(verdict.queue);
    const waiting = packets?.get(verdict.id);
    if (waiting === undefined) return;
    packets!.delete(verdict.id);
    this.#writeDecided(waiting, verdict);
  }

  #decidedUpTo(verdict: QueueVerdict): void {
    const packets = this.#waiting.get(verdict.queue);
    for (const [id, waiting] of packets ?? []) {
      // Numbers wrap.
      if ((verdict.id - id | 0) < 0) continue;
      packets!.delete(id);
      this.#writeDecided(waiting, verdict);
    }
  }

  #writeDecided({ record, before }: Waiting, given: QueueVerdict): void {
    const verdict = verdictOf(given);
    if (!this.#write({ ...record, verdict }) || given.payload === undefined) return;
    const bytes = new Uint8Array(new ArrayBuffer(before + given.payload.length));
    bytes.set(record.bytes.subarray(0, before));
    bytes.set(given.payload, before);
    // Its checksums were computed when it was changed.
    const { length: _, ...rest } = record;
    this.#output.writeBytes(
      this.#writer.packet({ ...rest, bytes, verdict, checksumNotReady: false }),
    );
  }

  #write(record: CapturedPacket): boolean {
    if (!this.#output.hasRoom) {
      const { queue = 0 } = record;
      this.#missed.set(queue, (this.#missed.get(queue) ?? 0) + 1);
      return false;
    }
    this.#output.writeBytes(this.#writer.packet(record));
    this.written++;
    return true;
  }

  /** They are of the queue, and not of one of the devices: so it has an interface of its own. */
  #count(number: number, { received, overruns, queueDropped }: QueueCounters): void {
    const source: CaptureInterface = {
      ...{ name: `queue ${number}`, linkType: LINK_TYPE.RAW, snapLength: 0 },
      description: "what nfnetlink_queue counted",
    };
    const systemDropped = overruns + queueDropped;
    const dropped = this.#missed.get(number) ?? 0;
    const counters = { received: received + systemDropped, systemDropped, dropped };
    this.#output.writeBytes(
      this.#writer.statistics({ ...counters, delivered: received }, {
        interface: source,
        timestamp: Date.now() * 1000,
      }),
    );
  }
}
