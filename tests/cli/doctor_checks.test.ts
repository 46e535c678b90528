// doctor's checks on stand-in facts: what this kernel and this machine cannot be brought into.

import assert from "node:assert/strict";
import { test } from "node:test";
import { judge } from "../../src/cli/doctor/checks.ts";
import type { Action, ChainFact } from "../../src/cli/doctor/rules/ruleset.ts";
import type { Facts, QueueFact } from "../../src/cli/doctor/terms/facts.ts";
import type { Finding } from "../../src/cli/doctor/terms/finding.ts";
import { findingsText } from "../../src/cli/doctor/text.ts";

const timeout = 10_000;

/** A machine on which all is well. */
const WELL: Facts = {
  runtime: { name: "Deno", version: "2.9.6" },
  libraries: {
    netfilterQueue: { name: "libnetfilter_queue", file: "/usr/lib/libnetfilter_queue.so.1.5.0" },
    nftables: { name: "libnftables" },
    mnl: { name: "libmnl" },
    ipq: { name: "libipq" },
  },
  programs: [],
  process: {
    netAdmin: true,
    netRaw: true,
    userNamespace: false,
    openFiles: 1024,
    seccomp: false,
    container: undefined,
    kernel: "Linux version 6.1.0",
  },
  queueSupport: {
    bind: 0,
    flags: { gso: 0, failOpen: 0, uidGid: 0, conntrack: 0, securityContext: 0 },
    receiveBuffer: { wanted: 4 << 20, got: 4 << 20, most: 212_992 },
  },
  nftSupport: { target: "statement", owner: true, reject: true, notrack: true },
  queues: { queues: [], errno: 0, mounted: true },
  rules: { nft: { chains: [] }, legacy: { chains: [] } },
  leftovers: [],
  settings: {
    reversePath: { strict: [], loose: [] },
    bridges: [],
    bridgeNetfilter: { ip: false, ip6: false },
  },
};

const problems = (findings: readonly Finding[]) =>
  findings.filter(({ severity }) => severity !== "ok").map(({ severity, code }) =>
    `${severity} ${code}`
  );
const judged = (change: Partial<Facts>) => problems(judge({ ...WELL, ...change }));
const one = (change: Partial<Facts>, code: string) =>
  judge({ ...WELL, ...change }).find((finding) => finding.code === code);

test("stand-in facts: all well", { timeout }, () => {
  assert.deepEqual(judged({}), []);
});

test("stand-in facts: other runtimes and old ones", { timeout }, () => {
  const expected = [
    [{ name: "Deno", version: "2.9.0" }, []],
    [{ name: "Deno", version: "3.0.1" }, []],
    [{ name: "Deno", version: "2.8.9" }, ["error runtime-old"]],
    [{ name: "Bun", version: "1.4.0" }, []],
    [{ name: "Bun", version: "1.3.11" }, ["error runtime-old"]],
    [{ name: "Node", version: "26.10.0" }, ["error runtime-unknown"]],
  ] as const;
  for (const [runtime, found] of expected) assert.deepEqual(judged({ runtime }), found);
});

test("stand-in kernel: no queues, no switches, another refusal", { timeout }, () => {
  const { queueSupport } = WELL;
  const refused = (bind: number) => judged({ queueSupport: { ...queueSupport, bind, flags: {} } });
  assert.deepEqual(refused(22), ["error kernel-without-queues"]);
  assert.deepEqual(refused(93), ["error kernel-without-queues"]);
  assert.deepEqual(refused(1), ["error capability-elsewhere"]);
  assert.deepEqual(refused(105), ["error queue-refused"]);
  const flags = { gso: 95, failOpen: 95, uidGid: 95, conntrack: 95, securityContext: 95 };
  assert.deepEqual(judged({ queueSupport: { ...queueSupport, flags } }), [
    ...["error no-gso", "note no-fail-open", "note no-uid-gid"],
    ...["note no-conntrack", "note no-security-context"],
  ]);
});

