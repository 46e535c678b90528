// A filter on a stand-in kernel, which is given the packets of a recording.
import { setImmediate as turn, setTimeout as delay } from "node:timers/promises";
import type { Filter, FilterHandler } from "../../filter/filter.ts";
import { checkFilter } from "../../filter/filter.ts";
import { FilterHost } from "../../filter/host.ts";
import { recordedDevice } from "../../linux/devices.ts";
import { NFQA_SKB } from "../../netlink/queue/numbers.ts";
import type { QueueVerdict } from "../../netlink/queue/verdict.ts";
import type { UndecidedCause } from "../../queue/packet/ending.ts";
import { OPEN_IN, PacketQueue } from "../../queue/packet_queue.ts";
import type { PacketQueueOptions } from "../../queue/settings/options.ts";
import { StandInKernel } from "../../testing/kernel.ts";
import type { StandInPacket } from "../../testing/passage.ts";
import { overheard } from "../run/verdict_tap.ts";
import type { RecordedPacket } from "./records.ts";

/** The kernel's own limit of packets that wait in a queue. */
const QUEUE_LENGTH = 1024;
/** So much is given before the filter has its turn. */
const MOST_PACKETS = 32;
const MOST_BYTES = 1 << 18;
const RECEIVE_BUFFER = 4 << 20;
/** How long nothing may happen while packets wait (ms). */
const PATIENCE = 5000;
const STEP = 2;
const MOST_TURNS = 20;

/** By their numbers in messages. */
const HOOKS = ["prerouting", "input", "forward", "output", "postrouting"] as const;
const INBOUND = 3;

/** A packet that was given to the filter. */
export interface Played {
  readonly packet: RecordedPacket;
  readonly queue: number;
  /** What the filter decided; undefined while it waits, and where it left it undecided. */
  decision: Decision | undefined;
  /** Why it got no decision. */
  lost: "undecided" | "no room" | undefined;
  /** Why its verdict is the queue's, and not the handler's. */
  cause: UndecidedCause | undefined;
}

/** A verdict as it went to the kernel. */
export interface Decision {
  readonly verdict: number;
  readonly mark: number | undefined;
  /** The bytes that go on, where they were replaced. */
  readonly payload: Uint8Array | undefined;
}

/** How packets are played. */
export interface PlayerOptions {
  readonly queues: { readonly from: number; readonly to: number };
  readonly signal: AbortSignal;
  readonly log: (message: string) => void;
}

/** A filter, its stand-in kernels, and the packets that wait there. */
export class Player implements AsyncDisposable {
  readonly #host: FilterHost;
  readonly #kernels: ReadonlyMap<number, StandInKernel>;
  readonly #waiting: ReadonlyMap<number, Map<number, Played>>;
  readonly #hooks: { readonly inbound: number; readonly outbound: number; readonly either: number };
  readonly #recent: Map<string, Played>;
  readonly #room: number;
  readonly #patience: number;
  readonly #signal: AbortSignal;
  readonly #queues: PlayerOptions["queues"];
  #ended = false;
  readonly #decided: () => number;
  /** How many were decided when nothing happened any more: nobody waits again until there are more. */
  #stalled = -1;
  #givenPackets = 0;
  #lastQueue = -1;
  #givenBytes = 0;

  private constructor(
    host: FilterHost,
    { kernels, waiting, recent, filter, options, decided }: {
      readonly kernels: ReadonlyMap<number, StandInKernel>;
      readonly waiting: ReadonlyMap<number, Map<number, Played>>;
      readonly recent: Map<string, Played>;
      readonly filter: Filter | FilterHandler;
      readonly options: PlayerOptions;
      readonly decided: () => number;
    },
  ) {
    const checked = checkFilter(filter);
    const hooks = checked.rules.flatMap(({ rule }) => rule.hook as string | readonly string[])
      .map((name) => HOOKS.indexOf(name as typeof HOOKS[number]));
    this.#host = host;
    this.#kernels = kernels;
    this.#waiting = waiting;
    this.#recent = recent;
    this.#decided = decided;
    this.#hooks = {
      inbound: hooks.find((hook) => hook < INBOUND) ?? 1,
      outbound: hooks.find((hook) => hook >= INBOUND) ?? INBOUND,
      either: hooks[0] ?? 1,
    };
    this.#room = checked.options.maxLength ?? QUEUE_LENGTH;
    this.#patience = PATIENCE + (checked.options.deadline?.milliseconds ?? 0);
    this.#signal = options.signal;
    this.#queues = options.queues;
    host.ended.then(() => this.#ended = true, () => this.#ended = true);
  }

