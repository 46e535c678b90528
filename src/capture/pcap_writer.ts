import { write } from "../base/bytes.ts";
import { checkBytes, checkInteger } from "../base/checks.ts";
import { type CapturedPacket, LINK_TYPE } from "./captured_packet.ts";
import { finishedBytes } from "./finished.ts";
import { PCAP_HEADER, PCAP_MAGIC, PCAP_RECORD } from "./pcap_format.ts";
import { timeOf } from "./time.ts";

/** The longest packet that every reader of pcap takes. */
const MOST_CAPTURED = 262_144;
const MOST_SECONDS = 0xffffffff;

/** What a pcap file's header says. */
export interface PcapWriterOptions {
  /** Of all packets: see {@linkcode LINK_TYPE}. RAW by default. */
  readonly linkType?: number | undefined;
  /** Whether times are written in nanoseconds; some older programs cannot read that. */
  readonly nanoseconds?: boolean | undefined;
}

/**
 * Writes pcap, which every program reads: each call returns the bytes that come next in the file. It
 * holds times, lengths and bytes, and nothing else of a packet.
 */
export class PcapWriter {
  readonly #linkType: number;
  readonly #nanoseconds: boolean;
  #begun = false;

  /**
   * One writer writes one file.
   *
   * @throws {TypeError | RangeError} when `linkType` is no 16-bit number
   */
  constructor({ linkType = LINK_TYPE.RAW, nanoseconds = false }: PcapWriterOptions = {}) {
    this.#linkType = checkInteger("linkType", linkType, 0, 0xffff);
    this.#nanoseconds = nanoseconds === true;
  }

  /** The file's header; empty when it was written. It comes with the first packet otherwise. */
  start(): Uint8Array<ArrayBuffer> {
    if (this.#begun) return new Uint8Array(new ArrayBuffer(0));
    this.#begun = true;
    const bytes = new Uint8Array(new ArrayBuffer(PCAP_HEADER.size));
    const view = new DataView(bytes.buffer);
    const { MICROSECONDS, NANOSECONDS } = PCAP_MAGIC;
    view.setUint32(0, this.#nanoseconds ? NANOSECONDS : MICROSECONDS, true);
    view.setUint16(PCAP_HEADER.major, 2, true);
    view.setUint16(PCAP_HEADER.minor, 4, true);
    view.setUint32(PCAP_HEADER.snapLength, MOST_CAPTURED, true);
    view.setUint32(PCAP_HEADER.linkType, this.#linkType, true);
    return bytes;
  }

  /**
   * A packet. A checksum that was not ready is computed in what is written, where all of the packet is
   * there.
   *
   * @throws {TypeError | RangeError} naming the field that is none; a time must be before 2106
   */
  packet(packet: CapturedPacket): Uint8Array<ArrayBuffer> {
    const given = checkBytes("bytes", packet.bytes, MOST_CAPTURED);
    const { length = given.length, interface: source } = packet;
    checkInteger("length", length, given.length, 0xffffffff);
    if (source !== undefined && source.linkType !== this.#linkType) {
      throw new RangeError(
        `interface: a pcap file is of one link type, ${this.#linkType} here, got ${source.linkType}`,
      );
    }
    const { microseconds, nanoseconds } = timeOf(packet);
    const seconds = checkInteger("timestamp", Math.floor(microseconds / 1e6), 0, MOST_SECONDS);
    const within = microseconds - seconds * 1e6;
    const linkType = this.#linkType;
    const finished = finishedBytes(given, {
      ...packet,
      interface: source ?? { linkType, snapLength: 0 },
    });
    const header = this.start();
    const at = header.length;
    const bytes = new Uint8Array(new ArrayBuffer(at + PCAP_RECORD.size + given.length));
    const view = new DataView(bytes.buffer, at);
    write(bytes, 0, header);
    view.setUint32(PCAP_RECORD.seconds, seconds, true);
    const fraction = this.#nanoseconds ? within * 1000 + nanoseconds : within;
    view.setUint32(PCAP_RECORD.fraction, fraction, true);
    view.setUint32(PCAP_RECORD.captured, given.length, true);
    view.setUint32(PCAP_RECORD.length, length, true);
    write(bytes, at + PCAP_RECORD.size, finished);
    return bytes;
  }
}
