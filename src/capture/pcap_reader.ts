import type { ByteQueue } from "./byte_queue.ts";
import type { CapturedPacket, CaptureInterface } from "./captured_packet.ts";
import { CaptureError } from "./errors.ts";
import { type FormatReader, MOST_CAPTURED } from "./format_reader.ts";
import { PCAP_HEADER, PCAP_MAGIC, PCAP_RECORD } from "./pcap_format.ts";

/** The upper bits tell of a frame check sequence. */
const LINK_TYPE_BITS = 0xffff;

/** Reads pcap: of either byte order, in micro- and nanoseconds, and the modified layout. */
export class PcapReader implements FormatReader {
  readonly #littleEndian: boolean;
  readonly #nanoseconds: boolean;
  readonly #recordSize: number;
  #interface: CaptureInterface | undefined;
  #swapped = false;

  /** @param magic the header's first word, read in the file's byte order */
  constructor(magic: number, littleEndian: boolean) {
    this.#littleEndian = littleEndian;
    this.#nanoseconds = magic === PCAP_MAGIC.NANOSECONDS;
    this.#recordSize = magic === PCAP_MAGIC.MODIFIED ? PCAP_RECORD.modifiedSize : PCAP_RECORD.size;
  }

  get interfaces(): readonly CaptureInterface[] {
    return this.#interface === undefined ? [] : [this.#interface];
  }

  next(queue: ByteQueue): CapturedPacket | boolean {
    return this.#interface === undefined ? this.#readHeader(queue) : this.#readRecord(queue);
  }

  #readHeader(queue: ByteQueue): boolean {
    if (queue.length < PCAP_HEADER.size) return false;
    const header = queue.peek(PCAP_HEADER.size);
    const little = this.#littleEndian;
    const major = header.getUint16(PCAP_HEADER.major, little);
    const minor = header.getUint16(PCAP_HEADER.minor, little);
    if (major !== 2) {
      throw new CaptureError(`pcap version ${major}.${minor} is not known`, queue);
    }
    // Before 2.3 the two lengths stood the other way round.
    this.#swapped = minor < 3;
    this.#interface = {
      linkType: header.getUint32(PCAP_HEADER.linkType, little) & LINK_TYPE_BITS,
      snapLength: header.getUint32(PCAP_HEADER.snapLength, little),
    };
    queue.take(PCAP_HEADER.size);
    return true;
  }

  #readRecord(queue: ByteQueue): CapturedPacket | false {
    const size = this.#recordSize;
    if (queue.length < size) return false;
    const header = queue.peek(size);
    const little = this.#littleEndian;
    const lengths = [PCAP_RECORD.captured, PCAP_RECORD.length]
      .map((offset) => header.getUint32(offset, little));
    const [captured = 0, length = 0] = this.#swapped ? lengths.reverse() : lengths;
    if (captured > MOST_CAPTURED) {
      throw new CaptureError(`a record says that it holds ${captured} bytes`, queue);
    }
    if (queue.length < size + captured) return false;
    const fraction = header.getUint32(PCAP_RECORD.fraction, little);
    const seconds = header.getUint32(PCAP_RECORD.seconds, little);
    const within = this.#nanoseconds ? Math.floor(fraction / 1000) : fraction;
    const record = queue.peek(size + captured);
    const at = record.byteOffset + size;
    const packet: CapturedPacket = {
      bytes: new Uint8Array(record.buffer.slice(at, at + captured)),
      // Some programs wrote less than they captured.
      length: Math.max(length, captured),
      timestamp: seconds * 1e6 + within,
      nanoseconds: this.#nanoseconds ? fraction % 1000 : 0,
      interface: this.#interface,
    };
    queue.take(size + captured);
    return packet;
  }
}
