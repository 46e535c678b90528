// Whose a packet is, by the kind of its socket and by the way it goes.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { test } from "node:test";
import { requireIsolation } from "../support/network/isolation.ts";
import { Rule, tcpTo, udpTo } from "../support/network/rules.ts";
import { command } from "../support/runtime/command.ts";
import { PythonProcess } from "../support/runtime/python.ts";
import { UdpSocket } from "../support/traffic/udp.ts";
import { idsOf, Watch } from "./watched.ts";

requireIsolation();

const timeout = 60_000;
const udp = "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)";

test("the receiver, of every kind", { timeout }, async () => {
  await using peer = new PythonProcess();
  const cases = [
    ["AF_INET", "127.0.0.1", "127.0.0.1"],
    ["AF_INET", "", "127.0.0.1"],
    ["AF_INET6", "::", "127.0.0.1"],
    ["AF_INET6", "::ffff:127.0.0.1", "127.0.0.1"],
    ["AF_INET6", "::", "::1"],
    ["AF_INET6", "::1", "::1"],
  ] as const;
  for (const [family, bound, to] of cases) {
    const port = await peer.run<number>(
      `s = socket.socket(socket.${family}, socket.SOCK_DGRAM)
s.bind(('${bound}', 0)); say(s.getsockname()[1])`,
    );
    const version = to.includes(":") ? 6 : 4;
    await using watch = new Watch([{ chain: "INPUT", match: udpTo(port), family: version }]);
    using sender = await UdpSocket.open({ family: version });
    const [got] = await watch.next(1, () => sender.send("x", { address: to, port }));
    assert.equal(got!.packet.hook, "input");
    assert.deepEqual(idsOf(got!.result), [peer.pid], `${family} ${bound} ${to}`);
  }
});

test("a socket of IPv6 alone is not taken for one of IPv4", { timeout }, async () => {
  await using peer = new PythonProcess();
  await using other = new PythonProcess();
  using receiver = await UdpSocket.open();
  const port = await peer.run<number>(
    `s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1); s.bind(('::', 0)); say(s.getsockname()[1])`,
  );
  await other.run(`${udp}; s.bind(('', ${port}))`);
  await using watch = new Watch([{ chain: "OUTPUT", match: udpTo(receiver.port) }]);
  const send = `s.sendto(b'x', ('127.0.0.1', ${receiver.port}))`;
  assert.deepEqual(await watch.processes(() => other.run(send)), [other.pid]);
});

test("two sockets of one port: the connected one, or both", { timeout }, async () => {
  await using one = new PythonProcess();
  await using two = new PythonProcess();
  using receiver = await UdpSocket.open();
  await using watch = new Watch([{ chain: "OUTPUT", match: udpTo(receiver.port) }]);
  const share = `${udp}; s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)`;
  const port = await one.run<number>(`${share}; s.bind(('', 0)); say(s.getsockname()[1])`);
  await two.run(`${share}; s.bind(('', ${port}))`);
  const send = `s.sendto(b'x', ('127.0.0.1', ${receiver.port}))`;
  const both = [one.pid, two.pid];
  for (const peer of [one, two]) {
    const [seen] = await watch.next(1, () => peer.run(send));
    assert.deepEqual(idsOf(seen!.result), both);
    assert.equal(seen!.result.sockets.length, 2);
  }
  await two.run(`s.connect(('127.0.0.1', ${receiver.port}))`);
  assert.deepEqual(await watch.processes(() => two.run("s.send(b'x')")), [two.pid]);
});

test("multicast comes to every socket of its port", { timeout }, async () => {
  await using one = new PythonProcess();
  await using two = new PythonProcess();
  const group = "239.1.2.3";
  command("ip", ["route", "add", `${group}/32`, "dev", "lo"]);
  try {
    const join = (port: number) =>
      `${udp}; s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(('', ${port}))
s.setsockopt(0, socket.IP_ADD_MEMBERSHIP, socket.inet_aton('${group}') + socket.inet_aton('127.0.0.1'))
say(s.getsockname()[1])`;
    const port = await one.run<number>(join(0));
    await two.run(join(port));
    await using watch = new Watch([{ chain: "INPUT", match: udpTo(port) }]);
    const send = `t = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
t.setsockopt(0, socket.IP_MULTICAST_IF, socket.inet_aton('127.0.0.1'))
t.sendto(b'x', ('${group}', ${port}))`;
    const [seen] = await watch.next(1, () => one.run(send));
    assert.deepEqual(idsOf(seen!.result), [one.pid, two.pid]);
  } finally {
    command("ip", ["route", "delete", `${group}/32`, "dev", "lo"]);
  }
});

