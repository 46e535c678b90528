// Recipes on real packets that this host forwards between two others.

import assert from "node:assert/strict";
import { test } from "node:test";
import { availableParallelism } from "node:os";
import { PacketQueue, queueStatistics, RuleSet, Verdict } from "../../mod.ts";
import { buildPacket, parseLayers } from "../../src/packet/mod.ts";
import { Lines, recipeFile } from "../support/filter/recipes.ts";
import { RunningRecipe } from "../support/filter/running_recipe.ts";
import { Crossroads } from "../support/network/crossroads.ts";
import { inside } from "../support/network/inside.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { Filter } from "../support/queue/filter.ts";
import { ownedQueues } from "../support/queue/numbers.ts";
import { Child } from "../support/runtime/child.ts";
import { until } from "../support/runtime/waiting.ts";
import { Capture, RawSender } from "../support/traffic/raw.ts";

requireIsolation();

const limit = { timeout: 30_000 };

/** A client on the left, and what comes to the right. */
class Forwarding implements Disposable {
  readonly #stack = new DisposableStack();
  readonly #roads = this.#stack.use(new Crossroads(0));
  readonly #family: 4 | 6;
  readonly #sender: RawSender;
  readonly #capture: Capture;

  constructor(family: 4 | 6 = 4) {
    const { left, right, rightCable } = this.#roads;
    this.#family = family;
    this.#sender = this.#stack.use(inside(left, () => new RawSender(family)));
    this.#capture = this.#stack.use(
      inside(right, () => new Capture(family, rightCable.farDevice)),
    );
  }

  /** Sends the first packet of a connection, with IPv6's extension headers. */
  send(
    destinationPort: number,
    { host, extensions = [] }: {
      /** The last part of the sender's IPv4 address. */
      readonly host?: number;
      readonly extensions?: readonly { readonly protocol: number; readonly data: Uint8Array }[];
    } = {},
  ): void {
    const { source: own, destination } = this.#roads.path("FORWARD", this.#family);
    const source = host === undefined ? own : own.replace(/\d+$/, `${host}`);
    const ends = { source, destination };
    this.#sender.send(buildPacket({
      ...(this.#family === 4 ? { ipv4: ends } : { ipv6: { ...ends, extensions } }),
      tcp: { sourcePort: 4000, destinationPort, syn: true },
    }));
  }

  /** Destination ports of what has come to the right, sorted. */
  get ports(): number[] {
    return this.#capture.packets.map((bytes) => parseLayers(bytes).tcp?.destinationPort ?? 0)
      .filter((port) => port !== 0).sort((one, other) => one - other);
  }

  /** Waits for a packet to a port. */
  async arrives(port: number): Promise<void> {
    await until(() => this.ports.includes(port), {
      what: `a packet to port ${port} comes to the right`,
      state: () => this.ports,
    });
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}

test("pass_on: another program decides behind it", limit, async () => {
  using forwarding = new Forwarding();
  await using recipe = await RunningRecipe.start("spread/pass_on");
  forwarding.send(23);
  forwarding.send(80);
  await forwarding.arrives(80); // nobody listens behind it
  {
    using queue = PacketQueue.open(0);
    const seen: number[] = [];
    await using _other = new Filter(queue, ({ tcp }) => {
      const port = tcp?.destinationPort ?? 0;
      if (port !== 4000) seen.push(port); // not the answers of the right
      return port === 81 ? Verdict.Drop : Verdict.Accept;
    });
    forwarding.send(23);
    forwarding.send(81);
    forwarding.send(82);
    await forwarding.arrives(82);
    assert.deepEqual(seen, [81, 82]);
  }
  assert.deepEqual(forwarding.ports, [80, 82]);
  assert.equal(recipe.statistics.dropped, 2);
});

test("ipv6_headers", limit, async () => {
  using lines = new Lines();
  using forwarding = new Forwarding(6);
  await using recipe = await RunningRecipe.start("decide/ipv6_headers");
  const options = (protocol: number) => ({ protocol, data: Uint8Array.of(1, 4, 0, 0, 0, 0) });
  const atomic = { protocol: 44, data: Uint8Array.of(0, 0, 1, 2, 3, 4) };
  const sourceRoute = { protocol: 43, data: Uint8Array.of(0, 0, 0, 0, 0, 0) };
  forwarding.send(80, { extensions: [atomic] });
  forwarding.send(81, { extensions: [sourceRoute] });
  forwarding.send(82, { extensions: [options(60)] });
  forwarding.send(83);
  await forwarding.arrives(82);
  await forwarding.arrives(83);
  assert.deepEqual(forwarding.ports, [82, 83]);
  assert.equal(recipe.statistics.dropped, 2);
  assert.equal(lines.all.length, 2);
});

/** How many packets each queue has got. */
function totals(numbers: readonly number[]): number[] {
  const queues = queueStatistics();
  return numbers.map((number) => queues.find(({ queue }) => queue === number)?.idSequence ?? 0);
}

test("all_cores: a thread for each, until Ctrl-C", limit, async () => {
  using forwarding = new Forwarding();
  const numbers = Array.from({ length: availableParallelism() }, (_, at) => 40 + at);
  await using program = new Child(recipeFile("spread/all_cores"), {
    permissions: ["--allow-ffi", "--allow-read"],
  });
  await until(() => numbers.every((number) => ownedQueues().has(number)), {
    what: "each thread has its queue",
    state: () => program.errors,
  });
  // Packets pass where no rule stands yet.
  await until(() => {
    forwarding.send(9);
    return totals(numbers).some((total) => total > 0);
  }, { what: "the rules stand", state: () => program.errors });
  const before = totals(numbers);
  for (let host = 10; host < 60; host++) {
    forwarding.send(25, { host });
    forwarding.send(80, { host });
  }
  await until(() => forwarding.ports.filter((port) => port === 80).length === 50, {
    what: "all that may pass comes",
  });
  assert.ok(!forwarding.ports.includes(25));
  const grown = totals(numbers).map((total, at) => total - before[at]!);
  assert.ok(grown.reduce((sum, count) => sum + count, 0) >= 100, `${grown}`);
  assert.ok(grown.every((count) => count > 0), `each thread has some: ${grown}`);
  program.kill("SIGINT");
  assert.deepEqual(await program.end(), { code: null, signal: "SIGINT" }, program.errors);
  assert.ok(numbers.every((number) => !ownedQueues().has(number)));
  assert.deepEqual(RuleSet.leftovers(), []);
});
