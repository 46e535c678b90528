// The files of examples/ as they stand, each a process of its own with no more permissions than its
// comment says, deciding about real packets.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Example } from "../../scripts/demonstration/example.ts";
import { outerId, requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { queueRule, Rule, udpTo } from "../support/network/rules.ts";
import { Capture } from "../support/traffic/raw.ts";
import { TcpClient, TcpEchoServer } from "../support/traffic/tcp.ts";
import { Child } from "../support/runtime/child.ts";
import { UdpSocket } from "../support/traffic/udp.ts";
import { parseLayers } from "../../src/packet/mod.ts";

requireIsolation();

const timeout = 30_000;

for (const family of [4, 6] as const) {
  test(`accept_all, IPv${family}`, { timeout }, async () => {
    using receiver = await UdpSocket.open({ family });
    const queue = nextQueue();
    const lines: string[] = [];
    const onLine = (line: string) => void lines.push(line);
    await using example = await Example.start({ name: "accept_all", queue, onLine });
    using _rule = queueRule(queue, { family, chain: "OUTPUT", match: udpTo(receiver.port) });
    await receiver.sendAll(["one", "two"], receiver);
    assert.deepEqual(await receiver.take(2), ["one", "two"]);
    assert.equal(await example.interrupt(), "status 0");
    assert.deepEqual(lines, ["2 packets came, 2 were accepted, 0 were lost"]);
  });

  test(`drop_port, IPv${family}`, { timeout }, async () => {
    using receiver = await UdpSocket.open({ family });
    using other = await UdpSocket.open({ family });
    const queue = nextQueue();
    const words = ["--port", String(other.port)];
    await using example = await Example.start({ name: "drop_port", queue, words });
    using _rule = queueRule(queue, { family, chain: "OUTPUT", match: ["-p", "udp"] });
    await receiver.send("blocked", other);
    await receiver.send("allowed", receiver);
    assert.deepEqual(await receiver.take(1), ["allowed"]);
    assert.deepEqual(other.pending, []);
    assert.equal(await example.interrupt(), "SIGINT");
  });

  test(`log, IPv${family}`, { timeout }, async () => {
    using receiver = await UdpSocket.open({ family });
    const { address, port } = receiver;
    const queue = nextQueue();
    const lines: string[] = [];
    const onLine = (line: string) => void lines.push(line);
    await using example = await Example.start({ name: "log", queue, onLine });
    using _rule = queueRule(queue, { family, chain: "OUTPUT", match: udpTo(port) });
    await receiver.send("hello", receiver);
    assert.deepEqual(await receiver.take(1), ["hello"]);
    assert.equal(await example.interrupt(), "SIGINT");
    const ends = `${family === 4 ? "IP" : "IP6"} ${address}.${port} > ${address}.${port}`;
    const line = lines.join("\n").replace(/\d+\)$/, "?)");
    assert.equal(line, `accept  ${ends}: UDP, length 5  (output, to lo, uid ?)`);
  });

  test(`mark, IPv${family}`, { timeout }, async () => {
    using receiver = await UdpSocket.open({ family });
    const match = udpTo(receiver.port);
    const common = { family, table: "mangle" };
    using _foreign = new Rule({
      ...{ ...common, chain: "OUTPUT", match },
      jump: ["MARK", "--set-mark", "0x125"],
    });
    const queue = nextQueue();
    await using example = await Example.start({ name: "mark", queue });
    using _rule = queueRule(queue, { ...common, chain: "OUTPUT", match: ["-p", "udp"] });
    const counter = (match: string[], mark: string): Rule =>
      new Rule({
        ...common,
        chain: "POSTROUTING",
        match: [...match, "-m", "mark", "--mark", mark],
      });
    using dns = counter(udpTo(53), "0x35");
    using small = counter(match, "0x121");
    using large = counter(match, "0x122");
    // From a socket of its own: Bun's next send would tell that nobody is there.
    using stray = await UdpSocket.open({ family });
    await stray.send("to nobody", { address: receiver.address, port: 53 });
    await receiver.sendAll(["small", "x".repeat(1000)], receiver);
    await receiver.take(2);
    assert.deepEqual([dns, small, large].map((rule) => rule.packets), [1, 1, 1]);
    assert.equal(await example.interrupt(), "SIGINT");
  });

  test(`rewrite_payload, IPv${family}`, { timeout }, async () => {
    using receiver = await UdpSocket.open({ family });
    const queue = nextQueue();
    await using example = await Example.start({ name: "rewrite_payload", queue });
    using _rule = queueRule(queue, { family, chain: "OUTPUT", match: udpTo(receiver.port) });
    await receiver.sendAll(["a cat sat", "cat", "a dog", "the end: ca"], receiver);
    const expected = ["a horse sat", "horse", "a dog", "the end: ca"];
    assert.deepEqual(await receiver.take(4), expected);
    assert.equal(await example.interrupt(), "SIGINT");
  });

  test(`nf_queue, IPv${family}`, { timeout }, async () => {
    using receiver = await UdpSocket.open({ family });
    const queue = nextQueue();
    const lines: string[] = [];
    const onLine = (line: string) => void lines.push(line);
    await using example = await Example.start({ name: "nf_queue", queue, onLine });
    using _rule = queueRule(queue, { family, chain: "OUTPUT", match: udpTo(receiver.port) });
    await receiver.sendAll(["hello", "second"], receiver);
    assert.deepEqual(await receiver.take(2), ["hello", "second"]);
    assert.equal(await example.interrupt(), "SIGINT");
    const [protocol, header] = family === 4 ? ["0800", 28] : ["86dd", 48];
    assert.deepEqual(lines, [
      `packet received (id=1 hw=0x${protocol} hook=3, payload len ${header + 5})`,
      `packet received (id=2 hw=0x${protocol} hook=3, payload len ${header + 6})`,
    ]);
  });

  test(`nfqnl_test, IPv${family}`, { timeout }, async () => {
    using receiver = await UdpSocket.open({ family });
    const queue = nextQueue();
    const lines: string[] = [];
    const onLine = (line: string) => void lines.push(line);
    await using example = await Example.start({ name: "nfqnl_test", queue, onLine });
    const match = udpTo(receiver.port);
    using _mark = new Rule({
      ...{ family, table: "mangle", chain: "OUTPUT", match },
      jump: ["MARK", "--set-mark", "0x125"],
    });
    using _rule = queueRule(queue, { family, chain: "OUTPUT", match });
    await receiver.send("hello", receiver);
    assert.deepEqual(await receiver.take(1), ["hello"]);
    assert.equal(await example.interrupt(), "SIGINT");
    const [protocol, header] = family === 4 ? ["0800", 28] : ["86dd", 48];
    const ids = `uid=${outerId("uid")} gid=${outerId("gid")}`;
    assert.deepEqual(lines, [
      `hw_protocol=0x${protocol} hook=3 id=1 mark=293 outdev=lo ${ids} payload_len=${header + 5}`,
    ]);
  });
}

