/**
 * One packet: what the kernel told about it, its bytes, and the verdict it is waiting for. The former is
 * read in place, straight from the attributes of its message (linux/netfilter/nfnetlink_queue.h).
 *
 * Longer than 400 lines: one flat class. Split into a chain of classes, reading a packet took several
 * times as long.
 *
 * @module
 */

import { checkOutgoing } from "../../answer/outgoing.ts";
import { checkReason, type RejectReason } from "../../answer/reasons.ts";
import type { Unanswered } from "../../answer/unanswered.ts";
import { formatMac } from "../../base/address.ts";
import { copyOf, lengthOf } from "../../base/bytes.ts";
import { checkBoolean, checkKeys, checkU16 } from "../../base/checks.ts";
import { PacketReleasedError, type WireProblem } from "../../base/errors.ts";
import { type Device, deviceOf } from "../../linux/devices.ts";
import { type Conntrack, decodeConntrack } from "../../netlink/conntrack/entry.ts";
import {
  readHardwareAddress,
  readMicroseconds,
  readSecurityContext,
} from "../../netlink/queue/attributes.ts";
import { NFQA, NFQA_SKB } from "../../netlink/queue/numbers.ts";
import type { PacketMessage } from "../../nfqueue/packet_message.ts";
import type { Ipv4View } from "../../packet/ip/ipv4.ts";
import type { Ipv6View } from "../../packet/ip/ipv6.ts";
import { Layers } from "../../packet/layers.ts";
import type { ArpView } from "../../packet/link/arp.ts";
import type { EthernetView } from "../../packet/link/ethernet.ts";
import type { Flow } from "../../packet/structure/flow.ts";
import { flowOf } from "../../packet/structure/flow_of_packet.ts";
import { type BytesPlace, LEND } from "../../packet/structure/lent.ts";
import { Outline } from "../../packet/structure/outline.ts";
import { PacketBytes } from "../../packet/structure/packet_bytes.ts";
import { INSPECT, type JsonObject } from "../../base/json_value.ts";
import type { IcmpView } from "../../packet/transport/icmp.ts";
import type { Icmpv6View } from "../../packet/transport/icmpv6.ts";
import type { TcpView } from "../../packet/transport/tcp.ts";
import type { UdpView } from "../../packet/transport/udp.ts";
import { arpOf, icmpOf, icmpv6Of, ipOf, ipv4Of, ipv6Of, tcpOf, udpOf } from "../../packet/views.ts";
import { resolveChanges, resolveMark } from "./changes.ts";
import type { Decider, PacketAnswers } from "./decider.ts";
import { describeEnding, type Ending, type UndecidedCause } from "./ending.ts";
import { VerdictError } from "./errors.ts";
import { type Family, familyName } from "./families.ts";
import { flowOfMessage } from "./flow.ts";
import {
  IS_LEFT,
  IS_OVERTAKEN,
  MESSAGE,
  MOVE_OUT,
  OUTLINE,
  SETTLE_BY_HANDLER,
  SETTLE_BY_QUEUE,
} from "./friends.ts";
import { type Hook, hookName } from "./hooks.ts";
import { Layer2 } from "./layer2.ts";
import {
  checkReplacement,
  COPY,
  finishEdited,
  finishEditedReplacement,
  finishReplacement,
  RECEIVED,
  REPLACED,
  REPLACED_COPY,
} from "./edit_terms.ts";
import { RELEASED } from "./released.ts";
import { packetDump, packetJson, packetLine } from "./text.ts";
import { NO_MARK, requeueVerdict, Verdict } from "./verdict.ts";
import { VERDICT_KEYS, type VerdictOptions, type VlanOptions } from "./verdict_options.ts";
import { ownTag, resolveVlan, type Vlan, vlanOf } from "./vlan.ts";

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
export class Packet {
  /** RELEASED once the packet has its verdict: the slot may hold another one's message then. */
  #message: PacketMessage;
  readonly #id: number;
  /** Undefined for a copy. */
  readonly #decider: Decider | undefined;
  #verdict: number | undefined = undefined;
  #ending: Ending | undefined = undefined;
  #held = false;
  #frame: PacketBytes | undefined = undefined;
  #outline: Outline | undefined = undefined;
  #replacement: Uint8Array | undefined = undefined;
  #layer2: Layer2 | undefined = undefined;
  #unanswered: Unanswered | undefined = undefined;

