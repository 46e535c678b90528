// The pseudo-terminal that the tests of commands use.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Screen } from "../support/terminal/screen.ts";
import { Terminal } from "../support/terminal/terminal.ts";
import { until } from "../support/runtime/waiting.ts";
import { commandWords, runCommand } from "../support/terminal/command_words.ts";
import { isDeno } from "../support/runtime/child.ts";

const LIMIT = { timeout: 60_000 } as const;
const shell = (script: string) => ["sh", "-c", script];

test("a program has a terminal, its size, and what is typed", LIMIT, async () => {
  const script =
    "test -t 0 && test -t 1 && test -t 2 && stty size && echo ready && read -r line && " +
    'echo "it was <$line>"; exit 7';
  await using terminal = new Terminal(shell(script), { columns: 61, rows: 17 });
  await terminal.says("ready\n");
  terminal.type("späte grüße 'x'\n");
  assert.deepEqual(await terminal.end(), { code: 7, signal: null });
  assert.match(terminal.text, /^17 61\nready\n/);
  assert.match(terminal.screen, /it was <späte grüße 'x'>/);
});

test("the size changes, and the program is told", LIMIT, async () => {
  const script = "trap 'stty size' WINCH; echo ready; while :; do read -r line && break; done";
  await using terminal = new Terminal(shell(script), { columns: 80, rows: 24 });
  await terminal.says("ready");
  terminal.resize(40, 10);
  await terminal.says("10 40");
  terminal.resize(132, 50);
  await terminal.says("50 132");
});

test("Ctrl-C is typed, and a signal's end is told", LIMIT, async () => {
  await using caught = new Terminal(shell("trap 'exit 130' INT; echo ready; read -r line"));
  await caught.says("ready");
  caught.type("\x03");
  assert.deepEqual(await caught.end(), { code: 130, signal: null });
  await using killed = new Terminal(shell("echo ready; exec sleep 1000"));
  await killed.says("ready");
  killed.type("\x03");
  assert.deepEqual(await killed.end(), { code: null, signal: "SIGINT" });
  await using ended = new Terminal(["sleep", "1000"]);
  await ended.kill("SIGTERM");
  assert.deepEqual(await ended.end(), { code: null, signal: "SIGTERM" });
});

test("a large output is whole, and no program stays behind", LIMIT, async () => {
  await using large = new Terminal(shell("seq 1 20000"));
  await large.end();
  assert.equal(large.text.trim().split("\n").length, 20_000);
  assert.match(large.screen, /\n20000$/);
  let pid: number;
  {
    await using left = new Terminal(shell("trap '' HUP TERM INT; echo ready; exec sleep 1000"));
    await left.says("ready");
    pid = await left.pid();
  }
  const lives = async () => (await runCommand(["kill", "-0", `${pid}`])).status === 0;
  assert.equal(await lives(), false);
  await assert.rejects(new Terminal(shell("exit 0")).says("never"), /ended without saying never/);
});

test("no command, no silence", LIMIT, async () => {
  await using absent = new Terminal(["/no/such/program"]);
  assert.deepEqual(await absent.end(), { code: 127, signal: null });
  assert.match(absent.text, /No such file/);
});

test("colours are there unless the test takes them away", LIMIT, async () => {
  const script = 'echo "<${NO_COLOR-none}> <${OTHER-none}> <$TERM>"';
  await using plain = new Terminal(shell(script), { environment: { OTHER: "x" } });
  await plain.end();
  assert.match(plain.text, /<none> <x> <xterm-256color>/);
  await using without = new Terminal(shell(script), { environment: { NO_COLOR: "1" } });
  await without.end();
  assert.match(without.text, /<1> <none>/);
});

test("the screen follows escape sequences", LIMIT, () => {
  const screen = new Screen(10, 3);
  screen.write("abcdefghijKL");
  assert.equal(screen.text, "abcdefghij\nKL");
  screen.write("\r\nthird\r\nfourth");
  assert.equal(screen.text, "KL\nthird\nfourth", "it scrolls");
  screen.write("\x1b[2;3H#\x1b[1A\x1b[1G=\x1b[3;1H\x1b[2K>\x1b[1");
  assert.equal(screen.text, "=L\nth#rd\n>");
  screen.write("mbold\x1b[0m\x1b[H\x1b[K1\x1b[B2\x1b[D3");
  assert.equal(screen.text, "1\nt3#rd\n>bold");
  screen.write("\x1b[?1049h\x1b[?25l\x1b[H\x1b[2Jtop");
  assert.deepEqual([screen.text, screen.cursor, screen.alternate], ["top", false, true]);
  screen.resize(2, 2);
  assert.equal(screen.text, "to");
  screen.write("\x1b[?25h\x1b[?1049l");
  assert.deepEqual([screen.cursor, screen.alternate], [true, false]);
  screen.write("\x1b[1;2H\x1b[0J");
  assert.throws(() => screen.write("\x1b[5q"), /no known sequence/);
});

test("the command starts with three permissions and no more", LIMIT, async () => {
  await using terminal = new Terminal(commandWords(["--version"]));
  assert.deepEqual(await terminal.end(), { code: 0, signal: null });
  assert.match(terminal.text, /^nfqueue \d+\.\d+\.\d+\n$/);
  const { status, output, errors } = await runCommand(commandWords(["--version"]));
  assert.deepEqual([status, errors, output], [0, "", terminal.text]);
  if (!isDeno) return;
  const [deno = "", ...flags] = commandWords([]).slice(0, -1);
  for (const start of [runCommand, inTerminal]) {
    const words = [deno, ...flags, new URL("./fixtures/permissions.ts", import.meta.url).pathname];
    assert.equal((await start(words)).output.trim(), "env,ffi,read");
  }
});

async function inTerminal(words: readonly string[]): Promise<{ output: string }> {
  await using terminal = new Terminal(words);
  await terminal.end();
  await until(() => terminal.text !== "", { what: "it says something" });
  return { output: terminal.text };
}
