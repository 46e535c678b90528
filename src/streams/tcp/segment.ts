// One TCP segment, read in place. One object serves all packets: what it says is of the last one.
import { LEND } from "../../packet/structure/lent.ts";
import { Outline } from "../../packet/structure/outline.ts";
import { PacketBytes } from "../../packet/structure/packet_bytes.ts";
import { ETHERTYPE, IP_PROTOCOL } from "../../packet/structure/protocols.ts";
import { isRightChecksum } from "./checksum.ts";
import type { StreamPacket } from "../packet.ts";

/** Control bits of a TCP header. */
export const FLAG = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16, URG: 32 } as const;

const NO_BYTES = new Uint8Array(new ArrayBuffer(0));
const NO_VIEW = new DataView(NO_BYTES.buffer);
const LEAST = { 4: 20, 6: 40 } as const;
const TCP_HEADER = 20;

/** The segment that a packet holds. Offsets are those of `bytes` and `view`. */
export class Segment {
  bytes: Uint8Array = NO_BYTES;
  view: DataView = NO_VIEW;
  /** Where the IP header begins. */
  start = 0;
  /** Where the packet ends. */
  end = 0;
  version: 4 | 6 = 4;
  /** Where the TCP header begins. */
  tcp = 0;
  /** Where the data begins. */
  data = 0;
  sequence = 0;
  acknowledgment = 0;
  flags = 0;
  window = 0;
  /** Bytes of data. */
  length = 0;
  /** It is a TCP packet of which the end is missing, or one that is too long to be changed. */
  cut = false;
  gso = false;
  /** The checksum is still to be computed. */
  unfinished = false;
  /** Whether the client of its connection sent it; the connection table says. */
  fromClient = true;

  /** Reads a packet; false where there is no whole TCP segment. */
  read(packet: StreamPacket): boolean {
    const lend = packet[LEND];
    if (lend === undefined) {
      const { payload } = packet;
      this.bytes = payload;
      this.view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
      this.start = 0;
      this.end = payload.length;
    } else lend.call(packet, this);
    return this.#parse();
  }

  /** Whether it is a SYN without ACK: the first of a connection. */
  get opens(): boolean {
    return (this.flags & (FLAG.SYN | FLAG.ACK | FLAG.RST)) === FLAG.SYN;
  }

  /** Whether the TCP checksum is right, or cannot be looked at. */
  get sound(): boolean {
    return this.unfinished || this.gso || isRightChecksum(this);
  }

  /** Where an option of this kind and length begins; 0 for any length, −1 when there is none. */
  option(kind: number, length: number): number {
    const { view, data } = this;
    for (let at = this.tcp + TCP_HEADER; at < data;) {
      const found = view.getUint8(at);
      if (found === 0) return -1;
      if (found === 1) {
        at++;
        continue;
      }
      const size = at + 1 < data ? view.getUint8(at + 1) : 0;
      if (size < 2 || at + size > data) return -1;
      if (found === kind && (length === 0 || size === length)) return at;
      at += size;
    }
    return -1;
  }

  #parse(): boolean {
    const { view, start } = this;
    const have = this.end - start;
    this.cut = false;
    if (have < LEAST[4] + TCP_HEADER) return false;
    const first = view.getUint8(start);
    if (first >> 4 === 4) {
      this.version = 4;
      const header = (first & 15) * 4;
      const total = view.getUint16(start + 2, false);
      // A length of 0 is of a packet of more than 64 KiB.
      if (header < LEAST[4] || (total !== 0 && total < header + TCP_HEADER)) return false;
      if (view.getUint8(start + 9) !== IP_PROTOCOL.TCP) return false;
      // A fragment holds no whole segment.
      if ((view.getUint16(start + 6, false) & 0x3fff) !== 0) return false;
      this.cut = total > have || total === 0;
      this.tcp = start + header;
      if (!this.cut) this.end = start + total;
    } else if (first >> 4 === 6) {
      this.version = 6;
      if (have < LEAST[6] + TCP_HEADER) return false;
      const total = LEAST[6] + view.getUint16(start + 4, false);
      const direct = view.getUint8(start + 6) === IP_PROTOCOL.TCP;
      this.cut = direct && (total > have || total === LEAST[6]);
      if (!this.cut && (total > have || total < LEAST[6] + TCP_HEADER)) return false;
      if (!this.cut) this.end = start + total;
      this.tcp = direct ? start + LEAST[6] : this.#behind();
      if (this.tcp === 0) return false;
    } else return false;
    return this.#readTcp();
  }

  /** Where the TCP header is behind IPv6 extension headers; 0 where there is none. */
  #behind(): number {
    const packet = new PacketBytes(this.bytes, this.start, this.end, this.view);
    const outline = new Outline(packet, ETHERTYPE.IPV6, 0);
    const { protocol, whole, readable, upperOffset } = outline;
    return protocol === IP_PROTOCOL.TCP && whole && readable ? this.start + upperOffset : 0;
  }

  #readTcp(): boolean {
    const { view, tcp, end } = this;
    if (end - tcp < TCP_HEADER) return false;
    const header = (view.getUint8(tcp + 12) >> 4) * 4;
    if (header < TCP_HEADER || tcp + header > end) return false;
    this.data = tcp + header;
    this.length = end - this.data;
    this.sequence = view.getInt32(tcp + 4, false);
    this.acknowledgment = view.getInt32(tcp + 8, false);
    this.flags = view.getUint8(tcp + 13);
    this.window = view.getUint16(tcp + 14, false);
    return true;
  }
}
