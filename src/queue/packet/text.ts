/**
 * A queued packet as text and as JSON: what the kernel told about it around what its bytes say.
 *
 * @module
 */

import { WireError } from "../../base/errors.ts";
import { fieldLines, type Line, plainText, section } from "../../packet/text/inspect_values.ts";
import { inspect } from "../../packet/text/inspect.ts";
import { FIELDS, headersJson } from "../../packet/headers.ts";
import { type JsonObject, type JsonValue, jsonValue } from "../../base/json_value.ts";
import { summary, vlanText } from "../../packet/text/summary.ts";
import type { EthernetView } from "../../packet/link/ethernet.ts";
import type { Layers } from "../../packet/layers.ts";
import type { Vlan } from "./vlan.ts";

/** What the kernel tells, in the order in which it is shown. */
const METADATA = [
  ...["queue", "hook", "family", "etherType", "length", "truncated", "modified"] as const,
  ...["inDevice", "outDevice", "physicalInDevice", "physicalOutDevice"] as const,
  ...["hardwareAddress", "vlan", "layer2Header", "mark", "priority", "timestamp"] as const,
  ...["uid", "gid", "securityContext", "cgroupClassId"] as const,
  ...["checksumNotReady", "gso", "conntrack"] as const,
] as const;

/** A packet as far as it is shown. */
export interface ShownPacket extends Readonly<Record<typeof METADATA[number], unknown>> {
  readonly id: number;
  readonly verdict: number | undefined;
  readonly length: number;
  readonly checksumNotReady: boolean;
  readonly vlan: Vlan | undefined;
  readonly ethernet: EthernetView | undefined;
  readonly payload: Uint8Array;
}

/**
 * The line of `toString()`.
 *
 * @param layers its headers; undefined when it has its verdict
 */
export function packetLine(packet: ShownPacket, layers: Layers | undefined): string {
  if (layers === undefined) return `packet ${packet.id}, released`;
  const vlan = readable(() => packet.vlan);
  const tag = vlan === undefined ? "" : `${vlanText(vlan)}, `;
  return `${tag}${summary(layers, { length: packet.length })}`;
}

/** The lines of `inspect()`. */
export function packetDump(
  packet: ShownPacket,
  layers: Layers | undefined,
  { maxBytes }: { readonly maxBytes?: number | undefined },
): string {
  if (layers === undefined) return packetLine(packet, layers);
  const limit = maxBytes === undefined ? {} : { maxBytes };
  const { length, checksumNotReady, ethernet } = packet;
  const lines = METADATA.flatMap((name): Line[] => {
    const value = readable(() => packet[name], unreadable);
    return value === undefined ? [] : [[name, textOf(name, value)]];
  });
  const title = `packet ${packet.id}`;
  const dump = section(title, lines);
  if (ethernet !== undefined) {
    const fields = FIELDS.ethernet.flatMap((name) => fieldLines(name, ethernet[name]));
    dump.push(...section("ethernet", fields));
  }
  const wire = inspect(layers, { ...limit, length, checksumNotReady });
  return [...dump, wire].join("\n");
}

/** What `toJSON()` gives. */
export function packetJson(packet: ShownPacket, layers: Layers | undefined): JsonObject {
  const { id, verdict } = packet;
  const decided: JsonObject = verdict === undefined ? {} : { verdict };
  if (layers === undefined) return { id, released: true, ...decided };
  const json: Record<string, JsonValue> = { id };
  for (const name of METADATA) {
    const value = readable(() => packet[name], unreadable);
    if (value !== undefined) json[name] = jsonValue(value);
  }
  const { malformed } = layers;
  const { ethernet } = packet;
  return {
    ...json,
    ...decided,
    ...(ethernet && { ethernet: ethernet.toJSON() }),
    ...headersJson(layers),
    ...(malformed && { malformed: jsonValue(malformed) }),
    payload: jsonValue(packet.payload),
  };
}

function textOf(name: typeof METADATA[number], value: unknown): string {
  if (name === "mark" && typeof value === "number") return `0x${value.toString(16)}`;
  if (name === "etherType" && typeof value === "number") {
    return `0x${value.toString(16).padStart(4, "0")}`;
  }
  if (name === "timestamp" && typeof value === "number") return timeText(value);
  return plainText(value);
}

/** Microseconds since 1970 in ISO 8601, where a date can hold them. */
function timeText(microseconds: number): string {
  const date = new Date(Math.floor(microseconds / 1000));
  if (Number.isNaN(date.getTime())) return `${microseconds}`;
  const rest = String(microseconds % 1000).padStart(3, "0");
  return date.toISOString().replace("Z", `${rest}Z`);
}

/** A property that the kernel may have sent in a form which cannot be read. */
function readable<Value, Other = undefined>(
  get: () => Value,
  otherwise?: (error: WireError) => Other,
): Value | Other | undefined {
  try {
    return get();
  } catch (error) {
    if (error instanceof WireError) return otherwise?.(error);
    throw error;
  }
}

function unreadable({ message }: WireError): { readonly error: string } {
  return { error: message };
}
