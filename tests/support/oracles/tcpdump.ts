/**
 * tcpdump's line about packets, where it is installed.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inCi } from "../runtime/ci.ts";

const found = spawnSync("tcpdump", ["--version"], { timeout: 20_000 }).status === 0;

// A hard failure of every file that imports this: in CI nothing may be left out unseen.
if (!found && inCi) throw new Error("no tcpdump in PATH: scripts/setup dev installs it");

/** Options of every test that needs tcpdump: `{ timeout, ...needsTcpdump }`. */
export const needsTcpdump: { readonly skip?: string } = found
  ? {}
  : { skip: "no tcpdump in PATH: scripts/setup dev installs it" };

/** What is captured of a packet, and how long it was on the wire. */
export interface Captured {
  readonly bytes: Uint8Array;
  readonly length: number;
}

/** Link types of pcap files: an IP packet, an Ethernet frame. */
export const LINK = { IP: 101, ETHERNET: 1 } as const;

/** What `tcpdump -nSt` says of each packet, without what it continues on further lines. */
export function tcpdumpLines(packets: readonly Captured[], link: number): string[] {
  const folder = mkdtempSync(join(tmpdir(), "nfqueue-tcpdump-"));
  try {
    const file = join(folder, "packets.pcap");
    writeFileSync(file, pcap(packets, link));
    const { stdout, stderr, status } = spawnSync("tcpdump", ["-nSt", "-r", file], {
      ...{ encoding: "utf8", timeout: 60_000, maxBuffer: 1 << 28 },
    });
    if (status !== 0) throw new Error(`tcpdump failed: ${stderr}`);
    return stdout.split("\n").filter((line) => line !== "" && !line.startsWith("\t"))
      .map((line) => line.trimEnd());
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function pcap(packets: readonly Captured[], link: number): Uint8Array {
  const size = packets.reduce((sum, { bytes }) => sum + 16 + bytes.length, 24);
  const file = new Uint8Array(new ArrayBuffer(size));
  const view = new DataView(file.buffer);
  view.setUint32(0, 0xa1b2c3d4);
  view.setUint16(4, 2);
  view.setUint16(6, 4);
  view.setUint32(16, 0x40000);
  view.setUint32(20, link);
  let at = 24;
  for (const { bytes, length } of packets) {
    view.setUint32(at + 8, bytes.length);
    view.setUint32(at + 12, length);
    file.set(bytes, at + 16);
    at += 16 + bytes.length;
  }
  return file;
}
