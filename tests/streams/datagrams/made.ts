// Fragments as a sender makes them, written apart from src/streams; and packets as a queue hands them out.
import { buildPacket } from "../../../src/packet/mod.ts";
import type { FragmentPacket } from "../../../src/streams/mod.ts";

export type Version = 4 | 6;
export type Methods = "accept" | "drop" | "repeat" | "stop";

/** A UDP packet with so many bytes of data. */
export function udpPacket(
  version: Version,
  size: number,
  { identification = 7, dontFragment = false } = {},
): Uint8Array {
  const payload = new Uint8Array(size).map((_, at) => at * 7 + (at >> 8));
  const udp = { sourcePort: 1111, destinationPort: 2222 };
  return version === 4
    ? buildPacket({
      ipv4: { source: "10.0.0.1", destination: "10.0.0.2", identification, dontFragment },
      ...{ udp, payload },
    })
    : buildPacket({ ipv6: { source: "fd00::1", destination: "fd00::2" }, udp, payload });
}

/** What a fragment says of itself. */
export interface Cut {
  /** Bytes of the datagram's data. */
  readonly start: number;
  readonly end: number;
  readonly more: boolean;
}

/** The fragment of a packet that has the data from `start` up to `end`. */
export function fragmentOf(
  whole: Uint8Array,
  { start, end, more }: Cut,
  identification: number = 7,
): Uint8Array {
  const isIpv4 = whole[0]! >> 4 === 4;
  const header = isIpv4 ? (whole[0]! & 15) * 4 : 40;
  const data = whole.subarray(header + start, header + end);
  const length = end - start;
  const bytes = new Uint8Array(header + (isIpv4 ? 0 : 8) + length);
  bytes.set(whole.subarray(0, header));
  bytes.set(data, bytes.length - length);
  const view = new DataView(bytes.buffer);
  if (isIpv4) {
    view.setUint16(2, bytes.length);
    view.setUint16(4, identification);
    view.setUint16(6, view.getUint16(6) & 0x4000 | (more ? 0x2000 : 0) | start / 8);
    view.setUint16(10, 0);
    let sum = 0;
    for (let at = 0; at < header; at += 2) sum += view.getUint16(at);
    view.setUint16(10, ~((sum & 0xffff) + (sum >> 16)) & 0xffff);
  } else {
    view.setUint16(4, bytes.length - 40);
    bytes[6] = 44;
    bytes[40] = whole[6]!;
    view.setUint16(42, start | (more ? 1 : 0));
    view.setUint32(44, identification);
  }
  return bytes;
}

/** The fragments of a packet, cut at these places of its data. */
export function fragmentsOf(
  whole: Uint8Array,
  places: readonly number[],
  identification: number = 7,
): Uint8Array[] {
  const header = whole[0]! >> 4 === 4 ? (whole[0]! & 15) * 4 : 40;
  const ends = [...places, whole.length - header];
  return ends.map((end, at) => {
    const cut = { start: ends[at - 1] ?? 0, end, more: at < ends.length - 1 };
    return fragmentOf(whole, cut, identification);
  });
}

/** A packet of no queue. It notes what becomes of it. */
export class MadePacket implements FragmentPacket {
  readonly hook: string;
  readonly inDevice: { readonly index: number } | undefined;
  readonly truncated: boolean;
  readonly sent: Uint8Array[] = [];
  held = false;
  replacement: Uint8Array | undefined;
  #bytes: Uint8Array;
  #method: Methods | undefined;

  constructor(bytes: Uint8Array, { hook = "prerouting", device = 0, truncated = false } = {}) {
    this.#bytes = bytes;
    this.hook = hook;
    this.inDevice = device === 0 ? undefined : { index: device };
    this.truncated = truncated;
  }

  get payload(): Uint8Array {
    return this.#bytes.slice();
  }

  get method(): Methods | undefined {
    return this.#method;
  }

