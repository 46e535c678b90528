import { formatIpv6, ipv6FromNumber, parseIpv6 } from "../../base/address.ts";
import type { GivenBytes } from "../../base/bytes.ts";
import { replaceIpPayload, requireVersion, restructure } from "../edit/edit.ts";
import type { PacketBytes } from "../structure/packet_bytes.ts";
import { readExtensions, setExtension, setExtensions } from "../edit/ipv6_edit.ts";
import { extensionHeaderLength, IPV6_EXTENSION } from "../structure/extension_headers.ts";
import { IPV6_OFFSET } from "../structure/ip_layouts.ts";
import {
  findExtension,
  type Ipv6Extension,
  type Ipv6ExtensionHeader,
  listExtensions,
} from "../structure/ipv6_extensions.ts";
import {
  decodeAuthentication,
  decodeFragment,
  decodeIpv6Options,
  decodeRouting,
  encodeAuthentication,
  encodeFragment,
  encodeIpv6Options,
  encodeRouting,
  type Ipv6Authentication,
  type Ipv6Fragment,
  type Ipv6Option,
  type Ipv6Routing,
} from "./ipv6_values.ts";
import { INSPECT, jsonFields, type JsonObject, shown } from "../../base/json_value.ts";
import { guardNames } from "../../base/name_guard.ts";
import type { Outline } from "../structure/outline.ts";
import { checkedLength, checkExactBytes, checkInteger, checkU16 } from "../../base/checks.ts";
import { coveredDestination, coveredSource } from "../structure/pseudo.ts";
import { updatePseudo } from "../structure/sums.ts";

const FIELD = IPV6_OFFSET;

/** The fields in their order, for text and JSON; other forms of a value (numbers, bytes) are left out. */
export const IPV6_FIELDS = [
  ...["version", "headerLength", "trafficClass", "dscp", "ecn", "flowLabel"] as const,
  ...["payloadLength", "nextHeader", "hopLimit", "protocol", "source", "destination"] as const,
  ...["extensions", "hopByHopOptions", "routing", "fragment", "authentication"] as const,
  "destinationOptions",
] as const;

/**
 * An IPv6 header (RFC 8200), its extension headers, and what follows them. Made by `Layers`, which
 * has checked that the fixed header is there and has walked the extension headers. Numbers are in
 * host order. Borrows the packet's bytes: every use throws PacketReleasedError once they were released.
 *
 * A field that is assigned changes the packet in place. With an address, and with an extension header
 * that stands in for one, every checksum in these bytes that covers it is updated (RFC 1624):
 * that of TCP, UDP, ICMPv6, UDP-Lite, DCCP, OSPFv3, PIM, VRRPv3, HIP and Mobility; under a Routing
 * header with segments left whose type is not 0, 2 or 4 none can be. What stays as it is otherwise
 * is said at `Ipv4View`: {@link nextHeader}, {@link payloadLength} and {@link fragment} are alike.
 *
 * A value out of range throws RangeError, one of the wrong type TypeError, and what the owner of the
 * memory forbids the owner's error, before anything is changed.
 */
export class Ipv6View {
  readonly #packet: PacketBytes;
  readonly #outline: Outline;

  /** `Layers` makes it: `layers.ipv6`. */
  constructor(outline: Outline) {
    this.#packet = outline.packet;
    this.#outline = outline;
  }

  /** 6. */
  get version(): 6 {
    this.#packet.u8(this.#outline.networkOffset);
    return 6;
  }

  /** Bytes of the fixed header and the extension headers, up to the upper layer. */
  get headerLength(): number {
    const { upperOffset, networkOffset } = this.#outline;
    this.#packet.u8(networkOffset);
    return upperOffset - networkOffset;
  }

