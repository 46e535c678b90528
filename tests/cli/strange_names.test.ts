// A program may give itself any name: no escape sequence of it reaches a terminal.
import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { requireIsolation } from "../support/network/isolation.ts";
import { queueRule } from "../support/network/rules.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { Child } from "../support/runtime/child.ts";
import { commandWords, runCommand } from "../support/terminal/command_words.ts";

requireIsolation();

const NAME = "\x1b[31m) Z\u202e\n\x9b2J";

test("rules list, doctor and top show it as text", { timeout: 60_000 }, async () => {
  const number = nextQueue();
  await using owner = new Child(new URL("fixtures/holds_packets.ts", import.meta.url), {
    parameters: [number, NAME],
  });
  await owner.says("ready");
  using _rule = queueRule(number, { chain: "OUTPUT", match: ["-d", "127.7.7.7"] });
  const shown = String.raw`\u{1b}[31m) Z\u{202e}`;
  for (const words of [["rules", "list"], ["top", "--once", "-d", "0.1"]]) {
    const { output } = await runCommand(commandWords(words));
    assert.ok(output.includes(shown), output);
    assert.doesNotMatch(output, /[^\P{C}\n]/u);
  }
  process.kill(owner.pid, "SIGSTOP");
  const { output } = await runCommand(commandWords(["doctor"]));
  process.kill(owner.pid, "SIGCONT");
  assert.ok(output.includes(shown), output);
  assert.doesNotMatch(output, /[^\P{C}\n]/u);
});
