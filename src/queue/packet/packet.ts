/**
 * One packet: what the kernel told about it, its bytes, and the verdict it is waiting for.
 *
 * @module
 */

import { copyOf, lengthOf } from "../../base/bytes.ts";
import type { ArpView } from "../../packet/link/arp.ts";
import type { WireProblem } from "../../base/errors.ts";
import type { Flow } from "../../packet/structure/flow.ts";
import { PacketBytes as Frame } from "../../packet/structure/packet_bytes.ts";
import type { IcmpView } from "../../packet/transport/icmp.ts";
import type { Icmpv6View } from "../../packet/transport/icmpv6.ts";
import type { Ipv4View } from "../../packet/ip/ipv4.ts";
import type { Ipv6View } from "../../packet/ip/ipv6.ts";
import { INSPECT, type JsonObject } from "../../base/json_value.ts";
import { Layers } from "../../packet/layers.ts";
import { NFQA } from "../../netlink/queue/numbers.ts";
import { attributeLength } from "../../netlink/queue/packet_index.ts";
import type { TcpView } from "../../packet/transport/tcp.ts";
import type { UdpView } from "../../packet/transport/udp.ts";
import { checkBoolean, checkKeys } from "../../base/checks.ts";
import { resolveChanges } from "./changes.ts";
import type { Decider } from "./decider.ts";
import { describeEnding, type Ending } from "./ending.ts";
import { VerdictError } from "../terms/errors.ts";
import type { UndecidedCause } from "../terms/events.ts";
import {
  attributeOffset,
  liveStore,
  type MessageStore,
  moveStore,
  singleStore,
  slotOf,
} from "./metadata.ts";
import { checkInteger } from "../terms/options.ts";
import { flowOfMessage } from "./flow.ts";
import { checkReplacement, finishEdited, finishReplacement, PACKET_OWNER } from "./owner.ts";
import { copyLink, linkEdits, PacketLink, rebaseLink, releaseLink } from "./link.ts";
import { packetDump, packetJson, packetLine } from "./text.ts";
import {
  NO_MARK,
  requeueVerdict,
  resolveMark,
  Verdict,
  VERDICT_KEYS,
  type VerdictOptions,
} from "./verdict.ts";

// What the loops of this folder may do with a packet, and its users may not.
/** @ignore Gives the verdict that a handler returned. */
export let settleByHandler: (packet: Packet, verdict: Verdict) => void;
/** @ignore Gives a verdict of the queue's own. */
export let settleByQueue: (packet: Packet, verdict: Verdict, cause: UndecidedCause) => void;
/** @ignore Whether it is undecided and nobody holds it. */
export let isLeft: (packet: Packet) => boolean;
/** @ignore Whether it is a copy, which takes no verdict. */
export let isCopy: (packet: Packet) => boolean;
/** @ignore Whether the program's own bytes are in its place. */
export let isReplaced: (packet: Packet) => boolean;
/** @ignore Its bytes, in place. */
export let frameOf: (packet: Packet) => Frame;
/** @ignore Its headers. */
export let parsedOf: (packet: Packet) => Layers;
/** @ignore Its headers, to be shown as they are, whatever was written into copies of its bytes. */
export let layersOf: (packet: Packet) => Layers;
/** @ignore Moves an undecided packet out of the receive memory into some of its own. */
export let moveOut: (packet: Packet) => void;
/** @ignore Whether its deadline, or the end of the queue, took it from its handler. */
export let isOvertaken: (packet: Packet) => boolean;

/**
 * A queued packet.
 *
 * Assigning to a field of one of its views changes it: `packet.ip.ttl = 9`, `packet.udp.payload =
 * bytes`. Lengths and checksums follow, and a verdict of the program's own sends the packet back as
 * it is then; the queue's verdicts (deadline, error, close) let it go on as it came. Any assignment but
 * to `ethernet` and `vlan` throws {@linkcode TruncatedPacketError} when only a part was captured.
 *
 * It borrows the receive memory until its verdict: reading it, or one of its views, afterwards throws
 * {@linkcode PacketReleasedError}. `copy()` owns its memory and may be kept. Bytes that are read
 * (`payload`, `udp.payload`, `ip.sourceBytes`, …) are parts of one copy of this packet's bytes: keep
 * them, transfer them, write to them. What is written into them is not sent; assign other ones.
 */
