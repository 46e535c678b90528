// Finds the headers of one packet. One pass over the bytes notes where each layer begins; a view is
// made only when it is asked for.
import type { WireProblem } from "./errors.ts";
import { Frame } from "./frame.ts";
import { checkIcmp, IcmpView } from "./icmp.ts";
import { checkIcmpv6, Icmpv6View } from "./icmpv6.ts";
import { IPV4_HEADER_SIZE, Ipv4View } from "./ipv4.ts";
import {
  extensionHeaderLength,
  IPV6_FRAGMENT,
  IPV6_HEADER_SIZE,
  Ipv6View,
  isExtensionHeader,
} from "./ipv6.ts";
import { checkTcp, TcpView } from "./tcp.ts";
import { checkUdp, UdpView } from "./udp.ts";

/** Ethertypes that {@link Layers} knows; 0 lets it look at the version in the first byte. */
export const ETHERTYPE = { ANY: 0, IPV4: 0x0800, IPV6: 0x86dd } as const;

/** Protocol numbers that have a view. */
export const IP_PROTOCOL = { ICMP: 1, TCP: 6, UDP: 17, ICMPV6: 58 } as const;

const NOTHING_FOLLOWS = 59;
const NONE = -1;

type UpperView = TcpView | UdpView | IcmpView | Icmpv6View;

/**
 * The headers of the packet in one frame, which begins at the network header.
 *
 * A layer that is not there, is cut off or makes no sense is `undefined`; {@link malformed} says why
 * in the two latter cases. Fragments other than the first have no transport layer, and neither has
 * what ESP hides. The result of a getter stays the same object; it reads the frame as it is at that
 * moment, and throws PacketReleasedError once the frame was released.
 */
export class Layers {
  /** The bytes. */
  readonly frame: Frame;
  /** The ethertype that was given. */
  readonly ethertype: number;

  #parsed = false;
  /** 4, 6, or 0 when there is no IP header. */
  #version = 0;
  /** Protocol after the IP headers, and whether a view of it can be had. */
  #protocol: number = NONE;
  #readable = false;
  /** Where the upper layer begins, and where the captured part of the IP packet ends. */
  #upperStart = 0;
  #end = 0;
  #problem: WireProblem | undefined = undefined;
  #ipView: Ipv4View | Ipv6View | undefined = undefined;
  #upperView: UpperView | undefined = undefined;

  constructor(frame: Frame, ethertype: number = ETHERTYPE.ANY) {
    this.frame = frame;
    this.ethertype = ethertype;
  }

