// What a packet tells of itself, against what is known of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Packet, PacketQueue, Verdict } from "../../../mod.ts";
import { Scene } from "../../support/queue/scene.ts";
import { ping } from "../../support/runtime/command.ts";
import { Filter } from "../../support/queue/filter.ts";
import { mayChangeUser, outerId, requireIsolation } from "../../support/network/isolation.ts";
import { Cable, Namespace } from "../../support/network/namespaces.ts";
import { nextQueue } from "../../support/queue/numbers.ts";
import { checkOtherUser } from "../../support/queue/other_user.ts";
import { queueRule, Rule, tcpTo, udpTo } from "../../support/network/rules.ts";
import { TcpClient, TcpEchoServer } from "../../support/traffic/tcp.ts";
import { UdpSocket } from "../../support/traffic/udp.ts";
import { until } from "../../support/runtime/waiting.ts";

requireIsolation();

for (const family of [4, 6] as const) {
  test(`a packet on its way out over loopback, IPv${family}`, { timeout: 20_000 }, async () => {
    await using scene = await Scene.udp({ family, queue: { uidGid: true } });
    const { queue, receiver, sender } = scene;
    const match = udpTo(receiver.port);
    using _mark = new Rule({
      ...{ family, table: "mangle", chain: "OUTPUT", match },
      jump: ["MARK", "--set-mark", "0xfedcba98"],
    });
    const copies: Packet[] = [];
    scene.run((packet) => {
      copies.push(packet.copy());
      return Verdict.Accept;
    });
    await sender.sendAll(["hello", "second"], receiver);
    await receiver.take(2);
    const [packet, second] = copies;
    assert.ok(packet && second);
    assert.equal(packet.id, 1);
    assert.equal(second.id, 2);
    assert.equal(packet.queue, queue.number);
    assert.equal(packet.hook, "output");
    assert.equal(packet.family, family === 4 ? "ipv4" : "ipv6");
    assert.equal(packet.etherType, family === 4 ? 0x0800 : 0x86dd);
    assert.equal(packet.mark, 0xfedcba98);
    assert.equal(packet.uid, outerId("uid"));
    assert.equal(packet.gid, outerId("gid"));
    assert.equal(packet.inDevice, undefined);
    assert.deepEqual(packet.outDevice, { index: 1, name: "lo" });
    assert.equal(packet.physicalInDevice, undefined);
    assert.equal(packet.physicalOutDevice, undefined);
    assert.equal(packet.hardwareAddress, undefined);
    assert.equal(packet.timestamp, undefined);
    assert.equal(packet.vlan, undefined);
    assert.equal(packet.layer2Header, undefined);
    assert.equal(packet.conntrack, undefined);
    assert.equal(packet.securityContext, undefined);
    assert.equal(packet.truncated, false);
    assert.equal(packet.gso, false);
    assert.equal(packet.length, (family === 4 ? 20 : 40) + 8 + 5);
    assert.equal(packet.payload.length, packet.length);
    assert.equal(packet.ip?.version, family);
    assert.equal(packet.ipv4 !== undefined, family === 4);
    assert.equal(packet.ipv6 !== undefined, family === 6);
    assert.equal(packet.udp?.sourcePort, sender.port);
    assert.equal(packet.udp?.destinationPort, receiver.port);
    assert.equal(packet.tcp, undefined);
    assert.equal(packet.icmp, undefined);
    assert.equal(packet.icmpv6, undefined);
    assert.equal(packet.verdict, undefined);
  });
}

test("a packet that comes in over loopback", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp({ chain: "INPUT" });
  const { receiver, sender } = scene;
  const copies: Packet[] = [];
  scene.run((packet) => {
    copies.push(packet.copy());
    return Verdict.Accept;
  });
  await sender.send("hello", receiver);
  await receiver.take(1);
  const [packet] = copies;
  assert.equal(packet?.hook, "input");
  assert.deepEqual(packet?.inDevice, { index: 1, name: "lo" });
  assert.equal(packet?.outDevice, undefined);
  assert.equal(packet?.mark, 0);
  assert.equal(packet?.uid, undefined, "not asked for");
});

test("the sender's hardware address, the device and the time of arrival", {
  timeout: 20_000,
}, async () => {
  using namespace = new Namespace();
  using cable = new Cable(namespace);
  using queue = PacketQueue.open(nextQueue());
  using _rule = queueRule(queue.number, { chain: "INPUT", match: ["-p", "icmp"] });
  const copies: Packet[] = [];
  await using _filter = new Filter(queue, (packet) => {
    copies.push(packet.copy());
    return Verdict.Accept;
  });
  const start = Date.now();
  // ping asks for time stamps, so the kernel takes them, from a moment after its start until its end.
  const result = await ping(cable.address, { prefix: namespace.prefix, count: 20 });
  const end = Date.now();
  assert.equal(result.received, 20);
  const packet = copies.at(-1);
  assert.ok(packet);
  assert.equal(packet.hardwareAddress, cable.farHardwareAddress);
  assert.deepEqual(packet.inDevice, { index: cable.index, name: cable.device });
  assert.equal(packet.length, 84);
  assert.equal(packet.icmp?.type, 8);
  assert.ok(packet.timestamp !== undefined);
  const milliseconds = packet.timestamp / 1000;
  assert.ok(
    milliseconds >= start - 5 && milliseconds <= end + 5,
    `${start} ${milliseconds} ${end}`,
  );
});

