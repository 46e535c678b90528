// `nfqueue rules`: explain needs nothing, list shows everybody's rules, clean removes what was left.
import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { requireIsolation } from "../support/network/isolation.ts";
import { Namespace } from "../support/network/namespaces.ts";
import { Child, isDeno } from "../support/runtime/child.ts";
import { command } from "../support/runtime/command.ts";
import { type CommandEnd, commandWords, runCommand } from "../support/terminal/command_words.ts";
import { Terminal } from "../support/terminal/terminal.ts";

requireIsolation();

const LIMIT = { timeout: 60_000 } as const;
const installer = new URL("./fixtures/installs_rules.ts", import.meta.url);
process.env["XTABLES_LOCKFILE"] = "/run/nfqueue-test-xtables.lock";

/** A network namespace in which programs make rules, and the command looks at them. */
class Scene implements Disposable {
  readonly #namespace = new Namespace();

  get prefix(): string[] {
    return this.#namespace.prefix;
  }

  run(line: string): string {
    const [program = "", ...words] = [...this.prefix, ...line.split(" ")];
    return command(program, words);
  }

  nft(ruleset: string): void {
    const [program = "", ...words] = [...this.prefix, "nft", "-f", "-"];
    command(program, words, { input: ruleset });
  }

  rules(...words: string[]): Promise<CommandEnd> {
    return runCommand([...this.prefix, ...commandWords(["rules", ...words])]);
  }

  async listed(): Promise<Record<string, unknown>[]> {
    const { status, output, errors } = await this.rules("list", "--json");
    assert.deepEqual([status, errors], [0, ""]);
    const { rules, problems, ...rest } = JSON.parse(output) as {
      rules: Record<string, unknown>[];
      problems: string[];
    };
    assert.deepEqual([problems, rest], [[], {}]);
    return rules;
  }

  [Symbol.dispose](): void {
    this.#namespace[Symbol.dispose]();
  }
}

const rule = "output protocol=tcp destinationPort=25,587 not.source=10.0.0.0/8 queue=3";