  /** @ignore Packets come from a queue. */
  constructor(decider: Decider | undefined, message: PacketMessage) {
    if (message?.index === undefined) {
      throw new TypeError("packets come from a queue: see PacketQueue");
    }
    this.#message = message;
    this.#id = message.id;
    this.#decider = decider;
  }

  /** The kernel's number of the packet in its queue: 32 bits, counting up, wrapping. Never released. */
  get id(): number {
    return this.#id;
  }

  /** Number of the queue the packet came through. */
  get queue(): number {
    return this.#message.queue;
  }

  /** Where in the stack it was queued. */
  get hook(): Hook {
    return hookName(this.#message.hook);
  }

  /** Protocol family of the rule that queued it. */
  get family(): Family {
    return familyName(this.#message.family);
  }

  /** EtherType: 0x0800 is IPv4, 0x86dd IPv6. `packet.ip.protocol` tells TCP from UDP. */
  get etherType(): number {
    return this.#message.etherType;
  }

  /** The packet's mark (nfmark), host order; 0 where none is set. `accept({ mark })` sets one. */
  get mark(): number {
    return this.#message.u32(NFQA.MARK) ?? 0;
  }

  /** skb->priority, host order (kernel 5.18 and later); absent when it is 0. */
  get priority(): number | undefined {
    return this.#message.u32(NFQA.PRIORITY);
  }

  /** User id of the local socket, as the initial user namespace counts; needs the option `uidGid`. */
  get uid(): number | undefined {
    return this.#message.u32(NFQA.UID);
  }

  /** Group id of the local socket, likewise; needs the option `uidGid`. */
  get gid(): number | undefined {
    return this.#message.u32(NFQA.GID);
  }

  /** Security context as text; needs the option `securityContext`. */
  get securityContext(): string | undefined {
    const message = this.#message;
    const offset = message.offset(NFQA.SECCTX);
    if (offset === 0) return undefined;
    return readSecurityContext(message.bytes, offset, message.length(NFQA.SECCTX));
  }

  /** net_cls class id of the local socket (kernel 6.13 and later). */
  get cgroupClassId(): number | undefined {
    return this.#message.u32(NFQA.CGROUP_CLASSID);
  }

  /** The interface it came in by. */
  get inDevice(): Device | undefined {
    return deviceOf(this.#message.u32(NFQA.IFINDEX_INDEV) ?? 0);
  }

  /** The interface it will leave by. */
  get outDevice(): Device | undefined {
    return deviceOf(this.#message.u32(NFQA.IFINDEX_OUTDEV) ?? 0);
  }

  /** The bridge port it came in by. */
  get physicalInDevice(): Device | undefined {
    return deviceOf(this.#message.u32(NFQA.IFINDEX_PHYSINDEV) ?? 0);
  }

  /** The bridge port it will leave by. */
  get physicalOutDevice(): Device | undefined {
    return deviceOf(this.#message.u32(NFQA.IFINDEX_PHYSOUTDEV) ?? 0);
  }

  /** Hardware address of the sender, colon form; absent on packets from this host. */
  get hardwareAddress(): string | undefined {
    const message = this.#message;
    const offset = message.offset(NFQA.HWADDR);
    if (offset === 0) return undefined;
    const { view, bytes } = message;
    return formatMac(readHardwareAddress(view, bytes, offset));
  }

  /**
   * The Ethernet header without the VLAN tag; bridge family only. `packet.ethernet.destination =
   * "02:00:00:00:00:01"` changes it, and the verdict takes it along, also where only a part of the
   * packet was captured. The bridge looks at the addresses behind PREROUTING: a frame that is
   * changed there goes to another port.
   */
  get ethernet(): EthernetView | undefined {
    const message = this.#message;
    if (message.offset(NFQA.L2HDR) === 0) return undefined;
    return (this.#layer2 ??= new Layer2()).ethernet(message);
  }

  /**
   * VLAN tag; bridge family only. `packet.vlan = { id: 7 }` puts one on, or changes what is given of
   * the one that is there: a whole value, not field by field. It cannot be taken away.
   *
   * @throws {TypeError | RangeError} naming what is out of its range
   * @throws {VerdictError} when it is assigned to a packet of another family
   */
  get vlan(): Vlan | undefined {
    const message = this.#message;
    const tag = this.#layer2?.vlan ?? ownTag(message);
    return tag === undefined ? undefined : vlanOf(tag);
  }

  set vlan(vlan: VlanOptions) {
    if (vlan === undefined) throw new TypeError("the kernel takes no VLAN tag away from a packet");
    const tag = resolveVlan(this, vlan, this.#layer2?.vlan);
    (this.#layer2 ??= new Layer2()).vlan = tag;
  }

  /**
   * The layer-2 header without the VLAN tag; bridge family only. A copy: bytes written here are sent
   * only with `packet.accept({ layer2Header })`; `ethernet` has its fields.
   */
  get layer2Header(): Uint8Array | undefined {
    const header = this.#message.part(NFQA.L2HDR);
    return header === undefined ? undefined : new Uint8Array(header);
  }

  /** When the packet arrived, microseconds since 1970; absent on packets from this host. */
  get timestamp(): number | undefined {
    const message = this.#message;
    const offset = message.offset(NFQA.TIMESTAMP);
    return offset === 0 ? undefined : readMicroseconds(message.view, offset);
  }

  /**
   * The connection tracking entry; needs the option `conntrack`. Plain values, nothing borrowed.
   * `packet.accept({ conntrack: { mark: 7 } })` changes it.
   *
   * @throws {WireError} when the kernel's attribute cannot be read
   */
  get conntrack(): Conntrack | undefined {
    const message = this.#message;
    const nest = message.part(NFQA.CT);
    return nest === undefined ? undefined : decodeConntrack(nest, message.u32(NFQA.CT_INFO));
  }

  /**
   * Bytes of the whole packet from the network header on, at every copy range; after an edit or a
   * replacement the new number.
   */
  get length(): number {
    const message = this.#message;
    return this.#frame === undefined && this.#replacement === undefined
      ? message.packetLength
      : this.#newLength(message);
  }

  /** Whether `payload` holds less than the packet. */
  get truncated(): boolean {
    return this.#message.truncated;
  }

  /** The transport checksum is not computed yet: the packet is on its way down, or was never cut. */
  get checksumNotReady(): boolean {
    return (this.#message.skbInfo & NFQA_SKB.CSUMNOTREADY) !== 0;
  }

  /** Several segments in one packet, larger than the MTU; only with the option `gso`. */
  get gso(): boolean {
    return (this.#message.skbInfo & NFQA_SKB.GSO) !== 0;
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
    return ipOf(this[OUTLINE]);
  }

  /** The IPv4 header. */
  get ipv4(): Ipv4View | undefined {
    return ipv4Of(this[OUTLINE]);
  }

  /** The IPv6 header. */
  get ipv6(): Ipv6View | undefined {
    return ipv6Of(this[OUTLINE]);
  }

  /** The TCP header. */
  get tcp(): TcpView | undefined {
    return tcpOf(this[OUTLINE]);
  }

  /** The UDP header. */
  get udp(): UdpView | undefined {
    return udpOf(this[OUTLINE]);
  }

  /** The ICMP header. */
  get icmp(): IcmpView | undefined {
    return icmpOf(this[OUTLINE]);
  }

  /** The ICMPv6 header. */
  get icmpv6(): Icmpv6View | undefined {
    return icmpv6Of(this[OUTLINE]);
  }

  /** The ARP packet (bridge family). */
  get arp(): ArpView | undefined {
    return arpOf(this[OUTLINE]);
  }

  /**
   * Addresses, ports and protocol as a value of its own, for a look-up by connection; absent when
   * there is no IP header. Made anew at each read.
   */
  get flow(): Flow | undefined {
    const message = this.#message;
    const fresh = this.#outline === undefined && this.#replacement === undefined;
    return (fresh ? flowOfMessage(message) : undefined) ?? flowOf(this[OUTLINE]);
  }

  /** Why a layer could not be read, or what is wrong with UDP's length; undefined when nothing is. */
  get malformed(): WireProblem | undefined {
    return this[OUTLINE].problem;
  }

  /** Whether it was edited or replaced, so that a verdict of the program sends it back changed. */
  get modified(): boolean {
    if (this.#message === RELEASED) throw new PacketReleasedError();
    return this.#changed() !== undefined || this.#layer2?.edits() !== undefined;
  }

  /** What it was given, with the bits of the queue number after a requeue; undefined until then. */
  get verdict(): number | undefined {
    return this.#verdict;
  }

  /**
   * Why `reject`, `reset` or `answer` dropped it without an answer; undefined where one was sent. Never
   * released.
   */
  get unanswered(): Unanswered | undefined {
    return this.#unanswered;
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
   * @throws {TypeError | RangeError} when it is not 1 to 65531 bytes, or no packet of the same IP version
   * @throws {VerdictError} when the packet is decided already
   */
  replacePayload(bytes: Uint8Array): void {
    const copy = this.#decider === undefined;
    if (!copy) this.#checkOpen();
    checkReplacement(this.#message, bytes);
    this.#replacement = bytes;
    this.#frame?.lend(bytes, copy ? REPLACED_COPY : REPLACED);
    this.#outline?.refresh();
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
   * @param queue number of the other queue, 0 to 65535
   * @param options with `bypass` it is accepted where nobody listens there; else it is dropped
   * @throws {VerdictError} when it has a verdict
   */
  requeue(
    queue: number,
    options: VerdictOptions & { readonly bypass?: boolean | undefined } = {},
  ): void {
    checkU16("queue number", queue);
    checkKeys("options", options, [...VERDICT_KEYS, "bypass"]);
    const { bypass = false, ...rest } = options;
    this.#decide(requeueVerdict(queue, checkBoolean("bypass", bypass)), rest);
  }

  /**
   * Drops it, and tells its sender, as the kernel's REJECT does: by a TCP reset, or an ICMP error that
   * quotes the packet as it is now. Where a `RuleSet` of this program sent it to the queue, at input, forward
   * or output, the kernel itself does it: the verdict is then a repeat with a mark that a rule rejects. `unanswered` says why no answer was sent: some packets must not be
   * answered (RFC 1122 §3.2.2, RFC 4443 §2.4), and there is a limit a second (`answersPerSecond`).
   *
   * @param options `reason` is what the sender is told; default "tcp-reset" for TCP, else
   * "port-unreachable"
   * @throws {TypeError} for another reason
   * @throws {RangeError} when the reason is "tcp-reset" and the packet is not TCP's
   * @throws {TruncatedPacketError} when too little of it was captured
   * @throws {SystemError} without CAP_NET_RAW, unless the kernel does it; when a rule drops the answer
   * (EPERM). After each error the packet still waits for its verdict.
   * @throws {VerdictError} when it has a verdict, or the kernel told no Ethernet header of a bridged packet
   */
  reject(options: { readonly reason?: RejectReason | undefined } = {}): void {
    checkKeys("options", options, ["reason"]);
    const { reason } = options;
    const checked = reason === undefined ? undefined : checkReason(reason);
    this.#dropWith((answers) => answers.reject(this, checked));
  }

  /**
   * Drops it, and resets both ends of its TCP connection. Of a connection's first packet (SYN) only the
   * sender gets a reset. It is under the same rules and throws the same as `reject`.
   *
   * @throws {RangeError} when the packet is not TCP's
   */
  reset(): void {
    this.#dropWith((answers) => answers.reset(this));
  }

  /**
   * Drops it, and sends a packet of the program's own instead, to the destination that its header names:
   * the packet's source, as a rule. `answersPerSecond` limits it.
   *
   * @param bytes a whole IP packet with right lengths and checksums; see `PacketSender.send`
   * @throws {TypeError | RangeError} when it is no such packet, or larger than its way takes
   * @throws {SystemError} as `reject`; the packet then still waits for its verdict
   * @throws {VerdictError} when it has a verdict, or the kernel told no Ethernet header of a bridged packet
   */
  answer(bytes: Uint8Array): void {
    const packet = checkOutgoing("bytes", bytes);
    this.#dropWith((answers) => answers.answer(this, packet));
  }

  /**
   * Sends a packet of the program's own, beside this one, at once. Verdicts that were given before leave
   * first. This packet's own verdict is not touched: give it before or after. Beside a bridged packet it
   * goes into the bridge, as long as that packet has no verdict, and else it is routed.
   *
   * @param bytes a whole IP packet with right lengths and checksums; see `PacketSender.send`
   * @param options with `untracked` connection tracking does not see it, where rules of a `RuleSet` are
   * installed by nft: for what belongs to no connection that this host knows
   * @throws {TypeError | RangeError} when it is no such packet, or larger than its way takes
   * @throws {SystemError} without CAP_NET_RAW; when a rule drops it (EPERM); when there is no route
   * @throws {VerdictError} when this is a copy
   */
  send(bytes: Uint8Array, options: { readonly untracked?: boolean | undefined } = {}): void {
    const packet = checkOutgoing("bytes", bytes);
    checkKeys("options", options, ["untracked"]);
    const tracked = !checkBoolean("untracked", options.untracked ?? false);
    const beside = this.#message === RELEASED ? undefined : this;
    this.#answers().send(packet, { id: this.#id, packet: beside, tracked });
  }

  #answers(): PacketAnswers {
    const answers = this.#decider?.answers;
    if (answers === undefined) throw new VerdictError(this.#id, "a copy sends nothing");
    return answers;
  }

  #dropWith(give: (answers: PacketAnswers) => Unanswered | undefined | number): void {
    this.#checkOpen();
    const outcome = give(this.#answers());
    this.#checkOpen();
    if (typeof outcome === "number") return this.#end("given", Verdict.Repeat, outcome);
    this.#end("given", Verdict.Drop, NO_MARK);
    this.#unanswered = outcome;
  }

  /**
   * A copy of the packet as it is now, in memory of its own: everything can be read for ever, and
   * edited, but it takes no verdict.
   *
   * @throws {PacketReleasedError} after the verdict
   */
  copy(): Packet {
    const copy = new Packet(undefined, this.#message.copy());
    const changed = this.#changed();
    if (changed !== undefined) copy.#replacement = copyOf(changed);
    copy.#layer2 = this.#layer2?.copy();
    return copy;
  }

  /** One line, as tcpdump would print it; after the verdict `packet ID, released`. */
  toString(): string {
    return packetLine(this, this.#shown());
  }

  /**
   * Many lines for people: what the kernel told, each header with its fields and whether checksums
   * are right, the first 256 or `maxBytes` bytes of data. After the verdict as `toString()`.
   * @throws {TypeError | RangeError} when `maxBytes` is no number of bytes
   */
  inspect(options: { readonly maxBytes?: number | undefined } = {}): string {
    checkKeys("options", options, ["maxBytes"]);
    return packetDump(this, this.#shown(), options);
  }

  /**
   * For `JSON.stringify`: the properties of the packet and of its views under the same names; bytes
   * are hex, what is absent has no key. After the verdict `{ id, released: true, verdict }`.
   */
  toJSON(): JsonObject {
    return packetJson(this, this.#shown());
  }

  /** @ignore For console.log. */
  [INSPECT](): string {
    return `Packet ${this.id} { ${packetLine(this, this.#shown())} }`;
  }

  /** @ignore */
  [SETTLE_BY_HANDLER](verdict: Verdict): void {
    // The handler lost the race against the deadline or the end; that has been reported.
    if (this[IS_OVERTAKEN]) return;
    if (this.#ending === "given") {
      const given = describeEnding("given", this.#verdict);
      throw new VerdictError(this.#id, `${given}: return one or call a method, not both`);
    }
    this.#decide(verdict, undefined);
  }

  /** @ignore */
  [SETTLE_BY_QUEUE](verdict: Verdict, cause: UndecidedCause): void {
    this.#end(cause, verdict, NO_MARK);
  }

  /** @ignore */
  get [IS_LEFT](): boolean {
    return this.#ending === undefined && !this.#held;
  }

  /** @ignore */
  get [IS_OVERTAKEN](): boolean {
    return this.#ending === "deadline" || this.#ending === "close";
  }

  /** @ignore */
  [MOVE_OUT](): PacketMessage {
    const from = this.#message;
    const frame = this.#frame;
    const to = from.copy(frame?.endIn(from.bytes));
    const shift = -from.slot * from.store.slotSize;
    frame?.rebase(from.bytes, to, shift);
    this.#layer2?.rebase(from.bytes, to, shift);
    return this.#message = to;
  }

  /** @ignore */
  [LEND](place: BytesPlace): void {
    if (this.#frame === undefined && this.#replacement === undefined) {
      const message = this.#message;
      place.bytes = message.bytes;
      place.view = message.view;
      place.start = message.offset(NFQA.PAYLOAD);
      place.end = place.start + message.length(NFQA.PAYLOAD);
      return;
    }
    const bytes = place.bytes = this.#framed().subarray();
    place.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    place.start = 0;
    place.end = bytes.length;
  }

  /** @ignore */
  get [MESSAGE](): PacketMessage {
    return this.#message;
  }

  /** @ignore */
  get [OUTLINE](): Outline {
    return this.#outline ??= new Outline(this.#framed(), this.#message.etherType, 0);
  }

  #framed(): PacketBytes {
    return this.#frame ??= this.#makeFrame(this.#message);
  }

  #makeFrame(message: PacketMessage): PacketBytes {
    const { bytes, view } = message;
    const offset = message.offset(NFQA.PAYLOAD);
    const end = offset + message.length(NFQA.PAYLOAD);
    const copy = this.#decider === undefined;
    const frame = new PacketBytes(bytes, offset, end, view, copy ? COPY : RECEIVED, this);
    const replacement = this.#replacement;
    if (replacement !== undefined) frame.lend(replacement, copy ? REPLACED_COPY : REPLACED);
    return frame;
  }

  /** Its headers, shown as they are, whatever was written into copies of its bytes; undefined after the verdict. */
  #shown(): Layers | undefined {
    if (this.#message === RELEASED) return undefined;
    const frame = this.#framed();
    frame.renew();
    return new Layers(frame, this.etherType);
  }

  /** The same once its bytes were looked at or replaced. */
  #newLength(message: PacketMessage): number {
    const frame = this.#frame;
    if (frame !== undefined && frame.touched) return frame.length;
    const replacement = this.#replacement;
    return replacement === undefined ? message.packetLength : lengthOf(replacement);
  }

  /** The bytes in place of those that came, if there are any. */
  #changed(): Uint8Array | undefined {
    const frame = this.#frame;
    return frame !== undefined && frame.touched ? frame.subarray() : this.#replacement;
  }

  #checkOpen(): void {
    if (this.#decider === undefined) throw new VerdictError(this.#id, "a copy takes no verdict");
    if (this.#ending === undefined) return;
    throw new VerdictError(this.#id, describeEnding(this.#ending, this.#verdict));
  }

  #decide(verdict: number, options: VerdictOptions | undefined): void {
    this.#checkOpen();
    const assigned = verdict === Verdict.Drop ? undefined : this.#layer2?.edits();
    if (options === undefined && assigned === undefined) {
      return this.#end("given", verdict, NO_MARK);
    }
    // Reading the options may run the program's own code, which decides the packet or makes it move.
    if (options !== undefined) checkKeys("options", options, VERDICT_KEYS);
    const mark = resolveMark(options?.mark, () => this.mark);
    this.#checkOpen();
    const attributes = resolveChanges(this, options ?? {}, assigned);
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
    this.#ending = ending;
    this.#verdict = verdict;
    this.#message = RELEASED;
    this.#frame?.release();
    this.#layer2?.release();
    this.#frame =
      this.#outline =
      this.#replacement =
      this.#layer2 =
        undefined;
  }

  /** What is sent in the packet's place: the edited packet, or the program's bytes. */
  #finished(): Uint8Array | PacketBytes | undefined {
    const frame = this.#frame;
    const replacement = this.#replacement;
    if (frame === undefined || !frame.touched) {
      return replacement && finishReplacement(this, replacement);
    }
    if (replacement === undefined) finishEdited(this);
    else finishEditedReplacement(this);
    return frame;
  }
}
