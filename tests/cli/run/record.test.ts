// `nfqueue run --record`: every packet with its verdict, changed ones twice, and what was lost.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type CapturedPacket, CaptureReader } from "../../../src/capture/mod.ts";
import { requireIsolation } from "../../support/network/isolation.ts";
import { fieldsOf, needsWireshark } from "../../support/oracles/wireshark.ts";
import { commandWords, runCommand } from "../../support/terminal/command_words.ts";
import { NumberedTraffic } from "../../support/traffic/numbered.ts";
import { until } from "../../support/runtime/waiting.ts";
import { udpText } from "../../support/traffic/packets.ts";
import { UdpSocket } from "../../support/traffic/udp.ts";
import { Workshop } from "./workshop.ts";

requireIsolation();

const limit = { timeout: 60_000 };

function read(path: string): { packets: CapturedPacket[]; reader: CaptureReader } {
  const reader = new CaptureReader();
  const packets = [...reader.read(readFileSync(path))];
  reader.end();
  return { packets, reader };
}

test("verdicts of every kind, marks, changed bytes", limit, async () => {
  using workshop = new Workshop();
  using socket = await UdpSocket.open();
  const path = workshop.write(
    "filter.ts",
    `
import { defineFilter, Verdict } from "@nfqueue/nfqueue";
export default defineFilter({
  rules: { hook: "output", protocol: "udp", destinationPort: ${socket.port} },
  options: { onError: Verdict.Drop },
  packet(packet) {
    const text = new TextDecoder().decode(packet.udp.payload);
    if (text === "drop") return Verdict.Drop;
    if (text === "mark") return packet.accept({ mark: 0x77 });
    if (text === "later") return new Promise((resolve) => setTimeout(() => resolve(Verdict.Accept), 5));
    if (text === "throw") throw new Error("on purpose");
    if (text === "requeue") return packet.requeue(9999, { bypass: true });
    if (text === "change") packet.udp.payload = new TextEncoder().encode("changed now");
    return Verdict.Accept;
  },
});
`,
  );
  const file = workshop.path("recording.pcapng");
  await using child = workshop.run([path, "--record", file], { writes: true });
  await child.says("Ctrl-C ends it");
  const texts = ["accept", "drop", "mark", "later", "throw", "requeue", "change", "last"];
  const arriving = ["accept", "mark", "later", "requeue", "changed now", "last"];
  await socket.sendAll(texts, socket);
  const arrived = (await socket.take(arriving.length)).sort();
  assert.deepEqual(arrived, arriving.toSorted());
  child.kill("SIGINT");
  assert.deepEqual(await child.end(), { code: 130, signal: null });
  assert.match(child.output, /8 packets: .*; 8 recorded$/m);
  const { packets } = read(file);
  const told = Object.fromEntries(packets.map(({ bytes, verdict }) => [udpText(bytes), verdict]));
  assert.deepEqual(told, {
    accept: { verdict: "accept" },
    drop: { verdict: "drop" },
    mark: { verdict: "accept", mark: 0x77 },
    later: { verdict: "accept" },
    throw: { verdict: "drop" },
    requeue: { verdict: "queue 9999" },
    change: { verdict: "accept" },
    "changed now": { verdict: "accept" },
    last: { verdict: "accept" },
  });
  const [before, after, ...more] = packets.filter(({ bytes }) =>
    udpText(bytes).startsWith("change")
  );
  assert.equal(before?.id, after?.id);
  assert.deepEqual([udpText(before!.bytes), udpText(after!.bytes)], ["change", "changed now"]);
  assert.deepEqual(more, []);
  assert.equal(new Set(packets.map(({ id }) => id)).size, texts.length);
  for (const packet of packets) {
    assert.equal(packet.interface?.name, "lo");
    assert.equal(packet.direction, "outbound");
  }
  workshop.assertNothingLeft();
});

