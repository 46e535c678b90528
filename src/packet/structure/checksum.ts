// The Internet checksum: RFC 1071, its pseudo-headers (RFC 9293 §3.1, RFC 8200 §8.1) and its
// incremental update (RFC 1624).

import { viewOf } from "../../base/bytes.ts";
import { checkedLength } from "../../base/checks.ts";

/** Throws unless `sum` can be folded. */
function checkSum(sum: number): void {
  if (sum >= 0 && sum <= Number.MAX_SAFE_INTEGER) return;
  throw new RangeError(`a sum is a number from 0 to 2⁵³ − 1, got ${sum}`);
}

/** Folds carries into 16 bits. `sum` is below 2⁵³. */
function fold(sum: number): number {
  let folded = sum;
  while (folded >= 0x80000000) folded = Math.floor(folded / 0x10000) + (folded & 0xffff);
  folded = (folded >>> 16) + (folded & 0xffff);
  return (folded >>> 16) + (folded & 0xffff);
}

/**
 * Adds the bytes from `start` up to `end` as big-endian 16-bit words to `initial`, the result of an
 * earlier call. An odd last byte counts as the upper half of a word, so only the last of several
 * calls may cover an odd number of bytes.
 *
 * @returns a one's complement sum, 0 to 65535.
 * @throws {TypeError} when `bytes` is no Uint8Array, or its buffer was transferred.
 * @throws {RangeError} unless `0 <= start <= end <= bytes.length`, and `initial` is 0 to 2⁵³ − 1.
 */
export function checksumAdd(
  bytes: Uint8Array,
  start: number = 0,
  end?: number,
  initial: number = 0,
): number {
  const length = checkedLength("bytes", bytes);
  const stop = end ?? length;
  if (!(start >= 0 && start <= stop && stop <= length)) {
    throw new RangeError(
      `checksum needs 0 <= start <= end <= ${length}, got start ${start} and end ${stop}`,
    );
  }
  return checksumAddView(viewOf(bytes), start, stop, initial);
}

/** The same for a caller that has a view and has checked the bounds. */
export function checksumAddView(
  view: DataView,
  start: number,
  end: number,
  initial: number,
): number {
  checkSum(initial);
  let total = fold(initial);
  let at = start;
  while (end - at >= 8) {
    // 8192 words add up to less than 2³⁰: the inner sum stays a small integer, and so do signed
    // 32-bit words, which engines read the quickest.
    const stop = Math.min(end, at + 0x4000) - 7;
    let sum = 0;
    for (; at < stop; at += 8) {
      const first = view.getInt32(at, false);
      const second = view.getInt32(at + 4, false);
      sum += (first >>> 16) + (first & 0xffff) + (second >>> 16) + (second & 0xffff);
    }
    total = fold(total + sum);
  }
  for (; end - at >= 2; at += 2) total += view.getUint16(at, false);
  if (at < end) total += view.getUint8(at) << 8;
  return fold(total);
}

/**
 * The checksum field for a sum: its complement, 0 to 65535.
 *
 * @throws {RangeError} when `sum` is negative or above 2⁵³ − 1.
 */
export function checksumFinish(sum: number): number {
  checkSum(sum);
  return ~fold(sum) & 0xffff;
}

/**
 * The Internet checksum (RFC 1071) of the bytes from `start` up to `end`. Over bytes whose checksum
 * field is 0 it is the field's value; over bytes with a right checksum it is 0.
 *
 * @param initial a sum to begin with: a pseudo-header's, or `checksumAdd` of earlier bytes.
 * @returns 0 to 65535.
 * @throws {TypeError} when `bytes` is no Uint8Array, or its buffer was transferred.
 * @throws {RangeError} unless `0 <= start <= end <= bytes.length`, and `initial` is 0 to 2⁵³ − 1.
 */
export function internetChecksum(
  bytes: Uint8Array,
  start: number = 0,
  end?: number,
  initial: number = 0,
): number {
  return checksumFinish(checksumAdd(bytes, start, end, initial));
}

/**
 * Sum of the pseudo-header of TCP or UDP over IPv4.
 *
 * @param bytes holds the IPv4 header, which begins at `header`.
 * @param protocol upper-layer protocol number: 6, 17.
 * @param length bytes of upper-layer header and data.
 */
export function pseudoHeaderIpv4(
  bytes: Uint8Array,
  header: number,
  protocol: number,
  length: number,
): number {
  return checksumAdd(bytes, header + 12, header + 20, protocol + length);
}

/**
 * Sum of the pseudo-header of TCP, UDP or ICMPv6 over IPv6.
 *
 * @param bytes holds the IPv6 header, which begins at `header`.
 * @param protocol upper-layer protocol number: 6, 17, 58.
 * @param length bytes of upper-layer header and data.
 */
export function pseudoHeaderIpv6(
  bytes: Uint8Array,
  header: number,
  protocol: number,
  length: number,
): number {
  return checksumAdd(bytes, header + 8, header + 40, protocol + length);
}

/**
 * The checksum after one 16-bit word that it covers changed (RFC 1624, equation 3). For a 32-bit
 * field call it for each half. Equal to a full computation unless everything covered is zero.
 *
 * @param checksum the field's old value.
 * @returns its new value, 0 to 65535.
 */
export function checksumUpdate(checksum: number, oldWord: number, newWord: number): number {
  return ~fold((~checksum & 0xffff) + (~oldWord & 0xffff) + (newWord & 0xffff)) & 0xffff;
}
