import { formatIpv4 } from "./address.ts";
import type { Frame } from "./frame.ts";

/** Where the fields of an IPv4 header begin (RFC 791 §3.1), in bytes. */
const FIELD = {
  versionAndLength: 0,
  trafficClass: 1,
  totalLength: 2,
  identification: 4,
  fragment: 6,
  ttl: 8,
  protocol: 9,
  checksum: 10,
  source: 12,
  destination: 16,
  options: 20,
} as const;

/** Bytes of an IPv4 header without options. */
export const IPV4_HEADER_SIZE = 20;

/**
 * An IPv4 header (RFC 791) and what follows it. Made by `Layers`, which has checked that the fixed
 * header is there. Numbers are in host order. Borrows the frame: every read throws
 * PacketReleasedError once the frame was released.
 */
export class Ipv4View {
  readonly #frame: Frame;
  readonly #start: number;
  /** End of what was captured of the datagram; link-layer padding is beyond it. */
  readonly #end: number;

  constructor(frame: Frame, start: number, end: number) {
    this.#frame = frame;
    this.#start = start;
    this.#end = end;
  }

  /** 4. */
  get version(): 4 {
    this.#frame.u8(this.#start);
    return 4;
  }

  /** Bytes of the header with its options, 20 to 60. */
  get headerLength(): number {
    return (this.#frame.u8(this.#start + FIELD.versionAndLength) & 15) * 4;
  }

  /** Differentiated services code point (RFC 2474), 0 to 63. */
  get dscp(): number {
    return this.#frame.u8(this.#start + FIELD.trafficClass) >> 2;
  }

  /** Explicit congestion notification (RFC 3168), 0 to 3. */
  get ecn(): number {
    return this.#frame.u8(this.#start + FIELD.trafficClass) & 3;
  }

  /** Bytes of header and data as the header says. 0 in packets beyond 64 KiB that GSO made. */
  get totalLength(): number {
    return this.#frame.u16(this.#start + FIELD.totalLength);
  }

  get identification(): number {
    return this.#frame.u16(this.#start + FIELD.identification);
  }

  get dontFragment(): boolean {
    return (this.#frame.u8(this.#start + FIELD.fragment) & 0x40) !== 0;
  }

  get moreFragments(): boolean {
    return (this.#frame.u8(this.#start + FIELD.fragment) & 0x20) !== 0;
  }

  /** Where this fragment's data belongs in the whole datagram's, in bytes. 0 for the first. */
  get fragmentOffset(): number {
    return (this.#frame.u16(this.#start + FIELD.fragment) & 0x1fff) * 8;
  }

  /** Time to live, in hops. */
  get ttl(): number {
    return this.#frame.u8(this.#start + FIELD.ttl);
  }

  /** Upper-layer protocol number: 1 ICMP, 6 TCP, 17 UDP, … */
  get protocol(): number {
    return this.#frame.u8(this.#start + FIELD.protocol);
  }

  /** The header checksum as it stands; nobody has verified it. */
  get checksum(): number {
    return this.#frame.u16(this.#start + FIELD.checksum);
  }

  /** Source address, `a.b.c.d`. */
  get source(): string {
    return formatIpv4(this.sourceNumber);
  }

  /** Destination address, `a.b.c.d`. */
  get destination(): string {
    return formatIpv4(this.destinationNumber);
  }

  /** Source address as a number, first byte highest. */
  get sourceNumber(): number {
    return this.#frame.u32(this.#start + FIELD.source);
  }

  /** Destination address as a number, first byte highest. */
  get destinationNumber(): number {
    return this.#frame.u32(this.#start + FIELD.destination);
  }

  /** The four bytes of the source address, borrowed. */
  get sourceBytes(): Uint8Array {
    return this.#frame.subarray(this.#start + FIELD.source, this.#start + FIELD.destination);
  }

  /** The four bytes of the destination address, borrowed. */
  get destinationBytes(): Uint8Array {
    return this.#frame.subarray(this.#start + FIELD.destination, this.#start + FIELD.options);
  }

  /** The captured bytes of the options, borrowed. */
  get options(): Uint8Array {
    return this.#frame.subarray(this.#start + FIELD.options, this.#headerEnd());
  }

  /** The captured bytes after the header, borrowed. Link-layer padding is not among them. */
  get payload(): Uint8Array {
    return this.#frame.subarray(this.#headerEnd(), this.#end);
  }

  #headerEnd(): number {
    return Math.min(this.#start + this.headerLength, this.#end);
  }
}
