// Where the headers of one packet begin and end. One pass over the bytes notes it; the views of the
// packet share the outline, so that they see what an edit moved.
import type { WireProblem } from "../../base/errors.ts";
import {
  extensionHeaderLength,
  IPV6_EXTENSION,
  isExtensionHeader,
  LEAST_EXTENSION_SIZE,
} from "./extension_headers.ts";
import {
  IPV4_FRAGMENT,
  IPV4_HEADER_SIZE,
  IPV4_OFFSET,
  IPV6_HEADER_SIZE,
  IPV6_OFFSET,
} from "./ip_layouts.ts";
import { jumboLength } from "./jumbo.ts";
import { checkArp } from "./link_layouts.ts";
import type { PacketBytes } from "./packet_bytes.ts";
import { ETHERTYPE, OTHER_PROTOCOL } from "./protocols.ts";
import { upperLayout } from "./upper_layouts.ts";

const IPV4 = IPV4_OFFSET;
const IPV6 = IPV6_OFFSET;
const { MORE_FRAGMENTS, OFFSET: OFFSET_BITS } = IPV4_FRAGMENT;
const { FRAGMENT: FRAGMENT_HEADER } = IPV6_EXTENSION;
const { NO_NEXT_HEADER } = OTHER_PROTOCOL;
const NONE = -1;

// What is true of the packet, in one number: an outline is made for each packet that is looked into.
const READABLE = 1;
const COMPLETE = 2;
const FRAGMENT = 4;
const LATER_FRAGMENT = 8;

/** What one pass over a packet found. The fields are `Layers`', the views' and the edits' to read. */
export class Outline {
  readonly packet: PacketBytes;
  readonly ethertype: number;
  /** Where the network header begins. */
  readonly networkOffset: number;
  /** 4, 6, or 0 when there is no IP header. */
  version = 0;
  /** Protocol after the IP headers; the ethertype of an ARP packet. */
  protocol: number = NONE;
  /** Where the upper layer begins, and where the captured part of the packet ends. */
  upperOffset = 0;
  end = 0;
  #facts = 0;
  problem: WireProblem | undefined = undefined;
  /** The views that were handed out, of the kinds that version and protocol tell. */
  networkView: object | undefined = undefined;
  upperView: object | undefined = undefined;

  constructor(packet: PacketBytes, ethertype: number, networkOffset: number) {
    this.packet = packet;
    this.ethertype = ethertype;
    this.networkOffset = networkOffset;
    this.#parse();
  }

