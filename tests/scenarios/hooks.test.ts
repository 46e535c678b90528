// Every place a packet can be stopped at: out, in, and on its way through.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { type Packet, PacketQueue, Verdict } from "../../mod.ts";
import { ping } from "../support/runtime/command.ts";
import { Filter } from "../support/queue/filter.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { Cable, Namespace } from "../support/network/namespaces.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { internetSum, withUdpText } from "../support/traffic/packets.ts";
import { queueRule, udpTo } from "../support/network/rules.ts";
import { Child } from "../support/runtime/child.ts";
import { UdpSocket } from "../support/traffic/udp.ts";

requireIsolation();

const localChains = ["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"] as const;

const echoServer = new URL("fixtures/udp_echo.ts", import.meta.url);

for (const chain of localChains) {
  for (const family of [4, 6] as const) {
    test(`${chain} on loopback, IPv${family}`, { timeout: 20_000 }, async () => {
      using receiver = await UdpSocket.open({ family });
      using sender = await UdpSocket.open({ family });
      using queue = PacketQueue.open(nextQueue());
      using _rule = queueRule(queue.number, {
        ...{ family, table: "mangle", chain },
        match: udpTo(receiver.port),
      });
      const seen: Packet["hook"][] = [];
      await using _filter = new Filter(queue, (packet) => {
        seen.push(packet.hook);
        return seen.length === 1 ? Verdict.Drop : Verdict.Accept;
      });
      await sender.sendAll(["first", "second"], receiver);
      assert.deepEqual(await receiver.take(1), ["second"]);
      assert.deepEqual(seen, [chain.toLowerCase(), chain.toLowerCase()]);
    });
  }
}

/** Two neighbours with this namespace between them, which forwards. */
class Router implements Disposable {
  readonly #stack = new DisposableStack();
  readonly left = this.#stack.use(new Namespace());
  readonly right = this.#stack.use(new Namespace());
  readonly leftCable = this.#stack.use(new Cable(this.left));
  readonly rightCable = this.#stack.use(new Cable(this.right));

  constructor() {
    for (const name of ["ipv4/ip_forward", "ipv6/conf/all/forwarding"]) {
      writeFileSync(`/proc/sys/net/${name}`, "1");
    }
    this.leftCable.routeEverything();
    this.rightCable.routeEverything();
  }

  /** An address of the right neighbour. */
  target(family: 4 | 6): string {
    return family === 4 ? this.rightCable.farAddress : this.rightCable.farAddress6;
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}

const icmp = {
  4: ["-p", "icmp"],
  6: ["-p", "ipv6-icmp", "--icmpv6-type", "echo-request"],
} as const;

for (const family of [4, 6] as const) {
  test(`FORWARD between two namespaces: ping, IPv${family}`, { timeout: 30_000 }, async () => {
    using router = new Router();
    using queue = PacketQueue.open(nextQueue());
    using rule = queueRule(queue.number, {
      ...{ family, chain: "FORWARD" },
      match: [...icmp[family], "-i", router.leftCable.device],
    });
    let verdict: Verdict = Verdict.Accept;
    const facts = new Set<string>();
    await using _filter = new Filter(queue, (packet) => {
      const { inDevice, outDevice } = packet;
      facts.add(`${packet.hook} ${inDevice?.name} ${outDevice?.name}`);
      return verdict;
    });
    const prefix = router.left.prefix;
    const accepted = await ping(router.target(family), { prefix, count: 3 });
    assert.equal(accepted.received, 3, accepted.output);
    verdict = Verdict.Drop;
    const dropped = await ping(router.target(family), { prefix, count: 3, wait: 0.3 });
    assert.equal(dropped.received, 0, dropped.output);
    assert.equal(rule.packets, 6);
    const { leftCable, rightCable } = router;
    assert.deepEqual([...facts], [`forward ${leftCable.device} ${rightCable.device}`]);
  });

  test(`FORWARD with other payloads: a UDP echo, IPv${family}`, { timeout: 30_000 }, async () => {
    using router = new Router();
    using queue = PacketQueue.open(nextQueue());
    await using server = new Child(echoServer, {
      prefix: router.right.prefix,
      parameters: ["serve", family, 7000, router.target(family)],
    });
    await server.says("ready");
    using _rule = queueRule(queue.number, { family, chain: "FORWARD", match: udpTo(7000) });
    await using _filter = new Filter(queue, (packet) => {
      packet.replacePayload(withUdpText(packet.payload, "rewritten on the way"));
      packet.accept();
    });
    await using client = new Child(echoServer, {
      prefix: router.left.prefix,
      parameters: ["ask", family, 7000, router.target(family)],
    });
    await client.says("answer: rewritten on the way");
    assert.deepEqual(await client.end(), { code: 0, signal: null });
  });
}

test("ping with its data rewritten in both directions", { timeout: 30_000 }, async () => {
  using queue = PacketQueue.open(nextQueue());
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: ["-p", "icmp"] });
  // The request's data is inverted on the way out and put right in the answer: ping compares.
  await using _filter = new Filter(queue, (packet) => {
    const bytes = new Uint8Array(packet.payload);
    for (let at = 44; at < bytes.length; at++) bytes[at] = ~(bytes[at] ?? 0);
    bytes.fill(0, 22, 24);
    const sum = ~internetSum(bytes.subarray(20)) & 0xffff;
    bytes[22] = sum >> 8;
    bytes[23] = sum & 255;
    packet.replacePayload(bytes);
    return Verdict.Accept;
  });
  const result = await ping("127.0.0.1", { count: 5 });
  assert.equal(result.received, 5, result.output);
  assert.doesNotMatch(result.output, /wrong data|BAD CHECKSUM/);
  assert.equal(queue.statistics.received, 10);
});
