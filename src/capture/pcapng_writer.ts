import { write } from "../base/bytes.ts";
import { checkBytes, checkInteger, checkText } from "../base/checks.ts";
import type { CapturedPacket, CaptureInterface, CaptureStatistics } from "./captured_packet.ts";
import { LINK_TYPE } from "./captured_packet.ts";
import { finishedBytes } from "./finished.ts";
import { MOST_CAPTURED } from "./format_reader.ts";
import {
  BLOCK,
  BLOCK_FRAME,
  BODY,
  BYTE_ORDER_MAGIC,
  OPTION,
  PACKET_FLAG,
  padded,
} from "./pcapng_format.ts";
import { type Time, timeOf } from "./time.ts";
import { commentOfVerdict } from "./verdict_comment.ts";

const MOST_TEXT = 0xffff;
/** Nanoseconds: 10 to the power of −9. */
const RESOLUTION = 9;
const RAW: CaptureInterface = { linkType: LINK_TYPE.RAW, snapLength: 0 };
const encoder = new TextEncoder();

type Option = readonly [code: number, value: Uint8Array];

const text = (value: string): Uint8Array => encoder.encode(value).subarray(0, MOST_TEXT);

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(4));
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

function u64(value: number): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(8));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, value % 2 ** 32, true);
  view.setUint32(4, Math.floor(value / 2 ** 32), true);
  return bytes;
}

/** A block that is being written. */
class Block {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
  #at: number;

