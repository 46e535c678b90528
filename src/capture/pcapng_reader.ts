import type { ByteQueue } from "./byte_queue.ts";
import type { CapturedPacket, CaptureInterface, CaptureStatistics } from "./captured_packet.ts";
import { CaptureError } from "./errors.ts";
import { type FormatReader, MOST_CAPTURED } from "./format_reader.ts";
import {
  BLOCK,
  BLOCK_FRAME,
  BODY,
  BYTE_ORDER_MAGIC,
  OPTION,
  PACKET_FLAG,
  padded,
} from "./pcapng_format.ts";
import { numberOf, type Options, readOptions, textsOf } from "./pcapng_options.ts";
import { verdictOfComment } from "./verdict_comment.ts";

/** A block that claims more is a broken file's. */
const MOST_BLOCK = MOST_CAPTURED + (1 << 20);
/** More interfaces than any machine has: a hostile file could fill the memory with them. */
const MOST_INTERFACES = 1 << 16;

/** How an interface counts time. */
interface Clock {
  readonly ticksPerSecond: bigint;
  /** Seconds to add. */
  readonly offset: number;
}

interface Source {
  readonly clock: Clock;
  readonly interface: CaptureInterface & { statistics: CaptureStatistics | undefined };
}

/** Reads pcapng: sections of either byte order, all kinds of blocks with packets. */
export class PcapngReader implements FormatReader {
  #littleEndian = true;
  /** Of this section: numbers of interfaces begin anew with each. */
  #sources: Source[] = [];
  readonly #all: CaptureInterface[] = [];

  get interfaces(): readonly CaptureInterface[] {
    return this.#all;
  }