export class Packet extends PacketLink {
  readonly #decider: Decider | undefined;
  #verdict: number | undefined;
  #ending: Ending | undefined;
  #held = false;
  #frame: Frame | undefined;
  #layers: Layers | undefined;
  #replacement: Uint8Array | undefined;

  /** @ignore Packets come from a queue. */
  constructor(decider: Decider | undefined, store: MessageStore, slot: number) {
    super(store, slot);
    this.#decider = decider;
  }

  /**
   * The captured bytes from the network header on; after an edit or a replacement the new ones. A
   * copy, made at the first read and again after a change, and good for as long as you like. Bytes
   * written here are sent only with `replacePayload`.
   */
  get payload(): Uint8Array<ArrayBuffer> {
    return this.#framed().bytes() as Uint8Array<ArrayBuffer>;
  }

  /** The IPv4 or IPv6 header. */
  get ip(): Ipv4View | Ipv6View | undefined {
    return this.#parsed().ip;
  }

  /** The IPv4 header. */
  get ipv4(): Ipv4View | undefined {
    return this.#parsed().ipv4;
  }

  /** The IPv6 header. */
  get ipv6(): Ipv6View | undefined {
    return this.#parsed().ipv6;
  }

  /** The TCP header. */
  get tcp(): TcpView | undefined {
    return this.#parsed().tcp;
  }

  /** The UDP header. */
  get udp(): UdpView | undefined {
    return this.#parsed().udp;
  }

  /** The ICMP header. */
  get icmp(): IcmpView | undefined {
    return this.#parsed().icmp;
  }

  /** The ICMPv6 header. */
  get icmpv6(): Icmpv6View | undefined {
    return this.#parsed().icmpv6;
  }

  /** The ARP packet (bridge family). */
  get arp(): ArpView | undefined {
    return this.#parsed().arp;
  }

  /**
   * Addresses, ports and protocol as a value of its own, for a look-up by connection; absent when
   * there is no IP header. Made anew at each read.
   */
  get flow(): Flow | undefined {
    const fresh = this.#layers === undefined && this.#replacement === undefined;
    return (fresh ? flowOfMessage(this) : undefined) ?? this.#parsed().flow;
  }

  /** Why a layer could not be read, or what is wrong with UDP's length; undefined when nothing is. */
  get malformed(): WireProblem | undefined {
    return this.#parsed().malformed;
  }

  /** Whether it was edited or replaced, so that a verdict of the program sends it back changed. */
  get modified(): boolean {
    return this.#changed() !== undefined || linkEdits(this) !== undefined;
  }

  /** Bytes of the whole packet, captured or not; after an edit or a replacement the new number. */
  override get length(): number {
    const frame = this.#frame;
    // Asked for at each edit that lengthens: no view of the bytes for that.
    if (frame !== undefined && frame.touched) return frame.length;
    const changed = this.#changed();
    return changed === undefined ? super.length : lengthOf(changed);
  }

  /** What it was given, with the bits of the queue number after a requeue; undefined until then. */
  get verdict(): number | undefined {
    return this.#verdict;
  }

  /**
   * Keeps the packet beyond the end of the handler, or of this turn of `for await`, to be decided
   * later, in any order, until the queue closes or its deadline passes.
   *
   * @throws {VerdictError} when it is decided already
   */
  hold(): void {
    this.#checkOpen();
    this.#held = true;
  }

