// `nfqueue dump --rule`: the rules are there as long as the command runs, and nothing stays behind.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { requireIsolation } from "../../support/network/isolation.ts";
import { command } from "../../support/runtime/command.ts";
import { nextQueue, ownedQueues } from "../../support/queue/numbers.ts";
import { commandWords, runCommand } from "../../support/terminal/command_words.ts";
import { Terminal } from "../../support/terminal/terminal.ts";
import { UdpSocket } from "../../support/traffic/udp.ts";

requireIsolation();

const LIMIT = { timeout: 90_000 } as const;
const WIDE = { columns: 200, rows: 50 } as const;
const dumpWords = (...words: string[]) => commandWords(["dump", ...words]);
/** All that a rule can be made of. Comments hold the time. */
const installed = () =>
  command("nft", ["list", "ruleset"]) +
  command("iptables-save", []).split("\n").filter((line) => !line.startsWith("#")).join("\n");

test("a rule sends packets as long as it runs, and goes at every end", LIMIT, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  const before = installed();
  const rule = `output protocol=udp destinationPort=${receiver.port}`;
  for (
    const [ending, end] of [
      ["-c", { code: 0, signal: null }],
      ["Ctrl-C", { code: 130, signal: null }],
      ["SIGTERM", { code: 143, signal: null }],
      ["SIGHUP", { code: 129, signal: null }],
    ] as const
  ) {
    const queue = nextQueue();
    const most = ending === "-c" ? ["-c", "2"] : [];
    await using terminal = new Terminal(
      dumpWords("-q", `${queue}`, "--rule", rule, ...most, "greater", "33"),
      WIDE,
    );
    await terminal.says(`listening on queue ${queue}\n`);
    assert.notEqual(installed(), before);
    await sender.sendAll(["one", "three", "four and more"], receiver);
    assert.deepEqual(await receiver.take(3), ["one", "three", "four and more"]);
    await terminal.says(/UDP, length 13/);
    if (ending === "Ctrl-C") terminal.type("\x03");
    else if (ending !== "-c") await terminal.kill(ending);
    assert.deepEqual(await terminal.end(), end, ending);
    assert.match(terminal.text, /2 packets shown, 3 received, 0 lost/);
    assert.equal(installed(), before, ending);
    assert.equal(ownedQueues().has(queue), false);
  }
});

test("packets that keep coming lose none at the end: the rules go first", LIMIT, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  const rule = `output protocol=udp destinationPort=${receiver.port}`;
  const words = dumpWords("-c", "20", "--rule", rule);
  let over = false;
  const running = runCommand(words).finally(() => over = true);
  let count = 0;
  while (!over) {
    const text = `${count++}`;
    await sender.send(text, receiver);
    assert.equal((await receiver.receive()).text, text);
    await turn();
  }
  const { status, output, errors } = await running;
  assert.deepEqual([status, output.trim().split("\n").length], [0, 20]);
  assert.match(errors, /^20 packets shown, 20 received, 0 lost$/m);
});

test("a rule that cannot be fails before anything begins", LIMIT, async () => {
  const before = installed();
  for (
    const [rule, status, message] of [
      ["output inDevice=lo", 2, /inDevice/],
      ["output protocol=udp destinationPort=65536", 2, /destinationPort/],
      ["output protocol=nosuch", 2, /protocol/],
      ["input inDevice=nosuch0", 1, /no device/],
      ["output queue=40011", 1, /40011/],
    ] as const
  ) {
    const end = await runCommand(dumpWords("-q", "40010", "--rule", rule));
    assert.match(end.errors, message);
    assert.equal(end.status, status, `${rule}: ${end.errors}`);
    assert.equal(end.output, "");
  }
  assert.equal(installed(), before);
  assert.equal(ownedQueues().has(40_010), false);
});
