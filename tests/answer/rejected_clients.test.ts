// What a rejected client sees: the system's errno, before its first retransmission, from every hook.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PacketQueue, type RejectReason } from "../../mod.ts";
import { type Chain, Crossroads } from "../support/network/crossroads.ts";
import { inside } from "../support/network/inside.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { awaitAddress6 } from "../support/network/namespaces.ts";
import { command } from "../support/runtime/command.ts";
import { queueRule } from "../support/network/rules.ts";
import { Filter } from "../support/queue/filter.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { AskingSocket } from "../support/traffic/asking_socket.ts";

requireIsolation();

const PORT = 4711;
const REFUSED = "Connection refused";
const NO_ROUTE = "No route to host";
const UNREACHABLE = "Network is unreachable";

/** By reason: what a client of TCP or UDP is told over IPv4, and over IPv6. */
const SEEN: readonly (readonly [RejectReason | undefined, string, string])[] = [
  [undefined, REFUSED, REFUSED],
  ["port-unreachable", REFUSED, REFUSED],
  ["host-unreachable", NO_ROUTE, NO_ROUTE],
  ["network-unreachable", UNREACHABLE, UNREACHABLE],
  ["admin-prohibited", NO_ROUTE, "Permission denied"],
];

const chains: readonly Chain[] = ["OUTPUT", "INPUT", "FORWARD", "PREROUTING"];

for (const reversePath of [0, 1] as const) {
  for (const chain of chains) {
    test(`${chain}, rp_filter ${reversePath}`, { timeout: 60_000 }, async () => {
      using crossroads = new Crossroads(reversePath);
      for (const family of [4, 6] as const) {
        const { client, destination } = crossroads.path(chain, family);
        for (const protocol of ["tcp", "udp"] as const) {
          using queue = PacketQueue.open(nextQueue());
          using _rule = queueRule(queue.number, {
            ...{ family, chain, table: chain === "PREROUTING" ? "mangle" : "filter" },
            match: ["-p", protocol, "--dport", String(PORT)],
          });
          let reason: RejectReason | undefined;
          let seen = 0;
          await using _filter = new Filter(queue, (packet) => {
            seen++;
            packet.reject({ reason });
            assert.equal(packet.unanswered, undefined);
          });
          for (const [told, over4, over6] of SEEN) {
            reason = told;
            seen = 0;
            const asked = { family, protocol, address: destination, port: PORT };
            const open = () => new AskingSocket(asked);
            using socket = client === undefined ? open() : inside(client, open);
            socket.ask();
            const what = `${chain} ${protocol} IPv${family} ${told}`;
            assert.equal(await socket.refusal(), family === 4 ? over4 : over6, what);
            assert.equal(seen, 1, what);
          }
          assert.equal(queue.statistics.answered, SEEN.length);
        }
      }
    });
  }
}

test("link-local addresses, INPUT", { timeout: 30_000 }, async () => {
  using crossroads = new Crossroads(0);
  const { left, leftCable } = crossroads;
  const words = (...own: string[]) => command("ip", own);
  const index = Number(
    words("-n", left.name, "-o", "link", "show", leftCable.farDevice).split(":")[0],
  );
  words("addr", "add", "fe80::1:1/64", "dev", leftCable.device, "nodad");
  words("-n", left.name, "addr", "add", "fe80::1:2/64", "dev", leftCable.farDevice, "nodad");
  awaitAddress6("fe80::1:1");
  awaitAddress6("fe80::1:2", ["-n", left.name]);
  using queue = PacketQueue.open(nextQueue());
  const match = ["-d", "fe80::1:1", "!", "-p", "ipv6-icmp"];
  using _rule = queueRule(queue.number, { family: 6, chain: "INPUT", match });
  await using _filter = new Filter(queue, (packet) => packet.reject());
  for (const protocol of ["tcp", "udp"] as const) {
    const asked = { family: 6, protocol, address: "fe80::1:1", port: PORT, device: index } as const;
    using socket = inside(left, () => new AskingSocket(asked));
    socket.ask();
    assert.equal(await socket.refusal(), REFUSED);
  }
  assert.equal(queue.statistics.answered, 2);
});
