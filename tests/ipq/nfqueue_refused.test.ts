// libipq over NFQUEUE: ip_queue answered each verdict that it refused, and kept the packet. So is it
// for verdicts that leave together, of which the kernel answers the first alone.

import assert from "node:assert/strict";
import { test } from "node:test";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { queueRule, udpTo } from "../support/network/rules.ts";
import { Child } from "../support/runtime/child.ts";
import { UdpSocket } from "../support/traffic/udp.ts";

requireIsolation();

const timeout = 30_000;
const count = 200;

test("the capability is lost: EPERM for each verdict, and each can be given again", {
  timeout,
}, async () => {
  const queue = nextQueue();
  using receiver = await UdpSocket.open();
  await using child = new Child(new URL("fixtures/capability.ts", import.meta.url), {
    parameters: [queue, count],
  });
  await child.says("ready");
  using _rule = queueRule(queue, { chain: "INPUT", match: udpTo(receiver.port) });
  const texts = Array.from({ length: count }, (_, index) => `${index}`);
  await receiver.sendAll(texts, receiver);
  assert.deepEqual(await child.end(timeout), { code: 0, signal: null }, child.errors);
  const { inVain, first, second, held } = JSON.parse(child.output.replace("ready\n", ""));
  assert.equal(inVain.length, count / 2);
  assert.deepEqual(first, inVain.map((id: string) => `1 ${id}`));
  assert.deepEqual([second, held], [[], 0]);
  assert.deepEqual(await receiver.take(count), texts);
});
