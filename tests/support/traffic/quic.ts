/**
 * What a QUIC client sends first, sealed by node:crypto: packets, frames, datagrams. It shares no code
 * with src/identify, and can do what a client must not.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createCipheriv, createHmac } from "node:crypto";

const VERSIONS = {
  1: {
    number: 1,
    salt: "38762cf7f55934b34d179ae6a4c80cadccbb7f0a",
    prefix: "quic",
    types: { initial: 0, "zero-rtt": 1, handshake: 2, retry: 3 },
  },
  2: {
    number: 0x6b3343cf,
    salt: "0dede3def700a6db819381be6e269dcbf9bd2ed9",
    prefix: "quicv2",
    types: { initial: 1, "zero-rtt": 2, handshake: 3, retry: 0 },
  },
} as const;

type Version = keyof typeof VERSIONS;

/** An integer of the shortest form, or of so many bytes (RFC 9000, 16). */
export function variable(value: number, width?: 1 | 2 | 4 | 8): number[] {
  const size = width ?? (value < 0x40 ? 1 : value < 0x4000 ? 2 : value < 0x40000000 ? 4 : 8);
  const bytes: number[] = [];
  let rest = value;
  for (let left = size; left > 0; left--) {
    bytes.unshift(rest % 0x100);
    rest = Math.floor(rest / 0x100);
  }
  bytes[0]! |= [1, 2, 4, 8].indexOf(size) << 6;
  return bytes;
}

/** Frames of Initial packets (RFC 9000, 19). */
export const frame = {
  padding: (count: number): number[] => new Array(count).fill(0),
  ping: (): number[] => [1],
  ack: (largest: number, ranges: readonly number[] = []): number[] => [
    ...[2, ...variable(largest), ...variable(100), ...variable(ranges.length / 2), 0],
    ...ranges.flatMap((value) => variable(value)),
  ],
  ackEcn: (largest: number): number[] => [3, ...variable(largest), 0, 0, 0, 1, 2, ...variable(300)],
  crypto: (offset: number, data: Uint8Array): number[] => [
    ...[6, ...variable(offset), ...variable(data.length), ...data],
  ],
  close: (reason: string): number[] => [
    ...[0x1c, ...variable(0x10a), 6, ...variable(reason.length), ...Buffer.from(reason)],
  ],
} as const;

/** A header, and what it is protected with. */
export interface PacketParts {
  readonly version?: Version;
  readonly destination?: Uint8Array;
  readonly source?: Uint8Array;
  readonly token?: Uint8Array;
  readonly packetNumber?: number;
  /** Bytes in which the number is sent. */
  readonly numberLength?: 1 | 2 | 3 | 4;
  /** The connection id that makes the keys, where it is another one than the destination. */
  readonly firstDestination?: Uint8Array;
  readonly from?: "client" | "server";
  /** PADDING fills the packet up to so many bytes. */
  readonly size?: number;
  /** The quic bit, 0x40, which some clients clear (RFC 9287). */
  readonly fixedBit?: boolean;
}

/** The connection id of packets that name none. */
export const DESTINATION: Uint8Array = Uint8Array.of(0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 8);
const SOURCE = Uint8Array.of(0xaa, 0xbb, 0xcc);
const NONE = new Uint8Array(0);
const TAG = 16;

const hmac = (key: Uint8Array, ...data: Uint8Array[]): Uint8Array =>
  data.reduce((hash, bytes) => hash.update(bytes), createHmac("sha256", key)).digest();

function expand(secret: Uint8Array, label: string, length: number): Uint8Array {
  const name = Buffer.from(`tls13 ${label}`);
  const head = Buffer.from([0, length, name.length]);
  return hmac(secret, head, name, Buffer.from([0, 1])).subarray(0, length);
}

function firstByte(version: Version, type: keyof (typeof VERSIONS)[1]["types"]): number {
  return 0xc0 | (VERSIONS[version].types[type] << 4);
}

function ids({ version = 1, destination = DESTINATION, source = SOURCE }: PacketParts): number[] {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(VERSIONS[version].number);
  return [...number, destination.length, ...destination, source.length, ...source];
}

/** A protected Initial packet (RFC 9001, 5). */
export function initialPacket(
  frames: readonly number[],
  parts: PacketParts = {},
): Uint8Array<ArrayBuffer> {
  const { version = 1, token = NONE, packetNumber = 0, numberLength = 1 } = parts;
  const { destination = DESTINATION, firstDestination = destination, size = 0 } = parts;
  const { salt, prefix } = VERSIONS[version];
  const initial = hmac(Buffer.from(salt, "hex"), firstDestination);
  const secret = expand(initial, `${parts.from ?? "client"} in`, 32);
  const key = expand(secret, `${prefix} key`, 16);
  const iv = Buffer.from(expand(secret, `${prefix} iv`, 12));
  const headerProtection = expand(secret, `${prefix} hp`, 16);

  const first = firstByte(version, "initial") & (parts.fixedBit === false ? 0xbf : 0xff);
  const before = [first | (numberLength - 1), ...ids(parts), ...variable(token.length), ...token];
  const around = before.length + 2 + numberLength + TAG;
  // A sample of the sealed bytes is needed: the shortest packet has 4 of number and frames.
  const least = Math.max(4 - numberLength, size - around);
  const padded = [...frames, ...frame.padding(Math.max(0, least - frames.length))];
  const number = Buffer.alloc(4);
  number.writeUInt32BE(packetNumber);
  const length = variable(numberLength + padded.length + TAG, 2);
  const header = Buffer.from([...before, ...length, ...number.subarray(4 - numberLength)]);

  number.forEach((byte, at) => iv[8 + at]! ^= byte);
  const cipher = createCipheriv("aes-128-gcm", key, iv);
  cipher.setAAD(header);
  const sealed = Buffer.concat([cipher.update(Uint8Array.from(padded)), cipher.final()]);
  const packet = Buffer.concat([header, sealed, cipher.getAuthTag()]);

  const numberAt = header.length - numberLength;
  const sample = packet.subarray(numberAt + 4, numberAt + 20);
  const mask = createCipheriv("aes-128-ecb", headerProtection, null).update(sample);
  packet[0]! ^= mask[0]! & 0x0f;
  for (let at = 0; at < numberLength; at++) packet[numberAt + at]! ^= mask[1 + at]!;
  return new Uint8Array(packet);
}

/** A packet with a length that nobody on the way can open. */
export function opaquePacket(
  type: "zero-rtt" | "handshake",
  parts: PacketParts = {},
  length = 60,
): Uint8Array<ArrayBuffer> {
  const first = firstByte(parts.version ?? 1, type);
  return Uint8Array.from([first, ...ids(parts), ...variable(length), ...new Array(length).fill(7)]);
}

/** A server's Retry: it ends with a token and an integrity tag of 16 bytes. */
export function retryPacket(parts: PacketParts = {}): Uint8Array<ArrayBuffer> {
  const first = firstByte(parts.version ?? 1, "retry");
  return Uint8Array.from([first, ...ids(parts), ...new Array(40).fill(9)]);
}

/** A server's list of versions (RFC 9000, 17.2.1). */
export function versionNegotiation(): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(0x80, 0, 0, 0, 0, 2, 1, 2, 1, 3, 0, 0, 0, 1, 0x6b, 0x33, 0x43, 0xcf);
}

/** A datagram of packets. */
export function datagram(...packets: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(packets));
}