  /** Traffic class: `dscp` and `ecn` in one byte. */
  get trafficClass(): number {
    return (this.#packet.u16(this.#outline.networkOffset + FIELD.versionAndClass) >> 4) & 255;
  }

  set trafficClass(value: number) {
    checkInteger("trafficClass", value, 0, 255);
    requireVersion(this.#outline, 6);
    const at = this.#outline.networkOffset + FIELD.versionAndClass;
    this.#packet.setU16(at, (this.#packet.u16(at) & 0xf00f) | (value << 4));
  }

  /** Differentiated services code point (RFC 2474), 0 to 63. */
  get dscp(): number {
    return this.trafficClass >> 2;
  }

  set dscp(value: number) {
    this.trafficClass = (checkInteger("dscp", value, 0, 63) << 2) | this.ecn;
  }

  /** Explicit congestion notification (RFC 3168), 0 to 3. */
  get ecn(): number {
    return this.trafficClass & 3;
  }

  set ecn(value: number) {
    this.trafficClass = (this.dscp << 2) | checkInteger("ecn", value, 0, 3);
  }

  /** Flow label (RFC 6437), 20 bits. */
  get flowLabel(): number {
    return this.#packet.u32(this.#outline.networkOffset + FIELD.versionAndClass) & 0xfffff;
  }

  set flowLabel(value: number) {
    checkInteger("flowLabel", value, 0, 0xfffff);
    requireVersion(this.#outline, 6);
    const at = this.#outline.networkOffset + FIELD.versionAndClass;
    this.#packet.setU32(at, (this.#packet.u32(at) & 0xfff00000) | value);
  }

  /**
   * Bytes after the fixed header, extension headers included, as the header says. 0 in jumbograms
   * (RFC 2675), whose option has the length: edits keep it right, and put padding (PadN) in its place
   * in a packet that becomes shorter than 65,536 bytes.
   */
  get payloadLength(): number {
    return this.#packet.u16(this.#outline.networkOffset + FIELD.payloadLength);
  }

  /** Only the field: the bytes stay. */
  set payloadLength(value: number) {
    checkU16("payloadLength", value);
    requireVersion(this.#outline, 6);
    this.#packet.setU16(this.#outline.networkOffset + FIELD.payloadLength, value);
    restructure(this.#outline);
  }

  /** Protocol number of whatever follows the fixed header. {@link protocol} is the upper layer's. */
  get nextHeader(): number {
    return this.#packet.u8(this.#outline.networkOffset + FIELD.nextHeader);
  }

  /** The bytes behind the fixed header are from now on another protocol's; see {@link protocol}. */
  set nextHeader(value: number) {
    checkInteger("nextHeader", value, 0, 255);
    requireVersion(this.#outline, 6);
    this.#packet.setU8(this.#outline.networkOffset + FIELD.nextHeader, value);
    restructure(this.#outline);
  }

  /** Hops that it may still make (RFC 8200 §3), 0 to 255. */
  get hopLimit(): number {
    return this.#packet.u8(this.#outline.networkOffset + FIELD.hopLimit);
  }

  set hopLimit(value: number) {
    checkInteger("hopLimit", value, 0, 255);
    requireVersion(this.#outline, 6);
    this.#packet.setU8(this.#outline.networkOffset + FIELD.hopLimit, value);
  }

  /** The hop limit, under IPv4's name. */
  get ttl(): number {
    return this.hopLimit;
  }

  set ttl(value: number) {
    this.hopLimit = checkInteger("ttl", value, 0, 255);
  }

  /**
   * Protocol number after the extension headers: 6 TCP, 17 UDP, 58 ICMPv6, 59 nothing. When an
   * extension header is cut off, that header's own number.
   */
  get protocol(): number {
    this.#packet.u8(this.#outline.networkOffset);
    return this.#outline.protocol;
  }

  /** In the last extension header, or the fixed one. The checksum of that protocol is computed. */
  set protocol(value: number) {
    checkInteger("protocol", value, 0, 255);
    requireVersion(this.#outline, 6);
    const { networkOffset } = this.#outline;
    const last = listExtensions(this.#outline).at(-1);
    this.#packet.setU8(networkOffset + (last?.offset ?? FIELD.nextHeader), value);
    restructure(this.#outline);
  }

  /** Source address in canonical text (RFC 5952). */
  get source(): string {
    return formatIpv6(this.sourceBytes);
  }

  set source(value: string) {
    this.#writeAddress(FIELD.source, parseIpv6(value, "source"));
  }

  /** Destination address in canonical text (RFC 5952). */
  get destination(): string {
    return formatIpv6(this.destinationBytes);
  }

  set destination(value: string) {
    this.#writeAddress(FIELD.destination, parseIpv6(value, "destination"));
  }

  /** Source address as a number, first byte highest. {@link sourceWord} allocates nothing. */
  get sourceNumber(): bigint {
    return this.#number(FIELD.source);
  }

  set sourceNumber(value: bigint) {
    this.sourceBytes = ipv6FromNumber("sourceNumber", value);
  }

  /** Destination address as a number, first byte highest. */
  get destinationNumber(): bigint {
    return this.#number(FIELD.destination);
  }

  set destinationNumber(value: bigint) {
    this.destinationBytes = ipv6FromNumber("destinationNumber", value);
  }

  /** The 16 bytes of the source address: a copy of a queued packet\'s, else borrowed. */
  get sourceBytes(): Uint8Array {
    return this.#part(FIELD.source, FIELD.destination);
  }

  set sourceBytes(value: Uint8Array) {
    this.#writeAddress(FIELD.source, checkExactBytes("sourceBytes", value, 16));
  }

  /** The 16 bytes of the destination address: a copy of a queued packet\'s, else borrowed. */
  get destinationBytes(): Uint8Array {
    return this.#part(FIELD.destination, FIELD.extensions);
  }

  set destinationBytes(value: Uint8Array) {
    this.#writeAddress(FIELD.destination, checkExactBytes("destinationBytes", value, 16));
  }

  /** 32 bits of the source address, to compare without allocation: 0 for the first, to 3. */
  sourceWord(index: 0 | 1 | 2 | 3): number {
    return this.#packet.u32(this.#outline.networkOffset + FIELD.source + 4 * (index & 3));
  }

  /** 32 bits of the destination address: 0 for the first, to 3. */
  destinationWord(index: 0 | 1 | 2 | 3): number {
    return this.#packet.u32(
      this.#outline.networkOffset + FIELD.destination + 4 * (index & 3),
    );
  }

  /** Where every whole extension header stands, in order. Walks them anew at each read. */
  get extensionHeaders(): readonly Ipv6ExtensionHeader[] {
    return listExtensions(this.#outline);
  }

  /** Every whole extension header with its data (a copy), in order. */
  get extensions(): readonly Ipv6Extension[] {
    return readExtensions(this.#outline)
      .map(({ protocol, data }) => ({ protocol, data: new Uint8Array(data) }));
  }

  /**
   * Puts others in their place. What names the next header, and all lengths, are filled in;
   * hop-by-hop and destination options are filled up to whole words of 8 bytes.
   *
   * @throws {WireError} when one of the old ones is cut off.
   * @throws {RangeError} when the packet is a fragment, and would have more or less behind the
   * Fragment header: that is data of the whole packet.
   */
  set extensions(value: readonly Ipv6Extension[]) {
    const outline = this.#outline;
    requireVersion(outline, 6);
    setExtensions(outline, value);
  }

  /** What the Fragment header says; absent for whole packets. */
  get fragment(): Ipv6Fragment | undefined {
    const data = this.#extension(IPV6_EXTENSION.FRAGMENT);
    return data && decodeFragment(data);
  }

  /** Like each of the following: puts the header in, changes it, or takes it out. */
  set fragment(value: Ipv6Fragment | undefined) {
    this.#setExtension(IPV6_EXTENSION.FRAGMENT, value && encodeFragment(value));
  }

  /** Options of the Hop-by-Hop header, padding included. */
  get hopByHopOptions(): readonly Ipv6Option[] | undefined {
    const data = this.#extension(IPV6_EXTENSION.HOP_BY_HOP);
    return data && decodeIpv6Options(data);
  }

  set hopByHopOptions(value: readonly Ipv6Option[] | undefined) {
    const data = value && encodeIpv6Options("hopByHopOptions", value);
    this.#setExtension(IPV6_EXTENSION.HOP_BY_HOP, data);
  }

  /** Options of the first Destination Options header, padding included. */
  get destinationOptions(): readonly Ipv6Option[] | undefined {
    const data = this.#extension(IPV6_EXTENSION.DESTINATION_OPTIONS);
    return data && decodeIpv6Options(data);
  }

  set destinationOptions(value: readonly Ipv6Option[] | undefined) {
    const data = value && encodeIpv6Options("destinationOptions", value);
    this.#setExtension(IPV6_EXTENSION.DESTINATION_OPTIONS, data);
  }

  /** What the Routing header says. */
  get routing(): Ipv6Routing | undefined {
    const data = this.#extension(IPV6_EXTENSION.ROUTING);
    return data && decodeRouting(data);
  }

  set routing(value: Ipv6Routing | undefined) {
    this.#setExtension(IPV6_EXTENSION.ROUTING, value && encodeRouting(value));
  }

  /** What the Authentication Header says; absent too when it is too short to say it. */
  get authentication(): Ipv6Authentication | undefined {
    const data = this.#extension(IPV6_EXTENSION.AUTHENTICATION);
    return data && decodeAuthentication(data);
  }

  set authentication(value: Ipv6Authentication | undefined) {
    this.#setExtension(IPV6_EXTENSION.AUTHENTICATION, value && encodeAuthentication(value));
  }

  /** The captured bytes after the extension headers: a copy of a queued packet\'s, else borrowed. Padding is not among them. */
  get payload(): Uint8Array {
    return this.#packet.bytes(this.#outline.upperOffset, this.#outline.end);
  }

  /**
   * Everything after the extension headers: transport header and data. The payload length and the
   * transport checksum follow, the latter when it is TCP's, UDP's or ICMPv6's and all of the packet
   * is here.
   */
  set payload(value: Uint8Array) {
    const length = checkedLength("payload", value);
    requireVersion(this.#outline, 6);
    replaceIpPayload(this.#outline, value, length);
  }

  /** Its fields under their names here; bytes are hex. */
  toJSON(): JsonObject {
    return jsonFields(this, [...IPV6_FIELDS, "payload"]);
  }

  /** @ignore For console.log. */
  [INSPECT](): unknown {
    return shown(this);
  }

  #part(from: number, to: number): Uint8Array {
    const { networkOffset } = this.#outline;
    return this.#packet.bytes(networkOffset + from, networkOffset + to);
  }

  #number(field: number): bigint {
    const at = this.#outline.networkOffset + field;
    let number = 0n;
    for (let word = 0; word < 16; word += 4) {
      number = (number << 32n) | BigInt(this.#packet.u32(at + word));
    }
    return number;
  }

  #writeAddress(field: number, bytes: GivenBytes): void {
    const outline = this.#outline;
    requireVersion(outline, 6);
    const at = outline.networkOffset + field;
    const before = this.#packet.sum(at, at + 16);
    this.#packet.replace(at, 16, bytes, 16);
    const covered = field === FIELD.source ? coveredSource(outline) : coveredDestination(outline);
    if (covered === at) updatePseudo(outline, before, this.#packet.sum(at, at + 16));
  }

  #extension(kind: number): Uint8Array | undefined {
    const at = findExtension(this.#outline, kind);
    if (at < 0) return undefined;
    return this.#packet.bytes(at + 2, at + extensionHeaderLength(this.#packet, kind, at));
  }

  #setExtension(protocol: number, data: Uint8Array | undefined): void {
    requireVersion(this.#outline, 6);
    setExtension(this.#outline, protocol, data);
  }
}

guardNames(Ipv6View, "ipv6");
