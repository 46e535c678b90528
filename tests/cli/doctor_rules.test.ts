// doctor about rules: each situation is made for real, in a network namespace of its own.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { test } from "node:test";
import { newName } from "../../src/rules/owner.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { Namespace } from "../support/network/namespaces.ts";
import { command } from "../support/runtime/command.ts";
import { diagnose, type Diagnosis } from "./diagnosis.ts";

requireIsolation();

const timeout = 30_000;
// The usual place belongs to root outside of the namespace.
process.env["XTABLES_LOCKFILE"] = "/run/nfqueue-test-xtables.lock";

/** A namespace in which commands are run, and doctor. */
class Scene implements Disposable {
  readonly #namespace = new Namespace();

  run(line: string): void {
    const [program = "", ...words] = [...this.#namespace.prefix, ...line.split(" ")];
    command(program, words);
  }

  /** A whole ruleset of nft. */
  nft(rules: string): void {
    const [program = "", ...words] = [...this.#namespace.prefix, "nft", "-f", "-"];
    command(program, words, { input: rules });
  }

  set(setting: string, value: number): void {
    this.run(`sysctl -qw ${setting}=${value}`);
  }

  async diagnose(): Promise<Diagnosis> {
    const found = await diagnose({ prefix: this.#namespace.prefix });
    assert.deepEqual(
      [...found.all("rules-unreadable"), ...found.all("legacy-rules-unreadable")],
      [],
    );
    return found;
  }

  [Symbol.dispose](): void {
    this.#namespace[Symbol.dispose]();
  }
}

const programs = [
  ["iptables-nft", "ip filter OUTPUT (handle "],
  ["ip6tables-nft", "ip6 filter OUTPUT (handle "],
  ["iptables-legacy", "iptables-legacy filter OUTPUT (rule 1)"],
  ["ip6tables-legacy", "ip6tables-legacy filter OUTPUT (rule 1)"],
] as const;

for (const [program, place] of programs) {
  test(`${program}: a rule to a queue that nobody owns drops packets`, { timeout }, async () => {
    using scene = new Scene();
    scene.run(`${program} -A OUTPUT -p udp --dport 9 -j NFQUEUE --queue-num 345`);
    const found = await scene.diagnose();
    assert.equal(found.status, 1);
    const { severity, message, advice } = found.one("queue-without-owner");
    assert.equal(severity, "error");
    assert.ok(message.includes(place), message);
    assert.match(message, /queue 345, which nobody owns: they are dropped/);
    assert.match(advice ?? "", /bypass/);
  });

  test(`${program}: with bypass they pass unseen`, { timeout }, async () => {
    using scene = new Scene();
    const queues = "--queue-balance 7:9 --queue-bypass";
    scene.run(`${program} -A OUTPUT -p udp --dport 9 -j NFQUEUE ${queues}`);
    const found = await scene.diagnose();
    assert.equal(found.status, 0);
    assert.deepEqual(found.all("queue-without-owner"), []);
    const { severity, message } = found.one("queue-without-owner-bypass");
    assert.equal(severity, "warning");
    assert.ok(message.includes(place), message);
    assert.match(message, /queue 7-9, .*pass unseen/);
  });
}

test("a chain that no base chain leads to drops nothing", { timeout }, async () => {
  using scene = new Scene();
  scene.run("iptables-legacy -N lonely");
  scene.run("iptables-legacy -A lonely -j NFQUEUE --queue-num 5");
  assert.equal((await scene.diagnose()).one("queue-without-owner").severity, "warning");
  scene.run("iptables-legacy -A FORWARD -p tcp -j lonely");
  assert.equal((await scene.diagnose()).one("queue-without-owner").severity, "error");
});

test("an earlier chain drops what no rule accepts", { timeout }, async () => {
  using scene = new Scene();
  scene.nft(`table inet fence {
    chain early { type filter hook output priority -10; policy drop; tcp dport 22 accept; }
    chain other { type filter hook input priority -10; policy drop; }
  }`);
  scene.run("iptables-nft -A OUTPUT -p udp -j NFQUEUE --queue-num 5 --queue-bypass");
  const found = await scene.diagnose();
  const { severity, message, advice } = found.one("earlier-drop");
  assert.equal(severity, "warning");
  assert.match(message, /ip filter OUTPUT.*inet fence early \(output, priority -10\)/);
  assert.match(advice ?? "", /lower priority/);
  assert.equal(found.status, 0);
});

test("an earlier chain with a rule that drops, by way of another chain", { timeout }, async () => {
  using scene = new Scene();
  scene.nft(`table ip fence {
    chain bad { counter drop; }
    chain early { type filter hook forward priority -1; ip saddr 10.0.0.0/8 jump bad; }
    chain late { type filter hook forward priority 1; drop; }
  }`);
  scene.run("iptables-nft -A FORWARD -j NFQUEUE --queue-num 5 --queue-bypass");
  const found = await scene.diagnose();
  assert.deepEqual(found.all("earlier-drop"), []);
  const { severity, message } = found.one("earlier-drop-rule");
  assert.equal(severity, "note");
  assert.match(message, /ip fence early/);
});

test("legacy's mangle comes before nft's filter", { timeout }, async () => {
  using scene = new Scene();
  scene.run("iptables-legacy -t mangle -P OUTPUT DROP");
  scene.run("iptables-nft -A OUTPUT -j NFQUEUE --queue-num 5 --queue-bypass");
  assert.match(
    (await scene.diagnose()).one("earlier-drop").message,
    /iptables-legacy mangle OUTPUT \(output, priority -150\)/,
  );
});

for (const program of ["iptables-nft", "iptables-legacy"]) {
  test(`${program}: no packet comes to a rule behind one that takes all`, { timeout }, async () => {
    using scene = new Scene();
    const queue = "-j NFQUEUE --queue-num 5 --queue-bypass";
    scene.run(`${program} -A INPUT -p tcp -j ACCEPT`);
    scene.run(`${program} -A INPUT ${queue}`);
    assert.deepEqual((await scene.diagnose()).all("rule-unreachable"), []);
    scene.run(`${program} -A INPUT -j REJECT`);
    scene.run(`${program} -A INPUT -p udp ${queue}`);
    // The rule before takes all packets too: it has bypass, but a queue may have an owner.
    const [first] = (await scene.diagnose()).all("rule-unreachable");
    assert.equal(first?.severity, "warning");
    assert.match(first?.message ?? "", /filter INPUT/);
  });
}

test("rules of a program that was killed, by nft and by iptables", { timeout }, async () => {
  using scene = new Scene();
  const [prefix, _process, ...rest] = newName().split("_");
  const ended = spawnSync("true").pid;
  const name = (process: number) => [prefix, process.toString(36), ...rest].join("_");
  scene.nft(`table ip ${name(ended)} { chain queued { counter; }; }`);
  scene.run(`iptables-legacy -N ${name(ended)}`);
  // Of a program that runs.
  scene.nft(`table ip ${newName()} { chain queued { counter; }; }`);
  const found = await scene.diagnose();
  const { severity, message, advice } = found.one("leftover-rules");
  assert.equal(severity, "warning");
  assert.match(
    message,
    new RegExp(`^Process ${ended} .* ip ${name(ended)} queued, iptables-legacy`),
  );
  assert.match(advice ?? "", /nfqueue rules clean/);
});

test("strict reverse path filtering, where packets are queued before routing", {
  timeout,
}, async () => {
  using scene = new Scene();
  scene.set("net.ipv4.conf.lo.rp_filter", 1);
  scene.run("iptables-nft -A FORWARD -j NFQUEUE --queue-num 5 --queue-bypass");
  assert.deepEqual((await scene.diagnose()).all("reverse-path-filter"), []);
  scene.run("iptables-nft -t mangle -A PREROUTING -j NFQUEUE --queue-num 5 --queue-bypass");
  const { severity, message, advice } = (await scene.diagnose()).one("reverse-path-filter");
  assert.equal(severity, "warning");
  assert.match(message, /strict on lo:/);
  assert.match(advice ?? "", /net\.ipv4\.conf\.lo\.rp_filter=0/);
  scene.set("net.ipv4.conf.lo.rp_filter", 2);
  const found = await scene.diagnose();
  assert.deepEqual(found.all("reverse-path-filter"), []);
  assert.equal(found.one("reverse-path-filter-loose").severity, "note");
});

test("a bridge, with br_netfilter on and off", { timeout }, async () => {
  using scene = new Scene();
  scene.run("ip link add name bridge7 type bridge");
  scene.set("net.bridge.bridge-nf-call-iptables", 1);
  scene.set("net.bridge.bridge-nf-call-ip6tables", 0);
  assert.equal((await scene.diagnose()).one("bridge-netfilter").severity, "note");
  scene.run("iptables-nft -A FORWARD -j NFQUEUE --queue-num 5 --queue-bypass");
  const { severity, message, advice } = (await scene.diagnose()).one("bridge-netfilter");
  assert.equal(severity, "warning");
  assert.match(message, /bridge bridge7/);
  assert.match(advice ?? "", /bridge-nf-call-iptables=0/);
  scene.set("net.bridge.bridge-nf-call-iptables", 0);
  const found = await scene.diagnose();
  assert.deepEqual(found.all("bridge-netfilter"), []);
  assert.match(found.one("bridge-without-netfilter").advice ?? "", /"bridge"/);
});

test("ten thousand rules are read", { timeout }, async () => {
  using scene = new Scene();
  scene.nft("table inet many { chain long { type filter hook output priority -5; }; }");
  // An ordinary user's send buffer takes no more than some at once.
  for (let first = 0; first < 10_000; first += 500) {
    const ports = Array.from({ length: 500 }, (_, index) => first + index);
    scene.nft(ports.map((port) => `add rule inet many long tcp dport ${port} drop\n`).join(""));
  }
  scene.run("iptables-nft -A OUTPUT -j NFQUEUE --queue-num 5 --queue-bypass");
  assert.match((await scene.diagnose()).one("earlier-drop-rule").message, /inet many long/);
});
