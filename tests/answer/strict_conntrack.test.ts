// A firewall that drops what conntrack calls INVALID: the answer to a connection's first packet is that,
// unless it is not tracked.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PacketQueue, PacketSender, SystemError } from "../../mod.ts";
import { Crossroads } from "../support/network/crossroads.ts";
import { inside } from "../support/network/inside.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { queueRule, Rule, tcpTo } from "../support/network/rules.ts";
import { Filter } from "../support/queue/filter.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { AskingSocket } from "../support/traffic/asking_socket.ts";
import { until } from "../support/runtime/waiting.ts";

requireIsolation();

const PORT = 4714;

for (const family of [4, 6] as const) {
  test(`FORWARD, IPv${family}`, { timeout: 30_000 }, async () => {
    using crossroads = new Crossroads(1);
    const { client, destination } = crossroads.path("FORWARD", family);
    using queue = PacketQueue.open(nextQueue());
    using _rule = queueRule(queue.number, { family, chain: "FORWARD", match: tcpTo(PORT) });
    using _strict = new Rule({
      ...{ family, chain: "OUTPUT", jump: ["DROP"] },
      match: ["-m", "conntrack", "--ctstate", "INVALID"],
    });
    const errors: unknown[] = [];
    await using _filter = new Filter(queue, (packet) => {
      try {
        packet.reject();
      } catch (error) {
        errors.push(error);
        packet.drop();
      }
    });
    const open = () =>
      new AskingSocket({ family, protocol: "tcp", address: destination, port: PORT });
    using first = inside(client!, open);
    first.ask();
    await until(() => errors.length > 0, { what: "an error of the send" });
    assert.ok(errors[0] instanceof SystemError && errors[0].code === "EPERM", String(errors[0]));
    using _untracked = new Rule({
      ...{ family, table: "raw", chain: "OUTPUT", jump: ["CT", "--notrack"] },
      match: ["-m", "mark", "--mark", String(PacketSender.defaultMark)],
    });
    using second = inside(client!, open);
    second.ask();
    assert.equal(await second.refusal(), "Connection refused");
  });
}
