// Packets as text: tcpdump's lines, details, bytes in hex, JSON.
import { formatHex } from "../../base/hex.ts";
import { type JsonObject, jsonValue } from "../../base/json_value.ts";
import { LINK_TYPE } from "../../capture/mod.ts";
import { plainText, section } from "../../packet/text/inspect_values.ts";
import { inspect } from "../../packet/text/inspect.ts";
import { summary } from "../../packet/text/summary.ts";
import type { ShownPacket } from "./shown_packet.ts";

/** What is shown of a packet. */
export interface PresentationOptions {
  /** An object a line, in place of everything else. */
  readonly json: boolean;
  /** All headers, field by field. */
  readonly details: boolean;
  readonly hex: "none" | "bytes" | "bytes and characters";
}

/** Makes text of a packet, which ends with a line feed. */
export type Presentation = (packet: ShownPacket) => string;

/** The one that the options ask for. */
export function presentation({ json, details, hex }: PresentationOptions): Presentation {
  if (json) return (packet) => `${JSON.stringify(jsonOf(packet))}\n`;
  const head = details ? detailsOf : lineOf;
  if (hex === "none") return head;
  const characters = hex === "bytes and characters";
  return (packet) =>
    head(packet) + hexLines(packet.bytes.subarray(packet.networkOffset), characters);
}

const two = (value: number): string => (value < 10 ? `0${value}` : `${value}`);

let lastSecond = -1;
let lastText = "";

/** `02:47:06.123456`, in local time. Most packets are of the second of the one before. */
function timeText(microseconds: number): string {
  const second = Math.floor(microseconds / 1e6);
  if (second !== lastSecond) {
    const date = new Date(second * 1000);
    lastSecond = second;
    lastText = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  }
  return `${lastText}.${`${microseconds - second * 1e6}`.padStart(6, "0")}`;
}

function lineOf(packet: ShownPacket): string {
  return `${timeText(packet.record.timestamp)} ${contentOf(packet)}\n`;
}

function contentOf(packet: ShownPacket): string {
  const { layers, networkLength, record, length } = packet;
  if (layers !== undefined) return summary(layers, { length: networkLength });
  return `link type ${record.interface?.linkType ?? LINK_TYPE.RAW}, length ${length}`;
}

/** What is known of a packet beside its bytes. */
function factsOf({ record, facts, length }: ShownPacket): JsonObject {
  const { queue, id, direction, checksumNotReady, gso, verdict, comments = [] } = record;
  const all: Record<string, unknown> = {
    queue,
    // A recording's id tells the queue too.
    id: facts === undefined || id === undefined ? id : id % 2 ** 32,
    hook: facts?.hook,
    interface: record.interface?.name,
    direction,
    length,
    captured: record.bytes.length < length ? record.bytes.length : undefined,
    mark: facts?.mark === 0 ? undefined : facts?.mark,
    uid: facts?.uid,
    checksumNotReady: checksumNotReady || undefined,
    gso: gso || undefined,
    verdict: facts === undefined ? verdict?.verdict : undefined,
    verdictMark: facts === undefined ? verdict?.mark : undefined,
    comments: comments.length > 0 ? comments : undefined,
  };
  return Object.fromEntries(
    Object.entries(all).filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, jsonValue(value)]),
  );
}

function detailsOf(packet: ShownPacket): string {
  const { layers, networkLength, record } = packet;
  const checksumNotReady = record.checksumNotReady ?? false;
  const [line = "", ...headers] = layers === undefined
    ? [contentOf(packet)]
    : inspect(layers, { length: networkLength, checksumNotReady }).split("\n");
  const facts = Object.entries(factsOf(packet)).map(([name, value]) =>
    [name, plainText(value)] as const
  );
  const lines = [`${timeText(record.timestamp)} ${line}`];
  for (const text of [...section("packet", facts), ...headers]) lines.push(`  ${text}`);
  return `${lines.join("\n")}\n`;
}

function jsonOf(packet: ShownPacket): JsonObject {
  const { layers, record } = packet;
  const content = layers?.toJSON() ?? { bytes: formatHex(record.bytes) };
  return { timestamp: record.timestamp, ...factsOf(packet), ...content };
}

/** Lines of 16 bytes, two by two, as `tcpdump -x` and `-X` write them. */
function hexLines(bytes: Uint8Array, characters: boolean): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 16) {
    const row = bytes.subarray(at, at + 16);
    const digits = formatHex(row).replaceAll(/.{4}(?=.)/g, "$& ");
    text += `\t0x${at.toString(16).padStart(4, "0")}:  `;
    text += characters ? `${digits.padEnd(39)}  ${printable(row)}\n` : `${digits}\n`;
  }
  return text;
}

function printable(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".";
  return text;
}
