// The nft statement `queue`, which the usual test kernel lacks.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type Packet, PacketQueue, Verdict } from "../../mod.ts";
import { command, ping } from "../support/runtime/command.ts";
import { Filter } from "../support/queue/filter.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { TcpClient, TcpEchoServer } from "../support/traffic/tcp.ts";
import { UdpSocket } from "../support/traffic/udp.ts";
import { Bridge } from "../support/vm/bridge.ts";
import { inMachine } from "../support/vm/machine.ts";
import { NftRule } from "../support/vm/nft.ts";

requireIsolation();

const places = [["ip", 4], ["ip6", 6], ["inet", 4], ["inet", 6]] as const;
for (const [family, version] of places) {
  test(`queue in a table of the family ${family}, IPv${version}`, inMachine, async () => {
    using receiver = await UdpSocket.open({ family: version });
    using sender = await UdpSocket.open({ family: version });
    using queue = PacketQueue.open(nextQueue());
    using _rule = new NftRule(
      { family, hook: "output" },
      `udp dport ${receiver.port} queue num ${queue.number}`,
    );
    const seen: unknown[] = [];
    await using _filter = new Filter(queue, (packet) => {
      seen.push([packet.hook, packet.family, packet.udp?.destinationPort, packet.outDevice?.name]);
      return seen.length === 1 ? Verdict.Drop : Verdict.Accept;
    });
    await sender.sendAll(["first", "second"], receiver);
    assert.deepEqual(await receiver.take(1), ["second"]);
    const facts = ["output", `ipv${version}`, receiver.port, "lo"];
    assert.deepEqual(seen, [facts, facts]);
  });
}

test("queue in a table of the family bridge", inMachine, async () => {
  using bridge = new Bridge();
  using queue = PacketQueue.open(nextQueue(), { family: "bridge" });
  using _rule = new NftRule(
    { family: "bridge", hook: "forward" },
    `ether type ip ip protocol icmp queue num ${queue.number}`,
  );
  let verdict: Verdict = Verdict.Accept;
  const copies: Packet[] = [];
  await using _filter = new Filter(queue, (packet) => {
    copies.push(packet.copy());
    return verdict;
  });
  const { left, right } = bridge;
  const accepted = await ping(right.address, { prefix: left.prefix, count: 2 });
  assert.equal(accepted.received, 2, accepted.output);
  assert.equal(copies.length, 4);
  verdict = Verdict.Drop;
  const dropped = await ping(right.address, { prefix: left.prefix, count: 2, wait: 1 });
  assert.equal(dropped.received, 0, dropped.output);
  const [request] = copies;
  const reply = copies.find((packet) => packet.icmp?.type === 0);
  assert.ok(request && reply);
  assert.deepEqual([request.family, request.hook, request.etherType], ["bridge", "forward", 0x800]);
  assert.equal(request.icmp?.type, 8);
  assert.equal(request.ip?.source, left.address);
  const device = { index: bridge.index, name: bridge.device };
  const [near, far] = [left, right].map(({ portIndex, port }) => ({
    index: portIndex,
    name: port,
  }));
  assert.deepEqual(
    [request.inDevice, request.outDevice, request.physicalInDevice, request.physicalOutDevice],
    [device, device, near, far],
  );
  assert.deepEqual([reply.physicalInDevice, reply.physicalOutDevice], [far, near]);
  assert.equal(request.hardwareAddress, left.hardwareAddress);
  assert.equal(request.vlan, undefined);
});

/** The commands of README's table of rules, by the words that begin their rows. */
function readmeCommand(row: "start" | "undo"): string {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const cells = readme.split("\n").find((line) => line.startsWith(`| ${row} `))?.split("|") ?? [];
  const command = /^`(nft .*)`$/.exec(cells[3]?.trim() ?? "")?.[1];
  assert.ok(command !== undefined, `README has no nft command in the row ${row}`);
  return command;
}

test("README's nft commands, as they stand", inMachine, async () => {
  await using server = await TcpEchoServer.open();
  const tables = () => command("nft", ["list", "tables"]);
  const before = tables();
  command("sh", ["-c", readmeCommand("start")]);
  try {
    assert.notEqual(tables(), before);
    {
      using client = await TcpClient.open(server.port);
      assert.equal(
        await client.ask("nobody listens, so it passes"),
        "nobody listens, so it passes",
      );
    }
    using queue = PacketQueue.open(0);
    let packets = 0;
    await using _filter = new Filter(queue, (packet) => {
      assert.ok(packet.tcp);
      packets++;
      return Verdict.Accept;
    });
    using client = await TcpClient.open(server.port);
    assert.equal(await client.ask("hello"), "hello");
    assert.ok(packets >= 4, `${packets} packets`);
  } finally {
    command("sh", ["-c", readmeCommand("undo")]);
  }
  assert.equal(tables(), before);
});
