// What rules are in the words of nft and iptables: asked of both programs, which check it and install
// nothing. (This kernel's nft has no queue statement, so that another stands in its place there.)
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { checkRule } from "../../src/rules/rule/checked_rule.ts";
import { checkForIptables, iptablesLines, queueTarget } from "../../src/rules/iptables/lines.ts";
import { nftLines, queueStatement } from "../../src/rules/nft/lines.ts";
import { iptablesTable } from "../../src/rules/rule/priorities.ts";
import type { Rule } from "../../src/rules/rule/rule.ts";
import { RULES } from "./samples.ts";

const LIMIT = { timeout: 60_000 } as const;

const found = (program: string) =>
  spawnSync(program, ["--version"], { timeout: 20_000 }).status === 0;
const needs = (program: string) =>
  found(program) ? LIMIT : { ...LIMIT, skip: `no ${program} in PATH` };

function feed(program: string, words: readonly string[], input: string): void {
  const { status, stderr } = spawnSync(program, words, {
    ...{ input, encoding: "utf8", timeout: 30_000 },
  });
  assert.equal(status, 0, `${input}\n${stderr}`);
}

test("nft takes the matches of every rule, in every family", needs("nft"), () => {
  for (const family of ["inet", "ip", "ip6"] as const) {
    for (const rule of RULES) {
      const checked = checkRule(rule);
      for (const hook of checked.hooks) {
        const lines = nftLines(checked, family, { action: "accept" });
        const text = `table ${family} t { chain one {\n${lines.join("\n")}\n}\n` +
          `chain base { type filter hook ${hook} priority 0; jump one\n}\n}\n`;
        feed("nft", ["-c", "-f", "-"], text);
      }
    }
  }
});

test("iptables-restore and ip6tables-restore take every rule", needs("iptables-restore"), () => {
  for (const [version, program] of [[4, "iptables-restore"], [6, "ip6tables-restore"]] as const) {
    for (const rule of RULES) {
      const checked = checkRule(rule);
      checkForIptables(checked);
      for (const hook of checked.hooks) {
        const table = iptablesTable(hook, checked.priority);
        const lines = iptablesLines(checked, version).map((line) => `-A one ${line}`);
        const text = [
          `*${table}`,
          ":one - [0:0]",
          `-A ${hook.toUpperCase()} -j one`,
          ...lines,
          "COMMIT",
        ];
        feed(program, ["--test", "--noflush"], `${text.join("\n")}\n`);
      }
    }
  }
});

/** The rule, nft's statement, iptables' target. */
const targets: readonly (readonly [Partial<Rule>, string, string])[] = [
  [{ queue: 7 }, "queue num 7 bypass", "-j NFQUEUE --queue-num 7 --queue-bypass"],
  [{ queue: 7, bypass: false }, "queue num 7", "-j NFQUEUE --queue-num 7"],
  [
    { queue: { from: 0, to: 3 } },
    "queue num 0-3 bypass",
    "-j NFQUEUE --queue-balance 0:3 --queue-bypass",
  ],
  [
    { queue: { from: 4, to: 5 }, balance: "cpu" },
    "queue num 4-5 fanout bypass",
    "-j NFQUEUE --queue-balance 4:5 --queue-cpu-fanout --queue-bypass",
  ],
];

test("how packets are sent to queues", LIMIT, () => {
  for (const [fields, statement, target] of targets) {
    const rule = checkRule({ hook: "forward", ...fields });
    assert.equal(queueStatement(rule), statement);
    assert.equal(queueTarget(rule), target);
  }
  const flow = { hook: "forward", queue: { from: 2, to: 5 }, balance: "flow" } as const;
  assert.equal(queueStatement(checkRule(flow)), "queue flags bypass to symhash mod 4 offset 2");
  const direct = queueStatement(checkRule({ ...flow, bypass: false }));
  assert.equal(direct, "queue to symhash mod 4 offset 2");
});

test("what iptables cannot express is refused by name", LIMIT, () => {
  const cases: readonly (readonly [Partial<Rule>, RegExp])[] = [
    [{ queue: { from: 0, to: 1 }, balance: "flow" }, /balance: iptables cannot/],
    [{ expression: "tcp dport 80" }, /expression: iptables cannot/],
    [{ family: "bridge" }, /family: iptables cannot/],
  ];
  for (const [fields, message] of cases) {
    const rule = checkRule({ hook: "forward", queue: 0, ...fields });
    assert.throws(() => checkForIptables(rule), message);
  }
  assert.equal(iptablesTable("prerouting", undefined), "mangle");
  assert.equal(iptablesTable("output", -300), "raw");
  assert.equal(iptablesTable("input", -300), undefined);
  assert.equal(iptablesTable("output", 5), undefined);
});

test("a rule of both versions is one for each; what fits neither has no line", LIMIT, () => {
  const rule = checkRule({ hook: "input", source: ["10.0.0.1", "::1"], queue: 0 });
  const end = "counter queue num 0 bypass";
  assert.deepEqual(nftLines(rule, "inet"), [`ip saddr 10.0.0.1 ${end}`, `ip6 saddr ::1 ${end}`]);
  assert.deepEqual(nftLines(rule, "ip"), [`ip saddr 10.0.0.1 ${end}`]);
  assert.deepEqual(iptablesLines(rule, 6), ["-s ::1 -j NFQUEUE --queue-num 0 --queue-bypass"]);
  const four = checkRule({ hook: "input", source: "10.0.0.1", queue: 0 });
  assert.deepEqual([nftLines(four, "ip6"), iptablesLines(four, 6)], [[], []]);
  // A negated address of the other version takes nothing away.
  const not = checkRule({ hook: "input", not: { source: "10.0.0.1" }, queue: 0 });
  assert.deepEqual(nftLines(not, "ip6"), [end]);
});

test("users are written as numbers where they are known", LIMIT, () => {
  const rule = checkRule({ hook: "output", user: ["root", 7], queue: 0 });
  const users = new Map([["root", 0]]);
  assert.match(nftLines(rule, "inet", { users })[0] ?? "", /meta skuid \{ 0, 7 \}/);
  assert.match(iptablesLines(rule, 4, { users })[0] ?? "", /--uid-owner 0 /);
});
