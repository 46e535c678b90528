// examples/arp_guard.ts on a bridge between hosts that claim addresses of others.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Example } from "../../scripts/demonstration/example.ts";
import { command, ping } from "../support/runtime/command.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { Bridge, type BridgeHost } from "../support/vm/bridge.ts";
import { inMachine } from "../support/vm/machine.ts";
import { NftRule } from "../support/vm/nft.ts";
import { until } from "../support/runtime/waiting.ts";

requireIsolation();

/** Whether an address answers this host, which forgets first what it knows. */
async function reaches(host: BridgeHost, address: string, wait: number): Promise<boolean> {
  host.run(["ip", "neigh", "flush", "dev", host.device]);
  return (await ping(address, { prefix: host.prefix, wait })).received === 1;
}

test("arp_guard drops claims to addresses of others", inMachine, async () => {
  using bridge = new Bridge();
  const { left, right } = bridge;
  const guarded = "10.8.0.3";
  const owner = "02:00:00:00:00:aa";
  for (const address of [guarded, "10.8.0.4"]) {
    right.run(["ip", "addr", "add", `${address}/32`, "dev", right.device]);
  }
  const queue = nextQueue();
  const lines = new Set<string>();
  const onLine = (line: string) => {
    // On a slow machine the queue says that no packet has come yet.
    if (!line.startsWith("nfqueue: ")) lines.add(line);
  };
  const words = [`${guarded}=${owner.toUpperCase()}`];
  await using example = await Example.start({ name: "arp_guard", queue, words, onLine });
  const rule = `ether type arp queue flags bypass to ${queue}`;
  using _forward = new NftRule({ family: "bridge", hook: "forward" }, rule);
  using _input = new NftRule({ family: "bridge", hook: "input" }, rule);
  // The machine that has the bridge.
  const machine = "10.8.0.200";
  command("ip", ["addr", "add", `${machine}/24`, "dev", bridge.device]);
  const expected: string[] = [];
  /** Everything that it has ever said is what was expected so far, with these lines. */
  const hasSaid = async (...more: string[]) => {
    expected.push(...more);
    const isThere = () => expected.every((line) => lines.has(line));
    await until(isThere, { what: more.join(), state: () => [...lines] });
    assert.deepEqual([...lines].sort(), expected.sort());
  };

  assert.ok(await reaches(left, right.address, 5));
  assert.ok(await reaches(left, machine, 5));
  await hasSaid(
    `learn  ${left.address} is at ${left.hardwareAddress}`,
    `learn  ${right.address} is at ${right.hardwareAddress}`,
  );

  assert.equal(await reaches(left, guarded, 1), false, "it was given to another");
  await hasSaid(`drop  ${guarded} is at ${owner}, not at ${right.hardwareAddress}`);

  // A host that asks whether an address is free claims nothing, and its owner answers: status 1.
  const probe = `busybox arping -D -c 1 -w 4 -I ${right.device} ${left.address}; echo $?`;
  assert.match(right.run(["sh", "-c", probe]), /\n1\n$/);

  const forged = "02:00:00:00:00:bb";
  left.run(["ip", "link", "set", left.device, "address", forged]);
  assert.equal(await reaches(left, "10.8.0.4", 1), false, "the left host's address was another's");
  await hasSaid(`drop  ${left.address} is at ${left.hardwareAddress}, not at ${forged}`);
  assert.equal(await reaches(left, machine, 1), false, "the machine itself is guarded too");

  assert.equal(await example.interrupt(), "SIGINT");
  assert.ok(await reaches(left, "10.8.0.4", 5), "nobody guards any more");
  assert.ok(await reaches(left, machine, 5), "nobody guards any more");
  assert.ok(await reaches(left, guarded, 5), "nobody guards any more");
});
