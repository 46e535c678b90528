/**
 * The kernel's own judgement of what arrives: packets that it threw away for a bad checksum, header
 * or length, from /proc/net.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

/** Lines in pairs: `Udp: InDatagrams …`, `Udp: 12 …`. */
function pairs(file: string): Map<string, number> {
  const values = new Map<string, number>();
  const lines = readFileSync(`/proc/net/${file}`, "utf8").trim().split("\n");
  for (let line = 0; line + 1 < lines.length; line += 2) {
    const [group = "", ...names] = lines[line]!.split(/\s+/);
    const numbers = lines[line + 1]!.split(/\s+/).slice(1);
    names.forEach((name, index) => values.set(group.slice(0, -1) + name, Number(numbers[index])));
  }
  return values;
}

/** Packets thrown away since boot (of the namespace), by reason. */
export function badPackets(): Record<string, number> {
  const bad: Record<string, number> = {};
  for (const file of ["snmp", "netstat"]) {
    for (const [name, value] of pairs(file)) {
      if (/InCsumErrors|^IpInHdrErrors|InTruncatedPkts|^TcpInErrs/.test(name)) bad[name] = value;
    }
  }
  for (const line of readFileSync("/proc/net/snmp6", "utf8").trim().split("\n")) {
    const [name = "", value] = line.split(/\s+/);
    if (/InCsumErrors|^Ip6InHdrErrors|^Ip6InTruncatedPkts/.test(name)) bad[name] = Number(value);
  }
  assert.ok(Object.keys(bad).length >= 9, Object.keys(bad).join());
  return bad;
}

/** Runs something, and fails if the kernel threw a packet away meanwhile. */
export async function withoutBadPackets(run: () => Promise<void>): Promise<void> {
  const before = badPackets();
  await run();
  assert.deepEqual(badPackets(), before);
}
