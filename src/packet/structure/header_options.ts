// Options of IPv4 (RFC 791 §3.1) and TCP (RFC 9293 §3.1) headers: a type, a length that counts both
// of these, data; types 0 (end) and 1 (padding) are one byte alone.
import { WireError } from "../../base/errors.ts";
import type { PacketBytes } from "./packet_bytes.ts";
import { checkBytes, checkInteger, checkList, show } from "../../base/checks.ts";

const END = 0;
const NO_OPERATION = 1;
/** Most bytes of options: a header's length has 4 bits, in words of 4 bytes, 20 are taken. */
export const MAX_OPTIONS_SIZE = 40;

/** An option as it is passed around here: its type, its data. */
export type RawOption = readonly [type: number, data: Uint8Array];

/** Options of a header: those that can be read, and whether that is all of them. */
export interface OptionList {
  readonly options: readonly RawOption[];
  readonly problem: { readonly offset: number; readonly need: number } | undefined;
}

/** Reads the options from `from` up to `to`, up to the end of the list or a broken one; data is borrowed. */
export function readOptions(packet: PacketBytes, from: number, to: number): OptionList {
  const options: RawOption[] = [];
  for (let at = from; at < to;) {
    const type = packet.u8(at);
    if (type === END) break;
    const length = optionLength(packet, at, to);
    if (length < 0) return { options, problem: { offset: at, need: -length } };
    options.push([type, packet.subarray(Math.min(at + 2, at + length), at + length)]);
    at += length;
  }
  return { options, problem: undefined };
}

/** Where the first option of this type begins; −1 when there is none. Allocates nothing. */
export function findOption(packet: PacketBytes, from: number, to: number, type: number): number {
  for (let at = from; at < to;) {
    const found = packet.u8(at);
    if (found === END) return -1;
    const length = optionLength(packet, at, to);
    if (length < 0) return -1;
    if (found === type) return at;
    at += length;
  }
  return -1;
}

/** Bytes of the option at `at`; negative, how many it would need, when it makes no sense. */
function optionLength(packet: PacketBytes, at: number, to: number): number {
  if (packet.u8(at) === NO_OPERATION) return 1;
  if (to - at < 2) return -2;
  const length = packet.u8(at + 1);
  if (length < 2) return -2;
  return length > to - at ? -length : length;
}

/**
 * The bytes of a list of options, filled up with zeros to whole words.
 *
 * @param field what is being set, for errors.
 * @throws {TypeError | RangeError} when an option cannot be written, or they are more than 40 bytes.
 */
export function encodeOptions(field: string, options: readonly RawOption[]): Uint8Array {
  const bytes: number[] = [];
  for (const [type, data] of options) {
    checkInteger(`the number of one of ${field}`, type, NO_OPERATION, 0xff);
    const own = checkBytes(`the data of one of ${field}`, data, MAX_OPTIONS_SIZE - 2);
    if (type === NO_OPERATION) {
      if (own.length > 0) throw new RangeError(`${field}: type 1 is one byte, without data`);
      bytes.push(type);
    } else bytes.push(type, own.length + 2, ...own);
  }
  return padOptions(field, bytes);
}

/** Raw options as a caller gives them, filled up with zeros to whole words. */
export function padBytes(field: string, value: unknown): Uint8Array {
  return padOptions(field, checkBytes(field, value));
}

/** The same of bytes of ours. */
export function padOptions(field: string, bytes: ArrayLike<number>): Uint8Array {
  if (bytes.length > MAX_OPTIONS_SIZE) {
    throw new RangeError(`${field} must be 0 to ${MAX_OPTIONS_SIZE} bytes, got ${bytes.length}`);
  }
  const padded = new Uint8Array(new ArrayBuffer((bytes.length + 3) & ~3));
  padded.set(bytes);
  return padded;
}

/** The list of a setter, each entry as a pair. */
export function rawOptions<Option extends object>(
  field: string,
  list: readonly Option[],
  pair: (option: Option) => RawOption,
): RawOption[] {
  // Each has a byte at least.
  return checkList(field, list, MAX_OPTIONS_SIZE).map((option: Option) => {
    if (typeof option === "object" && option !== null) return pair(option);
    throw new TypeError(`each of ${field} must be an object, got ${show(option)}`);
  });
}

/** Refuses to write a list anew when not all of it could be read. */
export function requireReadable(layer: string, { problem }: OptionList, to: number): void {
  if (problem === undefined) return;
  const { offset, need } = problem;
  const have = to - offset;
  // The list goes on to the header's end; what is short is the option's own length.
  const reason = need <= have ? "its length is less than 2, which no option has" : undefined;
  throw new WireError({ layer, offset, need, have, ...(reason === undefined ? {} : { reason }) });
}
