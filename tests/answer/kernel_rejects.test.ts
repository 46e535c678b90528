// Where a RuleSet of this program owns the rules, the kernel's own REJECT answers; what goes by a raw socket
// is not tracked. Both pass a firewall that drops what conntrack calls INVALID.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Packet, PacketQueue, type RejectReason, RuleSet, Verdict } from "../../mod.ts";
import type { RuleHook } from "../../mod.ts";
import { type Chain, Crossroads } from "../support/network/crossroads.ts";
import { inside } from "../support/network/inside.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { Rule, udpTo } from "../support/network/rules.ts";
import { Filter } from "../support/queue/filter.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { AskingSocket } from "../support/traffic/asking_socket.ts";
import { until } from "../support/runtime/waiting.ts";
import { UdpSocket } from "../support/traffic/udp.ts";

requireIsolation();

const PORT = 4716;
const REASONS: readonly (readonly [RejectReason | undefined, string, string])[] = [
  [undefined, "Connection refused", "Connection refused"],
  ["port-unreachable", "Connection refused", "Connection refused"],
  ["host-unreachable", "No route to host", "No route to host"],
  ["network-unreachable", "Network is unreachable", "Network is unreachable"],
  ["admin-prohibited", "No route to host", "Permission denied"],
];
const HOOKS = [
  ["OUTPUT", "output"],
  ["INPUT", "input"],
  ["FORWARD", "forward"],
  ["PREROUTING", "prerouting"],
] as const satisfies readonly (readonly [Chain, RuleHook])[];

function strict(family: 4 | 6): Rule {
  const match = ["-m", "conntrack", "--ctstate", "INVALID"];
  return new Rule({ family, chain: "OUTPUT", match, jump: ["DROP"] });
}

for (const backend of ["nft", "iptables"] as const) {
  for (const [chain, hook] of HOOKS) {
    const byKernel = hook !== "prerouting";
    // iptables cannot install what leaves answers untracked.
    if (backend === "iptables" && !byKernel) continue;
    test(`${backend}, ${hook}`, { timeout: 60_000 }, async () => {
      using crossroads = new Crossroads(1);
      using queue = PacketQueue.open(nextQueue());
      using rules = RuleSet.install(
        { hook, protocol: ["tcp", "udp"], destinationPort: PORT, queue: queue.number },
        { backend },
      );
      let reason: RejectReason | undefined;
      const seen: (number | undefined)[] = [];
      await using _filter = new Filter(queue, (packet) => {
        packet.reject({ reason });
        assert.equal(packet.unanswered, undefined);
        seen.push(packet.verdict);
      });
      for (const family of [4, 6] as const) {
        using _strict = strict(family);
        const { client, destination } = crossroads.path(chain, family);
        for (const protocol of ["tcp", "udp"] as const) {
          for (const [told, over4, over6] of REASONS) {
            reason = told;
            seen.length = 0;
            const open = () =>
              new AskingSocket({ family, protocol, address: destination, port: PORT });
            using socket = client === undefined ? open() : inside(client, open);
            socket.ask();
            const what = `${protocol} IPv${family} ${told}`;
            assert.equal(await socket.refusal(), family === 4 ? over4 : over6, what);
            assert.deepEqual(seen, [byKernel ? Verdict.Repeat : Verdict.Drop], what);
          }
        }
      }
      const { answered, otherVerdicts, dropped } = queue.statistics;
      assert.equal(answered, 4 * REASONS.length);
      assert.deepEqual([otherVerdicts, dropped], byKernel ? [answered, 0] : [0, answered]);
      assert.equal(rules.counters()[0]!.packets, answered);
    });
  }
}

async function oneDatagram(to: UdpSocket, seen: readonly unknown[], count: number): Promise<void> {
  using sender = await UdpSocket.open();
  await sender.send("hello", to);
  await until(() => seen.length === count, { what: "the packet" });
}

test("an edited packet, other reasons to leave one unanswered, and the limit", {
  timeout: 30_000,
}, async () => {
  using receiver = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue(), { answersPerSecond: 2 });
  using _rules = RuleSet.install({
    ...{ hook: "output", protocol: "udp", destinationPort: receiver.port, queue: queue.number },
  });
  const seen: (number | string | undefined)[] = [];
  const acts: ((packet: Packet) => void)[] = [
    (packet) => packet.reject(),
    // The sender is told of the packet as it is now: only we know that one.
    (packet) => {
      packet.udp!.payload = new Uint8Array(3);
      packet.reject();
    },
    (packet) => packet.reject(),
  ];
  await using _filter = new Filter(queue, (packet) => {
    acts[seen.length]!(packet);
    seen.push(packet.unanswered ?? packet.verdict);
  });
  for (let count = 1; count <= acts.length; count++) await oneDatagram(receiver, seen, count);
  assert.deepEqual(seen, [Verdict.Repeat, Verdict.Drop, "limit"]);
});

test("rules that are replaced or gone, and a rule typed by hand", { timeout: 30_000 }, async () => {
  using receiver = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue());
  const rule = { protocol: "udp", destinationPort: receiver.port, queue: queue.number } as const;
  using rules = RuleSet.install({ ...rule, hook: "output" });
  const seen: (number | undefined)[] = [];
  await using _filter = new Filter(queue, (packet) => {
    packet.reject();
    seen.push(packet.verdict);
  });
  await oneDatagram(receiver, seen, 1);
  rules.replace({ ...rule, hook: "prerouting" });
  await oneDatagram(receiver, seen, 2);
  rules.replace({ ...rule, hook: "input" });
  await oneDatagram(receiver, seen, 3);
  rules.remove();
  using _typed = new Rule({
    ...{ chain: "OUTPUT", match: udpTo(receiver.port) },
    jump: ["NFQUEUE", "--queue-num", String(queue.number)],
  });
  await oneDatagram(receiver, seen, 4);
  const { Repeat, Drop } = Verdict;
  assert.deepEqual(seen, [Repeat, Drop, Repeat, Drop]);
});
