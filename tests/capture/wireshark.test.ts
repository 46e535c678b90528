// Wireshark reads what is written here with all that it says of packets, and its formats are read here.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  type CapturedPacket,
  CaptureReader,
  decodeCapture,
  LINK_TYPE,
  PcapngWriter,
} from "../../src/capture/mod.ts";
import { fieldsOf, needsWireshark, wireshark } from "../support/oracles/wireshark.ts";
import { udp } from "./samples.ts";

const LIMIT = { timeout: 120_000, ...needsWireshark } as const;

class Folder implements Disposable {
  readonly #path = mkdtempSync(join(tmpdir(), "nfqueue-wireshark-"));

  file(name: string): string {
    return join(this.#path, name);
  }

  [Symbol.dispose](): void {
    rmSync(this.#path, { recursive: true, force: true });
  }
}

test("tshark shows interface, queue, id, direction, comment and verdict", LIMIT, () => {
  using folder = new Folder();
  const writer = new PcapngWriter({ application: "the program", comment: "a recording" });
  const unfinished = udp("not ready");
  unfinished[27] = 1;
  const eth0 = { name: "eth0", linkType: LINK_TYPE.RAW, snapLength: 0 };
  const packets: readonly CapturedPacket[] = [
    { bytes: udp("one"), timestamp: 1_700_000_000_000_000, interface: eth0 },
    {
      ...{ bytes: unfinished, timestamp: 1_700_000_000_123_456, nanoseconds: 789 },
      ...{ id: 7 * 2 ** 32 + 5, queue: 7, direction: "outbound", checksumNotReady: true },
      ...{ comments: ["kept"], verdict: { verdict: "accept", mark: 0x2a } },
    },
  ];
  const file = folder.file("ours.pcapng");
  const parts = packets.map((packet) => writer.packet(packet));
  parts.push(writer.statistics({ received: 9, systemDropped: 2 }, {
    ...{ interface: eth0, timestamp: 1_700_000_001_000_000 },
  }));
  writeFileSync(file, Buffer.concat(parts));
  const fields = fieldsOf(file, [
    ...["frame.time_epoch", "frame.interface_name", "frame.packet_id", "frame.interface_queue"],
    ...["frame.packet_flags_direction", "frame.comment", "udp.checksum.status", "frame.len"],
  ]);
  const [one = [], two = []] = fields;
  assert.equal(fields.length, 2);
  assert.deepEqual(one.slice(0, 2), ["1700000000.000000000", "eth0"]);
  assert.equal(two[0], "1700000000.123456789");
  assert.equal(Number(two[2]), 7 * 2 ** 32 + 5);
  assert.equal(Number(two[3]), 7);
  assert.equal(Number(two[4]), 2);
  assert.equal(two[5], "kept,verdict accept, mark 0x2a");
  // 1: good. The bytes that were given had a wrong one.
  assert.deepEqual([one[6], two[6]], ["1", "1"]);
});

for (const format of ["pcap", "pcapng", "nsecpcap", "modpcap"]) {
  test(`what editcap writes as ${format} is read`, LIMIT, () => {
    using folder = new Folder();
    const writer = new PcapngWriter();
    const packets = Array.from({ length: 40 }, (_, index) => ({
      ...{ bytes: udp("y".repeat(index)), timestamp: 1_700_000_000_000_000 + index * 999_999 },
    }));
    const [ours, theirs] = [folder.file("ours"), folder.file("theirs")];
    writeFileSync(ours, Buffer.concat(packets.map((packet) => writer.packet(packet))));
    wireshark("editcap", "-F", format, ours, theirs);
    const again = [...decodeCapture(new Uint8Array(readFileSync(theirs)))];
    assert.deepEqual(again.map(({ bytes, timestamp }) => ({ bytes, timestamp })), packets);
  });
}

test("comments and cut packets of editcap are read", LIMIT, () => {
  using folder = new Folder();
  const writer = new PcapngWriter();
  const [ours, theirs] = [folder.file("ours"), folder.file("theirs")];
  writeFileSync(ours, writer.packet({ bytes: udp("cut me"), timestamp: 5 }));
  wireshark("editcap", "-s", "20", "-a", "1:by editcap", ours, theirs);
  const reader = new CaptureReader();
  const [packet] = [...reader.read(new Uint8Array(readFileSync(theirs)))];
  reader.end();
  assert.deepEqual([packet?.bytes.length, packet?.length], [20, udp("cut me").length]);
  assert.deepEqual(packet?.comments, ["by editcap"]);
});
