import { formatIpv4, parseIpv4 } from "../../base/address.ts";
import {
  replaceIpPayload,
  replacePart,
  requireVersion,
  restructure,
  writeIpv4Address,
  writeIpv4Word,
} from "../edit/edit.ts";
import type { PacketBytes } from "../structure/packet_bytes.ts";
import { INSPECT, jsonFields, type JsonObject, shown } from "../../base/json_value.ts";
import { encodeOptions, padBytes, rawOptions, readOptions } from "../structure/header_options.ts";
import { IPV4_FRAGMENT, IPV4_HEADER_SIZE, IPV4_OFFSET } from "../structure/ip_layouts.ts";
import { guardNames } from "../../base/name_guard.ts";
import type { Outline } from "../structure/outline.ts";
import { coveredSum } from "../structure/pseudo.ts";
import {
  checkBoolean,
  checkedLength,
  checkExactBytes,
  checkInteger,
  checkU16,
  checkU32,
} from "../../base/checks.ts";
import { finishHeader, updateHeader, updatePseudo } from "../structure/sums.ts";

const FIELD = IPV4_OFFSET;

/** An option of an IPv4 header: 7 record route, 68 timestamp, 148 router alert, … */
export interface Ipv4Option {
  /** With the copied flag and the class, 1 to 255; 1 is a byte of padding. */
  readonly type: number;
  /** What follows the length byte. */
  readonly data: Uint8Array;
}

/** The fields in their order, for text and JSON; other forms of a value (numbers, bytes) are left out. */
export const IPV4_FIELDS = [
  ...["version", "headerLength", "dscp", "ecn", "totalLength", "identification"] as const,
  ...["reservedFlag", "dontFragment", "moreFragments", "fragmentOffset"] as const,
  ...["ttl", "protocol", "checksum", "source", "destination", "options", "optionList"] as const,
] as const;

/**
 * An IPv4 header (RFC 791) and what follows it. Made by `Layers`, which has checked that the fixed
 * header is there. Numbers are in host order. Borrows the packet's bytes: every use throws
 * PacketReleasedError once they were released.
 *
 * A field that is assigned changes the packet in place, and the header checksum is updated (RFC
 * 1624). So is, with an address, every checksum in these bytes that covers it: that of TCP, UDP,
 * UDP-Lite, DCCP, HIP, and of VRRPv3 where it includes the pseudo-header. SCTP's covers no address.
 * Not kept right are what only its makers can compute (AH, the MD5 and AO options of TCP), and what
 * is inside of a tunnel or quoted by an ICMP error.
 * What changes which bytes are covered ({@link totalLength}, {@link headerLength}, {@link protocol},
 * {@link moreFragments}, {@link fragmentOffset}, {@link payload}) computes the checksum of TCP, UDP
 * or ICMP anew, if all of the packet is here: that of a fragment or of a cut packet stays as it is,
 * as does that of any other protocol.
 *
 * A value out of range throws RangeError, one of the wrong type TypeError, and what the owner of the
 * memory forbids the owner's error, before anything is changed.
 */
export class Ipv4View {
  readonly #packet: PacketBytes;
  readonly #outline: Outline;

  /** `Layers` makes it: `layers.ipv4`. */
  constructor(outline: Outline) {
    this.#packet = outline.packet;
    this.#outline = outline;
  }

  /** 4. */
  get version(): 4 {
    this.#packet.u8(this.#outline.networkOffset);
    return 4;
  }