test("under load every packet is in it", limit, async () => {
  using workshop = new Workshop();
  await using traffic = await NumberedTraffic.open();
  const path = workshop.write(
    "filter.ts",
    `
import { defineFilter, Verdict } from "@nfqueue/nfqueue";
export default defineFilter({
  rules: { hook: "output", protocol: "udp", destinationPort: ${traffic.port} },
  packet: (packet) => packet.udp.payload.length % 2 === 0 ? Verdict.Accept : packet.accept({ mark: 1 }),
});
`,
  );
  const file = workshop.path("recording.pcapng");
  await using child = workshop.run([path, "--record", file, "--json"], { writes: true });
  await child.says('"started"');
  await traffic.begin(2000);
  const received = () => Number(/.*"received":(\d+)/s.exec(child.output)?.[1] ?? 0);
  await until(() => received() > 3000, {
    what: "3000 packets",
    timeout: 20_000,
    state: received,
  });
  const sent = await traffic.stop();
  child.kill("SIGINT");
  await child.end();
  const { packets } = read(file);
  const ended = JSON.parse(child.output.trim().split("\n").at(-1)!);
  assert.deepEqual([ended.received, ended.recorded, ended.notRecorded], [sent, sent, 0]);
  await traffic.assertWhole(sent, packets.map(({ bytes }) => Number(udpText(bytes))));
  assert.ok(
    packets.every(({ bytes, verdict }) =>
      verdict?.verdict === "accept" && (verdict.mark === 1) === (udpText(bytes).length % 2 === 1)
    ),
  );
});

test("a recording made under load opens in tshark, and replays alike", {
  ...limit,
  ...needsWireshark,
}, async () => {
  using workshop = new Workshop();
  await using traffic = await NumberedTraffic.open();
  const path = workshop.write(
    "filter.ts",
    `
import { defineFilter, Verdict } from "@nfqueue/nfqueue";
export default defineFilter({
  rules: { hook: "output", protocol: "udp", destinationPort: ${traffic.port} },
  packet: (packet) => packet.udp.payload.length % 2 === 0 ? Verdict.Drop : packet.accept({ mark: 1 }),
});
`,
  );
  const file = workshop.path("recording.pcapng");
  await using child = workshop.run([path, "--record", file, "--json"], { writes: true });
  await child.says('"started"');
  await traffic.begin(2000);
  const received = () => Number(/.*"received":(\d+)/s.exec(child.output)?.[1] ?? 0);
  await until(() => received() > 2000, { what: "2000 packets", timeout: 20_000, state: received });
  const sent = await traffic.stop();
  child.kill("SIGINT");
  await child.end();

  const shown = fieldsOf(file, [
    ...["frame.interface_name", "frame.comment", "ip.checksum.status", "udp.checksum.status"],
    "data.len",
  ]);
  assert.equal(shown.length, sent);
  const good = "1";
  for (const [device, comment, ip, udp, length] of shown) {
    const verdict = Number(length) % 2 === 0 ? "verdict drop" : "verdict accept, mark 0x1";
    assert.deepEqual([device, comment, ip, udp], ["lo", verdict, good, good]);
  }
  const replay = await runCommand(commandWords(["replay", file, path, "--expect"]));
  assert.deepEqual([replay.status, replay.errors], [0, ""], replay.output.slice(-400));
  assert.equal(
    replay.output.trimEnd().split("\n").at(-1),
    `${sent.toLocaleString("en-US")} packets as recorded`,
  );
});

test("a full disk ends the recording, and not the filter", limit, async () => {
  using workshop = new Workshop();
  using socket = await UdpSocket.open();
  const path = workshop.write(
    "filter.ts",
    `export default {
      rules: { hook: "output", protocol: "udp", destinationPort: ${socket.port} },
      packet: () => 1,
    };`,
  );
  await using child = workshop.run([path, "--record", "/dev/full"], { writes: "anywhere" });
  await child.says("Ctrl-C ends it");
  await socket.sendAll(["one", "two"], socket);
  assert.deepEqual(await socket.take(2), ["one", "two"]);
  child.kill("SIGTERM");
  // The signal's status is the one that counts.
  assert.deepEqual(await child.end(), { code: 143, signal: null });
  assert.match(child.errors, /the recording has ended: .*(ENOSPC|No space)/i);
  assert.match(child.output, /2 packets: 2 accepted/);
});
