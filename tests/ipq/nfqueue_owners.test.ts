// libipq over NFQUEUE: a queue with another owner, no privilege, a second handle of this process.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  IPQ_COPY_META,
  IPQ_COPY_PACKET,
  ipq_create_handle,
  ipq_destroy_handle,
  ipq_errstr,
  IpqError,
  IpqHandle,
  NF_ACCEPT,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
} from "../../src/ipq/mod.ts";
import { PacketQueue } from "../../mod.ts";
import { forms, functions, Traffic } from "../support/ipq/forms.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue, ownedQueues } from "../support/queue/numbers.ts";
import { udpText } from "../support/traffic/packets.ts";
import { queueRule, udpTo } from "../support/network/rules.ts";
import { Child, type SpawnOptions } from "../support/runtime/child.ts";
import { UdpSocket } from "../support/traffic/udp.ts";
import { until } from "../support/runtime/waiting.ts";

requireIsolation();

const timeout = 20_000;
const owner = new URL("fixtures/owner.ts", import.meta.url);
const withoutPrivilege = ["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-all", "--"];

for (const form of forms) {
  test(`another process has the queue: EBUSY as a message, ${form.name}`, { timeout }, async () => {
    using traffic = await Traffic.open({ form });
    {
      await using child = new Child(owner, { parameters: [traffic.queue, "hold"] });
      await child.says("holding");
      for (let round = 0; round < 3; round++) {
        traffic.setMode(IPQ_COPY_META);
        const { errno, length, request } = traffic.answer();
        assert.deepEqual([errno, length, request[16]], [16, 76, IPQ_COPY_META]);
        assert.equal(form.setVerdict(traffic.handle, 1n, NF_ACCEPT), 40);
        assert.deepEqual(traffic.answer().errno, 16);
      }
      assert.equal(traffic.handle.errno, 0);
      traffic.quiet();
    }
    await until(() => !ownedQueues().has(traffic.queue), { what: "the queue is free" });
    traffic.setMode(IPQ_COPY_PACKET);
    await traffic.send("mine");
    traffic.decide(traffic.packet(), NF_ACCEPT);
    assert.deepEqual(await traffic.receiver.take(1), ["mine"]);
    traffic.quiet();
  });

  test(`a second handle of one protocol and queue, ${form.name}`, { timeout }, () => {
    for (const protocol of [NFPROTO_IPV4, NFPROTO_IPV6]) {
      const queue = nextQueue();
      using first = form.create(protocol, queue);
      assert.ok(first);
      for (let round = 0; round < 3; round++) {
        assert.equal(form.create(protocol, queue), null);
        assert.equal(ipq_errstr(), "Unable to bind netlink socket");
      }
      assert.deepEqual([first.errno, first.systemErrno], [0, 0], "its own error is its own");
      form.destroy(first);
      using second = form.create(protocol, queue);
      assert.ok(second);
      assert.equal(form.setMode(second, IPQ_COPY_META), 56);
      assert.equal(form.read(second, new Uint8Array(100), -1), 0, "no error message");
    }
  });
}

test("a second handle: what is thrown", { timeout }, () => {
  const options = { transport: "nfqueue", queue: nextQueue() } as const;
  using _first = IpqHandle.create(0, NFPROTO_IPV4, options);
  assert.throws(() => IpqHandle.create(0, NFPROTO_IPV4, options), (error: unknown) => {
    assert.ok(error instanceof IpqError);
    assert.deepEqual([error.name, error.code, error.errno], ["IpqError", 4, 98]);
    assert.match(error.message, /^Unable to bind netlink socket: Address already in use\b/);
    return true;
  });
});

test("other protocols", { timeout }, () => {
  for (const protocol of [0, 1, 3, 5, 7, 12, 0xffffffff]) {
    assert.equal(ipq_create_handle(0, protocol, { transport: "nfqueue" }), null);
    assert.equal(ipq_errstr(), "Invalid protocol specified");
    assert.throws(
      () => IpqHandle.create(0, protocol),
      (error) => error instanceof IpqError && error.code === 16 && error.errno === 0,
    );
  }
});

