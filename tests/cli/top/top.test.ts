// `nfqueue top` in a terminal and elsewhere, on real queues with traffic.
import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { PacketQueue, Verdict } from "../../../mod.ts";
import { requireIsolation } from "../../support/network/isolation.ts";
import { queueRule, udpTo } from "../../support/network/rules.ts";
import { Filter } from "../../support/queue/filter.ts";
import { nextQueue } from "../../support/queue/numbers.ts";
import { until } from "../../support/runtime/waiting.ts";
import { commandWords, runCommand } from "../../support/terminal/command_words.ts";
import { Terminal } from "../../support/terminal/terminal.ts";
import { UdpSocket } from "../../support/traffic/udp.ts";

requireIsolation();

const LIMIT = { timeout: 90_000 } as const;
const WIDE = { columns: 150, rows: 30 } as const;
const topWords = (...words: string[]) => commandWords(["top", ...words]);
/** And what the terminal is like behind it. */
const thenTerminal = (words: readonly string[]) => [
  ...["sh", "-c", '"$@"; echo "status $?"; stty -a', "sh", ...words],
];
/** As an ordinary user sees it: in a namespace of its own, where the file is closed to all. */
const asIfHidden: readonly string[] = [
  ...["unshare", "-n", "sh", "-c"],
  "chmod 0 /proc/net/netfilter/nfnetlink_queue; exec setpriv --inh-caps -all " +
  '--bounding-set -dac_override,-dac_read_search -- "$@"',
  "sh",
];
const RESTORED = { cursor: true, alternate: false } as const;
const OWN = `\\S+ \\(${process.pid}\\)`;

/** The row of a queue on the screen, column by column; the owner is one of them. */
function row(screen: string, queue: number): string[] | undefined {
  const line = screen.split("\n").find((line) => line.trim().startsWith(`${queue} `));
  return line?.trim().split(/ {2,}/);
}

test("in a terminal: owners, rates, bars; the size is followed; q ends it", LIMIT, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue(), { copyRange: 512 });
  using full = PacketQueue.open(nextQueue(), { maxLength: 1, warn: false });
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
  await using _filter = new Filter(queue, () => Verdict.Accept);
  await using terminal = new Terminal(thenTerminal(topWords("-d", "0.2")), WIDE);
  await terminal.shows(new RegExp(` ${queue.number} +${OWN} +0 `));
  assert.deepEqual(terminal.state, { cursor: false, alternate: true });
  assert.match(terminal.screen, /^\d+ queues, 0 packets waiting, every 0\.2 s; q quits\n\nQUEUE /);
  // Until some reading has seen them.
  await until(() => {
    void sender.send("look", receiver);
    return /[▂▃▄▅▆▇█]/.test(row(terminal.screen, queue.number)?.at(-1) ?? "");
  }, { what: "a rate is shown", state: () => terminal.screen });
  assert.ok(row(terminal.screen, queue.number)?.includes("512 bytes"));
  {
    // Three packets, for a queue that takes one, of which nobody decides.
    using _other = queueRule(full.number, { chain: "OUTPUT", match: udpTo(sender.port) });
    await receiver.sendAll(["one", "two", "three"], sender).catch(() => {});
    await until(() => {
      const [, , waiting, , , drops] = row(terminal.screen, full.number) ?? [];
      return waiting === "1" && drops === "2";
    }, { what: "the drops are shown", state: () => terminal.screen });
  }
  terminal.resize(40, 4);
  await until(() => /^QUEUE .{1,35}$/m.test(terminal.screen) && terminal.screen.includes("…"), {
    ...{ what: "it is drawn for the small terminal", state: () => terminal.screen },
  });
  assert.match(terminal.screen, /\n… 2 more$/);
  terminal.resize(200, 40);
  await terminal.shows(/RATES/);
  terminal.type("x");
  terminal.type("q");
  await terminal.says("status 0");
  await terminal.end();
  assert.deepEqual(terminal.state, RESTORED);
  assert.match(terminal.text, / icanon/);
  assert.match(terminal.text, / echo /);
  assert.equal(terminal.screen.includes("QUEUE"), false, "the shell's screen is as it was");
});

