// What a packet tells of the socket that sent it: security context, user and group, priority.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PacketQueue, Verdict } from "../../mod.ts";
import { command } from "../support/command.ts";
import { Filter } from "../support/filter.ts";
import { requireIsolation } from "../support/isolation.ts";
import { nextQueue } from "../support/numbers.ts";
import { queueRule, Rule, tcpTo, udpTo } from "../support/rules.ts";
import { TcpClient, TcpEchoServer } from "../support/tcp.ts";
import { UdpSocket } from "../support/udp.ts";
import { inMachine } from "../support/vm/machine.ts";
import { until } from "../support/waiting.ts";

requireIsolation();

test("the security context that a rule gave", inMachine, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue(), { securityContext: true });
  // The table security comes after filter, and before this one's POSTROUTING.
  using _rule = queueRule(queue.number, {
    ...{ table: "mangle", chain: "POSTROUTING", match: udpTo(receiver.port) },
  });
  const seen: (string | undefined)[] = [];
  await using _filter = new Filter(queue, (packet) => {
    seen.push(packet.securityContext);
    return Verdict.Accept;
  });
  await sender.send("without", receiver);
  await receiver.take(1);
  using _context = new Rule({
    ...{ legacy: true, table: "security", chain: "OUTPUT", match: udpTo(receiver.port) },
    jump: ["SECMARK", "--selctx", "unconfined"],
  });
  await sender.send("with", receiver);
  await receiver.take(1);
  assert.deepEqual(seen, [undefined, "unconfined"]);
});

test("user and group on every packet of a bulk transfer with gso", inMachine, async () => {
  await using server = await TcpEchoServer.open({ echo: false });
  using queue = PacketQueue.open(nextQueue(), { uidGid: true });
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: tcpTo(server.port) });
  const owners = new Set<string>();
  let large = 0;
  await using _filter = new Filter(queue, (packet) => {
    if (packet.payload.length > packet.ip!.headerLength + packet.tcp!.headerLength) {
      owners.add(`${packet.uid} ${packet.gid}`);
    }
    if (packet.length > 16_384) large++;
    return Verdict.Accept;
  });
  using client = await TcpClient.open(server.port);
  await client.pour(1 << 20);
  await until(() => server.bytes === 1 << 20, { what: "every byte has arrived" });
  assert.deepEqual([...owners], ["0 0"]);
  assert.ok(large > 0);
});

test("user and group of another user's socket", inMachine, async () => {
  using receiver = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue(), { uidGid: true });
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
  const ids: unknown[] = [];
  await using _filter = new Filter(queue, (packet) => {
    ids.push([packet.uid, packet.gid]);
    return Verdict.Accept;
  });
  // bash sends it: the other user may not be allowed to read this folder or the runtime.
  const sender = ["bash", "-c", "printf once >/dev/udp/127.0.0.1/$0", String(receiver.port)];
  command("setpriv", ["--reuid", "12345", "--regid", "54321", "--clear-groups", "--", ...sender]);
  assert.deepEqual(await receiver.take(1), ["once"]);
  assert.deepEqual(ids, [[12345, 54321]]);
});
