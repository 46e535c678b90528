// Rule sets that many threads and programs make at once, and what others do to them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { RuleSet, type RuleSetOptions } from "../../mod.ts";
import { newTable } from "../../src/rules/nft/messages.ts";
import { NetfilterSocket } from "../../src/rules/nft/netfilter_socket.ts";
import { newName } from "../../src/rules/owner.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
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
