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

/** A capture that tcpdump is asked about with many expressions. */
export class TcpdumpFilter implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "nfqueue-tcpdump-"));
  readonly #file: string = join(this.#folder, "packets.pcap");

  constructor(packets: readonly Captured[], link: number) {
    writeFileSync(this.#file, pcap(packets, link));
  }

  /** Which packets fit the expression, by their places; an error's text where it is refused. */
  matching(
    expression: string,
    { optimize = true }: { readonly optimize?: boolean } = {},
  ): number[] | string {
    const order = optimize ? [] : ["-O"];
    const words = [...order, "-r", this.#file, "-w", "-", "--", expression];
    const { stdout, stderr, status } = spawnSync("tcpdump", words, {
      ...{ timeout: 60_000, maxBuffer: 1 << 28 },
    });
    const errors = new TextDecoder().decode(stderr);
    // What can never be, in the view of libpcap's optimizer.
    if (errors.includes("expression rejects all packets")) return [];
    if (status !== 0) return errors;
    const view = new DataView(stdout.buffer, stdout.byteOffset, stdout.length);
    const places: number[] = [];
    for (let at = 24; at < view.byteLength; at += 16 + view.getUint32(at + 8, true)) {
      places.push(view.getUint32(at, true));
    }
    return places;
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The seconds of a packet's time are its place. */
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
  for (const [place, { bytes, length }] of packets.entries()) {
    view.setUint32(at, place);
    view.setUint32(at + 8, bytes.length);
    view.setUint32(at + 12, length);
    file.set(bytes, at + 16);
    at += 16 + bytes.length;
  }
  return file;
}
