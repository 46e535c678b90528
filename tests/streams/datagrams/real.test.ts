// Datagrams of 8,000 bytes over cables that take 1,400: accepted, dropped, and changed in every length; to this
// host and through it, with and without connection tracking.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Packet, PacketQueue, RuleSet, Verdict } from "../../../mod.ts";
import { Datagrams, type DatagramsOptions } from "../../../src/streams/mod.ts";
import { Crossroads } from "../../support/network/crossroads.ts";
import { requireIsolation } from "../../support/network/isolation.ts";
import type { Cable, Namespace } from "../../support/network/namespaces.ts";
import { Rule } from "../../support/network/rules.ts";
import { Filter } from "../../support/queue/filter.ts";
import { nextQueue } from "../../support/queue/numbers.ts";
import { command } from "../../support/runtime/command.ts";
import { PythonProcess } from "../../support/runtime/python.ts";
import { until } from "../../support/runtime/waiting.ts";

requireIsolation();

const timeout = 120_000;
const SIZE = 8000;
const MTU = 1400;

function narrow(namespace: Namespace, cable: Cable): void {
  command("ip", ["link", "set", cable.device, "mtu", String(MTU)]);
  command("ip", ["-n", namespace.name, "link", "set", cable.farDevice, "mtu", String(MTU)]);
}

