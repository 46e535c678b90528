// tcpdump reads what is written here, and what tcpdump writes is read here.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { decodeCapture, PcapngWriter, PcapWriter } from "../../src/capture/mod.ts";
import { needsTcpdump } from "../support/oracles/tcpdump.ts";
import { udp } from "./samples.ts";

const LIMIT = { timeout: 60_000, ...needsTcpdump } as const;
const FIRST = 1_700_000_000_000_000;
const packets = Array.from({ length: 50 }, (_, index) => ({
  bytes: udp("x".repeat(index)),
  timestamp: FIRST + index * 1_000_001,
}));

for (
  const [name, make] of [
    ["pcapng", () => new PcapngWriter()],
    ["pcap", () => new PcapWriter()],
    ["pcap in nanoseconds", () => new PcapWriter({ nanoseconds: true })],
  ] as const
) {
  test(`${name}: tcpdump reads it, and writes it again for us`, LIMIT, () => {
    const folder = mkdtempSync(join(tmpdir(), "nfqueue-capture-"));
    try {
      const writer = make();
      const ours = join(folder, "ours");
      writeFileSync(ours, Buffer.concat(packets.map((packet) => writer.packet(packet))));
      const read = spawnSync("tcpdump", ["-nqtt", "-r", ours], {
        encoding: "utf8",
        timeout: 30_000,
      });
      assert.equal(read.status, 0, read.stderr);
      const lines = read.stdout.trim().split("\n");
      assert.equal(lines.length, packets.length);
      packets.forEach(({ timestamp }, index) => {
        const seconds = Math.floor(timestamp / 1e6);
        const rest = `${timestamp % 1e6}`.padStart(6, "0");
        assert.ok(lines[index]?.startsWith(`${seconds}.${rest}`), `line ${index}`);
        assert.ok(lines[index]?.endsWith(`127.0.0.1.4000 > 127.0.0.1.9999: UDP, length ${index}`));
      });
      const theirs = join(folder, "theirs");
      const written = spawnSync("tcpdump", ["-r", ours, "-w", theirs], { timeout: 30_000 });
      assert.equal(written.status, 0);
      const again = [...decodeCapture(new Uint8Array(readFileSync(theirs)))];
      assert.deepEqual(
        again.map(({ bytes, timestamp }) => ({ bytes, timestamp })),
        packets,
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}
