// What a verdict changes besides mark and payload, as far as every kernel goes; tests/vm has the rest.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PacketQueue, Verdict, VerdictError, type VerdictOptions } from "../../../mod.ts";
import { Filter } from "../../support/queue/filter.ts";
import { requireIsolation } from "../../support/network/isolation.ts";
import { nextQueue } from "../../support/queue/numbers.ts";
import { Scene } from "../../support/queue/scene.ts";
import { withUdpText } from "../../support/traffic/packets.ts";
import { queueRule, udpTo } from "../../support/network/rules.ts";
import { UdpSocket } from "../../support/traffic/udp.ts";

requireIsolation();

test("the priority, alone and with mark and payload, as a later queue sees it", {
  timeout: 20_000,
}, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  using first = PacketQueue.open(nextQueue());
  using second = PacketQueue.open(nextQueue());
  const match = udpTo(receiver.port);
  using _first = queueRule(first.number, { table: "mangle", chain: "OUTPUT", match });
  using _second = queueRule(second.number, { table: "mangle", chain: "POSTROUTING", match });
  const options: readonly VerdictOptions[] = [
    {},
    { priority: 6 },
    { priority: 0xfedcba98, mark: 0x10 },
    { priority: 1 },
  ];
  let count = 0;
  await using _changes = new Filter(first, (packet) => {
    const last = count === options.length - 1;
    if (last) packet.replacePayload(withUdpText(packet.payload, "in its place"));
    packet.accept(options[count++]);
  });
  const seen: unknown[] = [];
  await using _watch = new Filter(second, (packet) => {
    seen.push([packet.priority, packet.mark]);
    return Verdict.Accept;
  });
  await sender.sendAll(["plain", "priority", "both", "replaced"], receiver);
  assert.deepEqual(await receiver.take(4), ["plain", "priority", "both", "in its place"]);
  assert.deepEqual(seen, [[undefined, 0], [6, 0], [0xfedcba98, 0x10], [1, 0]]);
  assert.equal(first.statistics.verdictErrors, 0);
});

test("a requeued packet takes its priority along", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp();
  const { receiver, sender } = scene;
  using second = PacketQueue.open(nextQueue());
  scene.run((packet) => {
    packet.requeue(second.number, { bypass: true, priority: 5, mark: 3 });
  });
  const seen: unknown[] = [];
  await using _second = new Filter(second, (packet) => {
    seen.push([packet.priority, packet.mark]);
    return Verdict.Accept;
  });
  await sender.send("hello", receiver);
  assert.deepEqual(await receiver.take(1), ["hello"]);
  assert.deepEqual(seen, [[5, 3]]);
});

test("batches and changes keep their order and their packets", { timeout: 20_000 }, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  using first = PacketQueue.open(nextQueue());
  using second = PacketQueue.open(nextQueue());
  const match = udpTo(receiver.port);
  using _first = queueRule(first.number, { table: "mangle", chain: "OUTPUT", match });
  using _second = queueRule(second.number, { table: "mangle", chain: "POSTROUTING", match });
  const texts = Array.from({ length: 100 }, (_, number) => String(number));
  const seen: unknown[] = [];
  await sender.sendAll(texts, receiver);
  first.runSync((packet) => {
    if (packet.id % 7 === 0) packet.accept({ priority: packet.id });
    else packet.accept();
  }, { maxPackets: 100 });
  second.runSync((packet) => {
    seen.push(packet.priority);
    return Verdict.Accept;
  }, { maxPackets: 100 });
  assert.deepEqual(await receiver.take(100), texts);
  assert.deepEqual(seen, texts.map((_, at) => (at + 1) % 7 === 0 ? at + 1 : undefined));
});

/** Options that are wrong for an IPv4 packet without a conntrack entry, and what is thrown. */
const wrong: readonly [
  name: string,
  options: unknown,
  error: typeof TypeError | typeof RangeError | typeof VerdictError,
  mentions: RegExp,
][] = [
  ["a priority that is text", { priority: "1" }, TypeError, /priority/],
  ["a priority beyond 32 bits", { priority: 2 ** 32 }, RangeError, /priority/],
  ["an unknown option", { prio: 1 }, TypeError, /prio/],
  ["a VLAN tag", { vlan: { id: 5 } }, VerdictError, /bridge/],
  ["an unknown part of a VLAN tag", { vlan: { vid: 5 } }, TypeError, /vid/],
  ["a VLAN tag that is a number", { vlan: 5 }, TypeError, /vlan/],
  ["a layer-2 header", { layer2Header: new Uint8Array(14) }, VerdictError, /bridge/],
  ["a layer-2 header that is text", { layer2Header: "x" }, TypeError, /layer2Header/],
  ["a conntrack mark", { conntrack: { mark: 1 } }, VerdictError, /conntrack: true/],
  ["an unknown conntrack option", { conntrack: { label: 1 } }, TypeError, /label/],
  ["conntrack options that are a number", { conntrack: 1 }, TypeError, /conntrack/],
];

test("wrong changes throw, and the packet still waits for its verdict", {
  timeout: 20_000,
}, async () => {
  await using scene = await Scene.udp();
  const { queue, receiver, sender } = scene;
  await sender.send("hello", receiver);
  queue.runSync((packet) => {
    for (const [name, options, error, mentions] of wrong) {
      assert.throws(
        () => packet.accept(options as VerdictOptions),
        (thrown) => {
          assert.ok(thrown instanceof error, `${name}: ${thrown}`);
          assert.match(thrown.message, mentions, name);
          return true;
        },
        name,
      );
      assert.equal(packet.verdict, undefined);
    }
    packet.accept();
  }, { maxPackets: 1 });
  assert.deepEqual(await receiver.take(1), ["hello"]);
});
