// The values of fields as text for people.
import { Flow } from "../structure/flow.ts";
import { formatHex, hexNumber } from "../../base/hex.ts";
import type { Ipv4Option } from "../ip/ipv4.ts";
import type { Ipv6Extension } from "../structure/ipv6_extensions.ts";
import type { Ipv6Option } from "../ip/ipv6_values.ts";
import {
  ethertypeName,
  ipv4OptionName,
  ipv6OptionName,
  protocolName,
} from "../structure/protocol_names.ts";
import { describeTcpOption } from "./summary_tcp.ts";
import { flagLetters } from "../transport/tcp_flags.ts";
import type { TcpOption } from "../transport/tcp_options.ts";

/** Bytes of one field, and entries of one list, before the rest is only counted. */
const MOST_BYTES = 32;
const MOST_ENTRIES = 16;

/** A field's name and its value as text. */
export type Line = readonly [name: string, text: string];

/** The lines of one field: one, or one for each entry of a list. */
export function fieldLines(name: string, value: unknown): Line[] {
  switch (name) {
    case "options": // Raw; the list has them one by one.
      return [];
    case "optionList":
      return listLines("options", value as (TcpOption | Ipv4Option)[], optionText);
    case "hopByHopOptions":
    case "destinationOptions":
      return listLines(
        name,
        value as Ipv6Option[],
        ({ type, data }) => named(ipv6OptionName(type) ?? `option ${type}`, data),
      );
    case "extensions":
      return listLines(
        name,
        value as Ipv6Extension[],
        ({ protocol, data }) => named(protocolName(protocol), data),
      );
    default:
      return [[name, fieldText(name, value)]];
  }
}

function optionText(option: TcpOption | Ipv4Option): string {
  if ("kind" in option) return describeTcpOption(option);
  return named(ipv4OptionName(option.type) ?? `option ${option.type}`, option.data);
}

function named(name: string, data: Uint8Array): string {
  return data.length === 0 ? name : `${name} ${bytesText(data)}`;
}

function listLines<Entry>(
  name: string,
  list: readonly Entry[],
  text: (entry: Entry) => string,
): Line[] {
  const lines = list.slice(0, MOST_ENTRIES).map((
    entry,
    index,
  ): Line => [index === 0 ? name : "", text(entry)]);
  if (list.length > MOST_ENTRIES) lines.push(["", `… ${list.length - MOST_ENTRIES} more`]);
  return lines;
}

function fieldText(name: string, value: unknown): string {
  if (typeof value !== "number") return plainText(value);
  switch (name) {
    case "protocol":
    case "nextHeader":
      // A VLAN tag's is an ethertype.
      return value > 0xff ? ethertypeText(value) : `${value} (${protocolName(value)})`;
    case "flags":
      return `${hexNumber(value, 2)} [${flagLetters(value)}]`;
    case "etherType":
    case "protocolType":
      return ethertypeText(value);
    case "checksum":
      return hexNumber(value, 4);
    case "flowLabel":
      return hexNumber(value, 5);
    case "restOfHeader":
      return hexNumber(value, 8);
    default:
      return `${value}`;
  }
}

function ethertypeText(value: number): string {
  const words = ethertypeName(value);
  return `${hexNumber(value, 4)}${words === undefined ? "" : ` (${words})`}`;
}

/** Any plain value as text on one line: `{ index: 1, name: "lo" }` is `index 1, name lo`. */
export function plainText(value: unknown): string {
  if (value instanceof Uint8Array) return bytesText(value);
  if (value instanceof Flow) return String(value);
  if (Array.isArray(value)) {
    const more = value.length > MOST_ENTRIES ? `, … ${value.length - MOST_ENTRIES} more` : "";
    return `${value.slice(0, MOST_ENTRIES).map(plainText).join(", ")}${more}`;
  }
  if (typeof value !== "object" || value === null) return printable(String(value));
  return Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .map(([name, inner]) => {
      const nested = typeof inner === "object" && !(inner instanceof Uint8Array);
      return nested ? `${name} (${plainText(inner)})` : `${name} ${plainText(inner)}`;
    })
    .join(", ");
}

function bytesText(bytes: Uint8Array): string {
  if (bytes.length <= MOST_BYTES) return bytes.length === 0 ? "empty" : `0x${formatHex(bytes)}`;
  return `0x${formatHex(bytes.subarray(0, MOST_BYTES))}… (${bytes.length} bytes)`;
}

/** What comes from outside may hold characters that a terminal obeys, or that turn the text around. */
function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => {
      const digits = character.codePointAt(0)!.toString(16);
      return digits.length > 2 ? `\\u{${digits}}` : `\\x${digits.padStart(2, "0")}`;
    },
  );
}

/** Lines under a title, the values one below the other. */
export function section(title: string, lines: readonly Line[]): string[] {
  const width = Math.max(0, ...lines.map(([name]) => name.length)) + 2;
  return [title, ...lines.map(([name, text]) => `  ${name.padEnd(width)}${text}`)];
}