test("stand-in kernel: by what rules are set", { timeout }, () => {
  const { libraries } = WELL;
  const problem = "This kernel has no nf_tables";
  const nftables = { name: "libnftables", problem: "cannot open libnftables" };
  const programs = [{ path: "/usr/sbin/iptables", kind: "legacy" }] as const;
  assert.deepEqual(
    judged({ nftSupport: { target: "xt", owner: true, reject: true, notrack: true } }),
    [],
  );
  const ownerless = { target: "xt", owner: false, reject: true, notrack: true } as const;
  assert.deepEqual(judged({ nftSupport: ownerless }), ["note no-rule-owner"]);
  assert.deepEqual(judged({ nftSupport: { problem } }), ["warning no-rule-backend"]);
  assert.deepEqual(judged({ nftSupport: { problem }, programs }), ["note rules-iptables"]);
  assert.deepEqual(judged({ libraries: { ...libraries, nftables }, programs }), [
    ...["note libnftables-missing", "note rules-iptables"],
  ]);
  const { message } = one({ nftSupport: { problem }, programs }, "rules-iptables")!;
  assert.match(message, /\/usr\/sbin\/iptables \(legacy\).*no nf_tables/);
});

test(
  "stand-in kernel: places that are unlike Linux, and limits of a container",
  { timeout },
  () => {
    const place = (change: Partial<Facts["process"]>) =>
      judged({ process: { ...WELL.process, ...change } });
    const wsl = "Linux version 5.15.167.4-microsoft-standard-WSL2 (root@f9c826d3017f)";
    assert.deepEqual(place({ kernel: wsl }), ["note wsl"]);
    const gvisor = "Linux version 4.4.0 #1 SMP Sun Jan 10 15:06:54 PST 2016";
    assert.deepEqual(place({ kernel: gvisor }), ["warning gvisor"]);
    assert.deepEqual(place({ seccomp: true }), ["note seccomp"]);
    assert.deepEqual(place({ container: "podman" }), ["note container"]);
    assert.deepEqual(place({ userNamespace: true }), ["note user-namespace"]);
    assert.deepEqual(place({ openFiles: 20 }), ["warning few-descriptors"]);
    assert.deepEqual(place({ openFiles: undefined }), []);
  },
);

test("stand-in facts: a receive buffer that is cut at net.core.rmem_max", { timeout }, () => {
  const receiveBuffer = { wanted: 4 << 20, got: 212_992, most: 212_992 };
  const change = { queueSupport: { ...WELL.queueSupport, receiveBuffer } };
  assert.deepEqual(judged(change), ["warning receive-buffer-small"]);
  const { message, advice } = one(change, "receive-buffer-small")!;
  assert.match(message, /208 KiB of the 4,096 KiB.*rmem_max is 212992.*about \d+ packets/);
  assert.match(advice ?? "", /sysctl -w net\.core\.rmem_max=4194304/);
});

test("stand-in facts: a table of queues that may not be read", { timeout }, () => {
  const queues = { queues: [], errno: 13, mounted: true };
  // Rules to queues are then not blamed.
  const rules = { nft: { chains: [chain({ actions: [toQueue(5)] })] }, legacy: { chains: [] } };
  assert.deepEqual(judged({ queues, rules }), ["warning proc-hidden"]);
});

function chain(
  { actions, hook = "forward", priority = 0, family = "inet", name = "own", conditional = true }: {
    readonly actions: readonly Action[];
    readonly hook?: NonNullable<ChainFact["base"]>["hook"];
    readonly priority?: number;
    readonly family?: string;
    readonly name?: string;
    readonly conditional?: boolean;
  },
): ChainFact {
  return {
    program: "nft",
    ...{ family, table: "filter", name },
    base: { hook, priority, policy: "accept" },
    rules: actions.map((action, index) => ({ place: `handle ${index}`, conditional, action })),
  };
}
const toQueue = (from: number, to = from): Action => ({
  ...{ kind: "queue", numbers: { from, to }, bypass: true },
});
const rulesOf = (...chains: readonly ChainFact[]): Pick<Facts, "rules"> => ({
  rules: { nft: { chains }, legacy: { chains: [] } },
});

