// The hooks of TcpStreams.rules in each topology, with address translation, where packets that connection
// tracking calls INVALID are dropped and counted: it sees the numbers of one end only, so there are none.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { PacketQueue, RuleSet } from "../../mod.ts";
import { type StreamRulesOptions, TcpStreams } from "../../src/streams/mod.ts";
import { Crossroads } from "../support/network/crossroads.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import type { Namespace } from "../support/network/namespaces.ts";
import { Rule, type RuleOptions } from "../support/network/rules.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { command } from "../support/runtime/command.ts";
import { Child } from "../support/runtime/child.ts";
import { until } from "../support/runtime/waiting.ts";
import { joined, Recorded, type Transform } from "./recorded.ts";

requireIsolation();

const limit = { timeout: 120_000 } as const;
const SIZE = 2_000_000;
/** INVALID packets that a transfer may have, by the measure of the hooks. */
const FEW = 5;
const peer = new URL("fixtures/peer.ts", import.meta.url);
const roads = new Crossroads(0);
after(() => roads[Symbol.dispose]());
let port = 5400;

const longer: Transform = (data, _, call) => joined(data, new Uint8Array(10).fill(call));
const shorter: Transform = (data) => data.subarray(0, data.length - (data.length >> 3));

interface Topology {
  readonly path: NonNullable<StreamRulesOptions["path"]>;
  readonly device?: string;
  /** Where the ends are; undefined: here. */
  readonly client?: Namespace;
  readonly server?: Namespace;
  /** Where the server listens, and what the client calls it. */
  readonly listens: string;
  readonly called?: string;
  /** Address translation. */
  readonly nat?: (port: number) => RuleOptions[];
}

const { left, right, leftCable, rightCable } = roads;
/** An address that nobody has, and the way to it; and one that this host has, as routers forward ports. */
const NOBODY = "10.200.0.1";
command("ip", ["route", "add", NOBODY, "via", rightCable.farAddress]);
const OWN = leftCable.address;
const masquerade = (port: number): RuleOptions => ({
  ...{ table: "nat", chain: "POSTROUTING", jump: ["MASQUERADE"] },
  match: ["-o", rightCable.device, "-p", "tcp", "--dport", String(port)],
});
const destination = (
  chain: "PREROUTING" | "OUTPUT",
  address: string,
  port: number,
): RuleOptions => ({
  ...{ table: "nat", chain },
  match: ["-d", address, "-p", "tcp", "--dport", String(port)],
  jump: ["DNAT", "--to-destination", rightCable.farAddress],
});

const TOPOLOGIES: Record<string, Topology> = {
  "the client is here": { path: "local", server: right, listens: rightCable.farAddress },
  "the client is here, masqueraded": {
    ...{ path: "local", server: right, listens: rightCable.farAddress },
    nat: (port) => [masquerade(port)],
  },
  "the client is here, DNAT": {
    ...{ path: "local", server: right, listens: rightCable.farAddress, called: NOBODY },
    nat: (port) => [destination("OUTPUT", NOBODY, port)],
  },
  "the server is here": { path: "local", client: left, listens: leftCable.address },
  "loopback": { path: "loopback", listens: "127.0.0.1" },
};
const FORWARD: Record<string, Pick<Topology, "called" | "nat">> = {
  "": {},
  ", masqueraded": { nat: (port) => [masquerade(port)] },
  ", DNAT": { called: NOBODY, nat: (port) => [destination("PREROUTING", NOBODY, port)] },
  ", DNAT of the own address": {
    ...{ called: OWN, nat: (port) => [destination("PREROUTING", OWN, port)] },
  },
  ", masqueraded and DNAT": {
    ...{ called: OWN },
    nat: (port) => [masquerade(port), destination("PREROUTING", OWN, port)],
  },
};
for (const [side, cable] of [["client", leftCable], ["server", rightCable]] as const) {
  for (const [name, more] of Object.entries(FORWARD)) {
    TOPOLOGIES[`forwarded, rules on the ${side}'s side${name}`] = {
      ...{ path: "forward", device: cable.device, client: left, server: right },
      ...{ listens: rightCable.farAddress, ...more },
    };
  }
}

for (const [at, [name, topology]] of Object.entries(TOPOLOGIES).entries()) {
  test(name, limit, async () => {
    // Growth needs packets of our own, which are the difficult ones: in both directions by turns.
    const longerUp = at % 2 === 0;
    const serverPort = port++;
    const [up, down] = longerUp
      ? [new Recorded(longer), new Recorded(shorter)]
      : [new Recorded(shorter), new Recorded(longer)];
    const ends: string[] = [];
    using streams = new TcpStreams({
      connection: () => ({
        fromClient: up.callback,
        fromServer: down.callback,
        end: (reason) => ends.push(reason),
      }),
    });
    const { path, device, client, server, listens, called = listens, nat } = topology;
    const number = nextQueue();
    using stack = new DisposableStack();
    const invalid = ["INPUT", "FORWARD", "OUTPUT"].map((chain) =>
      stack.use(
        new Rule({
          ...{ chain, jump: ["DROP"] },
          match: [
            ...["-p", "tcp", "-m", "multiport", "--ports", String(serverPort)],
            ...["-m", "conntrack", "--ctstate", "INVALID"],
          ],
        }),
      )
    );
    const translating = (nat?.(serverPort) ?? []).map((rule) => stack.use(new Rule(rule)));
    using queue = PacketQueue.open(number, { gso: path !== "loopback", warn: false });
    using _rules = RuleSet.install(TcpStreams.rules({ serverPort, path, device, queue: number }));
    const abort = new AbortController();
    const running = queue.run(streams.handler, { signal: abort.signal });
    const words = (host: string, seed: number) => [host, serverPort, SIZE, seed];
    await using serving = new Child(peer, {
      ...{ prefix: server?.prefix ?? [], parameters: ["server", ...words(listens, 13)] },
    });
    await serving.says("ready");
    await using asking = new Child(peer, {
      ...{ prefix: client?.prefix ?? [], parameters: ["client", ...words(called, 7)] },
    });
    try {
      await Promise.all([asking.end(20_000), serving.end(20_000)]);
    } catch (error) {
      const state = JSON.stringify(streams.statistics);
      throw new Error(`${state}, INVALID ${invalid.map((rule) => rule.packets)}`, { cause: error });
    }
    assert.equal(asking.output.trim(), down.line);
    assert.equal(serving.output.replace("ready", "").trim(), up.line);
    await until(() => ends.length > 0, { what: "the connection has ended" });
    assert.deepEqual(ends, ["closed"]);
    for (const rule of translating) assert.ok(rule.packets > 0, "nothing was translated");
    const counts = invalid.map((rule) => rule.packets);
    const { unsent, limits } = streams.statistics;
    assert.ok(counts.reduce((sum, count) => sum + count) < FEW, `INVALID: ${counts}`);
    assert.deepEqual({ unsent, gap: limits.gap, hold: limits.hold }, {
      unsent: 0,
      gap: 0,
      hold: 0,
    });
    abort.abort();
    await running;
  });
}