  /** Starts the filter. */
  static async start(filter: Filter | FilterHandler, options: PlayerOptions): Promise<Player> {
    const kernels = new Map<number, StandInKernel>();
    const waiting = new Map<number, Map<number, Played>>();
    let decisions = 0;
    /** Decided a moment ago: the queue tells afterwards which verdicts are its own. */
    const recent = new Map<string, Played>();
    const decide = (
      played: Played,
      { queue, verdict, mark, payload }: QueueVerdict,
      id: number,
    ) => {
      recent.set(`${queue} ${id}`, played);
      played.decision = { verdict, mark, payload: payload?.slice() };
      decisions++;
    };
    const listener = {
      decided: (verdict: QueueVerdict) => {
        const played = waiting.get(verdict.queue)?.get(verdict.id);
        if (played === undefined) return;
        waiting.get(verdict.queue)!.delete(verdict.id);
        decide(played, verdict, verdict.id);
      },
      decidedUpTo: (verdict: QueueVerdict) => {
        for (const [id, played] of waiting.get(verdict.queue) ?? []) {
          if (((verdict.id - id) | 0) < 0) break;
          waiting.get(verdict.queue)!.delete(id);
          decide(played, verdict, id);
        }
      },
    };
    const openQueue = (number: number, given: PacketQueueOptions): PacketQueue => {
      // One for each: a packet that is sent to another queue is in the recording once more.
      const kernel = new StandInKernel();
      kernels.set(number, kernel);
      waiting.set(number, new Map());
      const settings = { ...given, receiveBuffer: RECEIVE_BUFFER };
      const queue = PacketQueue[OPEN_IN](overheard(kernel, listener), number, settings);
      queue.addEventListener("undecided", ({ packetId, cause }) => {
        const played = waiting.get(number)?.get(packetId) ??
          recent.get(`${number} ${packetId}`);
        if (played !== undefined) played.cause = cause;
      });
      return queue;
    };
    const host = await FilterHost.start(filter, {
      ...{ queues: options.queues, rules: false, log: options.log, openQueue },
      installRules: () => {
        throw new Error("a recording needs no rules");
      },
    });
    const decided = () => decisions;
    return new Player(host, { kernels, waiting, recent, filter, options, decided });
  }

  /** Whether the filter has come to its end by itself. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Gives the filter a packet, as soon as there is room for it. */
  async play(packet: RecordedPacket): Promise<Played> {
    const { from, to } = this.#queues;
    const recorded = packet.record.queue;
    const queue = recorded !== undefined && recorded >= from && recorded <= to ? recorded : from;
    const kernel = this.#kernels.get(queue)!;
    // Queues take turns: the filter is to see the packets in the order of the recording.
    if (queue !== this.#lastQueue && this.#lastQueue >= 0) await this.#handedOut(this.#lastQueue);
    this.#lastQueue = queue;
    await this.#until(() => (kernel.statistics(queue)?.length ?? 0) < this.#room);
    const passage = kernel.send(queue, this.#standIn(packet));
    const lost = passage.outcome === undefined ? undefined : this.#ended ? "undecided" : "no room";
    const played: Played = { packet, queue, decision: undefined, lost, cause: undefined };
    if (lost === undefined) {
      this.#waiting.get(queue)!.set(kernel.statistics(queue)!.idSequence, played);
    }
    this.#givenBytes += packet.payload.length;
    if (++this.#givenPackets >= MOST_PACKETS || this.#givenBytes >= MOST_BYTES) {
      this.#givenPackets = this.#givenBytes = 0;
      kernel.outcomes.length = 0;
      this.#recent.clear();
      await turn();
    }
    return played;
  }

  /** Waits for the packets that are not decided, as long as any are; not for ever. */
  async finish(): Promise<void> {
    await this.#until(() => [...this.#waiting.values()].every(({ size }) => size === 0));
  }

  /**
   * Ends the filter. What it has left undecided is told to be so.
   *
   * @throws what has ended it, or what its `stop` throws
   */
  async end(): Promise<void> {
    try {
      await this.#host.stop();
    } finally {
      for (const packets of this.#waiting.values()) {
        for (const played of packets.values()) played.lost = "undecided";
        packets.clear();
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end().catch(() => {});
  }

  /** Looks again and again, while packets are decided or may still be. */
  async #until(reached: () => boolean): Promise<void> {
    let decided = -1;
    let since = 0;
    for (let looks = 0; !reached() && !this.#ended && !this.#signal.aborted; looks++) {
      if (this.#decided() !== decided) {
        decided = this.#decided();
        since = performance.now();
        looks = 0;
      }
      if (this.#decided() === this.#stalled) return;
      if (performance.now() - since > this.#patience) {
        this.#stalled = this.#decided();
        return;
      }
      // Promises and messages first, then timers.
      if (looks < MOST_TURNS) await turn();
      else await delay(STEP);
    }
  }

  /** Waits until a queue has read what it was given, as far as it reads now. */
  async #handedOut(number: number): Promise<void> {
    const queue = this.#host.queues.find((one) => one.number === number);
    const given = this.#kernels.get(number)?.statistics(number)?.idSequence ?? 0;
    for (let turns = 0; turns < MOST_TURNS && (queue?.statistics.received ?? given) < given;) {
      await turn();
      turns++;
    }
  }

  #standIn({ record, payload, length }: RecordedPacket): StandInPacket {
    const { direction, interface: source, timestamp, checksumNotReady, gso } = record;
    const { inbound, outbound, either } = this.#hooks;
    const hook = direction === undefined ? either : direction === "inbound" ? inbound : outbound;
    const device = source?.name === undefined || source.name === ""
      ? {}
      : { [hook < INBOUND ? "inDeviceIndex" : "outDeviceIndex"]: recordedDevice(source.name) };
    const bits = (checksumNotReady ? NFQA_SKB.CSUMNOTREADY : 0) | (gso ? NFQA_SKB.GSO : 0);
    const seconds = Math.floor(timestamp / 1e6);
    return {
      payload,
      ...(length > payload.length ? { wholeLength: length } : {}),
      ...{ hook, ...device },
      ...(bits === 0 ? {} : { skbInfo: bits }),
      // The kernel gives none to packets of its own host.
      ...(hook < INBOUND
        ? { timestamp: { seconds, microseconds: timestamp - seconds * 1e6 } }
        : {}),
    };
  }
}