test("Ctrl-C and signals leave the terminal as it was", LIMIT, async () => {
  using queue = PacketQueue.open(nextQueue());
  await using typed = new Terminal(thenTerminal(topWords()), WIDE);
  await typed.shows(` ${queue.number} `);
  typed.type("\x03");
  await typed.says("status 130");
  await typed.end();
  assert.deepEqual(typed.state, RESTORED);
  assert.match(typed.text, / icanon/);
  for (const [signal, code] of [["SIGTERM", 143], ["SIGHUP", 129], ["SIGINT", 130]] as const) {
    await using terminal = new Terminal(topWords(), WIDE);
    await terminal.shows(` ${queue.number} `);
    assert.deepEqual(terminal.state, { cursor: false, alternate: true });
    await terminal.kill(signal);
    assert.deepEqual(await terminal.end(), { code, signal: null });
    assert.deepEqual(terminal.state, RESTORED, signal);
  }
});

test("colours are there unless NO_COLOR is set", LIMIT, async () => {
  using queue = PacketQueue.open(nextQueue());
  for (const [environment, colored] of [[{}, true], [{ NO_COLOR: "1" }, false]] as const) {
    await using terminal = new Terminal(topWords(), { ...WIDE, environment });
    await terminal.shows(` ${queue.number} `);
    terminal.type("q");
    await terminal.end();
    assert.equal(terminal.output.includes("\x1b[1m"), colored);
  }
});

test("--once is one table, and with --json one document", LIMIT, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue());
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
  await sender.sendAll(["one", "two"], receiver);
  const table = await runCommand(topWords("--once", "-d", "0.1"));
  assert.deepEqual([table.status, table.errors], [0, ""]);
  assert.match(table.output, /^QUEUE {2}OWNER/);
  assert.match(
    table.output,
    new RegExp(`^ *${queue.number} +${OWN} +2 +0 +0 +0 +0 +0 +whole$`, "m"),
  );
  assert.ok(!table.output.includes("\x1b"));
  const json = await runCommand(topWords("--once", "--json", "-d", "0.1"));
  const document = JSON.parse(json.output);
  assert.equal(json.status, 0);
  assert.equal(document.seconds, 0.1);
  const found = document.queues.find((one: { queue: number }) => one.queue === queue.number);
  assert.deepEqual(
    [found.owner.id, found.owner.certain, found.waiting, found.packetsPerSecond, found.copyMode],
    [process.pid, true, 2, 0, "packet"],
  );
  assert.deepEqual([found.queueDropped, found.userDropped, found.idSequence], [0, 0, 2]);
});

test(
  "without a terminal each reading adds lines, until a signal or the reader goes",
  LIMIT,
  async () => {
    using queue = PacketQueue.open(nextQueue());
    const words = ["sh", "-c", '{ "$@"; echo "status $?" >&2; } | head -n 4', "sh"];
    const { output, errors } = await runCommand([...words, ...topWords("-d", "0.1")]);
    const lines = output.trimEnd().split("\n");
    assert.equal(lines.length, 4);
    assert.match(lines[0]!, /^QUEUE/);
    assert.ok(lines.some((line) => line.trim().startsWith(`${queue.number} `)));
    assert.equal(errors, "status 141\n");
    const json = await runCommand([
      ...["sh", "-c", '"$@" | head -n 2', "sh", ...topWords("--json", "-d", "0.1")],
    ]);
    const documents = json.output.trimEnd().split("\n").map((line) => JSON.parse(line));
    assert.equal(documents.length, 2);
  },
);

test("a delay that is none is refused, and a table that is hidden is told", LIMIT, async () => {
  for (const delay of ["0", "x", "-1", "3601", "1e3", "0.01"]) {
    const { status, errors } = await runCommand(topWords(`--delay=${delay}`));
    assert.equal(status, 2, delay);
    assert.match(errors, /-d is a number of seconds from 0\.1 to 3600/);
  }
  const hidden = await runCommand([...asIfHidden, ...topWords("--once")]);
  assert.deepEqual([hidden.status, hidden.output], [1, ""]);
  assert.match(hidden.errors, /^nfqueue top: .*may be read by root only.*unshare -Ur unshare -n/);
});

test("no queue at all is said", LIMIT, async () => {
  const { status, output } = await runCommand([
    ...["unshare", "-n", ...topWords("--once", "-d", "0.1")],
  ]);
  assert.deepEqual([status, output], [0, "no queue has an owner in this network namespace\n"]);
});