  /**
   * Makes `bytes` go on in the packet's place: a whole packet from the network header on, with
   * lengths and checksums right. The bytes are read when the verdict is given, which throws what is
   * said here too, not copied before.
   * `payload` and the views read them from now on; editing a view copies them first, so that the
   * program's own bytes stay as they are. The MTU is not looked at.
   * Where the kernel had left the transport checksum to the hardware ({@linkcode checksumNotReady})
   * it is computed, since a replaced packet must carry a finished one.
   *
   * @throws {TruncatedPacketError} when only a part of the packet was captured
   * @throws {TypeError | RangeError} when it is not 1…65531 bytes, or no packet of the same IP version
   * @throws {VerdictError} when the packet is decided already
   */
  replacePayload(bytes: Uint8Array): void {
    if (!isCopy(this)) this.#checkOpen();
    checkReplacement(this, bytes);
    this.#replacement = bytes;
    this.#frame?.lend(bytes);
    this.#layers?.refresh();
  }

  /**
   * Lets it go on to the next rule hook.
   *
   * @throws {VerdictError} when it has a verdict, or nothing of what is to be changed
   * @throws {TypeError | RangeError} naming the option that is out of its range
   */
  accept(options?: VerdictOptions): void {
    this.#decide(Verdict.Accept, options);
  }

  /**
   * Discards it.
   *
   * @throws {VerdictError} when it has a verdict
   */
  drop(): void {
    this.#decide(Verdict.Drop, undefined);
  }

  /**
   * Sends it through its hook again, from the first rule. Set a mark that your rule excludes, or it
   * comes back for ever.
   *
   * @throws {VerdictError} when it has a verdict
   */
  repeat(options?: VerdictOptions): void {
    this.#decide(Verdict.Repeat, options);
  }

  /**
   * Accepts it, and spares it the later hook functions of this hook.
   *
   * @throws {VerdictError} when it has a verdict
   */
  stop(options?: VerdictOptions): void {
    this.#decide(Verdict.Stop, options);
  }

  /**
   * Sends it to another queue.
   *
   * @param queue number of the other queue, 0…65535
   * @param options with `bypass` it is accepted where nobody listens there; else it is dropped
   * @throws {VerdictError} when it has a verdict
   */
  requeue(
    queue: number,
    options: VerdictOptions & { readonly bypass?: boolean | undefined } = {},
  ): void {
    checkInteger("queue number", queue, { min: 0, max: 0xffff });
    checkKeys("options", options, [...VERDICT_KEYS, "bypass"]);
    const { bypass = false, ...rest } = options;
    this.#decide(requeueVerdict(queue, checkBoolean("bypass", bypass)), rest);
  }

  /**
   * A copy of the packet as it is now, in memory of its own: everything can be read for ever, and
   * edited, but it takes no verdict.
   *
   * @throws {PacketReleasedError} after the verdict
   */
  copy(): Packet {
    const copy = new Packet(undefined, singleStore(liveStore(this), slotOf(this), 0), 0);
    copy.#verdict = this.#verdict;
    const changed = this.#changed();
    if (changed !== undefined) copy.#replacement = copyOf(changed);
    copyLink(this, copy);
    return copy;
  }

  /** One line, as tcpdump would print it; after the verdict `packet ID, released`. */
  override toString(): string {
    return packetLine(this);
  }

  /**
   * Many lines for people: what the kernel told, each header with its fields and whether checksums
   * are right, the first 256 or `maxBytes` bytes of data. After the verdict as `toString()`.
   * @throws {TypeError | RangeError} when `maxBytes` is no number of bytes
   */
  inspect(options: { readonly maxBytes?: number | undefined } = {}): string {
    checkKeys("options", options, ["maxBytes"]);
    return packetDump(this, options.maxBytes);
  }

  /**
   * For `JSON.stringify`: the properties of the packet and of its views under the same names; bytes
   * are hex, what is absent has no key. After the verdict `{ id, released: true, verdict }`.
   */
  toJSON(): JsonObject {
    return packetJson(this);
  }

  /** @ignore For console.log. */
  [INSPECT](): string {
    return `Packet ${this.id} { ${packetLine(this)} }`;
  }

