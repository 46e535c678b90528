// Writes packets: the one at hand anew, and others that go beside it.
import { finishPacket } from "../../packet/structure/finish.ts";
import { ACCEPT, DROP, type StreamPacket, type StreamVerdict } from "../packet.ts";
import type { Connection, Words } from "./connection.ts";
import type { Direction } from "./direction.ts";
import { sackAt, translateSack } from "./options.ts";
import type { Plan } from "./plan.ts";
import { FLAG, type Segment } from "./segment.ts";
import { advance, distance } from "./bytes/sequence.ts";

/** Most bytes of a packet that the kernel takes back. */
const LONGEST = 65_531;
const UNTRACKED = { untracked: true } as const;
const TTL = 64;
const IP_HEADER = { 4: 20, 6: 40 } as const;
const TCP_HEADER = 20;
const TIMESTAMPS_SIZE = 12;
const NO_BLOCKS: readonly (readonly [number, number])[] = [];
/** So many find room beside timestamps. */
const MOST_BLOCKS = 3;

/** Header fields of a packet of our own. */
interface BareFields {
  readonly sequence: number;
  readonly flags: number;
  /** Kept bytes that it carries, from `sequence` on. */
  readonly length?: number;
  /** Bytes that it carries instead. */
  readonly data?: Uint8Array;
  readonly acknowledgment?: number;
  readonly window?: number;
  readonly blocks?: readonly (readonly [number, number])[];
}

/** What is told about packets that could not be sent beside. */
export interface UnsentReport {
  unsent: number;
  unsentError: unknown;
}

/**
 * Writes packets into memory of its own, which the next ones overwrite: one part for the packet at hand,
 * which is read when its verdict is given, and one for those that go beside it.
 */
export class PacketWriter {
  readonly #bytes = new Uint8Array(new ArrayBuffer(0x10040));
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #besideBytes = new Uint8Array(new ArrayBuffer(0x10040));
  readonly #besideView = new DataView(this.#besideBytes.buffer);
  readonly #report: UnsentReport;
  /** Header fields of the packet at hand, translated. */
  acknowledgment = 0;
  window = 0;

  constructor(report: UnsentReport) {
    this.#report = report;
  }

  /** Gives the packet at hand its verdict, with what the plan says. */
  carry(
    connection: Connection,
    direction: Direction,
    { packet, segment, plan }: {
      readonly packet: StreamPacket;
      readonly segment: Segment;
      readonly plan: Plan;
    },
  ): StreamVerdict {
    if (plan.drop) return DROP;
    const sack = (segment.flags & FLAG.ACK) === 0 ||
        connection.reverse(direction).translation.same
      ? -1
      : sackAt(segment);
    if (plan.own) {
      const { sequence } = plan;
      const ends = segment.length + Number((segment.flags & FLAG.FIN) !== 0);
      direction.noteSent(advance(sequence, ends));
      if (
        sequence === segment.sequence && this.acknowledgment === segment.acknowledgment &&
        this.window === segment.window && sack < 0
      ) {
        return ACCEPT;
      }
      const header = this.#header(segment, { sequence, sack, reverse: connection });
      this.#bytes.set(segment.bytes.subarray(segment.data, segment.end), header);
      return this.#replace(packet, segment, header + segment.length);
    }
    return this.#carryOther(connection, direction, { packet, segment, plan, sack });
  }

