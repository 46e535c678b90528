// Rule sets that many threads and programs make at once, and what others do to them.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { RuleSet, type RuleSetOptions } from "../../mod.ts";
import { newTable } from "../../src/rules/nft/messages.ts";
import { NetfilterSocket } from "../../src/rules/nft/netfilter_socket.ts";
import { newName } from "../../src/rules/owner.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { Child } from "../support/runtime/child.ts";
import { command } from "../support/runtime/command.ts";
import { within } from "../support/runtime/waiting.ts";

requireIsolation();

const LIMIT = { timeout: 60_000 } as const;
const WORKER = new URL("./fixtures/rules_worker.ts", import.meta.url);

/** All rules of this namespace. */
const listed = (): string => command("nft", ["list", "ruleset"]);

/** Names as a process makes them that runs no more. */
function goneName(): string {
  const [, id, start, ...more] = newName().split("_");
  return ["nfq", id, (parseInt(start!, 36) - 1).toString(36), ...more].join("_");
}

const LEFTOVERS = new URL("./fixtures/leftovers.ts", import.meta.url);
const TOO_LARGE = new URL("./fixtures/too_large.ts", import.meta.url);
const SLOW_IPTABLES = new URL("./fixtures/slow_iptables.ts", import.meta.url);

/** Removes what `leaveChains` left. */
function removeTables(): void {
  for (const line of command("nft", ["list", "tables"]).split("\n")) {
    if (line.includes(" nfq_")) command("nft", ["delete", ...line.split(" ")]);
  }
}

/** A worker, one message at a time. */
class RulesWorker implements Disposable {
  readonly #worker = new Worker(WORKER, { type: "module" });

  async tell(message: object): Promise<void> {
    const answer = new Promise<unknown>((resolve) => {
      this.#worker.onmessage = ({ data }) => resolve(data);
    });
    this.#worker.postMessage(message);
    assert.equal(await within(answer, { what: "the worker answers" }), "done");
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}

const kinds: readonly RuleSetOptions[] = [
  ...[{ backend: "nft" }, { backend: "nft", leaveChains: true }, { backend: "iptables" }] as const,
];
for (const options of kinds) {
  const what = `${options.backend}${options.leaveChains ? ", leaveChains" : ""}`;
  test(`two workers and the main thread have rules of their own: ${what}`, LIMIT, async () => {
    const ports = [nextQueue() + 1000, nextQueue() + 1000, nextQueue() + 1000] as const;
    const rules = (port: number) =>
      ({ hook: "output", protocol: "udp", destinationPort: port, queue: port }) as const;
    const there = () => ports.filter((port) => listed().includes(`dport ${port}`));
    using one = new RulesWorker();
    using two = new RulesWorker();
    using own = RuleSet.install(rules(ports[0]), options);
    await one.tell({ rules: rules(ports[1]), options });
    await two.tell({ rules: rules(ports[2]), options });
    assert.deepEqual(there(), [...ports]);
    await one.tell({});
    assert.deepEqual(there(), [ports[0], ports[2]]);
    own.remove();
    assert.deepEqual(there(), [ports[2]]);
    await two.tell({});
    assert.deepEqual(there(), []);
    removeTables();
  });
}

test("what a child of a dead program still holds stops no other program", LIMIT, () => {
  const name = goneName();
  using socket = new NetfilterSocket();
  socket.commit([newTable({ family: "inet", table: name }, { owned: true })]);
  assert.match(listed(), new RegExp(name));
  assert.deepEqual(RuleSet.leftovers(), []);
  assert.deepEqual(RuleSet.clean(), []);
  using rules = RuleSet.install({ hook: "output", queue: nextQueue() }, { backend: "nft" });
  assert.ok(rules.installed);
});

test("what cannot be cleaned of a dead program stops no other program", LIMIT, () => {
  const chain = `${goneName()}_0`;
  command("iptables", ["-N", chain]);
  // Somebody else's jump: a chain that is used cannot be deleted.
  const jump = ["INPUT", "-p", "tcp", "--dport", "1", "-j", chain];
  command("iptables", ["-A", ...jump]);
  try {
    using rules = RuleSet.install({ hook: "output", queue: nextQueue() }, { backend: "iptables" });
    assert.ok(rules.installed);
    assert.throws(() => RuleSet.clean(), /iptables-restore: /);
  } finally {
    command("iptables", ["-D", ...jump]);
    assert.deepEqual(RuleSet.clean().map(({ place }) => place), ["iptables filter"]);
  }
});

test("rules of IPv4 need no ip6tables", LIMIT, async () => {
  const folder = mkdtempSync(join(tmpdir(), "nfqueue-"));
  try {
    for (const program of ["iptables-save", "iptables-restore", "sh"]) {
      symlinkSync(command("sh", ["-c", `command -v ${program}`]).trim(), join(folder, program));
    }
    const environment = { PATH: folder };
    await using child = new Child(SLOW_IPTABLES, { parameters: ["remove", "ipv4"], environment });
    assert.deepEqual(await child.end(20_000), { code: 0, signal: null }, child.errors);
    await using both = new Child(SLOW_IPTABLES, { parameters: ["remove"], environment });
    assert.equal((await both.end(20_000)).code, 1);
    assert.match(both.errors, /ip6tables-restore is in no folder of PATH.* family: "ipv4"/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("who may not look is told so, and not that nothing was left behind", LIMIT, async () => {
  // Another user namespace owns this network namespace.
  await using child = new Child(LEFTOVERS, { prefix: ["unshare", "--user", "--map-current-user"] });
  assert.deepEqual(await child.end(20_000), { code: 0, signal: null }, child.errors);
  assert.match(child.output, /^(RulesError: nobody can tell here .*CAP_NET_ADMIN.*\n){2}$/);
});

test("what an ordinary user may not send at once is told as that", LIMIT, async () => {
  await using child = new Child(TOO_LARGE, {
    prefix: ["unshare", "--user", "--map-root-user", "--net"],
  });
  assert.deepEqual(await child.end(40_000), { code: 0, signal: null }, child.errors);
  assert.match(
    child.output,
    /^SystemError: nft: EMSGSIZE .*wmem_max.*\nSystemError: iptables-restore: EMSGSIZE .*wmem_max.*\n$/,
  );
});
