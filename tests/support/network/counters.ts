/**
 * The kernel's own judgement of what arrives: packets that it threw away for a bad checksum, header
 * or length, from /proc/net.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { command } from "../runtime/command.ts";
import type { Namespace } from "./namespaces.ts";

/** By file, what counts there: a packet that is thrown away for one of these was made wrongly. */
const BAD: Readonly<Record<string, readonly string[]>> = {
  snmp: [
    ...["IpInHdrErrors", "IcmpInCsumErrors", "TcpInErrs", "TcpInCsumErrors"],
    // A length beyond the packet is no bad checksum, only an error.
    ...["UdpInErrors", "UdpInCsumErrors", "UdpLiteInErrors", "UdpLiteInCsumErrors"],
  ],
  netstat: ["IpExtInTruncatedPkts", "IpExtInCsumErrors"],
  snmp6: [
    ...["Ip6InHdrErrors", "Ip6InTruncatedPkts", "Icmp6InCsumErrors"],
    ...["Udp6InErrors", "Udp6InCsumErrors", "UdpLite6InErrors", "UdpLite6InCsumErrors"],
  ],
};

/** Another network namespace, as the words that run something inside. */
type Reader = Pick<Namespace, "prefix">;

/** /proc/net of this process's namespace, or of another. */
function read(file: string, namespace: Reader | undefined): string {
  const path = `/proc/net/${file}`;
  if (namespace === undefined) return readFileSync(path, "utf8").trim();
  const [program = "", ...words] = [...namespace.prefix, "cat", path];
  return command(program, words).trim();
}

/** Either lines of a name and a number, or in pairs: `Udp: InDatagrams …`, `Udp: 12 …`. */
function values(text: string): Map<string, number> {
  const lines = text.split("\n").map((line) => line.split(/\s+/));
  if (!lines[0]?.[0]?.endsWith(":")) {
    return new Map(lines.map(([name = "", value]) => [name, Number(value)]));
  }
  const found = new Map<string, number>();
  for (let line = 0; line + 1 < lines.length; line += 2) {
    const [group = "", ...names] = lines[line]!;
    const numbers = lines[line + 1]!.slice(1);
    names.forEach((name, index) => found.set(group.slice(0, -1) + name, Number(numbers[index])));
  }
  return found;
}

/** Packets thrown away since boot (of the namespace), by reason. */
export function badPackets(namespace?: Reader): Record<string, number> {
  const bad: Record<string, number> = {};
  for (const [file, names] of Object.entries(BAD)) {
    const found = values(read(file, namespace));
    for (const name of names) {
      const value = found.get(name);
      // A counter that is not there would never tell of anything.
      assert.ok(value !== undefined && value >= 0, `${name} in ${file}: ${value}`);
      bad[name] = value;
    }
  }
  return bad;
}

/** What was thrown away while something ran, by reason; empty when nothing was. */
export async function badPacketsDuring(
  run: () => Promise<void>,
  namespace?: Reader,
): Promise<Record<string, number>> {
  const before = badPackets(namespace);
  await run();
  const grown = Object.entries(badPackets(namespace))
    .map(([name, value]) => [name, value - before[name]!] as const)
    .filter(([, growth]) => growth !== 0);
  return Object.fromEntries(grown);
}

/** Runs something, and fails if the kernel threw a packet away meanwhile. */
export async function withoutBadPackets(
  run: () => Promise<void>,
  namespace?: Reader,
): Promise<void> {
  assert.deepEqual(await badPacketsDuring(run, namespace), {});
}