/** A sender on the left; a receiver on the right, or here. */
class Path implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly roads = this.#stack.use(new Crossroads(0));
  readonly sender: PythonProcess;
  readonly receiver: PythonProcess;

  constructor(where: "here" | "through") {
    const { left, right, leftCable, rightCable } = this.roads;
    narrow(left, leftCable);
    narrow(right, rightCable);
    this.sender = this.#stack.use(new PythonProcess(left));
    this.receiver = this.#stack.use(new PythonProcess(where === "here" ? {} : right));
  }

  async open(family: 4 | 6, where: "here" | "through"): Promise<{ address: string; port: number }> {
    const { leftCable, rightCable } = this.roads;
    const address = where === "here"
      ? family === 4 ? leftCable.address : leftCable.address6
      : family === 4
      ? rightCable.farAddress
      : rightCable.farAddress6;
    const name = family === 4 ? "AF_INET" : "AF_INET6";
    const port = await this.receiver.run<number>(
      `s = socket.socket(socket.${name}, socket.SOCK_DGRAM); s.bind(('${address}', 0)); s.settimeout(5)
say(s.getsockname()[1])`,
    );
    await this.sender.run(`s = socket.socket(socket.${name}, socket.SOCK_DGRAM)`);
    return { address, port };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** What is sent: data whose bytes are all `letter`. */
const send = (letter: string, { address, port }: { address: string; port: number }) =>
  `s.sendto(b'${letter}' * ${SIZE}, ('${address}', ${port}))`;
/** What is received: its length, and which bytes are in it. */
const receive = "d = s.recv(65535); say([len(d), ''.join(sorted(set(d.decode())))])";

const changed = (letter: string, length: number) =>
  new Uint8Array(length).fill(letter.charCodeAt(0));

for (const where of ["here", "through"] as const) {
  for (const family of [4, 6] as const) {
    for (const tracked of [false, true]) {
      const title = `${where}, IPv${family}, ${tracked ? "tracked" : "not tracked"}`;
      test(title, { timeout }, async () => {
        await using path = new Path(where);
        const to = await path.open(family, where);
        using _tracking = tracked
          ? new Rule({
            ...{ family, chain: where === "here" ? "INPUT" : "FORWARD" },
            match: ["-m", "conntrack", "--ctstate", "INVALID"],
            jump: ["DROP"],
          })
          : undefined;
        const seen: number[][] = [];
        const datagram: DatagramsOptions<Packet>["datagram"] = (whole) => {
          const { udp, bytes, fragments } = whole;
          if (udp === undefined || udp.destinationPort !== to.port) return Verdict.Accept;
          seen.push([bytes.length, fragments]);
          switch (String.fromCharCode(udp.payload[0]!)) {
            case "d":
              return Verdict.Drop;
            case "s": // as long
              udp.payload = changed("S", SIZE);
              return Verdict.Accept;
            case "l": // longer: more fragments than came
              udp.payload = changed("L", SIZE + 5000);
              return Verdict.Accept;
            case "h": // half: fewer
              udp.payload = changed("H", SIZE / 2);
              return Verdict.Accept;
            case "o": // one packet
              udp.payload = changed("O", 10);
              return Verdict.Accept;
            case "w": // another whole packet
              udp.payload = changed("W", SIZE - 3);
              return whole.bytes.slice();
          }
          return Verdict.Accept;
        };
        using datagrams = new Datagrams({ datagram });
        using queue = PacketQueue.open(nextQueue());
        await using _filter = new Filter(queue, datagrams.handler);
        using _rules = RuleSet.install({
          ...{ hook: "prerouting", priority: -450, inDevice: path.roads.leftCable.device },
          queue: queue.number,
        });
        const expected = [
          ["a", SIZE],
          ["s", SIZE],
          ["l", SIZE + 5000],
          ["h", SIZE / 2],
          ["o", 10],
          ["w", SIZE - 3],
        ] as const;
        for (const [letter, length] of expected) {
          await path.sender.run(send("d", to));
          await path.sender.run(send(letter, to));
          const shown = letter === "a" ? letter : letter.toUpperCase();
          assert.deepEqual(await path.receiver.run(receive), [length, shown], letter);
        }
        // What was dropped did not come.
        assert.equal(
          await path.receiver.run(
            `s.setblocking(False)
try: say(len(s.recv(65535)))
except BlockingIOError: say(None)`,
          ),
          null,
        );
        assert.equal(seen.length, 2 * expected.length);
        for (const one of seen) assert.deepEqual(one, [SIZE + (family === 4 ? 28 : 48), 6]);
        const { assembled, waitingFragments, incomplete } = datagrams.statistics;
        assert.deepEqual([assembled, waitingFragments], [12, 0]);
        assert.deepEqual(Object.values(incomplete).filter((count) => count > 0), []);
      });
    }
  }
}

test("a fragment is missing: the others go after the time", { timeout }, async () => {
  await using path = new Path("here");
  const to = await path.open(4, "here");
  using queue = PacketQueue.open(nextQueue());
  const reasons: string[] = [];
  using datagrams = new Datagrams<Packet>({
    datagram: () => Verdict.Accept,
    limits: { milliseconds: 300 },
    onIncomplete: ({ reason, then, fragments }) => reasons.push(`${reason} ${then} ${fragments}`),
  });
  await using _filter = new Filter(
    queue,
    (packet) => packet.ipv4?.fragmentOffset === 2752 ? Verdict.Drop : datagrams.handler(packet),
  );
  using _rules = RuleSet.install({
    ...{ hook: "prerouting", priority: -450, inDevice: path.roads.leftCable.device },
    queue: queue.number,
  });
  await path.sender.run(send("a", to));
  await until(() => reasons.length > 0, { what: "it is given up" });
  assert.deepEqual(reasons, ["time drop 5"]);
  await until(() => queue.statistics.dropped === 6, { what: "all six are dropped" });
  assert.equal(datagrams.statistics.assembled, 0);
});

test("the queue closes while fragments wait: nothing is left behind", { timeout }, async () => {
  await using path = new Path("here");
  const to = await path.open(4, "here");
  using queue = PacketQueue.open(nextQueue());
  using datagrams = new Datagrams<Packet>({ datagram: () => Verdict.Accept });
  const filter = new Filter(
    queue,
    (packet) => packet.ipv4?.moreFragments === false ? Verdict.Drop : datagrams.handler(packet),
  );
  using _rules = RuleSet.install({
    ...{ hook: "prerouting", priority: -450, inDevice: path.roads.leftCable.device },
    queue: queue.number,
  });
  await path.sender.run(send("a", to));
  await until(() => datagrams.statistics.waitingFragments === 5, { what: "five fragments wait" });
  await filter.stop();
  queue.close();
  await until(() => datagrams.statistics.waitingFragments === 0, { what: "they are forgotten" });
});
