// `nfqueue dump -r`: recordings as text, compared with tcpdump's; words that are wrong; readers that go.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  type CapturedPacket,
  LINK_TYPE,
  PcapngWriter,
  PcapWriter,
} from "../../../src/capture/mod.ts";
import { buildPacket, type PacketFields } from "../../../src/packet/mod.ts";
import { counting } from "../../packet/edits.ts";
import { Random } from "../../packet/random_edits.ts";
import { needsTcpdump } from "../../support/oracles/tcpdump.ts";
import { isDeno } from "../../support/runtime/child.ts";
import { commandWords, runCommand } from "../../support/terminal/command_words.ts";

const LIMIT = { timeout: 120_000 } as const;
const START = 1_764_550_000_123_456;

class Folder implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), "nfqueue-dump-"));

  /** Writes a file into it, and gives its path. */
  file(name: string, bytes: Uint8Array): string {
    const path = join(this.path, name);
    writeFileSync(path, bytes);
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

const dump = (...words: string[]) =>
  runCommand(commandWords(["dump", ...words], { permissions: ["--allow-write"] }));

/** Packets of which tcpdump's lines are ours: what is in UDP to other ports it would decode. */
function packets(count: number): Uint8Array[] {
  const random = new Random(20261202);
  const ports = () => ({ sourcePort: 40_000 + random.below(9), destinationPort: 81 });
  return Array.from({ length: count }, () => {
    const ends4 = { source: `10.0.0.${random.below(9)}`, destination: "10.0.0.200" };
    const ends6 = { source: `2001:db8::${1 + random.below(9)}`, destination: "fe80::1" };
    const ip = random.below(2) === 0 ? { ipv4: ends4 } : { ipv6: ends6 };
    const upper: PacketFields = random.pick([
      { tcp: { ...ports(), flags: random.below(256), sequenceNumber: random.below(2 ** 32) } },
      { udp: ports() },
      "ipv4" in ip ? { icmp: { identifier: 7 } } : { icmpv6: { type: 128, code: 0 } },
    ]);
    return buildPacket({ ...ip, ...upper, payload: counting(random.below(50)) });
  });
}

function pcap(list: readonly Uint8Array[]): Uint8Array {
  const writer = new PcapWriter({ linkType: LINK_TYPE.RAW });
  const parts = list.map((bytes, at) =>
    writer.packet({ bytes: new Uint8Array(bytes), timestamp: START + at * 999_983 })
  );
  return new Uint8Array(Buffer.concat([writer.start(), ...parts]));
}

function tcpdump(...words: string[]): string {
  const { stdout, stderr, status } = spawnSync("tcpdump", words, { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  return stdout;
}

test("lines and bytes are tcpdump's", { ...LIMIT, ...needsTcpdump }, async () => {
  using folder = new Folder();
  const file = folder.file("in.pcap", pcap(packets(200)));
  for (const [ours, theirs] of [[[], "-nS"], [["-x"], "-nSx"], [["-X"], "-nSX"]] as const) {
    const { status, output, errors } = await dump("-r", file, ...ours);
    assert.deepEqual([status, errors], [0, ""]);
    assert.equal(output, tcpdump(theirs, "-r", file));
  }
  const chosen = await dump("-r", file, "-c", "7", "tcp", "and", "src", "net", "10.0.0.0/8");
  assert.equal(chosen.output, tcpdump("-nS", "-c7", "-r", file, "tcp and src net 10.0.0.0/8"));
  assert.equal(chosen.output.trim().split("\n").length, 7);
});

test(
  "-w writes what fits, and another program reads it",
  { ...LIMIT, ...needsTcpdump },
  async () => {
    using folder = new Folder();
    const list = packets(100);
    const file = folder.file("in.pcap", pcap(list));
    const out = join(folder.path, "out.pcapng");
    const { status, output, errors } = await dump("-r", file, "-w", out, "udp");
    const fitting = tcpdump("-nS", "-r", file, "udp");
    const count = fitting.trim().split("\n").length;
    assert.equal(status, 0);
    assert.equal(output, "");
    assert.equal(errors, `${count} packets written, 100 received, 0 lost\n`);
    assert.equal(tcpdump("-nS", "-r", out), fitting);
    const piped = await runCommand([
      "sh",
      "-c",
      '"$@" | tcpdump -nS -r -',
      "sh",
      ...commandWords(["dump", "-r", file, "-w", "-", "udp"]),
    ]);
    assert.equal(piped.output, fitting);
    // Standard input too.
    const input = new Uint8Array(readFileSync(out));
    const read = await runCommand(commandWords(["dump", "-r", "-", "-x"]), { input });
    assert.equal(read.output, tcpdump("-nSx", "-r", out));
  },
);

const NOTED: CapturedPacket = {
  bytes: new Uint8Array(buildPacket({
    ipv4: { source: "10.0.0.1", destination: "10.0.0.2" },
    udp: { sourcePort: 4000, destinationPort: 81 },
    payload: counting(4),
  })),
  ...{ timestamp: START, id: 3 * 2 ** 32 + 9, queue: 3, direction: "inbound" },
  interface: { name: "eth\u001b[31m0", linkType: LINK_TYPE.RAW, snapLength: 0 },
  comments: ["of \u001b[2J a person"],
  verdict: { verdict: "drop", mark: 7 },
};

test("-v and --json tell what a recording knows, and nothing moves the cursor", LIMIT, async () => {
  using folder = new Folder();
  const file = folder.file("noted.pcapng", new PcapngWriter().packet(NOTED));
  const { output } = await dump("-r", file, "-v");
  assert.ok(!output.includes("\u001b"));
  assert.match(
    output,
    /^\d\d:\d\d:\d\d\.123456 IP 10\.0\.0\.1\.4000 > 10\.0\.0\.2\.81: UDP, length 4\n/,
  );
  for (
    const part of [
      ...[
        / queue +3\n/,
        / interface +eth\\x1b\[31m0\n/,
        / direction +inbound\n/,
        / verdict +drop\n/,
      ],
      ...[/ comments +of \\x1b\[2J a person\n/, / ipv4\n/, / sourcePort +4000\n/, / 01 02 03 04/],
    ]
  ) assert.match(output, part);
  const json = JSON.parse((await dump("-r", file, "--json")).output);
  assert.deepEqual(
    [json.timestamp, json.queue, json.direction, json.verdict, json.verdictMark, json.length],
    [START, 3, "inbound", "drop", 7, 32],
  );
  assert.deepEqual([json.ipv4.source, json.udp.destinationPort, json.payload], [
    ...["10.0.0.1", 81, "01020304"],
  ]);
});

test("a file that is broken or cut is shown as far as it goes, and told", LIMIT, async () => {
  using folder = new Folder();
  const whole = pcap(packets(3));
  const cut = await dump("-r", folder.file("cut", whole.subarray(0, whole.length - 1)));
  assert.equal(cut.status, 1);
  assert.equal(cut.output.trim().split("\n").length, 2);
  assert.match(cut.errors, /^nfqueue dump: ".*cut": the capture ends in the middle of a block/);
  const other = await dump("-r", folder.file("other", counting(100)));
  assert.deepEqual([other.status, other.output], [1, ""]);
  assert.match(other.errors, /neither pcap nor pcapng/);
  const absent = await dump("-r", join(folder.path, "absent"));
  assert.equal(absent.status, 1);
  assert.match(absent.errors, /absent" cannot be read: .*no such file/);
  const unwritable = await dump("-r", folder.file("in", whole), "-w", folder.path);
  assert.equal(unwritable.status, 1);
  assert.match(unwritable.errors, /cannot be written: /);
  if (!isDeno) return;
  const refused = await runCommand(commandWords(["dump", "-w", join(folder.path, "x")]));
  assert.equal(refused.status, 1);
  assert.match(refused.errors, /started without --allow-write/);
});

test("words that do not fit are refused before anything begins", LIMIT, async () => {
  const cases: readonly (readonly [words: readonly string[], message: RegExp])[] = [
    [
      ["tcp", "and", "hots", "10.0.0.1"],
      /is it host\?\n {2}tcp and hots 10\.0\.0\.1\n {10}\^{4}\n/,
    ],
    [["-c", "0"], /-c is a number/],
    [["-c", "x"], /-c is a number/],
    [["-q", "65536"], /queue/],
    [["-q", "3-1"], /ends before it begins/],
    [["-r", "x", "-q", "1"], /needs no queue/],
    [["-r", "x", "--rule", "output"], /needs no queue/],
    [["-w", "x", "-v"], /shows none/],
    [["-r", "README.md", "-w", "./README.md"], /overwrite/],
    [["--json", "-x"], /leave out/],
    [["--rule", "outptu"], /outptu/],
    [["--nonsense"], /nonsense/],
  ];
  for (const [words, message] of cases) {
    const { status, output, errors } = await dump(...words);
    assert.deepEqual([status, output], [2, ""], words.join(" "));
    assert.match(errors, message);
    assert.match(errors, /usage: nfqueue dump /);
  }
});

test("a slow reader gets all of a recording; one that goes ends it quietly", LIMIT, async () => {
  using folder = new Folder();
  const file = folder.file("in.pcap", pcap(packets(30_000)));
  const pipe = (text: string) =>
    runCommand(["sh", "-c", text, "sh", ...commandWords(["dump", "-x", "-r", file])]);
  const slow = await pipe('{ "$@"; echo "status $?" >&2; } | { sleep 1; grep -c " IP"; }');
  assert.deepEqual([slow.output.trim(), slow.errors], ["30000", "status 0\n"]);
  const gone = await pipe('{ "$@"; echo "status $?" >&2; } | head -n 1');
  assert.match(gone.output, /^\d\d:\d\d:\d\d\.123456 IP/);
  assert.equal(gone.errors, "status 141\n");
});