test("a connection from its first packet on, at both ends", { timeout }, async () => {
  for (
    const [bound, to, version] of [
      ["AF_INET, '127.0.0.1'", "127.0.0.1", 4],
      ["AF_INET6, '::'", "127.0.0.1", 4],
      ["AF_INET6, '::1'", "::1", 6],
    ] as const
  ) {
    await using server = new PythonProcess();
    await using client = new PythonProcess();
    const [family, address] = bound.split(", ");
    const port = await server.run<number>(
      `l = socket.socket(socket.${family})
l.bind((${address}, 0)); l.listen(); say(l.getsockname()[1])`,
    );
    const from = ["-p", "tcp", "--sport", String(port)];
    await using watch = new Watch([
      { chain: "OUTPUT", match: tcpTo(port), family: version },
      { chain: "INPUT", match: tcpTo(port), family: version },
      { chain: "OUTPUT", match: from, family: version },
      { chain: "INPUT", match: from, family: version },
    ]);
    // SYN, SYN and ACK, ACK: each at both hooks. Nobody has accepted yet.
    await watch.next(6, () => client.run(`c = socket.create_connection(('${to}', ${port}))`));
    await server.run("a = l.accept()[0]");
    await watch.next(4, () => client.run("c.send(b'hello')"));
    await watch.next(4, () => server.run("a.send(b'hello')"));
    for (const { packet, result } of watch.seen) {
      const fromClient = packet.flow!.destinationPort === port;
      const owner = fromClient === (packet.hook === "output") ? client : server;
      assert.deepEqual(idsOf(result), [owner.pid], `${packet.hook} ${packet}`);
    }
    const states = watch.seen.filter(({ result }) => idsOf(result)[0] === server.pid)
      .map(({ result }) => result.sockets[0]!.state);
    assert.deepEqual([states[0], states.at(-1)], ["listening", "open"]);
    const [refused] = await watch.next(1, () => server.run("a.close(); l.close()"));
    assert.ok(refused !== undefined);
  }
});

test("nobody listens, and the kernel's own answer", { timeout }, async () => {
  await using client = new PythonProcess();
  const port = 9;
  await using watch = new Watch([
    { chain: "INPUT", match: tcpTo(port) },
    { chain: "OUTPUT", match: ["-p", "tcp", "--sport", String(port)] },
  ]);
  const [syn, reset] = await watch.next(2, () =>
    client.run(
      `try: socket.create_connection(('127.0.0.1', ${port}))
except OSError: pass`,
    ));
  assert.ok(syn!.packet.tcp!.syn);
  assert.ok(reset!.packet.tcp!.rst);
  for (const { result } of [syn!, reset!]) assert.equal(result.unseen?.reason, "no-socket");
});

test("a connection in TIME-WAIT belongs to nobody", { timeout }, async () => {
  await using server = new PythonProcess();
  await using client = new PythonProcess();
  const port = await server.run<number>(
    "l = socket.create_server(('127.0.0.1', 0)); say(l.getsockname()[1])",
  );
  await client.run(`c = socket.create_connection(('127.0.0.1', ${port}))`);
  await server.run("a = l.accept()[0]");
  await client.run("c.shutdown(socket.SHUT_WR)");
  await client.run("c.close()");
  await using watch = new Watch([{
    chain: "INPUT",
    match: [
      ...["-p", "tcp", "--sport", String(port), "--tcp-flags", "FIN", "FIN"],
    ],
  }, { chain: "OUTPUT", match: tcpTo(port) }]);
  // The server's FIN finds an orphan, and the last acknowledgment comes from TIME-WAIT.
  const seen = await watch.next(2, () => server.run("a.close()"));
  for (const { result } of seen) {
    assert.equal(result.unseen?.reason, "closed");
    assert.deepEqual(result.processes, []);
  }
});