test("explain prints what a person would type; nft and a shell take it", LIMIT, async () => {
  using scene = new Scene();
  const { status, output, errors } = await runCommand(
    commandWords(["rules", "explain", "--rule", rule]),
  );
  assert.deepEqual([status, errors], [0, ""]);
  assert.match(output, /^# nft\nnft add table /);
  assert.match(output, /ip saddr 10\.0\.0\.0\/8 return\n/);
  assert.match(output, /th dport \{ 25, 587 \} counter queue num 3 bypass'?\n/);
  assert.match(output, /\n# iptables/);
  // This kernel has no queue statement: another stands in its place.
  const [nft = ""] = output.replaceAll("queue num 3 bypass", "accept").split("# iptables");
  const shell = await runCommand([...scene.prefix, "sh", "-e", "-c", nft]);
  assert.deepEqual([shell.status, shell.errors], [0, ""]);
  assert.match(scene.run("nft list ruleset"), /dport \{ 25, 587 \} counter .*accept/);
  assert.deepEqual(await scene.listed(), []);
});

test("explain: several rules, as JSON, and without a number", LIMIT, async () => {
  const words = ["rules", "explain", "--json", "--rule", "input family=bridge"];
  const { status, output } = await runCommand(commandWords([...words, "--rule", "input queue=7"]));
  assert.equal(status, 0);
  const explained = JSON.parse(output) as {
    nft: { commands: string[] };
    iptables: { impossible: string };
  };
  assert.deepEqual(Object.keys(explained), ["nft", "iptables"]);
  const text = explained.nft.commands.join("\n");
  assert.match(text, /bridge/);
  assert.match(text, /queue num 0 bypass/);
  assert.match(text, /queue num 7 bypass/);
  assert.equal(typeof explained.iptables.impossible, "string");
});

const wrong: readonly (readonly [words: readonly string[], message: RegExp])[] = [
  [["explain"], /--rule is missing/],
  [
    ["explain", "--rule", "output dport=25"],
    /did you mean destinationPort\?\n {2}output dport=25\n {9}\^{5}\n/,
  ],
  [["list", "--rule", "output"], /--rule goes with explain, and not with list/],
  [["lst"], /"lst" is none of list, clean and explain/],
  [[], /list\|clean\|explain is missing/],
  [["list", "clean"], /"clean" is one word too many/],
];

test("wrong words", LIMIT, async () => {
  for (const [words, message] of wrong) {
    const { status, output, errors } = await runCommand(commandWords(["rules", ...words]));
    assert.deepEqual([status, output], [2, ""], words.join(" "));
    assert.match(errors, message);
    assert.match(errors, /usage: nfqueue rules list\|clean\|explain/);
  }
});

test(
  "list shows the rules of nft and of both iptables, with what they counted",
  LIMIT,
  async () => {
    using scene = new Scene();
    scene.run("iptables-nft -A OUTPUT -p udp --dport 9 -j NFQUEUE --queue-num 5 --queue-bypass");
    scene.run("iptables-legacy -t mangle -A OUTPUT -d 127.0.0.1 -j NFQUEUE --queue-balance 6:8");
    scene.run("ip6tables-legacy -t raw -A PREROUTING -j NFQUEUE --queue-num 65535");
    scene.run("iptables-nft -A OUTPUT -j ACCEPT");
    // The packet is dropped by mangle's, which nobody owns.
    const ping = await runCommand([...scene.prefix, "ping", "-c1", "-W1", "-s10", "127.0.0.1"]);
    assert.notEqual(ping.status, 0);
    const rules = await scene.listed();
    const [nft, legacy, six] = [
      "ip filter OUTPUT (handle ",
      "iptables-legacy ",
      "ip6tables-legacy ",
    ]
      .map((place) => rules.find((one) => String(one["place"]).startsWith(place)));
    assert.equal(rules.length, 3);
    const common = { madeBy: null, bound: [] };
    assert.deepEqual({ ...nft, place: "" }, {
      ...{ place: "", hooks: [{ hook: "output", priority: 0 }], queues: { from: 5, to: 5 } },
      ...{ bypass: true, packets: 0, bytes: 0, ...common },
    });
    assert.deepEqual({ ...legacy }, {
      ...{ place: "iptables-legacy mangle OUTPUT (rule 1)" },
      ...{ hooks: [{ hook: "output", priority: -150 }], queues: { from: 6, to: 8 } },
      ...{ bypass: false, packets: 1, bytes: 38, ...common },
    });
    assert.deepEqual({ ...six }, {
      ...{ place: "ip6tables-legacy raw PREROUTING (rule 1)" },
      ...{ hooks: [{ hook: "prerouting", priority: -300 }], queues: { from: 65535, to: 65535 } },
      ...{ bypass: false, packets: 0, bytes: 0, ...common },
    });
    const { output } = await scene.rules("list");
    assert.match(output, /^ip filter OUTPUT \(handle \d+\)\n {2}at output \(priority 0\)\n/m);
    assert.match(output, / {2}to queue 5, bypass; 0 packets, 0 bytes so far\n/);
    assert.match(output, / {2}nobody owns it: its packets pass unseen\n/);
    assert.match(output, / {2}to queues 6-8; 1 packet, 38 bytes so far\n/);
    assert.match(output, / {2}nobody owns it: its packets are dropped\n/);
  },
);

test(
  "list shows our own rules and who owns their queues; after SIGKILL nothing is left",
  LIMIT,
  async () => {
    using scene = new Scene();
    await using child = new Child(installer, { prefix: scene.prefix });
    await child.says("ready");
    const rules = await scene.listed();
    assert.ok(rules.length >= 1);
    for (const { queues, bypass, madeBy, bound, hooks } of rules) {
      assert.deepEqual([queues, bypass], [{ from: 41, to: 42 }, true]);
      assert.deepEqual(madeBy, { process: child.pid, state: "running" });
      const [{ queue, process } = { queue: 0, process: null }] = bound as {
        queue: number;
        process: { id: number } | null;
      }[];
      assert.deepEqual([(bound as unknown[]).length, queue, process?.id], [1, 41, child.pid]);
      assert.deepEqual((hooks as { hook: string }[]).map(({ hook }) => hook), ["output"]);
    }
    await using terminal = new Terminal([...scene.prefix, ...commandWords(["rules", "list"])]);
    assert.deepEqual(await terminal.end(), { code: 0, signal: null });
    const text = terminal.text;
    assert.ok(text.includes(`made by process ${child.pid}\n`), text);
    assert.ok(text.includes(`queue 41 is owned by process ${child.pid} (`), text);
    assert.match(text, /1 of them are owned by nobody: its packets pass unseen/);
    // While it runs, nothing of it is a leftover.
    assert.equal((await scene.rules("clean")).output, "Nothing was left behind.\n");
    assert.equal((await scene.listed()).length, rules.length);
  },
);

test("clean removes what processes left behind, and nothing else", LIMIT, async () => {
  using scene = new Scene();
  await using child = new Child(installer, { prefix: scene.prefix, parameters: ["name"] });
  assert.deepEqual(await child.end(), { code: 0, signal: null });
  const name = child.output.trim();
  scene.nft(`
    table ip ${name} { chain c { type filter hook output priority 0; accept; }; }
    table ip6 ${name}_x { chain c { }; }
    table ip theirs { chain c { type filter hook output priority 0; accept; }; }
  `);
  const json = await scene.rules("clean", "--json");
  assert.equal(json.status, 0);
  // Deno lets nobody start a program without --allow-run.
  if (!isDeno) assert.equal(json.errors, "");
  else {assert.match(
      json.errors,
      /^(nfqueue rules clean: iptables was not asked: .*--allow-run.*\n)?$/,
    );}
  const { removed } = JSON.parse(json.output) as { removed: { place: string; process: number }[] };
  assert.deepEqual(removed.map(({ place }) => place).sort(), [`ip ${name}`, `ip6 ${name}_x`]);
  assert.ok(removed.every(({ process }) => process === child.pid));
  assert.equal(scene.run("nft list tables").trim(), "table ip theirs");
  scene.nft(`table ip ${name} { }`);
  const { output } = await scene.rules("clean");
  assert.equal(output, `removed: ip ${name}, of process ${child.pid}, which runs no more\n`);
  assert.equal((await scene.rules("clean")).output, "Nothing was left behind.\n");
});

test("list of a namespace without rules; without the capability", LIMIT, async () => {
  using scene = new Scene();
  assert.deepEqual(await scene.rules("list"), {
    ...{ status: 0, errors: "", output: "No rule sends packets to a queue.\n" },
  });
  const without = ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"];
  const { status, output, errors } = await runCommand([
    ...[...scene.prefix, ...without, ...commandWords(["rules", "list"])],
  ]);
  assert.deepEqual([status, output], [1, ""]);
  assert.match(errors, /could not be read of nft: EPERM; it takes CAP_NET_ADMIN: run it as root/);
  const clean = await runCommand([
    ...[...scene.prefix, ...without, ...commandWords(["rules", "clean"])],
  ]);
  assert.deepEqual([clean.status, clean.output], [1, ""]);
  assert.match(
    clean.errors,
    /nobody can tell here whether rules were left behind: nft: .*CAP_NET_ADMIN/,
  );
});

test("explain needs no permission", {
  ...LIMIT,
  ...(isDeno ? {} : { skip: "only Deno has permissions" }),
}, async () => {
  const main = new URL("../../src/cli/main.ts", import.meta.url).pathname;
  const words = [process.execPath, "run", "--no-prompt", main, "rules", "explain", "--rule", rule];
  const { status, errors } = await runCommand(words);
  assert.deepEqual([status, errors], [0, ""]);
});
