/**
 * ClientHellos: made field by field, and those of this runtime's own TLS.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { connect, type ConnectionOptions } from "node:tls";
import { firstBytesTo } from "./first_bytes.ts";

const u16 = (value: number): number[] => [value >> 8, value & 0xff];
const u24 = (value: number): number[] => [value >> 16, ...u16(value & 0xffff)];
const vector8 = (bytes: readonly number[]): number[] => [bytes.length, ...bytes];
const vector16 = (bytes: readonly number[]): number[] => [...u16(bytes.length), ...bytes];
const ascii = (text: string): number[] => [...Buffer.from(text)];

/** Type and content of an extension. */
export type Extension = readonly [type: number, body: readonly number[]];

/** Extensions by name; what they hold may be wrong on purpose. */
export const extension = {
  serverName: (...names: string[]): Extension => [
    0,
    vector16(names.flatMap((name) => [0, ...vector16(ascii(name))])),
  ],
  alpn: (...names: string[]): Extension => [
    16,
    vector16(names.flatMap((name) => vector8([...Buffer.from(name, "latin1")]))),
  ],
  versions: (...versions: number[]): Extension => [43, vector8(versions.flatMap(u16))],
  /** The form of the outer ClientHello. */
  encrypted: (): Extension => [0xfe0d, [0, 0, 1, 0, 1, 7, ...vector16([1, 2]), ...vector16([3])]],
  padding: (length: number): Extension => [21, new Array(length).fill(0)],
} as const;

/** Parts of a ClientHello. */
export interface HelloParts {
  readonly version?: number;
  readonly session?: readonly number[];
  readonly ciphers?: readonly number[];
  readonly compressions?: readonly number[];
  /** undefined leaves the whole block out, as TLS 1.2 may. */
  readonly extensions?: readonly Extension[] | undefined;
  /** What comes after the extensions. */
  readonly behind?: readonly number[];
}

/** The handshake message, without records (RFC 8446, 4). */
export function helloMessage(parts: HelloParts): Uint8Array<ArrayBuffer> {
  const { version = 0x0303, session = [], ciphers = [0x1301], compressions = [0] } = parts;
  const { extensions, behind = [] } = parts;
  const body = [
    ...[...u16(version), ...new Array(32).fill(7), ...vector8(session)],
    ...[...vector16(ciphers.flatMap(u16)), ...vector8(compressions)],
    ...extensions === undefined
      ? []
      : vector16(extensions.flatMap(([type, body]) => [...u16(type), ...vector16(body)])),
    ...behind,
  ];
  return Uint8Array.from([1, ...u24(body.length), ...body]);
}

/** A message in records of at most so many bytes. */
export function inRecords(
  message: Uint8Array,
  { size = 16_384, version = 0x0301 } = {},
): Uint8Array<ArrayBuffer> {
  const stream: number[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    stream.push(22, ...u16(version), ...vector16([...part]));
  }
  return Uint8Array.from(stream);
}

/** What this runtime's TLS client sends first, all of it that comes until `isWhole`. */
export async function sentHello(
  options: ConnectionOptions,
  isWhole: (bytes: Uint8Array) => boolean,
): Promise<Uint8Array<ArrayBuffer>> {
  return await firstBytesTo((port) => {
    return connect({ host: "127.0.0.1", port, rejectUnauthorized: false, ...options });
  }, isWhole);
}