test("stand-in rules: a flowtable, with and without a queue on its way", { timeout }, () => {
  const offload: Action = { kind: "offload", flowtable: "fast" };
  assert.deepEqual(judged(rulesOf(chain({ actions: [offload] }))), ["note flowtable"]);
  const output = chain({ actions: [toQueue(5)], hook: "output", name: "output" });
  const both = rulesOf(chain({ actions: [offload] }), output);
  assert.deepEqual(judged(both), ["warning queue-without-owner-bypass", "note flowtable"]);
  const forward = rulesOf(chain({ actions: [offload, toQueue(5)] }));
  assert.deepEqual(judged(forward), ["warning queue-without-owner-bypass", "warning flowtable"]);
  assert.match(
    one(forward, "flowtable")?.message ?? "",
    /inet filter own \(handle 0\).*flowtable fast/,
  );
});

test("stand-in rules: only what meets is compared", { timeout }, () => {
  const drop: Action = { kind: "drop" };
  const earlier = (about: Partial<Parameters<typeof chain>[0]>) =>
    judged(rulesOf(
      chain({ actions: [drop], conditional: false, priority: -1, name: "early", ...about }),
      chain({ actions: [toQueue(5)], family: "ip" }),
    )).includes("warning earlier-drop");
  assert.equal(earlier({}), true);
  assert.equal(earlier({ family: "ip" }), true);
  assert.equal(earlier({ family: "ip6" }), false);
  assert.equal(earlier({ family: "bridge" }), false);
  assert.equal(earlier({ hook: "input" }), false);
  assert.equal(earlier({ priority: 0 }), false);
  assert.equal(earlier({ conditional: true }), false);
});

test("stand-in rules: chains that lead to each other in a circle", { timeout }, () => {
  const jump = (chain: string): Action => ({ kind: "jump", chain });
  const plain = (name: string, actions: readonly Action[]): ChainFact => {
    const { base: _base, ...rest } = chain({ name, actions });
    return rest;
  };
  const change = rulesOf(
    chain({ actions: [jump("one")] }),
    plain("one", [jump("two")]),
    plain("two", [jump("one"), toQueue(5, 6)]),
  );
  assert.match(one(change, "queue-without-owner-bypass")?.message ?? "", /queue 5-6/);
});

test("stand-in rules: a queue whose number is calculated", { timeout }, () => {
  const action: Action = { kind: "queue", numbers: undefined, bypass: false };
  assert.deepEqual(judged(rulesOf(chain({ actions: [action] }))), ["note queue-number-unknown"]);
});

test("stand-in rules: rules of a bridge and of IP may queue a packet twice", { timeout }, () => {
  const settings = {
    ...WELL.settings,
    ...{ bridges: ["br0"], bridgeNetfilter: { ip: true, ip6: true } },
  };
  const chains = [
    chain({ actions: [toQueue(5)] }),
    chain({ actions: [toQueue(5)], family: "bridge", name: "bridged" }),
  ];
  const both = one({ settings, ...rulesOf(...chains) }, "bridge-netfilter");
  assert.match(both?.message ?? "", /twice/);
});

test("stand-in numbers: a socket that overran, and counters that began anew", { timeout }, () => {
  const statistics = { queue: 5, portId: 7, length: 0, copyMode: 2, copyRange: 100 };
  const first = { ...statistics, queueDropped: 0xffffffff, userDropped: 2, idSequence: 0xfffffffe };
  const later = { ...first, queueDropped: 1, userDropped: 3, idSequence: 3, length: 1 };
  const owner = { id: 7, name: "filter", state: "running", certain: true } as const;
  const fact: QueueFact = { first, later, interval: 250, owner, inherited: false };
  const change = { queues: { queues: [fact], errno: 0, mounted: true } };
  assert.deepEqual(judged(change), ["warning queue-full", "warning queue-overrun"]);
  assert.match(one(change, "queue-full")?.message ?? "", /in 250 ms 2 packets/);
  assert.match(one(change, "queue-overrun")?.message ?? "", /1 packet /);
});

test("colours only where they may be", { timeout }, () => {
  const findings = judge({ ...WELL, runtime: { name: "Bun", version: "1.0.0" } });
  const plain = findingsText(findings, { colors: false });
  const colored = findingsText(findings, { colors: true });
  assert.ok(!plain.includes("\x1b"));
  assert.ok(colored.includes("\x1b[31mruntime-old\x1b[0m"));
  // deno-lint-ignore no-control-regex -- these are what is taken out
  assert.equal(colored.replaceAll(/\x1b\[[\d;]*m/g, ""), plain);
});
