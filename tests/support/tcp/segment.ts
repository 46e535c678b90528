/**
 * TCP segments in IPv4 and IPv6 packets, written and read by hand: RFC 9293 §3.1, RFC 2018, RFC 7323. The
 * tests that use it do not believe the library's own parser.
 *
 * @module
 */

import { internetSum } from "../traffic/packets.ts";

/** Bits of the header's flags. */
export const FLAG = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16, URG: 32 } as const;

/** One end of a connection. */
export interface End {
  /** 4 or 16 bytes. */
  readonly address: readonly number[];
  readonly port: number;
}

/** What a segment says; numbers as on the wire, unsigned. */
export interface Segment {
  readonly sequence: number;
  readonly acknowledgment: number;
  readonly flags: number;
  /** As on the wire, not scaled. */
  readonly window: number;
  readonly segmentSize?: number | undefined;
  readonly scale?: number | undefined;
  readonly sackPermitted?: boolean | undefined;
  /** Blocks of selective acknowledgment, left and right edge. */
  readonly blocks?: readonly (readonly [number, number])[] | undefined;
  readonly timestamps?: readonly [value: number, echo: number] | undefined;
  readonly data: Uint8Array;
}

const NOTHING = new Uint8Array(0);
const IP_SIZE: Readonly<Record<number, number>> = { 4: 20, 16: 40 };

/** Bytes of options that each segment of a connection has, with its padding. */
export const TIMESTAMPS_SIZE = 12;