  get verdict(): number | undefined {
    return this.#method === undefined ? undefined : 1;
  }

  get ipv4(): FragmentPacket["ipv4"] {
    const bytes = this.#bytes;
    if (bytes[0]! >> 4 !== 4 || bytes.length < 20) return undefined;
    const word = bytes[6]! << 8 | bytes[7]!;
    return { moreFragments: (word & 0x2000) !== 0, fragmentOffset: (word & 0x1fff) * 8 };
  }

  get ipv6(): FragmentPacket["ipv6"] {
    if (this.#bytes[0]! >> 4 !== 6) return undefined;
    // Anything might be one.
    return { fragment: {} };
  }

  hold(): void {
    this.held = true;
  }

  accept(): void {
    this.#end("accept");
  }

  drop(): void {
    this.#end("drop");
  }

  repeat(): void {
    this.#end("repeat");
  }

  stop(): void {
    this.#end("stop");
  }

  replacePayload(bytes: Uint8Array): void {
    this.replacement = bytes.slice();
  }

  send(bytes: Uint8Array): void {
    this.sent.push(bytes.slice());
  }

  /** What goes on. */
  get passed(): Uint8Array | undefined {
    if (this.#method === "drop" || this.#method === undefined) return undefined;
    return this.replacement ?? this.#bytes;
  }

  #end(method: Methods): void {
    if (this.#method !== undefined) throw new Error("it has a verdict");
    this.#method = method;
  }
}

const RETURNED: Readonly<Record<number, Methods>> = {
  0: "drop",
  1: "accept",
  4: "repeat",
  5: "stop",
};

/** Hands a packet over, as a queue does. */
export function hand(
  { handler }: { readonly handler: (packet: MadePacket) => number | undefined },
  packet: MadePacket,
): MadePacket {
  const result = handler(packet);
  if (result !== undefined) packet[RETURNED[result]!]();
  else if (packet.method === undefined && !packet.held) throw new Error("nothing was decided");
  return packet;
}

/** Puts fragments together as simply as possible; undefined where bytes are wanting. */
export function joined(fragments: readonly Uint8Array[]): Uint8Array | undefined {
  const data: number[] = [];
  let total: number | undefined;
  let header: Uint8Array | undefined;
  for (const bytes of fragments) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const isIpv4 = bytes[0]! >> 4 === 4;
    const isFragment = !isIpv4 && bytes[6] === 44;
    const head = isIpv4 ? (bytes[0]! & 15) * 4 : 40;
    const word = isIpv4 ? view.getUint16(6) : isFragment ? view.getUint16(42) : 0;
    const start = isIpv4 ? (word & 0x1fff) * 8 : word & 0xfff8;
    const more = isIpv4 ? (word & 0x2000) !== 0 : (word & 1) !== 0;
    const body = bytes.subarray(head + (isFragment ? 8 : 0));
    body.forEach((byte, at) => data[start + at] = byte);
    if (!more) total = start + body.length;
    if (start !== 0) continue;
    header = bytes.slice(0, head);
    if (isFragment) header[6] = bytes[40]!;
  }
  if (header === undefined || total === undefined || data.length !== total) return undefined;
  for (let at = 0; at < total; at++) if (data[at] === undefined) return undefined;
  const whole = Uint8Array.from([...header, ...data]);
  const view = new DataView(whole.buffer);
  if (whole[0]! >> 4 === 6) {
    view.setUint16(4, whole.length - 40);
    return whole;
  }
  view.setUint16(2, whole.length);
  view.setUint16(6, view.getUint16(6) & 0xc000);
  view.setUint16(10, 0);
  let sum = 0;
  for (let at = 0; at < header.length; at += 2) sum += view.getUint16(at);
  sum = (sum & 0xffff) + (sum >> 16);
  view.setUint16(10, ~((sum & 0xffff) + (sum >> 16)) & 0xffff);
  return whole;
}