  #carryOther(
    connection: Connection,
    direction: Direction,
    { packet, segment, plan, sack }: {
      readonly packet: StreamPacket;
      readonly segment: Segment;
      readonly plan: Plan;
      readonly sack: number;
    },
  ): StreamVerdict {
    const headerLength = segment.data - segment.start;
    const { gso } = segment;
    const total = plan.length;
    const options = segment.data - segment.tcp - TCP_HEADER;
    const limit = this.#segmentLimit(connection, direction);
    const most = gso
      ? LONGEST - headerLength
      : Math.min(LONGEST - headerLength, Math.max(segment.length, limit - options));
    const sequence = plan.from;
    // The kernel drops a packet of several segments that shrinks to one.
    const alone = gso && total <= limit && total !== segment.length;
    const beside = alone ? total : Math.max(total - most, 0);
    const end = advance(sequence, total);
    let first = beside;
    if (beside > 0 || alone) {
      const sent = this.#sendPlanned(connection, direction, { packet, plan, count: beside, alone });
      if (alone) return DROP;
      // Without a raw socket what fits goes on, and the rest with a retransmission.
      if (!sent) first = 0;
    }
    const count = Math.min(total - first, most);
    const at = advance(sequence, first);
    const isEnd = first + count === total;
    const fin = plan.fin && isEnd;
    if (plan.probes) direction.probed = true;
    else direction.noteSent(isEnd ? advance(end, Number(fin)) : advance(at, count));
    const header = this.#header(segment, { sequence: at, sack, reverse: connection });
    this.#copy(direction, plan, { from: first, count, at: header });
    this.#setFlags(segment, { fin, direction, sequence: at, empty: count === 0 });
    return this.#replace(packet, segment, header + count);
  }

  /** Sends the first `count` bytes of a plan as segments of our own; whether all were sent. */
  #sendPlanned(
    connection: Connection,
    direction: Direction,
    { packet, plan, count, alone }: {
      readonly packet: StreamPacket;
      readonly plan: Plan;
      readonly count: number;
      readonly alone: boolean;
    },
  ): boolean {
    const size = this.besideLimit(connection, direction);
    let done = 0;
    do {
      const length = Math.min(size, count - done);
      const at = advance(plan.from, done);
      const last = alone && done + length === count;
      const flags = FLAG.ACK | (last && length > 0 ? FLAG.PSH : 0) |
        (last && plan.fin ? FLAG.FIN : 0);
      const header = this.#bareHeader(connection, direction, { sequence: at, flags }, length);
      this.#copy(direction, plan, { from: done, count: length, at: header }, this.#besideBytes);
      if (!this.#send(packet, header + length, connection.isUntracked(direction))) return false;
      done += length;
      if (plan.probes) direction.probed = true;
      else direction.noteSent(advance(at, length + Number(last && plan.fin)));
    } while (done < count);
    return true;
  }

  /** Sends what is kept and was not sent, as far as the receiver has room. */
  pump(connection: Connection, direction: Direction): void {
    const { packet } = connection;
    // Before the receiver has taken the connection it takes no data.
    if (packet === undefined || !direction.settled) return;
    const { dataEnd, finMapped, edge, edgeKnown, kept } = direction;
    const size = this.besideLimit(connection, direction);
    // A packet whose verdict is not given yet is behind these: its fields are the newest.
    for (;;) {
      const from = distance(direction.sent, kept.low) < 0 ? kept.low : direction.sent;
      const left = distance(dataEnd, from);
      const finLeft = finMapped && distance(direction.translation.outputEnd, from) > 0;
      if (left < 0 || (left === 0 && !finLeft)) return;
      const room = edgeKnown ? distance(edge, from) : left;
      const length = Math.min(size, left, Math.max(room, 0));
      if (length === 0 && left > 0) return;
      const fin = finLeft && length === left && direction.finFits;
      if (length === 0 && !fin) return;
      const flags = FLAG.ACK | (length === left && length > 0 ? FLAG.PSH : 0) |
        (fin ? FLAG.FIN : 0);
      if (!this.bare(connection, direction, { sequence: from, flags, length })) return;
      direction.noteSent(advance(from, length + Number(fin)));
    }
  }

  /** Sends a packet of our own in a direction; whether it was sent. */
  bare(connection: Connection, direction: Direction, fields: BareFields): boolean {
    const { packet } = connection;
    // What its sender has received is not known.
    const silent = fields.acknowledgment === undefined && !direction.told;
    if (packet === undefined || silent) return false;
    const length = fields.data?.length ?? fields.length ?? 0;
    const header = this.#bareHeader(connection, direction, fields, length);
    if (fields.data !== undefined) this.#besideBytes.set(fields.data, header);
    else if (length > 0) {
      direction.kept.copyTo(this.#besideBytes, header, { from: fields.sequence, count: length });
    }
    return this.#send(packet, header + length, connection.isUntracked(direction));
  }

  /** A SYN with other options, and without data. */
  synchronize(
    packet: StreamPacket,
    segment: Segment,
    { tame, window }: {
      readonly tame: (view: DataView, from: number, to: number) => boolean;
      readonly window: number;
    },
  ): StreamVerdict {
    const header = segment.data - segment.start;
    const tcp = segment.tcp - segment.start;
    this.#bytes.set(segment.bytes.subarray(segment.start, segment.data), 0);
    const changed = tame(this.#view, tcp + TCP_HEADER, header);
    if (!changed && segment.length === 0 && window === segment.window) return ACCEPT;
    this.#view.setUint16(tcp + 14, window, false);
    return this.#replace(packet, segment, header);
  }

  /** How much data a packet of a direction may carry, its options included. */
  #segmentLimit(connection: Connection, direction: Direction): number {
    const { segmentSize: one } = direction;
    const { segmentSize: other } = connection.reverse(direction);
    const size = one > 0 && other > 0 ? Math.min(one, other) : Math.max(one, other);
    return size > 0 ? size : Math.max(direction.largest, 536);
  }

  /** How much data a packet of our own may carry in a direction. */
  besideLimit(connection: Connection, direction: Direction): number {
    const limit = this.#segmentLimit(connection, direction);
    return Math.max(limit - (direction.timestamps ? TIMESTAMPS_SIZE : 0), 1);
  }

  /** The header of the packet at hand, with other numbers; its length. */
  #header(
    segment: Segment,
    { sequence, sack, reverse }: {
      readonly sequence: number;
      readonly sack: number;
      readonly reverse: Connection;
    },
  ): number {
    const { start, tcp: tcpStart, data } = segment;
    const view = this.#view;
    this.#bytes.set(segment.bytes.subarray(start, data), 0);
    const tcp = tcpStart - start;
    view.setInt32(tcp + 4, sequence, false);
    if ((segment.flags & FLAG.ACK) !== 0) view.setInt32(tcp + 8, this.acknowledgment, false);
    view.setUint16(tcp + 14, this.window, false);
    if (sack >= 0) {
      const acknowledged = segment.fromClient ? reverse.fromServer : reverse.fromClient;
      translateSack(view, sack - start, acknowledged.translation);
    }
    return data - start;
  }

  #setFlags(
    segment: Segment,
    { fin, direction, sequence, empty }: {
      readonly fin: boolean;
      readonly direction: Direction;
      readonly sequence: number;
      readonly empty: boolean;
    },
  ): void {
    const view = this.#view;
    const tcp = segment.tcp - segment.start;
    let flags = (segment.flags & ~FLAG.FIN) | (fin ? FLAG.FIN : 0);
    if (empty) flags &= ~FLAG.PSH;
    if ((flags & FLAG.URG) !== 0) {
      const input = advance(segment.sequence, segment.view.getUint16(segment.tcp + 18, false));
      const pointer = distance(direction.translation.toOutput(input), sequence);
      if (pointer > 0 && pointer <= 0xffff) view.setUint16(tcp + 18, pointer, false);
      else {
        flags &= ~FLAG.URG;
        view.setUint16(tcp + 18, 0, false);
      }
    }
    view.setUint8(tcp + 13, flags);
  }

  /** Copies `count` bytes of a plan, from its byte `from` on, to `at` of the packet. */
  #copy(
    direction: Direction,
    plan: Plan,
    { from, count, at }: { readonly from: number; readonly count: number; readonly at: number },
    target: Uint8Array = this.#bytes,
  ): void {
    const kept = distance(plan.to, plan.from);
    const first = Math.max(Math.min(kept - from, count), 0);
    if (first > 0) {
      direction.kept.copyTo(target, at, { from: advance(plan.from, from), count: first });
    }
    if (first === count) return;
    const tail = plan.tailFrom + Math.max(from - kept, 0);
    target.set(plan.tail.subarray(tail, tail + count - first), at + first);
  }

  #replace(packet: StreamPacket, segment: Segment, length: number): StreamVerdict {
    setLength(this.#view, segment.version, length);
    const bytes = this.#bytes.subarray(0, length);
    // Where the checksum is not computed yet the queue does it.
    if (!segment.unfinished) finishPacket(bytes);
    packet.replacePayload(bytes);
    return ACCEPT;
  }

  #bareHeader(
    connection: Connection,
    direction: Direction,
    fields: BareFields,
    length: number,
  ): number {
    const view = this.#besideView;
    const { version } = connection;
    const reverse = connection.reverse(direction);
    const isClient = direction === connection.fromClient;
    const tcp = IP_HEADER[version];
    const { blocks = NO_BLOCKS } = fields;
    const shift = direction.windowOfSyn ? Math.max(reverse.scale, 0) : 0;
    const { acknowledgment = direction.acknowledgmentField } = fields;
    const { window = direction.windowField >> shift } = fields;
    writeAddresses(view, connection, isClient);
    view.setUint16(tcp, isClient ? connection.clientPort : connection.serverPort, false);
    view.setUint16(tcp + 2, isClient ? connection.serverPort : connection.clientPort, false);
    view.setInt32(tcp + 4, fields.sequence, false);
    view.setInt32(tcp + 8, (fields.flags & FLAG.ACK) === 0 ? 0 : acknowledgment, false);
    view.setUint8(tcp + 13, fields.flags);
    view.setUint16(tcp + 14, window, false);
    view.setUint32(tcp + 16, 0, false);
    let at = tcp + TCP_HEADER;
    if (direction.timestamps && (fields.flags & FLAG.RST) === 0) {
      view.setUint32(at, 0x0101080a, false);
      view.setInt32(at + 4, direction.timestamp, false);
      view.setInt32(at + 8, reverse.timestamp, false);
      at += TIMESTAMPS_SIZE;
    }
    const count = Math.min(blocks.length, MOST_BLOCKS);
    if (count > 0) {
      view.setUint32(at, 0x01010500 | (2 + 8 * count), false);
      at += 4;
      for (let index = 0; index < count; index++) {
        const [left, right] = blocks[index]!;
        view.setInt32(at, left, false);
        view.setInt32(at + 4, right, false);
        at += 8;
      }
    }
    view.setUint8(tcp + 12, ((at - tcp) / 4) << 4);
    setLength(view, version, at + length);
    return at;
  }

  #send(packet: StreamPacket, length: number, untracked: boolean): boolean {
    const bytes = this.#besideBytes.subarray(0, length);
    finishPacket(bytes);
    try {
      packet.send(bytes, untracked ? UNTRACKED : undefined);
      return true;
    } catch (error) {
      this.#report.unsent++;
      this.#report.unsentError ??= error;
      return false;
    }
  }
}

function setLength(view: DataView, version: 4 | 6, length: number): void {
  if (version === 4) view.setUint16(2, length, false);
  else view.setUint16(4, length - IP_HEADER[6], false);
}

/** An IP header without its length. */
function writeAddresses(view: DataView, connection: Connection, fromClient: boolean): void {
  const { version, clientAddress, serverAddress } = connection;
  const source = fromClient ? clientAddress : serverAddress;
  const destination = fromClient ? serverAddress : clientAddress;
  if (version === 4) {
    view.setUint16(0, 0x4500, false);
    view.setUint32(4, 0x00004000, false);
    view.setUint32(8, (TTL << 24) | (6 << 16), false);
    view.setInt32(12, source[3], false);
    view.setInt32(16, destination[3], false);
    return;
  }
  view.setUint32(0, 0x60000000, false);
  view.setUint16(6, (6 << 8) | TTL, false);
  writeWords(view, 8, source);
  writeWords(view, 24, destination);
}

function writeWords(view: DataView, at: number, words: Words): void {
  for (let index = 0; index < 4; index++) view.setInt32(at + 4 * index, words[index]!, false);
}
