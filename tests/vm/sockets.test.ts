// What a packet tells of the socket that sent it: security context, user and group, priority.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PacketQueue, Verdict } from "../../mod.ts";
import { commandAside } from "../support/runtime/command.ts";
import { Filter } from "../support/queue/filter.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { SmallLoopback } from "../support/network/loopback.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { checkOtherUser } from "../support/queue/other_user.ts";
import { queueRule, Rule, tcpTo, udpTo } from "../support/network/rules.ts";
import { TcpEchoServer } from "../support/traffic/tcp.ts";
import { UdpSocket } from "../support/traffic/udp.ts";
import { inMachine } from "../support/vm/machine.ts";
import { until } from "../support/runtime/waiting.ts";

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
  using _loopback = new SmallLoopback();
  await using server = await TcpEchoServer.open({ echo: false });
  using queue = PacketQueue.open(nextQueue(), { uidGid: true });
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: tcpTo(server.port) });
  const owners = new Set<string>();
  let segmented = 0;
  await using _filter = new Filter(queue, (packet) => {
    if (packet.payload.length > packet.ip!.headerLength + packet.tcp!.headerLength) {
      owners.add(`${packet.uid} ${packet.gid}`);
    }
    if (packet.gso) segmented++;
    return Verdict.Accept;
  });
  // Its user keeps the socket open until the server ends: of a socket that was left none is told.
  const pour = "exec 3<>/dev/tcp/127.0.0.1/$0; head -c $1 /dev/zero >&3; cat <&3";
  const sender = ["bash", "-c", pour, String(server.port), String(1 << 20)];
  commandAside("setpriv", [
    ...["--reuid", "12345", "--regid", "54321", "--clear-groups", "--", ...sender],
  ]).catch(() => {});
  await until(() => server.bytes === 1 << 20, { what: "every byte has arrived" });
  assert.deepEqual([...owners], ["12345 54321"]);
  assert.ok(segmented > 0);
});

test("user and group of another user's socket", inMachine, checkOtherUser);
