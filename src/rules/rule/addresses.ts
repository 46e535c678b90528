// Addresses and prefixes of rules: read, checked, and written again, so that no text from outside is
// ever part of a command.
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from "../../base/address.ts";

/** A prefix, or all addresses from one to another. */
export interface Addresses {
  readonly version: 4 | 6;
  /** The first one. */
  readonly from: string;
  /** The last one, where it is a range. */
  readonly to?: string;
  /** Bits of the prefix, where it is one: 32 or 128 for an address. */
  readonly prefix?: number;
}

type Parsed = { readonly version: 4 | 6; readonly bytes: Uint8Array };

function parse(field: string, text: string): Parsed {
  if (text.includes(":")) return { version: 6, bytes: parseIpv6(text, field) };
  const number = parseIpv4(text, field);
  const bytes = new Uint8Array(new ArrayBuffer(4));
  new DataView(bytes.buffer).setUint32(0, number);
  return { version: 4, bytes };
}

function format({ version, bytes }: Parsed): string {
  return version === 6
    ? formatIpv6(bytes)
    : formatIpv4(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0));
}

/**
 * An address or a prefix.
 *
 * @throws {RangeError} naming the field: no address, no prefix, or bits set behind the prefix
 */
export function prefixOf(field: string, text: string): Addresses {
  const [address = "", length, ...more] = text.split("/");
  const parsed = parse(field, address);
  const most = parsed.bytes.length * 8;
  const bits = length === undefined ? most : Number(length);
  if (more.length > 0 || (length !== undefined && !/^\d{1,3}$/.test(length)) || bits > most) {
    const example = parsed.version === 4 ? "10.0.0.0/8" : "fe80::/10";
    throw new RangeError(
      `${field} must be an address or a prefix of 0 to ${most} bits, such as ${example}, got ${
        JSON.stringify(text)
      }`,
    );
  }
  const masked = parsed.bytes.map((byte, at) => {
    const kept = Math.max(0, Math.min(8, bits - at * 8));
    return byte & (0xff << (8 - kept));
  });
  const from = format({ version: parsed.version, bytes: masked });
  if (masked.some((byte, at) => byte !== parsed.bytes[at])) {
    throw new RangeError(`${field}: ${text} has bits behind the prefix; ${from}/${bits} has not`);
  }
  return { version: parsed.version, from, prefix: bits };
}

/** @throws {RangeError} naming the field: no addresses, of two versions, or the wrong way round */
export function addressRangeOf(field: string, from: string, to: string): Addresses {
  const first = parse(`${field}.from`, from);
  const last = parse(`${field}.to`, to);
  if (first.version !== last.version) {
    throw new RangeError(`${field}: ${from} and ${to} are of two versions of IP`);
  }
  const differs = first.bytes.findIndex((byte, at) => byte !== last.bytes[at]);
  if (differs >= 0 && first.bytes[differs]! > last.bytes[differs]!) {
    throw new RangeError(`${field}: from ${from} is after to ${to}`);
  }
  return { version: first.version, from: format(first), to: format(last) };
}

/** As both nft and iptables write it. */
export function addressText({ version, from, to, prefix }: Addresses): string {
  if (to !== undefined) return `${from}-${to}`;
  return prefix === (version === 4 ? 32 : 128) ? from : `${from}/${prefix}`;
}
