/**
 * /proc/net/nf_conntrack, in the form that packets tell it.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { formatIpv6, parseIpv6 } from "../../../src/base/address.ts";
import type { ConntrackCounter, ConntrackTuple } from "../../../mod.ts";

/** A line of the table. */
export interface ConntrackLine {
  readonly original: ConntrackTuple;
  readonly reply: ConntrackTuple;
  readonly counters?: { original: ConntrackCounter; reply: ConntrackCounter };
  readonly timeout: number;
  /** TCP and SCTP. */
  readonly state?: string;
  readonly unreplied: boolean;
  readonly assured: boolean;
  readonly mark: number;
  readonly zone: number;
  readonly helper?: string;
}

/** Every entry of this network namespace. */
export function conntrackTable(): ConntrackLine[] {
  const text = readFileSync("/proc/net/nf_conntrack", "utf8").trimEnd();
  return text === "" ? [] : text.split("\n").map(parseLine);
}

/** The entry of the connection that began so. */
export function conntrackLine(original: ConntrackTuple): ConntrackLine | undefined {
  const wanted = JSON.stringify(Object.entries(original).toSorted());
  return conntrackTable().find((line) =>
    JSON.stringify(Object.entries(line.original).toSorted()) === wanted
  );
}

const NAMES: Readonly<Record<string, keyof ConntrackTuple>> = {
  src: "source",
  dst: "destination",
  sport: "sourcePort",
  dport: "destinationPort",
  type: "icmpType",
  code: "icmpCode",
  id: "icmpIdentifier",
};

/**
 * `ipv4 2 tcp 6 431999 ESTABLISHED src=… dst=… sport=… dport=… packets=… bytes=… src=… … [ASSURED]
 * mark=0 zone=0 use=2`: family, protocol, timeout, state; then the two directions, then the rest.
 */
function parseLine(line: string): ConntrackLine {
  const [, , , protocol, timeout, ...words] = line.split(/\s+/);
  const tuples: ConntrackTuple[] = [];
  const counters: ConntrackCounter[] = [];
  const rest = new Map<string, string>();
  const flags = new Set<string>();
  for (const word of words) {
    const [name = "", value] = word.split("=");
    if (value === undefined) flags.add(name);
    else if (name === "src") tuples.push({ protocol: Number(protocol) });
    const tuple = tuples.at(-1);
    const field = NAMES[name];
    if (value === undefined || tuple === undefined) continue;
    if (field === "source" || field === "destination") {
      tuple[field] = value.includes(":") ? formatIpv6(parseIpv6(value)) : value;
    } else if (field !== undefined) tuple[field] = Number(value);
    else if (name === "packets") counters.push({ packets: Number(value), bytes: 0 });
    else if (name === "bytes") counters.at(-1)!.bytes = Number(value);
    else rest.set(name, value);
  }
  const [original = {}, reply = {}] = tuples;
  const state = [...flags].find((flag) => !flag.startsWith("["));
  return {
    ...{ original, reply, timeout: Number(timeout) },
    unreplied: flags.has("[UNREPLIED]"),
    assured: flags.has("[ASSURED]"),
    mark: Number(rest.get("mark") ?? 0),
    zone: Number(rest.get("zone") ?? 0),
    ...(state !== undefined && { state }),
    ...(counters.length === 2 && { counters: { original: counters[0]!, reply: counters[1]! } }),
    ...(rest.has("helper") && { helper: rest.get("helper")! }),
  };
}