  /** Bytes of the header with its options, 20 to 60. Setting {@link options} sets it. */
  get headerLength(): number {
    return (this.#packet.u8(this.#outline.networkOffset + FIELD.versionAndLength) & 15) * 4;
  }

  /** A multiple of 4, not above {@link totalLength}. What was data becomes options, or the reverse. */
  set headerLength(value: number) {
    const most = Math.min(60, this.totalLength || 60);
    checkInteger("headerLength", value, IPV4_HEADER_SIZE, most);
    if (value % 4 !== 0) throw new RangeError(`headerLength must be a multiple of 4, got ${value}`);
    this.#writeLow(FIELD.versionAndLength, 0xf0ff, value << 6);
    restructure(this.#outline);
    finishHeader(this.#outline);
  }

  /** Differentiated services code point (RFC 2474), 0 to 63. */
  get dscp(): number {
    return this.#packet.u8(this.#outline.networkOffset + FIELD.trafficClass) >> 2;
  }

  set dscp(value: number) {
    checkInteger("dscp", value, 0, 63);
    this.#writeLow(FIELD.versionAndLength, 0xff03, value << 2);
  }

  /** Explicit congestion notification (RFC 3168), 0 to 3. */
  get ecn(): number {
    return this.#packet.u8(this.#outline.networkOffset + FIELD.trafficClass) & 3;
  }

  set ecn(value: number) {
    checkInteger("ecn", value, 0, 3);
    this.#writeLow(FIELD.versionAndLength, 0xfffc, value);
  }

  /** Bytes of header and data as the header says. 0 in packets beyond 64 KiB that GSO made. */
  get totalLength(): number {
    return this.#packet.u16(this.#outline.networkOffset + FIELD.totalLength);
  }

  /** Only the field: the bytes stay. Not below {@link headerLength}. */
  set totalLength(value: number) {
    checkInteger("totalLength", value, this.headerLength, 0xffff);
    writeIpv4Word(this.#outline, FIELD.totalLength, value);
    restructure(this.#outline);
  }

  /** Tells which datagram fragments belong to (RFC 791 §3.1), 0 to 65535. */
  get identification(): number {
    return this.#packet.u16(this.#outline.networkOffset + FIELD.identification);
  }

  set identification(value: number) {
    writeIpv4Word(this.#outline, FIELD.identification, checkU16("identification", value));
  }

  /** The first bit of the flags, which has no meaning but in RFC 3514. */
  get reservedFlag(): boolean {
    return (this.#packet.u16(this.#outline.networkOffset + FIELD.fragment) &
      IPV4_FRAGMENT.RESERVED) !== 0;
  }

  set reservedFlag(value: boolean) {
    this.#writeFlag("reservedFlag", IPV4_FRAGMENT.RESERVED, value);
  }

  /** The flag DF (RFC 791 §3.1): routers may not fragment it. */
  get dontFragment(): boolean {
    return (this.#packet.u8(this.#outline.networkOffset + FIELD.fragment) & 0x40) !== 0;
  }

  set dontFragment(value: boolean) {
    this.#writeFlag("dontFragment", IPV4_FRAGMENT.DONT_FRAGMENT, value);
  }

  /** The flag MF (RFC 791 §3.1): further fragments follow this one. */
  get moreFragments(): boolean {
    return (this.#packet.u8(this.#outline.networkOffset + FIELD.fragment) & 0x20) !== 0;
  }

  set moreFragments(value: boolean) {
    this.#writeFlag("moreFragments", IPV4_FRAGMENT.MORE_FRAGMENTS, value);
    restructure(this.#outline);
  }

  /** Where this fragment's data belongs in the whole datagram's, in bytes. 0 for the first. */
  get fragmentOffset(): number {
    return (this.#packet.u16(this.#outline.networkOffset + FIELD.fragment) & 0x1fff) * 8;
  }

  /** A multiple of 8, to 65,528. Above 0 the packet has no transport layer any more. */
  set fragmentOffset(value: number) {
    checkInteger("fragmentOffset", value, 0, 0xfff8);
    if (value % 8 !== 0) {
      throw new RangeError(`fragmentOffset must be a multiple of 8, got ${value}`);
    }
    this.#writeLow(FIELD.fragment, 0xe000, value >> 3);
    restructure(this.#outline);
  }

  /** Time to live, in hops. */
  get ttl(): number {
    return this.#packet.u8(this.#outline.networkOffset + FIELD.ttl);
  }

  set ttl(value: number) {
    this.#writeLow(FIELD.ttl, 0xff, checkInteger("ttl", value, 0, 255) << 8);
  }

  /** Upper-layer protocol number: 1 ICMP, 6 TCP, 17 UDP, … */
  get protocol(): number {
    return this.#packet.u8(this.#outline.networkOffset + FIELD.protocol);
  }

  /** The bytes behind the header are from now on another protocol's, whose checksum is computed. */
  set protocol(value: number) {
    this.#writeLow(FIELD.ttl, 0xff00, checkInteger("protocol", value, 0, 255));
    restructure(this.#outline);
  }

  /** The header checksum as it stands; nobody has verified it. */
  get checksum(): number {
    return this.#packet.u16(this.#outline.networkOffset + FIELD.checksum);
  }

  /** Stands as it is given until another field changes, which brings it along by the difference. */
  set checksum(value: number) {
    checkU16("checksum", value);
    requireVersion(this.#outline, 4);
    this.#packet.setU16(this.#outline.networkOffset + FIELD.checksum, value);
  }

  /** Source address, `a.b.c.d`. */
  get source(): string {
    return formatIpv4(this.sourceNumber);
  }

  set source(value: string) {
    this.sourceNumber = parseIpv4(value, "source");
  }

  /** Destination address, `a.b.c.d`. */
  get destination(): string {
    return formatIpv4(this.destinationNumber);
  }

  set destination(value: string) {
    this.destinationNumber = parseIpv4(value, "destination");
  }

  /** Source address as a number, first byte highest. */
  get sourceNumber(): number {
    return this.#packet.u32(this.#outline.networkOffset + FIELD.source);
  }

  set sourceNumber(value: number) {
    writeIpv4Address(this.#outline, FIELD.source, checkU32("sourceNumber", value));
  }

  /** Destination address as a number, first byte highest. */
  get destinationNumber(): number {
    return this.#packet.u32(this.#outline.networkOffset + FIELD.destination);
  }

  set destinationNumber(value: number) {
    writeIpv4Address(this.#outline, FIELD.destination, checkU32("destinationNumber", value));
  }

  /** The four bytes of the source address: a copy of a queued packet\'s, else borrowed. */
  get sourceBytes(): Uint8Array {
    return this.#part(FIELD.source, FIELD.destination);
  }

  set sourceBytes(value: Uint8Array) {
    this.sourceNumber = numberOf("sourceBytes", value);
  }

  /** The four bytes of the destination address: a copy of a queued packet\'s, else borrowed. */
  get destinationBytes(): Uint8Array {
    return this.#part(FIELD.destination, FIELD.options);
  }

  set destinationBytes(value: Uint8Array) {
    this.destinationNumber = numberOf("destinationBytes", value);
  }

  /** The captured bytes of the options: a copy of a queued packet\'s, else borrowed. */
  get options(): Uint8Array {
    const { networkOffset, end } = this.#outline;
    const headerEnd = Math.min(networkOffset + this.headerLength, end);
    return this.#packet.bytes(networkOffset + FIELD.options, headerEnd);
  }

  /**
   * At most 40 bytes, filled up with zeros to a multiple of 4. Header and total length follow. A
   * queued packet refuses it where the kernel has read the options: on INPUT, and on FORWARD if
   * there are any.
   */
  set options(value: Uint8Array) {
    this.#setOptions(padBytes("options", value));
  }

  /**
   * The options one by one, without what fills them up at the end; their data is a copy. A broken
   * one ends the list.
   */
  get optionList(): readonly Ipv4Option[] {
    const { networkOffset, end } = this.#outline;
    const headerEnd = Math.min(networkOffset + this.headerLength, end);
    return readOptions(this.#packet, networkOffset + FIELD.options, headerEnd).options
      .map(([type, data]) => ({ type, data: new Uint8Array(data) }));
  }

  /** Together at most 40 bytes; what fills up the last word, and the lengths, follow. */
  set optionList(value: readonly Ipv4Option[]) {
    const options = rawOptions("optionList", value, ({ type, data }) => [type, data]);
    this.#setOptions(encodeOptions("optionList", options));
  }

  /** The captured bytes after the header: a copy of a queued packet\'s, else borrowed. Link-layer padding is not among them. */
  get payload(): Uint8Array {
    const { networkOffset, end } = this.#outline;
    return this.#packet.bytes(Math.min(networkOffset + this.headerLength, end), end);
  }

  /**
   * Everything after the header: transport header and data. Total length and checksums follow, the
   * transport checksum included when it is TCP's, UDP's or ICMP's and all of the packet is here.
   */
  set payload(value: Uint8Array) {
    const length = checkedLength("payload", value);
    requireVersion(this.#outline, 4);
    replaceIpPayload(this.#outline, value, length);
  }

  /** Its fields under their names here; bytes are hex. */
  toJSON(): JsonObject {
    return jsonFields(this, [...IPV4_FIELDS, "payload"]);
  }

  /** @ignore For console.log. */
  [INSPECT](): unknown {
    return shown(this);
  }

  #part(from: number, to: number): Uint8Array {
    const { networkOffset } = this.#outline;
    return this.#packet.bytes(networkOffset + from, networkOffset + to);
  }

  /** Writes the bits of a word that `keep` does not hold. */
  #writeLow(offset: number, keep: number, bits: number): void {
    const old = this.#packet.u16(this.#outline.networkOffset + offset);
    writeIpv4Word(this.#outline, offset, (old & keep) | bits);
  }

  #writeFlag(field: string, bit: number, value: boolean): void {
    this.#writeLow(FIELD.fragment, 0xffff & ~bit, checkBoolean(field, value) ? bit : 0);
  }

  #setOptions(bytes: Uint8Array): void {
    const outline = this.#outline;
    requireVersion(outline, 4);
    const { networkOffset, end } = outline;
    const from = networkOffset + FIELD.options;
    // Options that were not captured are there all the same.
    const to = networkOffset + this.headerLength;
    const before = this.#packet.sum(from, Math.min(to, end));
    const addresses = coveredSum(outline);
    const same = to <= end && bytes.length === to - from &&
      bytes.every((byte, at) => byte === this.#packet.u8(from + at));
    if (!same) this.#packet.checkHeaders(to > from);
    replacePart(outline, { field: "options", from, to, inHeader: true }, bytes);
    updateHeader(outline, before, this.#packet.sum(from, from + bytes.length));
    const headerLength = IPV4_HEADER_SIZE + bytes.length;
    this.#writeLow(FIELD.versionAndLength, 0xf0ff, headerLength << 6);
    outline.refresh();
    // A source route says where the packet goes in the end.
    updatePseudo(outline, addresses, coveredSum(outline));
  }
}

guardNames(Ipv4View, "ipv4");

function numberOf(field: string, value: unknown): number {
  const bytes = checkExactBytes(field, value, 4);
  return ((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) >>> 0;
}