test("translated on the way out", { timeout }, async () => {
  await using server = new PythonProcess();
  await using client = new PythonProcess();
  const port = await server.run<number>(
    "l = socket.create_server(('127.0.0.1', 0)); say(l.getsockname()[1])",
  );
  using _nat = new Rule({
    ...{ table: "nat", chain: "OUTPUT", match: tcpTo(7777) },
    jump: ["REDIRECT", "--to-ports", String(port)],
  });
  await using watch = new Watch([{ chain: "OUTPUT", match: tcpTo(port) }]);
  await watch.next(
    3,
    () => client.run(`c = socket.create_connection(('127.0.0.1', 7777)); c.send(b'x')`),
  );
  for (const { packet, result } of watch.seen) {
    assert.equal(packet.tcp!.destinationPort, port);
    assert.deepEqual(idsOf(result), [client.pid], String(packet));
  }
});

test("ping sockets and raw sockets", { timeout }, async () => {
  const setting = "/proc/sys/net/ipv4/ping_group_range";
  const before = readFileSync(setting, "utf8");
  writeFileSync(setting, "0 2147483647");
  using _restored = { [Symbol.dispose]: () => writeFileSync(setting, before) };
  await using peer = new PythonProcess();
  await using other = new PythonProcess();
  for (const version of [4, 6] as const) {
    const [family, protocol, to, name, type] = version === 4
      ? ["AF_INET", "ICMP", "127.0.0.1", "icmp", 8] as const
      : ["AF_INET6", "ICMPV6", "::1", "icmpv6", 128] as const;
    const echo = (identifier: number) => `struct.pack('>BBHHH', ${type}, 0, 0, ${identifier}, 1)`;
    const match = ["-p", name];
    await using watch = new Watch([
      { chain: "OUTPUT", match: [...match, `--${name}-type`, "echo-request"], family: version },
      { chain: "INPUT", match: [...match, `--${name}-type`, "echo-reply"], family: version },
    ]);
    await other.run(
      `s = socket.socket(socket.${family}, socket.SOCK_DGRAM, socket.IPPROTO_${protocol})
s.connect(('${to}', 0))`,
    );
    const ping = await watch.next(2, () =>
      peer.run(
        `s = socket.socket(socket.${family}, socket.SOCK_DGRAM, socket.IPPROTO_${protocol})
s.sendto(${echo(0)}, ('${to}', 0))`,
      ));
    for (const { packet, result } of ping) {
      assert.deepEqual(idsOf(result), [peer.pid], `${packet.hook} ${packet}`);
      assert.equal(result.sockets[0]!.kind, "ping");
    }
    await other.run("s.close()");
    const raw = await watch.next(2, () =>
      peer.run(
        `s.close(); s = socket.socket(socket.${family}, socket.SOCK_RAW, socket.IPPROTO_${protocol})
data = bytearray(${echo(9)}); data[2:4] = struct.pack('>H', 0xffff & ~(${type << 8} + 9 + 1))
s.sendto(bytes(data), ('${to}', 0))`,
      ));
    for (const { packet, result } of raw) {
      assert.deepEqual(idsOf(result), [peer.pid], `${packet.hook} ${packet}`);
      assert.equal(result.sockets[0]!.kind, "raw");
    }
    await peer.run("s.close()");
  }
});

test("an error of ICMP is for the socket whose packet it quotes", { timeout }, async () => {
  await using peer = new PythonProcess();
  await using watch = new Watch([
    { chain: "INPUT", match: ["-p", "icmp", "--icmp-type", "port-unreachable"] },
    { chain: "INPUT", match: ["-p", "icmpv6", "--icmpv6-type", "port-unreachable"], family: 6 },
  ]);
  for (const [family, to] of [["AF_INET", "127.0.0.1"], ["AF_INET6", "::1"]] as const) {
    const open = `s = socket.socket(socket.${family}, socket.SOCK_DGRAM)`;
    const send = `${open}; s.sendto(b'x', ('${to}', 9))`;
    assert.deepEqual(await watch.processes(() => peer.run(send)), [peer.pid]);
  }
});

test("packets of this process", { timeout }, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  await using watch = new Watch([
    { chain: "OUTPUT", match: udpTo(receiver.port) },
    { chain: "INPUT", match: udpTo(receiver.port) },
  ]);
  const seen = await watch.next(2, () => sender.send("x", receiver));
  for (const { result } of seen) assert.deepEqual(idsOf(result), [process.pid]);
});
