// `nfqueue dump` on real queues: what it shows and writes, that it is in nobody's way, how it ends.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { PacketQueue, queueStatistics } from "../../../mod.ts";
import { CaptureReader } from "../../../src/capture/mod.ts";
import { requireIsolation } from "../../support/network/isolation.ts";
import { queueRule, udpTo } from "../../support/network/rules.ts";
import { nextQueue, ownedQueues } from "../../support/queue/numbers.ts";
import { deferred, until, within } from "../../support/runtime/waiting.ts";
import { commandWords, runCommand } from "../../support/terminal/command_words.ts";
import { Terminal } from "../../support/terminal/terminal.ts";
import { UdpSocket } from "../../support/traffic/udp.ts";

requireIsolation();

const LIMIT = { timeout: 90_000 } as const;
const WIDE = { columns: 200, rows: 50 } as const;
const dumpWords = (...words: string[]) =>
  commandWords(["dump", ...words], { permissions: ["--allow-write"] });

test("packets that fit are shown, all are accepted, and -c ends it", LIMIT, async () => {
  const queue = nextQueue();
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  using _rule = queueRule(queue, { chain: "OUTPUT", match: udpTo(receiver.port) });
  const words = dumpWords("-q", `${queue}`, "-c", "3", "udp", "and", "greater", "35");
  await using terminal = new Terminal(words, WIDE);
  await terminal.says(`listening on queue ${queue}, to which a rule must send packets`);
  await sender.sendAll(["small", "one long", "tiny", "two long", "3", "three long"], receiver);
  assert.deepEqual(await terminal.end(), { code: 0, signal: null });
  assert.deepEqual(
    await receiver.take(6),
    ["small", "one long", "tiny", "two long", "3", "three long"],
  );
  const ends = `IP 127\\.0\\.0\\.1\\.${sender.port} > 127\\.0\\.0\\.1\\.${receiver.port}: UDP`;
  const lines = terminal.text.split("\n").filter((line) => / UDP, /.test(line));
  assert.equal(lines.length, 3);
  for (const line of lines) {
    assert.match(line, new RegExp(`^\\d\\d:\\d\\d:\\d\\d\\.\\d{6} ${ends}`));
  }
  assert.match(terminal.text, /length 8\n.*length 8\n.*length 10\n/);
  assert.match(terminal.text, /^3 packets shown, 6 received, 0 lost$/m);
  assert.equal(ownedQueues().has(queue), false);
});

test(
  "without -q it takes the lowest number that is free, and Ctrl-C ends it in order",
  LIMIT,
  async () => {
    using _zero = PacketQueue.open(0);
    await using terminal = new Terminal(dumpWords("-v"), WIDE);
    await terminal.says("listening on queue 1");
    using receiver = await UdpSocket.open();
    using sender = await UdpSocket.open();
    {
      using _rule = queueRule(1, { chain: "OUTPUT", match: udpTo(receiver.port) });
      await sender.send("look", receiver);
      await terminal.says(/payload, 4 bytes/);
      assert.deepEqual(await receiver.take(1), ["look"]);
    }
    terminal.type("\x03");
    assert.deepEqual(await terminal.end(), { code: 130, signal: null });
    for (const part of [/ hook +output/, / interface +lo/, / uid +\d/, / checksumNotReady +true/]) {
      assert.match(terminal.text, part);
    }
    assert.match(terminal.text, /^1 packet shown, 1 received, 0 lost$/m);
    assert.equal(ownedQueues().has(1), false);
  },
);

test("a queue with an owner is refused, with what to do", LIMIT, async () => {
  using queue = PacketQueue.open(nextQueue());
  const { status, output, errors } = await runCommand(dumpWords("-q", `${queue.number}`));
  assert.deepEqual([status, output], [1, ""]);
  assert.match(errors, new RegExp(`^nfqueue dump: .*Queue ${queue.number} is owned by`));
});