  /** The IP header, whichever version. */
  get ip(): Ipv4View | Ipv6View | undefined {
    if (!this.#parsed) this.#parse();
    if (this.#version === 0) return undefined;
    return this.#ipView ??= this.#version === 4
      ? new Ipv4View(this.frame, 0, this.#end)
      : new Ipv6View(this.frame, 0, this.#end, this.#upperStart, this.#protocol);
  }

  get ipv4(): Ipv4View | undefined {
    const view = this.ip;
    return this.#version === 4 ? view as Ipv4View : undefined;
  }

  get ipv6(): Ipv6View | undefined {
    const view = this.ip;
    return this.#version === 6 ? view as Ipv6View : undefined;
  }

  // The casts below are right because #protocol never changes after the parse, and with it the one
  // class of view that #upperView can hold.
  get tcp(): TcpView | undefined {
    if (!this.#has(IP_PROTOCOL.TCP)) return undefined;
    return (this.#upperView ??= new TcpView(this.frame, this.#upperStart, this.#end)) as TcpView;
  }

  get udp(): UdpView | undefined {
    if (!this.#has(IP_PROTOCOL.UDP)) return undefined;
    return (this.#upperView ??= new UdpView(this.frame, this.#upperStart, this.#end)) as UdpView;
  }

  get icmp(): IcmpView | undefined {
    if (!this.#has(IP_PROTOCOL.ICMP)) return undefined;
    return (this.#upperView ??= new IcmpView(this.frame, this.#upperStart, this.#end)) as IcmpView;
  }

  get icmpv6(): Icmpv6View | undefined {
    if (!this.#has(IP_PROTOCOL.ICMPV6)) return undefined;
    return (this.#upperView ??= new Icmpv6View(
      this.frame,
      this.#upperStart,
      this.#end,
    )) as Icmpv6View;
  }

  /**
   * Why the next layer could not be read: its header was not captured whole, or its lengths are
   * impossible. `undefined` when every layer that is known was read.
   */
  get malformed(): WireProblem | undefined {
    if (!this.#parsed) this.#parse();
    return this.#problem;
  }

  #has(protocol: number): boolean {
    if (!this.#parsed) this.#parse();
    return this.#protocol === protocol && this.#readable;
  }

  #parse(): void {
    const { frame, ethertype } = this;
    const { length } = frame;
    this.#parsed = true;
    // A copy range of 0 captures nothing, which is no mistake of the packet.
    if (length === 0) return;
    const version = frame.u8(0) >> 4;
    if (ethertype === ETHERTYPE.IPV4) {
      if (version === 4) this.#parseIpv4(length);
      else this.#refuse("ipv4 header", IPV4_HEADER_SIZE, length, version);
    } else if (ethertype === ETHERTYPE.IPV6) {
      if (version === 6) this.#parseIpv6(length);
      else this.#refuse("ipv6 header", IPV6_HEADER_SIZE, length, version);
    } else if (ethertype === ETHERTYPE.ANY) {
      if (version === 4) this.#parseIpv4(length);
      else if (version === 6) this.#parseIpv6(length);
    }
  }

  #refuse(layer: string, need: number, have: number, version: number): void {
    this.#problem = { layer, offset: 0, need, have, reason: `its version is ${version}` };
  }

  #parseIpv4(captured: number): void {
    const { frame } = this;
    const layer = "ipv4 header";
    const need = IPV4_HEADER_SIZE;
    if (captured < need) {
      this.#problem = { layer, offset: 0, need, have: captured };
      return;
    }
    const headerLength = (frame.u8(0) & 15) * 4;
    // GSO packets beyond 64 KiB say 0; the kernel trims everything else to its total length.
    const totalLength = frame.u16(2) || captured;
    if (headerLength < need || totalLength < headerLength) {
      const smaller = Math.min(headerLength, totalLength);
      const wanted = headerLength < need ? need : headerLength;
      this.#problem = { layer, offset: 0, need: wanted, have: smaller };
      return;
    }
    this.#version = 4;
    this.#end = Math.min(captured, totalLength);
    this.#upperStart = Math.min(headerLength, this.#end);
    this.#protocol = frame.u8(9);
    if (headerLength > captured) {
      this.#problem = { layer, offset: 0, need: headerLength, have: captured };
    } else if ((frame.u16(6) & 0x1fff) === 0 && this.#protocol !== IP_PROTOCOL.ICMPV6) {
      this.#checkUpper(totalLength);
    }
  }

  #parseIpv6(captured: number): void {
    const { frame } = this;
    if (captured < IPV6_HEADER_SIZE) {
      const need = IPV6_HEADER_SIZE;
      this.#problem = { layer: "ipv6 header", offset: 0, need, have: captured };
      return;
    }
    let protocol = frame.u8(6);
    const payloadLength = frame.u16(4);
    // Jumbograms and GSO packets beyond 64 KiB say 0 and have an upper layer all the same; the
    // kernel has already trimmed what is really empty.
    const declaredEnd = payloadLength === 0 && protocol !== NOTHING_FOLLOWS
      ? captured
      : IPV6_HEADER_SIZE + payloadLength;
    const end = Math.min(captured, declaredEnd);

    let at = IPV6_HEADER_SIZE;
    let laterFragment = false;
    // Every extension header is at least 8 bytes long, so the walk ends at the end of the frame.
    while (isExtensionHeader(protocol) && !laterFragment) {
      const need = end - at < 8 ? 8 : extensionHeaderLength(frame, protocol, at);
      if (end - at < need) {
        const layer = `ipv6 extension header ${protocol}`;
        this.#problem = { layer, offset: at, need, have: end - at };
        break;
      }
      if (protocol === IPV6_FRAGMENT) laterFragment = (frame.u16(at + 2) & 0xfff8) !== 0;
      protocol = frame.u8(at);
      at += need;
    }
    this.#version = 6;
    this.#end = end;
    this.#upperStart = at;
    this.#protocol = protocol;
    if (this.#problem === undefined && !laterFragment && protocol !== IP_PROTOCOL.ICMP) {
      this.#checkUpper(declaredEnd);
    }
  }

  #checkUpper(declaredEnd: number): void {
    const start = this.#upperStart;
    const end = this.#end;
    switch (this.#protocol) {
      case IP_PROTOCOL.TCP:
        this.#problem = checkTcp(this.frame, start, end, declaredEnd);
        break;
      case IP_PROTOCOL.UDP:
        this.#problem = checkUdp(this.frame, start, end);
        break;
      case IP_PROTOCOL.ICMP:
        this.#problem = checkIcmp(start, end);
        break;
      case IP_PROTOCOL.ICMPV6:
        this.#problem = checkIcmpv6(start, end);
        break;
      default:
        return;
    }
    this.#readable = this.#problem === undefined;
  }
}

/** Options of {@link parseLayers}. */
export interface ParseLayersOptions {
  /** Ethertype: 0x0800, 0x86dd. Default 0: look at the version in the first byte. */
  readonly protocol?: number;
}

/**
 * The headers of a packet that begins at the network header. The result borrows `bytes`.
 *
 * @example
 * parseLayers(bytes).tcp?.destinationPort
 */
export function parseLayers(bytes: Uint8Array, options: ParseLayersOptions = {}): Layers {
  return new Layers(new Frame(bytes), options.protocol ?? ETHERTYPE.ANY);
}
