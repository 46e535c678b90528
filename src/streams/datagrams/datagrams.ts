/**
 * Fragments to whole packets, and one verdict for all of them.
 *
 * @module
 */

import { checkBytes, show } from "../../base/checks.ts";
import { parseLayers } from "../../packet/layers.ts";
import { Datagram } from "./datagram.ts";
import { type Fragment, readFragment } from "./fragment.ts";
import {
  type DatagramResult,
  type DatagramSettings,
  type DatagramsOptions,
  type FragmentPacket,
  type IncompleteReason,
  resolveOptions,
} from "./options.ts";
import { maySplit, split } from "./split.ts";
import { type Waiting, WaitingTable } from "./waiting.ts";

/** What `Datagrams` has counted. */
export interface DatagramStatistics {
  /** Packets that came in one piece. */
  readonly unfragmented: number;
  /** Fragments that came. */
  readonly fragments: number;
  /** Datagrams that were put together from fragments. */
  readonly assembled: number;
  /** Fragments that came twice; the second one is dropped. */
  readonly duplicates: number;
  /** Datagrams that were given up, by the reason. */
  readonly incomplete: Readonly<Record<IncompleteReason, number>>;
  /** Datagrams of which not all is there now. */
  readonly waitingDatagrams: number;
  /** Their fragments. */
  readonly waitingFragments: number;
  /** The bytes of those packets. */
  readonly waitingBytes: number;
}

/** What a verdict calls. */
const METHODS = { 0: "drop", 1: "accept", 4: "repeat", 5: "stop" } as const;

/** How often it looks whether somebody else has decided what waits (ms). */
const LOOK = 1000;

const MESSAGES: Readonly<Record<IncompleteReason, string>> = {
  time: "not all of its fragments came in time",
  datagrams: "too many datagrams wait: see limits.datagrams",
  fragments: "too many fragments wait: see limits.fragments",
  bytes: "too many bytes wait: see limits.bytes",
  overlap: "two of its fragments claim the same bytes",
  malformed: "the lengths of its fragments make no sense",
  truncated: "a fragment was not captured whole: see copyRange",
  closed: "close() was called",
};

/**
 * Puts the fragments of IPv4 and IPv6 packets together. A callback decides once about the whole packet,
 * and every fragment gets its verdict. Where the whole packet is changed, the new one goes on, in
 * fragments that are no larger than those that came.
 *
 * Fragments are seen before the kernel itself puts them together: in the hook `prerouting` with a priority below
 * −400 (docs/datagrams.md).
 *
 * @example
 * ```ts no-eval
 * import { PacketQueue, RuleSet, Verdict } from "@nfqueue/nfqueue";
 * import { Datagrams } from "@nfqueue/nfqueue/streams";
 *
 * const datagrams = new Datagrams({
 *   datagram: ({ udp }) => udp?.destinationPort === 53 ? Verdict.Drop : Verdict.Accept,
 * });
 * using rules = RuleSet.install({ hook: "prerouting", priority: -450, protocol: "udp", queue: 0 });
 * using queue = PacketQueue.open(0);
 * await queue.run(datagrams.handler);
 * ```
 */