test("a recording has every packet of a range of queues, as it was accepted", LIMIT, async () => {
  const folder = mkdtempSync(join(tmpdir(), "nfqueue-dump-"));
  try {
    const [first, last] = [40_000, 40_001];
    using receiver = await UdpSocket.open();
    using other = await UdpSocket.open();
    using sender = await UdpSocket.open();
    const file = join(folder, "out.pcapng");
    await using terminal = new Terminal(
      dumpWords("-q", `${first}-${last}`, "-w", file, "udp"),
      WIDE,
    );
    await terminal.says(`listening on queues ${first} to ${last}`);
    const count = 300;
    {
      using _one = queueRule(first, { chain: "OUTPUT", match: udpTo(receiver.port) });
      using _two = queueRule(last, { chain: "OUTPUT", match: udpTo(other.port) });
      for (let at = 0; at < count; at++) await sender.send(`n ${at}`, at % 2 ? other : receiver);
      await receiver.take(count / 2);
      await other.take(count / 2);
    }
    await terminal.kill("SIGTERM");
    assert.deepEqual(await terminal.end(), { code: 143, signal: null });
    assert.match(
      terminal.text,
      new RegExp(`^${count} packets written, ${count} received, 0 lost$`, "m"),
    );
    const reader = new CaptureReader();
    const records = [...reader.read(new Uint8Array(readFileSync(file)))];
    reader.end();
    assert.equal(records.length, count);
    assert.equal(new Set(records.map(({ id }) => id)).size, count);
    assert.deepEqual(new Set(records.map(({ queue }) => queue)), new Set([first, last]));
    for (const { verdict, direction, interface: source } of records) {
      assert.deepEqual([verdict?.verdict, direction, source?.name], ["accept", "outbound", "lo"]);
    }
    for (const queue of [first, last]) {
      const told = reader.interfaces.find(({ name }) => name === `queue ${queue}`)?.statistics;
      assert.deepEqual(
        [told?.received, told?.delivered, told?.systemDropped],
        [count / 2, count / 2, 0],
      );
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test(
  "an output that nobody reads keeps no packet waiting, and the rest is told",
  LIMIT,
  async () => {
    const queue = nextQueue();
    using receiver = await UdpSocket.open();
    using sender = await UdpSocket.open();
    using rule = queueRule(queue, { chain: "OUTPUT", match: udpTo(receiver.port) });
    const [program = "", ...words] = dumpWords("-q", `${queue}`, "-X");
    // Deno that sees its own path in a command adds a permission.
    const child = spawn("sh", ["-c", 'exec "$@"', "sh", program, ...words], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ended = deferred<number | null>();
    child.once("close", ended.resolve);
    let errors = "";
    child.stderr.on("data", (chunk: Uint8Array) => errors += new TextDecoder().decode(chunk));
    try {
      await until(() => errors.includes("listening"), { what: "dump listens" });
      // Each makes about 38,000 characters of output.
      const [count, text] = [300, "x".repeat(9000)];
      for (let at = 0; at < count; at++) {
        await sender.send(text, receiver);
        assert.equal((await receiver.receive()).text.length, text.length);
      }
      assert.equal(rule.packets, count);
      await until(() => queueStatistics(queue)?.length === 0, { what: "no packet waits" });
      process.kill(child.pid!, "SIGINT");
      await until(() => /packets? shown/.test(errors), {
        what: "its last words",
        state: () => errors,
      });
      child.stdout.resume();
      assert.equal(await within(ended.promise, { what: "the end of dump" }), 130);
      const [, shown, received] = /^(\d+) packets shown, (\d+) received, 0 lost$/m.exec(errors) ??
        [];
      const [, unseen] = /^(\d+) packets not shown, because the output was read too slowly$/m
        .exec(errors) ?? [];
      assert.equal(Number(received), count, errors);
      assert.ok(Number(unseen) > 50, errors);
      assert.equal(Number(shown) + Number(unseen), count, errors);
      assert.match(errors, /\d+ bytes of output were not read, and are gone/);
    } finally {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    }
  },
);

test("a reader that goes ends it, and the queue is free again", LIMIT, async () => {
  const queue = nextQueue();
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  using _rule = queueRule(queue, { chain: "OUTPUT", match: udpTo(receiver.port), bypass: true });
  const script = '{ "$@"; echo "status $?" >&2; } | head -n 1';
  const running = runCommand(["sh", "-c", script, "sh", ...dumpWords("-q", `${queue}`)]);
  let over = false;
  running.then(() => over = true, () => over = true);
  await until(() => ownedQueues().has(queue), { what: "dump has the queue" });
  // What comes while the queue is given back has no owner any more: the kernel drops it.
  while (!over) {
    await sender.send("again", receiver);
    await turn();
  }
  const { output, errors } = await running;
  assert.match(output, /^\S+ IP 127\.0\.0\.1\.\d+ > \S+ UDP, length 5\n$/);
  assert.match(errors, /--rule 'output protocol=tcp'\nstatus 141\n$/);
  assert.equal(ownedQueues().has(queue), false);
  await sender.send("the rule lets it pass", receiver);
  while ((await receiver.receive()).text === "again");
});
