// doctor about queues and their owners: each situation is made for real.

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { PacketQueue, queueStatistics } from "../../mod.ts";
import { processOfPort } from "../../src/nfqueue/process_of_port.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { queueRule, udpTo } from "../support/network/rules.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { Child } from "../support/runtime/child.ts";
import { until } from "../support/runtime/waiting.ts";
import { UdpSocket } from "../support/traffic/udp.ts";
import { diagnose, type Diagnosis } from "./diagnosis.ts";

requireIsolation();

const timeout = 30_000;
const about = (found: Diagnosis, code: string, queue: number) =>
  found.all(code).filter(({ message }) => new RegExp(`\\bqueue ${queue}\\b`, "i").test(message));

test("a queue that is served", { timeout }, async () => {
  using queue = PacketQueue.open(nextQueue());
  using _rule = queueRule(queue.number, { chain: "INPUT", match: udpTo(9) });
  const found = await diagnose();
  const [owner] = about(found, "queue-owner", queue.number);
  assert.match(owner?.message ?? "", new RegExp(`is owned by process ${process.pid} \\(`));
  assert.equal(about(found, "queue-rule", queue.number)[0]?.severity, "ok");
});

test("an owner that is stopped, with packets that wait", { timeout }, async () => {
  const number = nextQueue();
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  await using child = new Child(new URL("fixtures/holds_packets.ts", import.meta.url), {
    parameters: [number],
  });
  await child.says("ready");
  using _rule = queueRule(number, { chain: "OUTPUT", match: udpTo(receiver.port) });
  process.kill(child.pid, "SIGSTOP");
  try {
    await sender.sendAll(["one", "two", "three"], receiver);
    await until(() => queueStatistics(number)?.length === 3, { what: "three packets wait" });
    const found = await diagnose();
    const [{ severity, message, advice } = {}] = about(found, "queue-owner-stopped", number);
    assert.equal(severity, "warning");
    assert.match(message ?? "", new RegExp(`process ${child.pid} .*stopped.*3 packets wait`));
    assert.match(advice ?? "", new RegExp(`kill -CONT ${child.pid}`));
    assert.equal(about(found, "queue-stuck", number).length, 1);
    assert.equal(found.status, 0);
    // doctor took none of them.
    assert.equal(queueStatistics(number)?.length, 3);
  } finally {
    process.kill(child.pid, "SIGCONT");
  }
});

test("an owner that has ended, while a child keeps its socket", { timeout }, async () => {
  const number = nextQueue();
  await using child = new Child(new URL("fixtures/leaves_socket.ts", import.meta.url), {
    parameters: [number],
  });
  await child.says("\n");
  const heir = Number(child.output);
  try {
    child.kill("SIGKILL");
    await until(
      () =>
        queueStatistics(number) !== undefined &&
        processOfPort(queueStatistics(number)!.portId)?.id === heir,
      { what: "the heir is there" },
    );
    const found = await diagnose();
    const [{ severity, message, advice } = {}] = about(found, "queue-owner-gone", number);
    assert.equal(severity, "warning");
    assert.match(message ?? "", new RegExp(`process ${heir} \\(sleep\\) inherited`));
    assert.match(advice ?? "", new RegExp(`kill ${heir}\\b`));
  } finally {
    process.kill(heir, "SIGKILL");
  }
});

test("an owner in another namespace of processes", { timeout }, async () => {
  using queue = PacketQueue.open(nextQueue());
  const found = await diagnose({ prefix: ["unshare", "--pid", "--fork", "--mount-proc"] });
  const [{ severity, message } = {}] = about(found, "queue-owner-unknown", queue.number);
  assert.equal(severity, "note");
  assert.match(message ?? "", new RegExp(`netlink port ${queue.portId}\\b`));
});

test("a queue that is full, and loses packets now", { timeout }, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue(), { maxLength: 2, warn: false });
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
  let over = false;
  const traffic = (async () => {
    while (!over) {
      await sender.send("more", receiver);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  try {
    const found = await diagnose();
    const [{ severity, message } = {}] = about(found, "queue-full", queue.number);
    assert.equal(severity, "warning");
    assert.match(message ?? "", /in \d+ ms \d+ packets found no room/);
    assert.equal(about(found, "queue-stuck", queue.number).length, 1);
  } finally {
    over = true;
    await traffic;
  }
  const [{ severity, message } = {}] = about(await diagnose(), "queue-dropped", queue.number);
  assert.equal(severity, "note");
  assert.match(message ?? "", /None is being lost now/);
});

test("doctor loses no packet: under traffic, and whatever number it tries", {
  timeout,
}, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  // The numbers that it would take first, without an owner: bypass lets packets pass, a queue that is
  // bound for a moment would not.
  const numbers = [0xffff, 0xfffe, 0xfffd];
  const rules = numbers.map((number) =>
    queueRule(number, { chain: "OUTPUT", match: udpTo(receiver.port), bypass: true })
  );
  let over = false;
  let sent = 0;
  const traffic = (async () => {
    while (!over) {
      for (let burst = 0; burst < 20; burst++) await sender.send(`${sent++}`, receiver);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  })();
  try {
    for (let round = 0; round < 3; round++) await diagnose();
  } finally {
    over = true;
    await traffic;
    for (const rule of rules) rule[Symbol.dispose]();
  }
  assert.ok(sent > 1000, `${sent}`);
  assert.equal((await receiver.take(sent)).length, sent);
});