const notRoot = "needs another user's id: real root";
test("user and group of another user's socket", {
  timeout: 20_000,
  ...(mayChangeUser() ? {} : { skip: notRoot }),
}, checkOtherUser);

const lines: Readonly<Record<string, RegExp>> = {
  "UDP, IPv4": /^(IP )?127\.0\.0\.1[.:]\d+ > 127\.0\.0\.1[.:]\d+: UDP.*\b5\b/,
  "UDP, IPv6": /^(IP6 )?\[?::1\]?[.:]\d+ > \[?::1\]?[.:]\d+: UDP.*\b5\b/,
};

for (const family of [4, 6] as const) {
  test(`toString is one line as of tcpdump: UDP, IPv${family}`, { timeout: 20_000 }, async () => {
    await using scene = await Scene.udp({ family });
    const { queue, receiver, sender } = scene;
    await sender.send("hello", receiver);
    let line = "";
    queue.runSync((packet) => {
      line = String(packet);
      return Verdict.Accept;
    }, { maxPackets: 1 });
    assert.match(line, lines[`UDP, IPv${family}`] ?? /^$/);
    assert.ok(line.includes(String(sender.port)) && line.includes(String(receiver.port)), line);
    assert.doesNotMatch(line, /\n/);
  });
}

test("toString of TCP and ICMP packets", { timeout: 20_000 }, async () => {
  await using server = await TcpEchoServer.open();
  using queue = PacketQueue.open(nextQueue());
  using _tcp = queueRule(queue.number, { chain: "OUTPUT", match: tcpTo(server.port) });
  using _icmp = queueRule(queue.number, { chain: "OUTPUT", match: ["-p", "icmp"] });
  const seen: string[] = [];
  await using _filter = new Filter(queue, (packet) => {
    seen.push(String(packet));
    if (packet.tcp) assert.equal(packet.tcp.destinationPort, server.port);
    return Verdict.Accept;
  });
  {
    using client = await TcpClient.open(server.port);
    await client.ask("hello");
  }
  await ping("127.0.0.1");
  await until(() => seen.some((line) => /ICMP/i.test(line)), { what: "the ping was seen" });
  assert.match(seen[0] ?? "", /127\.0\.0\.1.*> 127\.0\.0\.1.*(S|SYN)/);
  assert.ok(seen.some((line) => /ICMP.*echo request/i.test(line)), seen.join("\n"));
  for (const line of seen) assert.doesNotMatch(line, /\n/);
});

test("an ICMPv6 packet", { timeout: 20_000 }, async () => {
  using queue = PacketQueue.open(nextQueue());
  using _rule = queueRule(queue.number, {
    ...{ family: 6, chain: "OUTPUT" },
    match: ["-p", "ipv6-icmp", "--icmpv6-type", "echo-request"],
  });
  const copies: Packet[] = [];
  await using _filter = new Filter(queue, (packet) => {
    copies.push(packet.copy());
    return Verdict.Accept;
  });
  assert.equal((await ping("::1")).received, 1);
  assert.equal(copies.length, 1);
  assert.equal(copies[0]?.icmpv6?.type, 128);
  assert.equal(copies[0]?.icmp, undefined);
  assert.match(String(copies[0]), /::1 > ::1.*echo request/);
});

test("family: only packets of that family reach the handler, others pass", {
  timeout: 20_000,
}, async () => {
  using receiver4 = await UdpSocket.open({ family: 4 });
  using receiver6 = await UdpSocket.open({ family: 6 });
  using sender4 = await UdpSocket.open({ family: 4 });
  using sender6 = await UdpSocket.open({ family: 6 });
  using queue = PacketQueue.open(nextQueue(), { family: "ipv6" });
  using _rule4 = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver4.port) });
  using _rule6 = queueRule(queue.number, {
    ...{ family: 6, chain: "OUTPUT" },
    match: udpTo(receiver6.port),
  });
  const seen: Packet["family"][] = [];
  await using _filter = new Filter(queue, (packet) => {
    seen.push(packet.family);
    return Verdict.Accept;
  });
  await sender4.send("four", receiver4);
  await sender6.send("six", receiver6);
  assert.deepEqual(await receiver4.take(1), ["four"]);
  assert.deepEqual(await receiver6.take(1), ["six"]);
  assert.deepEqual(seen, ["ipv6"]);
});
