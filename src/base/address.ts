// Text forms of IPv4 (RFC 6943 §3.1.1 strict form), IPv6 (RFC 4291, RFC 5952) and MAC addresses.
import { checkBytes, checkedLength, checkText, show } from "./checks.ts";

const HEX_BYTE: readonly string[] = Array.from(
  { length: 256 },
  (_, value) => value.toString(16).padStart(2, "0"),
);

/** `a.b.c.d` of an address given as a number, first byte highest. */
export function formatIpv4(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/**
 * The four bytes of `a.b.c.d` as a number, first byte highest: 0 to 2³²−1. Strict: four decimal
 * parts without leading zeros.
 *
 * @param field what the text is, for the error.
 * @throws {TypeError | RangeError} when `text` is no string, or not such an address.
 */
export function parseIpv4(text: string, field: string = "the text"): number {
  const address = readIpv4(checkText(field, text));
  if (address < 0) throw new RangeError(`${field} is not an IPv4 address (a.b.c.d): ${show(text)}`);
  return address;
}

/** The same, −1 for anything that is no address. */
function readIpv4(text: string): number {
  if (text.length > 15) return -1;
  const parts = text.split(".");
  if (parts.length !== 4) return -1;
  let address = 0;
  for (const part of parts) {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part)) return -1;
    const value = Number(part);
    if (value > 255) return -1;
    address = address * 256 + value;
  }
  return address;
}

/**
 * The canonical text (RFC 5952) of the 16 bytes of `bytes` at `offset`: lower case, the longest run
 * of two or more zero groups as `::` (the first of equals), `::ffff:a.b.c.d` for mapped addresses.
 *
 * @throws {RangeError} when there are no 16 bytes there.
 */
export function formatIpv6(bytes: Uint8Array, offset: number = 0): string {
  const have = checkedLength("bytes", bytes);
  if (!(offset >= 0 && offset + 16 <= have)) {
    throw new RangeError(`an IPv6 address has 16 bytes, got ${have - offset}`);
  }
  const group = (index: number): number =>
    (bytes[offset + 2 * index]! << 8) | bytes[offset + 2 * index + 1]!;
  const mapped = group(5) === 0xffff && [0, 1, 2, 3, 4].every((index) => group(index) === 0);
  if (mapped) return `::ffff:${formatIpv4(((group(6) << 16) | group(7)) >>> 0)}`;

  let bestStart = -1;
  let bestLength = 1;
  for (let index = 0; index < 8; index++) {
    let length = 0;
    while (index + length < 8 && group(index + length) === 0) length++;
    if (length > bestLength) {
      bestStart = index;
      bestLength = length;
    }
    index += length;
  }
  let text = "";
  for (let index = 0; index < 8; index++) {
    if (index === bestStart) {
      text += "::";
      index += bestLength - 1;
    } else {
      if (text !== "" && !text.endsWith(":")) text += ":";
      text += group(index).toString(16);
    }
  }
  return text;
}

/**
 * The 16 bytes of an IPv6 address. Takes every form of RFC 4291 §2.2 (upper case, any `::`, dotted
 * last 32 bits), but no zone (`%eth0`), no prefix length and no brackets.
 *
 * @param field what the text is, for the error.
 * @throws {TypeError | RangeError} when `text` is no string, or not such an address.
 */
export function parseIpv6(text: string, field: string = "the text"): Uint8Array {
  const groups = checkText(field, text).length <= 45 ? readIpv6(text) : undefined;
  if (groups === undefined) throw new RangeError(`${field} is not an IPv6 address: ${show(text)}`);
  const bytes = new Uint8Array(new ArrayBuffer(16));
  groups.forEach((value, index) => {
    bytes[2 * index] = value >> 8;
    bytes[2 * index + 1] = value & 255;
  });
  return bytes;
}

function readIpv6(text: string): number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [first = "", second] = halves;
  // The dotted form may only end the address.
  const head = readGroups(first, second === undefined);
  if (head === undefined) return undefined;
  if (second === undefined) return head.length === 8 ? head : undefined;
  const tail = readGroups(second, true);
  if (tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (missing < 1) return undefined;
  return [...head, ...new Array<number>(missing).fill(0), ...tail];
}

function readGroups(text: string, last: boolean): number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(parseInt(part, 16));
    else {
      const embedded = last && index === parts.length - 1 ? readIpv4(part) : -1;
      if (embedded < 0) return undefined;
      groups.push(embedded >>> 16, embedded & 0xffff);
    }
  }
  return groups;
}

/** `00:1b:21:3c:9d:f8`: link-layer address bytes, however many, as lower-case hex. */
export function formatMac(bytes: Uint8Array): string {
  return Array.from(checkBytes("bytes", bytes), (value) => HEX_BYTE[value]).join(":");
}

/**
 * The six bytes of a MAC address: six pairs of hex digits with `:` or `-` between them.
 *
 * @param field what the text is, for the error.
 * @throws {TypeError | RangeError} when `text` is no string, or not such an address.
 */
export function parseMac(text: string, field: string = "the text"): Uint8Array {
  if (!/^[0-9a-f]{2}(?:([:-])[0-9a-f]{2})(?:\1[0-9a-f]{2}){4}$/i.test(checkText(field, text))) {
    throw new RangeError(`${field} is not a MAC address (00:11:22:33:44:55): ${show(text)}`);
  }
  const bytes = new Uint8Array(new ArrayBuffer(6));
  for (let index = 0; index < 6; index++) {
    bytes[index] = parseInt(text.slice(3 * index, 3 * index + 2), 16);
  }
  return bytes;
}

/** The 16 bytes of an IPv6 address that is a number. */
export function ipv6FromNumber(field: string, value: unknown): Uint8Array {
  if (typeof value !== "bigint") {
    throw new TypeError(`${field} must be a bigint from 0n to 2n**128n-1n, got ${show(value)}`);
  }
  if (value < 0n || value >> 128n !== 0n) {
    throw new RangeError(`${field} must be a bigint from 0n to 2n**128n-1n, got ${value}n`);
  }
  const bytes = new Uint8Array(new ArrayBuffer(16));
  for (let at = 15, rest = value; at >= 0; at--, rest >>= 8n) bytes[at] = Number(rest & 255n);
  return bytes;
}