  #parsed(): Layers {
    const frame = this.#framed();
    return this.#layers ??= new Layers(frame, this.protocol);
  }

  #framed(): Frame {
    const { view, bytes } = liveStore(this);
    if (this.#frame !== undefined) return this.#frame;
    const offset = attributeOffset(this, NFQA.PAYLOAD);
    const end = offset === 0 ? 0 : offset + attributeLength(view, offset);
    const frame = new Frame(bytes, offset, end, view, PACKET_OWNER, this);
    if (this.#replacement !== undefined) frame.lend(this.#replacement);
    return this.#frame = frame;
  }

  /** The bytes in place of those that came, if there are any. */
  #changed(): Uint8Array | undefined {
    liveStore(this);
    const frame = this.#frame;
    return frame !== undefined && frame.touched ? frame.subarray() : this.#replacement;
  }

  #checkOpen(): void {
    if (this.#decider === undefined) throw new VerdictError(this.id, "a copy takes no verdict");
    if (this.#ending === undefined) return;
    throw new VerdictError(this.id, describeEnding(this.#ending, this.#verdict));
  }

  #decide(verdict: number, options: VerdictOptions | undefined): void {
    this.#checkOpen();
    const assigned = verdict === Verdict.Drop ? undefined : linkEdits(this);
    if (options === undefined && assigned === undefined) {
      return this.#end("given", verdict, NO_MARK);
    }
    if (options !== undefined) checkKeys("options", options, VERDICT_KEYS);
    const mark = resolveMark(options?.mark, () => this.mark);
    const attributes = resolveChanges(this, options ?? {}, assigned);
    // Reading the options may have run the program's own code.
    this.#checkOpen();
    this.#end("given", verdict, mark, attributes);
  }

  #end(ending: Ending, verdict: number, mark: number, attributes?: Uint8Array<ArrayBuffer>): void {
    // First, because it may throw: the packet is then still undecided.
    // What the queue decides goes on as it came: the program was not done with its replacement.
    const replaced = ending === "given" && verdict !== Verdict.Drop;
    const payload = replaced ? this.#finished() : undefined;
    const plain = payload === undefined && attributes === undefined;
    this.#decider!.decide(this, verdict, mark, plain ? undefined : { payload, attributes });
    this.#release(ending, verdict);
  }

  #release(ending: Ending, verdict: number): void {
    this.#ending = ending;
    this.#verdict = verdict;
    releaseLink(this);
    this.#replacement = undefined;
    this.#frame?.release();
  }

  /** What is sent in the packet's place: the edited packet, or the program's bytes. */
  #finished(): Uint8Array | Frame | undefined {
    const frame = this.#frame;
    if (frame !== undefined && frame.touched) return finishEdited(this, frame);
    const bytes = this.#replacement;
    return bytes && finishReplacement(this, bytes);
  }

  static {
    settleByHandler = (packet, verdict) => {
      // The handler lost the race against the deadline or the end; that has been reported.
      if (isOvertaken(packet)) return;
      if (packet.#ending === "given") {
        const given = describeEnding("given", packet.#verdict);
        throw new VerdictError(packet.id, `${given}: return one or call a method, not both`);
      }
      packet.#decide(verdict, undefined);
    };
    frameOf = (packet) => packet.#framed();
    parsedOf = (packet) => packet.#parsed();
    layersOf = (packet) => {
      const layers = packet.#parsed();
      packet.#frame!.renew();
      return layers;
    };
    isLeft = (packet) => packet.#ending === undefined && !packet.#held;
    isCopy = (packet) => packet.#decider === undefined;
    isReplaced = (packet) => packet.#replacement !== undefined;
    isOvertaken = (packet) => packet.#ending === "deadline" || packet.#ending === "close";
    settleByQueue = (packet, verdict, cause) => packet.#end(cause, verdict, NO_MARK);
    moveOut = (packet) => {
      const from = liveStore(packet);
      const slot = slotOf(packet);
      const frame = packet.#frame;
      const to = singleStore(from, slot, frame?.endIn(from.bytes) ?? 0);
      const shift = -slot * from.slotSize;
      frame?.rebase(from.bytes, to, shift);
      rebaseLink(packet, from.bytes, to, shift);
      moveStore(packet, to);
    };
  }
}
