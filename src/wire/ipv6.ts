import { formatIpv6 } from "./address.ts";
import type { Frame } from "./frame.ts";

/** Where the fields of an IPv6 header begin (RFC 8200 §3), in bytes. */
const FIELD = {
  versionAndClass: 0,
  payloadLength: 4,
  nextHeader: 6,
  hopLimit: 7,
  source: 8,
  destination: 24,
  extensions: 40,
} as const;

/** Bytes of an IPv6 header without extension headers. */
export const IPV6_HEADER_SIZE = 40;

/** Protocol number of the Fragment header. */
export const IPV6_FRAGMENT = 44;

/** How an extension header tells its length: the unit of its second byte, and units not counted. */
interface Extension {
  readonly unit: number;
  readonly extra: number;
}
const EIGHTS: Extension = { unit: 8, extra: 1 };

/**
 * Extension headers that say what comes after them. ESP (50) hides the rest, and 59 says that
 * nothing follows: both end the walk as any upper-layer protocol does.
 */
const EXTENSIONS: ReadonlyArray<Extension | undefined> = Array.from(
  { length: 256 },
  (_, number) => {
    switch (number) {
      case 0: // Hop-by-Hop Options
      case 43: // Routing
      case 60: // Destination Options
      case 135: // Mobility, RFC 6275
      case 139: // HIP, RFC 7401
      case 140: // Shim6, RFC 5533
        return EIGHTS;
      case IPV6_FRAGMENT: // its second byte is reserved
        return { unit: 0, extra: 8 };
      case 51: // Authentication Header, RFC 4302
        return { unit: 4, extra: 2 };
      default:
        return undefined;
    }
  },
);

/** Whether this protocol number is an extension header that can be walked over. */
export function isExtensionHeader(protocol: number): boolean {
  return EXTENSIONS[protocol] !== undefined;
}

/** Bytes of the extension header `protocol` at `offset`, at least 8. Its first two must be there. */
export function extensionHeaderLength(frame: Frame, protocol: number, offset: number): number {
  const extension = EXTENSIONS[protocol] ?? EIGHTS;
  if (extension.unit === 0) return extension.extra;
  return (frame.u8(offset + 1) + extension.extra) * extension.unit;
}

/** One extension header. */
export interface Ipv6Extension {
  /** Its protocol number: 0 hop-by-hop, 43 routing, 44 fragment, 51 AH, 60 destination, … */
  readonly protocol: number;
  /** Where it begins, in bytes from the start of the IPv6 header. */
  readonly offset: number;
  /** Its bytes. */
  readonly length: number;
}

/** What a Fragment header says (RFC 8200 §4.5). */
export interface Ipv6Fragment {
  /** Where this fragment's data belongs in the whole packet's, in bytes. */
  readonly offset: number;
  readonly moreFragments: boolean;
  readonly identification: number;
}

/**
 * An IPv6 header (RFC 8200), its extension headers, and what follows them. Made by `Layers`, which
 * has checked that the fixed header is there and has walked the extension headers. Numbers are in
 * host order. Borrows the frame: every read throws PacketReleasedError once it was released.
 */
export class Ipv6View {
  readonly #frame: Frame;
  readonly #start: number;
  /** End of what was captured of the packet; link-layer padding is beyond it. */
  readonly #end: number;
  /** Where the walk over the extension headers ended, and at which protocol. */
  readonly #upper: number;
  readonly #protocol: number;

  constructor(frame: Frame, start: number, end: number, upper: number, protocol: number) {
    this.#frame = frame;
    this.#start = start;
    this.#end = end;
    this.#upper = upper;
    this.#protocol = protocol;
  }

  /** 6. */
  get version(): 6 {
    this.#frame.u8(this.#start);
    return 6;
  }

  /** Bytes of the fixed header and the extension headers, up to the upper layer. */
  get headerLength(): number {
    this.#frame.u8(this.#start);
    return this.#upper - this.#start;
  }

  /** Traffic class: `dscp` and `ecn` in one byte. */
  get trafficClass(): number {
    return (this.#frame.u16(this.#start + FIELD.versionAndClass) >> 4) & 255;
  }

  /** Differentiated services code point (RFC 2474), 0 to 63. */
  get dscp(): number {
    return this.trafficClass >> 2;
  }

  /** Explicit congestion notification (RFC 3168), 0 to 3. */
  get ecn(): number {
    return this.trafficClass & 3;
  }

  /** Flow label (RFC 6437), 20 bits. */
  get flowLabel(): number {
    return this.#frame.u32(this.#start + FIELD.versionAndClass) & 0xfffff;
  }

  /** Bytes after the fixed header, extension headers included, as the header says. */
  get payloadLength(): number {
    return this.#frame.u16(this.#start + FIELD.payloadLength);
  }

  /** Protocol number of whatever follows the fixed header. {@link protocol} is the upper layer's. */
  get nextHeader(): number {
    return this.#frame.u8(this.#start + FIELD.nextHeader);
  }

  get hopLimit(): number {
    return this.#frame.u8(this.#start + FIELD.hopLimit);
  }

  /** The hop limit, under IPv4's name. */
  get ttl(): number {
    return this.hopLimit;
  }

  /**
   * Protocol number after the extension headers: 6 TCP, 17 UDP, 58 ICMPv6, 59 nothing. When an
   * extension header is cut off, that header's own number.
   */
  get protocol(): number {
    this.#frame.u8(this.#start);
    return this.#protocol;
  }

  /** Source address in canonical text (RFC 5952). */
  get source(): string {
    return formatIpv6(this.sourceBytes);
  }

  /** Destination address in canonical text (RFC 5952). */
  get destination(): string {
    return formatIpv6(this.destinationBytes);
  }

  /** The 16 bytes of the source address, borrowed. */
  get sourceBytes(): Uint8Array {
    return this.#frame.subarray(this.#start + FIELD.source, this.#start + FIELD.destination);
  }

  /** The 16 bytes of the destination address, borrowed. */
  get destinationBytes(): Uint8Array {
    return this.#frame.subarray(this.#start + FIELD.destination, this.#start + FIELD.extensions);
  }

  /** Every whole extension header, in order. Walks them anew at each read. */
  get extensionHeaders(): readonly Ipv6Extension[] {
    const headers: Ipv6Extension[] = [];
    let protocol = this.nextHeader;
    for (let at = this.#start + FIELD.extensions; at < this.#upper;) {
      const length = extensionHeaderLength(this.#frame, protocol, at);
      headers.push({ protocol, offset: at - this.#start, length });
      protocol = this.#frame.u8(at);
      at += length;
    }
    return headers;
  }

  /** What the Fragment header says; absent for whole packets. */
  get fragment(): Ipv6Fragment | undefined {
    const header = this.extensionHeaders.find(({ protocol }) => protocol === IPV6_FRAGMENT);
    if (header === undefined) return undefined;
    const at = this.#start + header.offset;
    const word = this.#frame.u16(at + 2);
    return {
      offset: word & 0xfff8,
      moreFragments: (word & 1) !== 0,
      identification: this.#frame.u32(at + 4),
    };
  }

  /** The captured bytes after the extension headers, borrowed. Padding is not among them. */
  get payload(): Uint8Array {
    return this.#frame.subarray(this.#upper, this.#end);
  }
}