function optionBytes(segment: Segment): number[] {
  const bytes: number[] = [];
  const word = (value: number): void => {
    bytes.push(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
  };
  if (segment.segmentSize !== undefined) {
    bytes.push(2, 4, segment.segmentSize >> 8, segment.segmentSize & 255);
  }
  if (segment.sackPermitted) bytes.push(4, 2, 1, 1);
  if (segment.timestamps !== undefined) {
    bytes.push(1, 1, 8, 10);
    for (const value of segment.timestamps) word(value);
  }
  if (segment.scale !== undefined) bytes.push(1, 3, 3, segment.scale);
  if (segment.blocks !== undefined && segment.blocks.length > 0) {
    bytes.push(1, 1, 5, 2 + 8 * segment.blocks.length);
    for (const [left, right] of segment.blocks) {
      word(left);
      word(right);
    }
  }
  return bytes;
}

/** Makes the packet of a segment, with right lengths and checksums. */
export function encode(segment: Segment, from: End, to: End): Uint8Array {
  const options = optionBytes(segment);
  const start = IP_SIZE[from.address.length]!;
  const header = 20 + options.length;
  const packet = new Uint8Array(start + header + segment.data.length);
  const view = new DataView(packet.buffer);
  if (start === 20) {
    packet.set([0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6]);
    packet.set([...from.address, ...to.address], 12);
  } else packet.set([0x60, 0, 0, 0, 0, 0, 6, 64, ...from.address, ...to.address]);
  view.setUint16(start, from.port);
  view.setUint16(start + 2, to.port);
  view.setUint32(start + 4, segment.sequence);
  view.setUint32(start + 8, segment.acknowledgment);
  view.setUint16(start + 12, ((header / 4) << 12) | segment.flags);
  view.setUint16(start + 14, segment.window);
  packet.set(options, start + 20);
  packet.set(segment.data, start + header);
  finish(packet, start);
  return packet;
}

/** Writes lengths and checksums. @param start where TCP begins */
export function finish(packet: Uint8Array, start: number): void {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  if (start === 20) {
    view.setUint16(2, packet.length);
    view.setUint16(10, 0);
    view.setUint16(10, ~internetSum(packet.subarray(0, 20)) & 0xffff);
  } else view.setUint16(4, packet.length - start);
  view.setUint16(start + 16, 0);
  view.setUint16(start + 16, ~upperSum(packet, start) & 0xffff);
}

/** Leaves the TCP checksum as the kernel does before a device finishes it: the pseudo-header's sum. */
export function unfinish(packet: Uint8Array, start: number): void {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  view.setUint16(start + 16, pseudoSum(packet, start));
}

/** Whether the TCP checksum is the pseudo-header's sum. */
export function isUnfinished(packet: Uint8Array, start: number): boolean {
  return ((packet[start + 16]! << 8) | packet[start + 17]!) === pseudoSum(packet, start);
}

function pseudoSum(packet: Uint8Array, start: number): number {
  const length = packet.length - start;
  const addresses = start === 20 ? packet.subarray(12, 20) : packet.subarray(8, 40);
  return internetSum(addresses, new Uint8Array([0, 6, length >> 8, length & 255]));
}

/** The sum of pseudo-header, header and data: 0xffff where the checksum is right. */
function upperSum(packet: Uint8Array, start: number): number {
  const length = packet.length - start;
  const addresses = start === 20 ? packet.subarray(12, 20) : packet.subarray(8, 40);
  const pseudo = new Uint8Array([0, 6, length >> 8, length & 255]);
  return internetSum(addresses, pseudo, packet.subarray(start));
}

/**
 * Reads a packet.
 *
 * @param complain hears of each length, checksum and option that is wrong
 * @returns undefined where nothing can be read
 */
export function decode(
  packet: Uint8Array,
  complain: (text: string) => void,
): Segment | undefined {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const start = packet.length > 0 && packet[0]! >> 4 === 6 ? 40 : 20;
  if (packet.length < start + 20) {
    complain(`a packet of ${packet.length} bytes`);
    return undefined;
  }
  const told = start === 40 ? view.getUint16(4) + 40 : view.getUint16(2);
  if (told !== packet.length) complain(`IP length ${told} of a packet of ${packet.length}`);
  if (start === 20 && internetSum(packet.subarray(0, 20)) !== 0xffff) complain("IP checksum");
  if (upperSum(packet, start) !== 0xffff) complain("TCP checksum");
  const data = start + (packet[start + 12]! >> 4) * 4;
  if (data < start + 20 || data > packet.length) {
    complain(`data offset ${data - start}`);
    return undefined;
  }
  return {
    sequence: view.getUint32(start + 4),
    acknowledgment: view.getUint32(start + 8),
    flags: packet[start + 13]! & 0x3f,
    window: view.getUint16(start + 14),
    ...readOptions(view, { from: start + 20, to: data, complain }),
    data: data === packet.length ? NOTHING : packet.slice(data),
  };
}

function readOptions(
  view: DataView,
  { from, to, complain }: {
    readonly from: number;
    readonly to: number;
    readonly complain: (text: string) => void;
  },
): Partial<Segment> {
  const found: { -readonly [Key in keyof Segment]?: Segment[Key] } = {};
  for (let at = from; at < to;) {
    const kind = view.getUint8(at);
    if (kind === 0) break;
    if (kind === 1) {
      at++;
      continue;
    }
    const size = at + 1 < to ? view.getUint8(at + 1) : 0;
    if (size < 2 || at + size > to) {
      complain(`option ${kind} with length ${size}`);
      break;
    }
    if (kind === 2) found.segmentSize = view.getUint16(at + 2);
    else if (kind === 3) found.scale = view.getUint8(at + 2);
    else if (kind === 4) found.sackPermitted = true;
    else if (kind === 8) found.timestamps = [view.getUint32(at + 2), view.getUint32(at + 6)];
    else if (kind === 5) {
      if (size < 10 || size % 8 !== 2) complain(`SACK option with length ${size}`);
      const blocks: [number, number][] = [];
      for (let block = at + 2; block + 8 <= at + size; block += 8) {
        blocks.push([view.getUint32(block), view.getUint32(block + 4)]);
      }
      found.blocks = blocks;
    }
    at += size;
  }
  return found;
}

/** A segment in one line, for traces. */
export function describe(segment: Segment): string {
  const { flags, sequence, acknowledgment, window, data, blocks, timestamps } = segment;
  const names = Object.entries(FLAG).filter(([, bit]) => (flags & bit) !== 0).map(([name]) => name);
  const sack = blocks === undefined
    ? ""
    : ` sack ${blocks.map(([left, right]) => `${left}-${right}`).join(",")}`;
  const time = timestamps === undefined ? "" : ` ts ${timestamps.join("/")}`;
  return `${
    names.join("+")
  } seq ${sequence} len ${data.length} ack ${acknowledgment} win ${window}` +
    sack + time;
}