  /** A view of the upper layer, or of ARP, can be had. */
  get readable(): boolean {
    return (this.#facts & READABLE) !== 0;
  }

  /** All that belongs to it by its own lengths is here. */
  get complete(): boolean {
    return (this.#facts & COMPLETE) !== 0;
  }

  /** It is a fragment, the first or a later one. */
  get fragment(): boolean {
    return (this.#facts & FRAGMENT) !== 0;
  }

  /** It is a fragment without the upper layer's header. */
  get laterFragment(): boolean {
    return (this.#facts & LATER_FRAGMENT) !== 0;
  }

  /** It is no fragment, and all of it is here. */
  get whole(): boolean {
    return (this.#facts & (COMPLETE | FRAGMENT)) === COMPLETE;
  }

  /** Looks at the packet again, after an edit that moved something or changed what it is. */
  refresh(): void {
    const { version, protocol } = this;
    this.version = 0;
    this.protocol = NONE;
    this.upperOffset = this.end = this.#facts = 0;
    this.problem = undefined;
    this.#parse();
    if (this.version !== version) this.networkView = undefined;
    if (this.version !== version || this.protocol !== protocol) this.upperView = undefined;
  }

  #parse(): void {
    const { packet, ethertype, networkOffset } = this;
    const { length } = packet;
    // A copy range of 0 captures nothing, which is no mistake of the packet.
    if (length === networkOffset) return;
    const version = packet.u8(networkOffset) >> 4;
    if (ethertype === ETHERTYPE.IPV4) {
      if (version === 4) this.#parseIpv4(length);
      else this.#refuse("ipv4 header", IPV4_HEADER_SIZE, version);
    } else if (ethertype === ETHERTYPE.IPV6) {
      if (version === 6) this.#parseIpv6(length);
      else this.#refuse("ipv6 header", IPV6_HEADER_SIZE, version);
    } else if (ethertype === ETHERTYPE.ANY) {
      if (version === 4) this.#parseIpv4(length);
      else if (version === 6) this.#parseIpv6(length);
    } else if (ethertype === ETHERTYPE.ARP || ethertype === ETHERTYPE.RARP) {
      this.end = length;
      this.protocol = ETHERTYPE.ARP;
      this.problem = checkArp(packet, networkOffset, length);
      if (this.problem === undefined) this.#facts = READABLE;
    }
  }

  #refuse(layer: string, need: number, version: number): void {
    const { networkOffset: offset, packet } = this;
    const reason = `its version is ${version}`;
    this.problem = { layer, offset, need, have: packet.length - offset, reason };
  }

  #parseIpv4(length: number): void {
    const { packet, networkOffset: offset } = this;
    const captured = length - offset;
    const layer = "ipv4 header";
    const need = IPV4_HEADER_SIZE;
    if (captured < need) {
      this.problem = { layer, offset, need, have: captured };
      return;
    }
    const headerLength = (packet.u8(offset + IPV4.versionAndLength) & 15) * 4;
    // GSO packets beyond 64 KiB say 0; the kernel trims everything else to its total length.
    const totalLength = packet.u16(offset + IPV4.totalLength) || captured;
    if (headerLength < need || totalLength < headerLength) {
      const smaller = Math.min(headerLength, totalLength);
      const wanted = headerLength < need ? need : headerLength;
      this.problem = { layer, offset, need: wanted, have: smaller };
      return;
    }
    const fragment = packet.u16(offset + IPV4.fragment);
    this.version = 4;
    this.end = offset + Math.min(captured, totalLength);
    this.upperOffset = Math.min(offset + headerLength, this.end);
    this.protocol = packet.u8(offset + IPV4.protocol);
    if (totalLength <= captured) this.#facts |= COMPLETE;
    if ((fragment & OFFSET_BITS) !== 0) this.#facts |= FRAGMENT | LATER_FRAGMENT;
    else if ((fragment & MORE_FRAGMENTS) !== 0) this.#facts |= FRAGMENT;
    if (headerLength > captured) {
      this.problem = { layer, offset, need: headerLength, have: captured };
    } else if (!this.laterFragment) {
      this.#checkUpper(offset + totalLength);
    }
  }

  #parseIpv6(length: number): void {
    const { packet, networkOffset } = this;
    const captured = length - networkOffset;
    if (captured < IPV6_HEADER_SIZE) {
      const need = IPV6_HEADER_SIZE;
      this.problem = { layer: "ipv6 header", offset: networkOffset, need, have: captured };
      return;
    }
    let protocol = packet.u8(networkOffset + IPV6.nextHeader);
    const payloadLength = packet.u16(networkOffset + IPV6.payloadLength) ||
      jumboLength(packet, networkOffset);
    // GSO packets beyond 64 KiB say 0 and have an upper layer all the same; the kernel has already
    // trimmed what is really empty.
    const declaredEnd = payloadLength === 0 && protocol !== NO_NEXT_HEADER
      ? length
      : networkOffset + IPV6_HEADER_SIZE + payloadLength;
    const end = Math.min(length, declaredEnd);

    let at = networkOffset + IPV6_HEADER_SIZE;
    // Every extension header is at least 8 bytes long, so the walk ends with the bytes.
    while (isExtensionHeader(protocol) && !this.laterFragment) {
      const need = end - at < LEAST_EXTENSION_SIZE
        ? LEAST_EXTENSION_SIZE
        : extensionHeaderLength(packet, protocol, at);
      if (end - at < need) {
        const layer = `ipv6 extension header ${protocol}`;
        this.problem = { layer, offset: at, need, have: end - at };
        break;
      }
      if (protocol === FRAGMENT_HEADER) {
        const word = packet.u16(at + 2);
        if ((word & 0xfff8) !== 0) this.#facts |= FRAGMENT | LATER_FRAGMENT;
        else if ((word & 1) !== 0) this.#facts |= FRAGMENT;
      }
      protocol = packet.u8(at);
      at += need;
    }
    this.version = 6;
    this.end = end;
    this.upperOffset = at;
    this.protocol = protocol;
    if (declaredEnd <= length) this.#facts |= COMPLETE;
    if (this.problem === undefined && !this.laterFragment) this.#checkUpper(declaredEnd);
  }

  #checkUpper(declaredEnd: number): void {
    const layout = upperLayout(this.version, this.protocol);
    if (layout === undefined) return;
    const { packet, upperOffset: offset } = this;
    const { layer, size, check, doubt } = layout;
    const have = this.end - offset;
    this.problem = have < size
      ? { layer, offset, need: size, have }
      : check?.(packet, offset, declaredEnd);
    if (this.problem !== undefined) return;
    this.#facts |= READABLE;
    // The rest of a fragment's datagram is elsewhere.
    if (doubt !== undefined && !this.fragment) this.problem = doubt(packet, offset, declaredEnd);
  }
}