export class Datagrams<Packet extends FragmentPacket> implements Disposable {
  readonly #settings: DatagramSettings<Packet>;
  readonly #table: WaitingTable<Packet>;
  readonly #incomplete: Record<IncompleteReason, number>;
  #unfragmented = 0;
  #fragments = 0;
  #assembled = 0;
  #duplicates = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * Makes one that waits for fragments.
   *
   * @throws {TypeError | RangeError} naming the option that is wrong
   */
  constructor(options: DatagramsOptions<Packet>) {
    this.#settings = resolveOptions(options);
    this.#table = new WaitingTable(
      this.#settings.limits,
      (given, reason) => this.#giveUp(given, reason),
    );
    this.#incomplete = Object.fromEntries(
      Object.keys(MESSAGES).map((reason) => [reason, 0]),
    ) as Record<IncompleteReason, number>;
  }

  /**
   * The handler for `queue.run`. It gives fragments their verdicts itself, and returns that of other packets.
   *
   * @throws {TypeError} when the callback returns neither a verdict nor a Uint8Array
   * @throws {RangeError} when it returns what is no packet of the same IP version. All fragments are then dropped
   * @throws what the callback throws, likewise
   */
  readonly handler = (packet: Packet): 0 | 1 | 4 | 5 | undefined => {
    if (!isFragment(packet)) return this.#whole(packet);
    const bytes = packet.payload;
    const fragment = readFragment(bytes);
    if (fragment === "whole") return this.#whole(packet);
    this.#fragments++;
    if (packet.truncated) return this.#refuse("truncated");
    if (fragment === "malformed") return this.#refuse("malformed");
    return this.#add(packet, fragment);
  };

  /** What was counted, and what waits. */
  get statistics(): DatagramStatistics {
    const { datagrams, fragments, bytes } = this.#table;
    return {
      unfragmented: this.#unfragmented,
      fragments: this.#fragments,
      assembled: this.#assembled,
      duplicates: this.#duplicates,
      incomplete: { ...this.#incomplete },
      waitingDatagrams: datagrams,
      waitingFragments: fragments,
      waitingBytes: bytes,
    };
  }

  /** Gives up what waits. Idempotent; fragments that come later are put together again. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#table.clear();
  }

  /** Closes it, at the end of a `using` scope. */
  [Symbol.dispose](): void {
    this.close();
  }

  #whole(packet: Packet): 0 | 1 | 4 | 5 {
    this.#unfragmented++;
    const whole = new Datagram(packet, 1, () => packet.payload);
    const { verdict, bytes } = this.#decide(whole);
    if (bytes !== undefined && verdict !== 0) packet.replacePayload(bytes);
    return verdict;
  }

  #add(packet: Packet, fragment: Fragment): 0 | 1 | undefined {
    const now = performance.now();
    this.#table.expire(now);
    const device = packet.inDevice?.index ?? 0;
    const key = `${packet.hook}${String.fromCharCode(device, device >>> 16)}${fragment.key}`;
    const rest = this.#table.restOf(key, now);
    if (rest !== undefined) return rest === "pass" ? 1 : 0;
    const entry = this.#table.of(key, fragment, now);
    const addition = entry.assembly.add(fragment);
    if (addition === "duplicate") {
      this.#duplicates++;
      return 0;
    }
    if (addition !== "added") {
      this.#giveUp(entry, addition);
      return 0;
    }
    packet.hold();
    if (fragment.start === 0) entry.first = packet;
    this.#table.count(entry, packet, fragment.bytes.length);
    // It may have been too much itself.
    if (this.#table.has(entry) && entry.assembly.complete) this.#assemble(entry);
    this.#arm();
    return undefined;
  }

  #assemble(entry: Waiting<Packet>): void {
    const joined = entry.assembly.join();
    // A fragment of a fragment is nothing that a sender makes.
    if (joined === undefined || readFragment(joined) !== "whole") {
      return this.#giveUp(entry, "malformed");
    }
    this.#table.take(entry);
    this.#assembled++;
    const { packets, first, identification } = entry;
    const { largest } = entry.assembly;
    try {
      const { verdict, bytes } = this.#decide(new Datagram(first!, packets.length, () => joined));
      const waiting = packets.filter(({ verdict }) => verdict === undefined);
      if (bytes === undefined || verdict === 0) {
        for (const packet of waiting) packet[METHODS[verdict]]();
      } else {
        this.#replace(waiting, { bytes, verdict, largest, identification });
      }
    } catch (error) {
      for (const packet of packets) if (packet.verdict === undefined) packet.drop();
      throw error;
    }
  }

  /**
   * One fragment of the new packet in the place of each old one. Where they are too few for one that the
   * kernel may not split, all are sent instead.
   */
  #replace(
    waiting: readonly Packet[],
    { bytes, verdict, largest, identification }: {
      readonly bytes: Uint8Array;
      readonly verdict: 0 | 1 | 4 | 5;
      readonly largest: number;
      readonly identification: number;
    },
  ): void {
    if (waiting.length === 0) return;
    // Of what may be split by the kernel the last fragment takes all that is left: nothing need be sent.
    const most = maySplit(bytes) ? waiting.length : Infinity;
    const pieces = split(bytes, { largest, identification, most });
    const [first] = waiting;
    // All of them or none: where connections are tracked, the kernel puts what is sent together by itself.
    const sent = pieces.length > waiting.length;
    if (sent) { for (const piece of pieces) first!.send(piece); }
    for (const [at, packet] of waiting.entries()) {
      const piece = sent ? undefined : pieces[at];
      if (piece !== undefined) packet.replacePayload(piece);
    }
    for (const [at, packet] of waiting.entries()) {
      packet[sent || pieces[at] === undefined ? "drop" : METHODS[verdict]]();
    }
  }

  /** What the callback says, checked. */
  #decide(
    whole: Datagram<Packet>,
  ): { readonly verdict: 0 | 1 | 4 | 5; readonly bytes: Uint8Array | undefined } {
    const result: DatagramResult = this.#settings.datagram(whole);
    if (typeof result === "number" && Object.hasOwn(METHODS, result)) {
      return { verdict: result, bytes: whole.changed };
    }
    if (!(result instanceof Uint8Array)) {
      const promise = typeof result === "object" ? ": it must not be asynchronous" : "";
      throw new TypeError(
        `datagram must return a Verdict or a Uint8Array, got ${show(result)}${promise}`,
      );
    }
    return { verdict: 1, bytes: checkWhole(result, whole) };
  }

  #giveUp(entry: Waiting<Packet>, reason: IncompleteReason): void {
    this.#table.take(entry);
    const spoilt = reason === "overlap" || reason === "malformed";
    const then = spoilt ? "drop" : this.#settings.incomplete;
    if (reason !== "time" && reason !== "closed") this.#table.remember(entry, then);
    const { packets } = entry;
    for (const packet of packets) {
      if (packet.verdict === undefined) packet[then === "pass" ? "accept" : "drop"]();
    }
    this.#tell(reason, { then, fragments: packets.length, bytes: entry.assembly.received });
  }

  /** A single fragment that cannot be part of a datagram. */
  #refuse(reason: "truncated" | "malformed"): 0 | 1 {
    const then = reason === "malformed" ? "drop" : this.#settings.incomplete;
    this.#tell(reason, { then, fragments: 0, bytes: 0 });
    return then === "pass" ? 1 : 0;
  }

  #tell(
    reason: IncompleteReason,
    given: {
      readonly then: "drop" | "pass";
      readonly fragments: number;
      readonly bytes: number;
    },
  ): void {
    this.#incomplete[reason]++;
    this.#settings.onIncomplete({ ...given, reason, message: MESSAGES[reason] });
  }

  /** Looks after what waits, while something does. */
  #arm(): void {
    if (this.#timer !== undefined || this.#table.datagrams === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#table.forgetDecided();
      this.#table.expire(performance.now());
      this.#arm();
    }, Math.min(LOOK, this.#settings.limits.milliseconds));
  }
}

/** Whether a packet is a fragment. It costs less than to copy the bytes. */
function isFragment({ ipv4, ipv6 }: FragmentPacket): boolean {
  if (ipv4 !== undefined) return ipv4.moreFragments || ipv4.fragmentOffset > 0;
  return ipv6?.fragment !== undefined;
}

/** @throws {TypeError | RangeError} when it is no whole packet of the same IP version */
function checkWhole<Packet>(given: Uint8Array, whole: Datagram<Packet>): Uint8Array {
  const bytes = checkBytes("the new packet", given);
  const { ip } = parseLayers(bytes);
  const version = whole.bytes[0]! >> 4;
  if (ip === undefined || bytes[0]! >> 4 !== version) {
    throw new RangeError(`the new packet must be a whole packet of IPv${version}`);
  }
  if (readFragment(bytes) !== "whole") throw new RangeError("the new packet must be no fragment");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const length = version === 4 ? view.getUint16(2) : 40 + view.getUint16(4);
  if (length !== bytes.length) {
    throw new RangeError(`the new packet has ${bytes.length} bytes, and says ${length}`);
  }
  return bytes;
}