  next(queue: ByteQueue): CapturedPacket | boolean {
    if (queue.length < BLOCK_FRAME) return false;
    const start = queue.peek(BLOCK_FRAME);
    const type = start.getUint32(0, this.#littleEndian);
    // Its type reads the same in both byte orders.
    if (type === BLOCK.SECTION) this.#littleEndian = byteOrder(start, queue);
    const little = this.#littleEndian;
    const size = start.getUint32(4, little);
    if (size < BLOCK_FRAME || size % 4 !== 0 || size > MOST_BLOCK) {
      throw new CaptureError(`a block says that it has ${size} bytes`, queue);
    }
    if (queue.length < size) return false;
    const block = queue.peek(size);
    if (block.getUint32(size - 4, little) !== size) {
      throw new CaptureError("a block's two lengths are not the same", queue);
    }
    const body = new DataView(block.buffer, block.byteOffset + 8, size - BLOCK_FRAME);
    const read = this.#readers[type];
    const packet = read === undefined ? true : read(body, queue);
    queue.take(size);
    return packet;
  }

  readonly #readers: Readonly<
    Record<number, (body: DataView<ArrayBuffer>, at: ByteQueue) => CapturedPacket | true>
  > = {
    [BLOCK.SECTION]: (body, at) => {
      need(body, BODY.section, at);
      const major = body.getUint16(4, this.#littleEndian);
      if (major !== 1) throw new CaptureError(`pcapng version ${major} is not known`, at);
      this.#sources = [];
      return true;
    },
    [BLOCK.INTERFACE]: (body, at) => {
      need(body, BODY.interface, at);
      if (this.#all.length >= MOST_INTERFACES) {
        throw new CaptureError(`more than ${MOST_INTERFACES} interfaces`, at);
      }
      const little = this.#littleEndian;
      const options = readOptions(rest(body, BODY.interface), little);
      const source = {
        name: textsOf(options, OPTION.INTERFACE.NAME)[0],
        description: textsOf(options, OPTION.INTERFACE.DESCRIPTION)[0],
        linkType: body.getUint16(0, little),
        snapLength: body.getUint32(4, little),
        statistics: undefined,
      };
      this.#sources.push({ interface: source, clock: clockOf(options, little) });
      this.#all.push(source);
      return true;
    },
    [BLOCK.PACKET]: (body, at) => {
      need(body, BODY.packet, at);
      const index = body.getUint32(0, this.#littleEndian);
      return this.#packet(body, { index, lengthsAt: 12, dataAt: BODY.packet, at });
    },
    [BLOCK.OLD_PACKET]: (body, at) => {
      need(body, BODY.oldPacket, at);
      const index = body.getUint16(0, this.#littleEndian);
      return this.#packet(body, { index, lengthsAt: 12, dataAt: BODY.oldPacket, at });
    },
    [BLOCK.SIMPLE_PACKET]: (body, at) => {
      need(body, BODY.simple, at);
      const { interface: source } = this.#source(0, at);
      const length = body.getUint32(0, this.#littleEndian);
      const most = Math.min(source.snapLength || Infinity, body.byteLength - BODY.simple);
      const captured = Math.min(length, most);
      const bytes = copy(rest(body, BODY.simple), captured);
      return { bytes, length, timestamp: 0, nanoseconds: 0, interface: source };
    },
    [BLOCK.STATISTICS]: (body, at) => {
      need(body, BODY.statistics, at);
      const little = this.#littleEndian;
      const options = readOptions(rest(body, BODY.statistics), little);
      const { RECEIVED, DROPPED, SYSTEM_DROPPED, DELIVERED } = OPTION.STATISTICS;
      this.#source(body.getUint32(0, little), at).interface.statistics = {
        received: numberOf(options, RECEIVED, little),
        dropped: numberOf(options, DROPPED, little),
        systemDropped: numberOf(options, SYSTEM_DROPPED, little),
        delivered: numberOf(options, DELIVERED, little),
      };
      return true;
    },
  };

  #source(index: number, at: ByteQueue): Source {
    const source = this.#sources[index];
    if (source !== undefined) return source;
    throw new CaptureError(`a block is about interface ${index}, which the file has not told`, at);
  }

  #packet(
    body: DataView<ArrayBuffer>,
    { index, lengthsAt, dataAt, at }: {
      readonly index: number;
      readonly lengthsAt: number;
      readonly dataAt: number;
      readonly at: ByteQueue;
    },
  ): CapturedPacket {
    const little = this.#littleEndian;
    const source = this.#source(index, at);
    const captured = body.getUint32(lengthsAt, little);
    if (captured > body.byteLength - dataAt) {
      throw new CaptureError(`a packet of ${captured} bytes is longer than its block`, at);
    }
    const data = rest(body, dataAt);
    const options = readOptions(rest(data, Math.min(padded(captured), data.byteLength)), little);
    const flags = numberOf(options, OPTION.PACKET.FLAGS, little) ?? 0;
    const comments = textsOf(options, OPTION.COMMENT);
    const verdict = comments.map(verdictOfComment).find((told) => told !== undefined);
    const direction = flags & PACKET_FLAG.DIRECTION;
    return {
      bytes: copy(data, captured),
      length: Math.max(body.getUint32(lengthsAt + 4, little), captured),
      ...timeOf(body, lengthsAt - 8, little, source.clock),
      interface: source.interface,
      id: numberOf(options, OPTION.PACKET.ID, little),
      queue: numberOf(options, OPTION.PACKET.QUEUE, little),
      direction: direction === PACKET_FLAG.INBOUND
        ? "inbound"
        : direction === PACKET_FLAG.OUTBOUND
        ? "outbound"
        : undefined,
      checksumNotReady: (flags & PACKET_FLAG.CHECKSUM_NOT_READY) !== 0,
      gso: (flags & PACKET_FLAG.SEGMENTS) !== 0,
      comments: comments.filter((comment) => verdictOfComment(comment) === undefined),
      verdict,
    };
  }
}

function byteOrder(start: DataView, at: ByteQueue): boolean {
  if (start.getUint32(8, true) === BYTE_ORDER_MAGIC) return true;
  if (start.getUint32(8, false) === BYTE_ORDER_MAGIC) return false;
  throw new CaptureError("a section has no byte order", at);
}

function need(body: DataView, size: number, at: ByteQueue): void {
  if (body.byteLength >= size) return;
  throw new CaptureError(`a block of ${body.byteLength} bytes needs ${size} for its fields`, at);
}

function rest(view: DataView<ArrayBuffer>, from: number): DataView<ArrayBuffer> {
  return new DataView(view.buffer, view.byteOffset + from, view.byteLength - from);
}

function copy({ buffer, byteOffset }: DataView<ArrayBuffer>, length: number) {
  return new Uint8Array(buffer.slice(byteOffset, byteOffset + length));
}

/** if_tsresol: a power of ten, or of two where the first bit is set; microseconds where it is absent. */
function clockOf(options: Options, littleEndian: boolean): Clock {
  const { RESOLUTION, OFFSET } = OPTION.INTERFACE;
  const value = options.get(RESOLUTION)?.[0];
  const resolution = value?.byteLength === 1 ? value.getUint8(0) : 6;
  const exponent = BigInt(resolution & 0x7f);
  const seconds = options.get(OFFSET)?.[0];
  return {
    ticksPerSecond: (resolution & 0x80) === 0 ? 10n ** exponent : 2n ** exponent,
    offset: seconds?.byteLength === 8 ? Number(seconds.getBigInt64(0, littleEndian)) : 0,
  };
}

function timeOf(
  body: DataView,
  at: number,
  littleEndian: boolean,
  { ticksPerSecond, offset }: Clock,
): { timestamp: number; nanoseconds: number } {
  const high = BigInt(body.getUint32(at, littleEndian));
  const ticks = (high << 32n) + BigInt(body.getUint32(at + 4, littleEndian));
  const seconds = ticks / ticksPerSecond;
  const within = Number((ticks % ticksPerSecond) * 1_000_000_000n / ticksPerSecond);
  return {
    timestamp: (Number(seconds) + offset) * 1e6 + Math.floor(within / 1000),
    nanoseconds: within % 1000,
  };
}