test("nf_queue says when the queue is taken", { timeout }, async () => {
  const queue = nextQueue();
  await using _owner = await Example.start({ name: "nfqnl_test", queue });
  await using second = new Child(new URL("../../examples/nf_queue.ts", import.meta.url), {
    parameters: ["--queue", queue],
    permissions: ["--allow-ffi"],
  });
  const { code } = await second.end();
  assert.equal(code, 1);
  assert.match(second.errors, /errno 1: is queue \d+ taken/);
});

for (const family of [4, 6] as const) {
  test(`ttl, IPv${family}`, { timeout }, async () => {
    using receiver = await UdpSocket.open({ family });
    using capture = new Capture(family);
    const queue = nextQueue();
    const words = ["--ttl", "7"];
    await using example = await Example.start({ name: "ttl", queue, words });
    using _rule = queueRule(queue, { family, chain: "OUTPUT", match: udpTo(receiver.port) });
    await receiver.sendAll(["one", "two"], receiver);
    assert.deepEqual(await receiver.take(2), ["one", "two"]);
    const hops = capture.packets.map(layersOf)
      .filter(({ udp }) => udp?.destinationPort === receiver.port).map(({ ip }) => ip?.ttl);
    assert.deepEqual(hops, [7, 7]);
    assert.equal(await example.interrupt(), "SIGINT");
  });
}

const layersOf = (bytes: Uint8Array) => parseLayers(bytes);

test("syn_options", { timeout }, async () => {
  await using server = await TcpEchoServer.open();
  using capture = new Capture(4);
  const queue = nextQueue();
  const lines: string[] = [];
  const onLine = (line: string) => void lines.push(line);
  const words = ["--mss", "700"];
  await using example = await Example.start({ name: "syn_options", queue, words, onLine });
  const match = ["-p", "tcp", "--tcp-flags", "SYN", "SYN"];
  using _rule = queueRule(queue, { chain: "OUTPUT", match });
  using client = await TcpClient.open(server.port);
  assert.equal(await client.ask("x".repeat(3000)), "x".repeat(3000));
  const syns = capture.packets.map(layersOf).map(({ tcp }) => tcp).filter((tcp) => tcp?.syn);
  assert.deepEqual(syns.map((tcp) => [tcp?.mss, tcp?.timestamps]), [
    [700, undefined],
    [700, undefined],
  ]);
  assert.ok(syns.every((tcp) => tcp?.windowScale !== undefined && tcp.sackPermitted));
  assert.equal(await example.interrupt(), "SIGINT");
  assert.deepEqual(lines, Array(2).fill("127.0.0.1 > 127.0.0.1: mss 700"));
});

test("a word of the command line that makes no sense ends it", { timeout }, async () => {
  const start = (...words: string[]) => Example.start({ name: "drop_port", queue: 1, words });
  for (const words of [["--port", "smtp"], ["--port", "65536"], ["--prot", "25"]]) {
    await assert.rejects(start(...words), /it ended: status 1/);
  }
  const others = {
    arp_guard: ["10.0.0.1=02:00"],
    ttl: ["--ttl", "0"],
    syn_options: ["--mss", "x"],
  };
  for (const [name, words] of Object.entries(others)) {
    await assert.rejects(Example.start({ name, queue: 1, words }), /it ended: status 1/);
  }
});
