// The files of examples/ as they stand, each a process of its own with no more permissions than its
// comment says, deciding about real packets.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Example } from "../../scripts/demonstration/example.ts";
import { requireIsolation } from "../support/isolation.ts";
import { nextQueue } from "../support/numbers.ts";
import { queueRule, Rule, udpTo } from "../support/rules.ts";
import { UdpSocket } from "../support/udp.ts";

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
    await receiver.send("to nobody", { address: receiver.address, port: 53 });
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
}

test("a word of the command line that makes no sense ends it", { timeout }, async () => {
  const start = (...words: string[]) => Example.start({ name: "drop_port", queue: 1, words });
  for (const words of [["--port", "smtp"], ["--port", "65536"], ["--prot", "25"]]) {
    await assert.rejects(start(...words), /it ended: status 1/);
  }
});
