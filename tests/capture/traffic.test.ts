// Packets of a real queue in a recording: as many as were queued, changed ones twice, their verdicts.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { PacketQueue, Verdict } from "../../mod.ts";
import { CaptureReader, PcapngWriter, recordOf } from "../../src/capture/mod.ts";
import { Filter } from "../support/queue/filter.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { queueRule, udpTo } from "../support/network/rules.ts";
import { UdpSocket } from "../support/traffic/udp.ts";
import { until } from "../support/runtime/waiting.ts";
import { fieldsOf, needsWireshark } from "../support/oracles/wireshark.ts";

requireIsolation();

const COUNT = 300;

test("a recording under load is read by tshark: packets, interface, right checksums, comments", {
  timeout: 60_000,
  ...needsWireshark,
}, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue());
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
  const writer = new PcapngWriter({ application: "test" });
  const parts: Uint8Array[] = [writer.start()];
  let seen = 0;
  let changed = 0;
  await using _filter = new Filter(queue, (packet) => {
    seen++;
    if (seen % 3 === 0) {
      parts.push(writer.packet(recordOf(packet, { verdict: "drop" })));
      return Verdict.Drop;
    }
    parts.push(writer.packet(recordOf(packet, { verdict: "accept" })));
    if (seen % 3 === 1) {
      changed++;
      packet.udp!.payload = new TextEncoder().encode("changed");
      parts.push(writer.packet(recordOf(packet, { verdict: "accept" })));
    }
    return Verdict.Accept;
  });
  await sender.sendAll(Array.from({ length: COUNT }, (_, index) => `packet ${index}`), receiver);
  await until(() => seen === COUNT, { what: "all packets are recorded" });
  const { overruns: systemDropped } = queue.statistics;
  parts.push(writer.statistics({ received: seen, systemDropped }, {
    ...{ timestamp: Date.now() * 1000, interface: { name: "lo", linkType: 101, snapLength: 0 } },
  }));
  const bytes = new Uint8Array(Buffer.concat(parts));

  const reader = new CaptureReader();
  const records = [...reader.read(bytes)];
  reader.end();
  assert.equal(records.length, COUNT + changed);
  assert.equal(new Set(records.map(({ id }) => id)).size, COUNT);
  const twice = records.filter(({ id }, at) => records[at - 1]?.id === id);
  assert.equal(twice.length, changed);
  assert.equal(reader.interfaces.find(({ name }) => name === "lo")?.statistics?.received, COUNT);

  const folder = mkdtempSync(join(tmpdir(), "nfqueue-recording-"));
  try {
    const file = join(folder, "recording.pcapng");
    writeFileSync(file, bytes);
    const rows = fieldsOf(file, [
      ...["frame.interface_name", "udp.checksum.status", "ip.checksum.status", "frame.comment"],
      ...["udp.dstport"],
    ]);
    assert.equal(rows.length, COUNT + changed);
    for (const [device, udpStatus, ipStatus, comment, port] of rows) {
      assert.deepEqual([device, udpStatus, ipStatus], ["lo", "1", "1"]);
      assert.match(comment ?? "", /^verdict (?:accept|drop)$/);
      assert.equal(Number(port), receiver.port);
    }
    assert.equal(rows.filter(([, , , comment]) => comment === "verdict drop").length, COUNT / 3);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