  constructor(type: number, bodySize: number, data: number, options: readonly Option[]) {
    const ends = options.length > 0 ? 4 : 0;
    const optionsSize = options.reduce((sum, [, { length }]) => sum + 4 + padded(length), ends);
    const size = BLOCK_FRAME + bodySize + padded(data) + optionsSize;
    this.bytes = new Uint8Array(new ArrayBuffer(size));
    this.view = new DataView(this.bytes.buffer);
    this.view.setUint32(0, type, true);
    this.view.setUint32(4, size, true);
    this.view.setUint32(size - 4, size, true);
    this.#at = 8 + bodySize + padded(data);
    for (const [code, value] of options) {
      this.view.setUint16(this.#at, code, true);
      this.view.setUint16(this.#at + 2, value.length, true);
      write(this.bytes, this.#at + 4, value);
      this.#at += 4 + padded(value.length);
    }
  }
}

/** What a recording says of itself. */
export interface PcapngWriterOptions {
  /** The program that records. */
  readonly application?: string | undefined;
  /** A comment on the whole recording. */
  readonly comment?: string | undefined;
}

/**
 * Writes pcapng: each call returns the bytes that come next in the file. Times are written in
 * nanoseconds. What Wireshark shows of a packet beside its bytes comes along: interface, queue, packet
 * id, direction, comments, the verdict as one of them.
 */
export class PcapngWriter {
  readonly #options: readonly Option[];
  readonly #interfaces = new Map<string, number>();
  #begun = false;

  /**
   * One writer writes one file.
   *
   * @throws {TypeError} when an option is no text
   */
  constructor({ application = "nfqueue", comment }: PcapngWriterOptions = {}) {
    this.#options = [
      ...(comment === undefined
        ? []
        : [[OPTION.COMMENT, text(checkText("comment", comment))] as const]),
      [OPTION.SECTION.APPLICATION, text(checkText("application", application))],
    ];
  }

  /**
   * The file's header, for a recording that may have no packet; else it comes with the first one.
   * Empty when it was written.
   */
  start(): Uint8Array<ArrayBuffer> {
    if (this.#begun) return new Uint8Array(new ArrayBuffer(0));
    this.#begun = true;
    const { bytes, view } = new Block(BLOCK.SECTION, BODY.section, 0, this.#options);
    view.setUint32(8, BYTE_ORDER_MAGIC, true);
    view.setUint16(12, 1, true);
    // How long the section is: not known.
    view.setInt32(16, -1, true);
    view.setInt32(20, -1, true);
    return bytes;
  }

  /**
   * A packet, after whatever must stand before it. A checksum that was not ready is computed in what
   * is written, where all of the packet is there; the flag stays.
   *
   * @throws {TypeError | RangeError} naming the field that is none
   */
  packet(packet: CapturedPacket): Uint8Array<ArrayBuffer> {
    const given = checkBytes("bytes", packet.bytes, MOST_CAPTURED);
    const { id, queue, verdict, comments = [], interface: source = RAW } = packet;
    const length = checkInteger(
      "length",
      packet.length ?? given.length,
      given.length,
      0xffffffff,
    );
    const time = timeOf(packet);
    const flags = flagsOf(packet);
    const options: Option[] = comments.map((comment) =>
      [OPTION.COMMENT, text(checkText("comment", comment))] as const
    );
    if (verdict !== undefined) options.push([OPTION.COMMENT, text(commentOfVerdict(verdict))]);
    if (flags !== 0) options.push([OPTION.PACKET.FLAGS, u32(flags)]);
    if (id !== undefined) {
      options.push([OPTION.PACKET.ID, u64(checkInteger("id", id, 0, Number.MAX_SAFE_INTEGER))]);
    }
    if (queue !== undefined) {
      options.push([OPTION.PACKET.QUEUE, u32(checkInteger("queue", queue, 0, 0xffffffff))]);
    }
    const finished = finishedBytes(given, packet);
    // Last, because it counts as written from here on: nothing throws any more.
    const before = this.#before(source);
    const { bytes, view } = new Block(BLOCK.PACKET, BODY.packet, given.length, options);
    view.setUint32(8, before.index, true);
    setTime(view, 12, time);
    view.setUint32(20, given.length, true);
    view.setUint32(24, length, true);
    write(bytes, 8 + BODY.packet, finished);
    return joined([...before.blocks, bytes]);
  }

  /** What an interface has counted, for the end of a recording. Numbers are of packets. */
  statistics(
    statistics: CaptureStatistics,
    { interface: source = RAW, timestamp, nanoseconds }: Pick<
      CapturedPacket,
      "interface" | "timestamp" | "nanoseconds"
    >,
  ): Uint8Array<ArrayBuffer> {
    const time = timeOf({ timestamp, nanoseconds });
    const { RECEIVED, DROPPED, SYSTEM_DROPPED, DELIVERED } = OPTION.STATISTICS;
    const counters = [
      ...[[RECEIVED, "received"], [DROPPED, "dropped"]] as const,
      ...[[SYSTEM_DROPPED, "systemDropped"], [DELIVERED, "delivered"]] as const,
    ];
    const options = counters.flatMap(([code, name]): Option[] => {
      const count = statistics[name];
      if (count === undefined) return [];
      return [[code, u64(checkInteger(name, count, 0, Number.MAX_SAFE_INTEGER))]];
    });
    const before = this.#before(source);
    const { bytes, view } = new Block(BLOCK.STATISTICS, BODY.statistics, 0, options);
    view.setUint32(8, before.index, true);
    setTime(view, 12, time);
    return joined([...before.blocks, bytes]);
  }

  /** The blocks that must come before one about this interface, and its number. */
  #before(source: CaptureInterface): { index: number; blocks: Uint8Array<ArrayBuffer>[] } {
    const { name, description, linkType, snapLength } = source;
    const key = JSON.stringify([linkType, snapLength, name, description]);
    const known = this.#interfaces.get(key);
    if (known !== undefined) return { index: known, blocks: [] };
    checkInteger("linkType", linkType, 0, 0xffff);
    checkInteger("snapLength", snapLength, 0, 0xffffffff);
    const { NAME, DESCRIPTION } = OPTION.INTERFACE;
    const options: Option[] = [];
    if (name !== undefined) options.push([NAME, text(checkText("name", name))]);
    if (description !== undefined) {
      options.push([DESCRIPTION, text(checkText("description", description))]);
    }
    options.push([OPTION.INTERFACE.RESOLUTION, Uint8Array.of(RESOLUTION)]);
    const { bytes, view } = new Block(BLOCK.INTERFACE, BODY.interface, 0, options);
    view.setUint16(8, linkType, true);
    view.setUint32(12, snapLength, true);
    const index = this.#interfaces.size;
    const start = this.start();
    this.#interfaces.set(key, index);
    return { index, blocks: start.length === 0 ? [bytes] : [start, bytes] };
  }
}

function flagsOf({ direction, checksumNotReady, gso }: CapturedPacket): number {
  let flags = 0;
  if (direction === "inbound") flags |= PACKET_FLAG.INBOUND;
  if (direction === "outbound") flags |= PACKET_FLAG.OUTBOUND;
  if (checksumNotReady) flags |= PACKET_FLAG.CHECKSUM_NOT_READY;
  if (gso) flags |= PACKET_FLAG.SEGMENTS;
  return flags;
}

/** In nanoseconds, without a BigInt: products stay below 2**53. */
function setTime(view: DataView, at: number, { microseconds, nanoseconds }: Time): void {
  const low = (microseconds % 2 ** 32) * 1000 + nanoseconds;
  const high = Math.floor(microseconds / 2 ** 32) * 1000 + Math.floor(low / 2 ** 32);
  view.setUint32(at, high, true);
  view.setUint32(at + 4, low % 2 ** 32, true);
}

function joined(parts: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  if (parts.length === 1) return parts[0]!;
  const all = new Uint8Array(new ArrayBuffer(parts.reduce((sum, { length }) => sum + length, 0)));
  let at = 0;
  for (const part of parts) {
    write(all, at, part);
    at += part.length;
  }
  return all;
}