test("a PacketQueue of this process has the queue", { timeout }, () => {
  using queue = PacketQueue.open(nextQueue());
  using handle = functions.create(NFPROTO_IPV4, queue.number);
  assert.ok(handle);
  assert.equal(functions.setMode(handle, IPQ_COPY_META), 56);
  const buffer = new Uint8Array(100);
  assert.equal(functions.read(handle, buffer, 1_000_000), 76);
  assert.equal(functions.getMsgerr(buffer), 16);
  queue.close();
  assert.equal(functions.setMode(handle, IPQ_COPY_META), 56);
  assert.equal(functions.read(handle, buffer, -1), 0);
});

async function calls(options: SpawnOptions): Promise<unknown> {
  await using child = new Child(owner, options);
  const end = await child.end();
  assert.deepEqual(end, { code: 0, signal: null }, child.errors);
  return JSON.parse(child.output);
}

for (const owned of [false, true]) {
  const with_ = owned ? "with" : "without";
  test(`no CAP_NET_ADMIN: EPERM as a message, ${with_} another owner`, { timeout }, async () => {
    const queue = nextQueue();
    using handle = functions.create(NFPROTO_IPV4, queue);
    assert.ok(handle);
    if (owned) functions.setMode(handle, IPQ_COPY_META);
    const report = await calls({ prefix: withoutPrivilege, parameters: [queue] });
    assert.deepEqual(report, {
      calls: [56, 76, 1, 40, 60, 1, 56, 76, 1, 40, 60, 1],
      errno: 0,
      text: "Unknown error",
    });
  });
}

test("two queues side by side, of one protocol", { timeout }, async () => {
  using one = await Traffic.open();
  using two = await Traffic.open();
  assert.notEqual(one.queue, two.queue);
  one.setMode(IPQ_COPY_PACKET);
  two.setMode(IPQ_COPY_PACKET, 30);
  await one.send("for one");
  await two.send("for two");
  const first = one.packet();
  const second = two.packet();
  assert.deepEqual([udpText(first.payload), second.dataLength], ["for one", 30]);
  // Each counts its own packets, so the ids are the same and must not be mixed up.
  assert.equal(first.packetId, second.packetId);
  two.decide(second, NF_ACCEPT);
  assert.deepEqual(await two.receiver.take(1), ["for two"]);
  assert.deepEqual(one.receiver.pending, []);
  one.decide(first, NF_ACCEPT);
  assert.deepEqual(await one.receiver.take(1), ["for one"]);
  assert.equal(ipq_destroy_handle(one.handle), 0);
  await two.send("goes on");
  two.decide(two.packet(), NF_ACCEPT);
  assert.deepEqual(await two.receiver.take(1), ["goes on"]);
});

test("a queue's handles come and go under traffic", { timeout }, async () => {
  const queue = nextQueue();
  using receiver = await UdpSocket.open();
  using _rule = queueRule(queue, { chain: "OUTPUT", match: udpTo(receiver.port) });
  const buffer = new Uint8Array(2048);
  for (let round = 0; round < 20; round++) {
    using handle = functions.create(NFPROTO_IPV4, queue);
    assert.ok(handle);
    functions.setMode(handle, IPQ_COPY_META);
    await receiver.sendAll([`accepted ${round}`, "held", "unread"], receiver);
    assert.equal(functions.read(handle, buffer, 5_000_000), 112);
    functions.setVerdict(handle, functions.getPacket(buffer)!.packetId, NF_ACCEPT);
    assert.equal(functions.read(handle, buffer, 5_000_000), 112);
    assert.deepEqual(await receiver.take(1), [`accepted ${round}`]);
  }
  assert.deepEqual(receiver.pending, []);
});
