// Mistakes a program can make with packets and queues: each is an error, none is a crash.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Packet,
  PacketQueue,
  PacketReleasedError,
  QueueClosedError,
  Verdict,
  VerdictError,
  type VerdictOptions,
} from "../../mod.ts";
import { Filter } from "../support/queue/filter.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue, ownedQueues } from "../support/queue/numbers.ts";
import { queueRule, udpTo } from "../support/network/rules.ts";
import { Scene } from "../support/queue/scene.ts";
import { UdpSocket } from "../support/traffic/udp.ts";

requireIsolation();

const verdicts: Readonly<Record<string, (packet: Packet) => void>> = {
  accept: (packet) => packet.accept(),
  drop: (packet) => packet.drop(),
  repeat: (packet) => packet.repeat({ mark: 1 }),
  requeue: (packet) => packet.requeue(1, { bypass: true }),
  stop: (packet) => packet.stop(),
  hold: (packet) => packet.hold(),
  replacePayload: (packet) => packet.replacePayload(new Uint8Array(40)),
};

test("a second verdict throws and changes nothing", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp();
  const { queue, receiver, sender } = scene;
  scene.run((packet) => {
    const { id } = packet;
    packet.accept();
    assert.equal(packet.verdict, Verdict.Accept);
    for (const [name, act] of Object.entries(verdicts)) {
      assert.throws(() => act(packet), (error: unknown) => {
        assert.ok(error instanceof VerdictError, name);
        assert.equal(error.packetId, id);
        assert.match(error.message, new RegExp(`${id}.*Accept`));
        return true;
      });
    }
    assert.equal(packet.verdict, Verdict.Accept);
  });
  await sender.sendAll(["one", "two"], receiver);
  assert.deepEqual(await receiver.take(2), ["one", "two"]);
  assert.equal(queue.statistics.accepted, 2);
});

test("a verdict returned after one was given rejects the run", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp();
  const { queue, receiver, sender } = scene;
  await using filter = new Filter(queue, (packet) => {
    packet.accept();
    return Verdict.Drop;
  });
  await sender.send("accepted", receiver);
  await assert.rejects(filter.done, {
    name: "VerdictError",
    message: /already has its verdict Accept: return one or call a method, not both$/,
  });
  assert.deepEqual(await receiver.take(1), ["accepted"]);
});

/** Marks that run the program's own code while they are read. */
const trickyMarks: Readonly<Record<string, (act: () => void) => VerdictOptions>> = {
  "a mark": (act) => ({
    get mark(): number {
      act();
      return 1;
    },
  }),
  "a mark's mask": (act) => ({
    mark: {
      value: 1,
      get mask(): number {
        act();
        return 1;
      },
    },
  }),
};

for (const [what, options] of Object.entries(trickyMarks)) {
  test(`${what} that decides the packet while it is read: one verdict`, {
    timeout: 20_000,
  }, async () => {
    await using scene = await Scene.udp();
    const { queue, receiver, sender } = scene;
    const texts = ["accepted", "requeued", "goes on"];
    await sender.sendAll(texts, receiver);
    let rest = 3;
    queue.runSync((packet) => {
      const drop = options(() => packet.drop());
      // Its mark, too, is one of the things that nobody may ask for after the verdict.
      const expected = (error: unknown): boolean =>
        error instanceof VerdictError || error instanceof PacketReleasedError;
      if (--rest === 2) assert.throws(() => packet.accept(drop), expected);
      else if (rest === 1) assert.throws(() => packet.requeue(queue.number, drop), expected);
      else return Verdict.Accept;
      assert.equal(packet.verdict, Verdict.Drop);
    }, { maxPackets: 3 });
    assert.deepEqual(await receiver.take(1), ["goes on"]);
    queue.runSync(() => {}, { timeout: 0 });
    const { accepted, dropped, otherVerdicts, verdictErrors, outstanding } = queue.statistics;
    const counts = [accepted, dropped, otherVerdicts, verdictErrors, outstanding];
    assert.deepEqual(counts, [1, 2, 0, 0, 0]);
  });
}

test("a mark that closes the queue while it is read", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp({ queue: { onError: Verdict.Accept } });
  const { queue, receiver, sender } = scene;
  await sender.send("closed", receiver);
  const result = queue.runSync((packet) => {
    const close = trickyMarks["a mark"]?.(() => queue.close());
    assert.throws(() => packet.accept(close), VerdictError);
  });
  assert.deepEqual(result, { packets: 1, reason: "closed" });
  assert.deepEqual(await receiver.take(1), ["closed"]);
  assert.equal(queue.statistics.accepted, 1);
});

/** Everything a packet can be asked for its message. */
const reads: Readonly<Record<string, (packet: Packet) => unknown>> = {
  queue: (packet) => packet.queue,
  hook: (packet) => packet.hook,
  family: (packet) => packet.family,
  etherType: (packet) => packet.etherType,
  mark: (packet) => packet.mark,
  priority: (packet) => packet.priority,
  uid: (packet) => packet.uid,
  gid: (packet) => packet.gid,
  securityContext: (packet) => packet.securityContext,
  cgroupClassId: (packet) => packet.cgroupClassId,
  inDevice: (packet) => packet.inDevice,
  outDevice: (packet) => packet.outDevice,
  physicalInDevice: (packet) => packet.physicalInDevice,
  physicalOutDevice: (packet) => packet.physicalOutDevice,
  hardwareAddress: (packet) => packet.hardwareAddress,
  vlan: (packet) => packet.vlan,
  layer2Header: (packet) => packet.layer2Header,
  timestamp: (packet) => packet.timestamp,
  conntrack: (packet) => packet.conntrack,
  payload: (packet) => packet.payload,
  length: (packet) => packet.length,
  truncated: (packet) => packet.truncated,
  checksumNotReady: (packet) => packet.checksumNotReady,
  gso: (packet) => packet.gso,
  ip: (packet) => packet.ip,
  ipv4: (packet) => packet.ipv4,
  ipv6: (packet) => packet.ipv6,
  tcp: (packet) => packet.tcp,
  udp: (packet) => packet.udp,
  icmp: (packet) => packet.icmp,
  icmpv6: (packet) => packet.icmpv6,
  copy: (packet) => packet.copy(),
};

test("reading a packet after its verdict throws", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp();
  const { receiver, sender } = scene;
  const used: Packet[] = [];
  scene.run((packet) => {
    // Read once before: what is remembered must go too.
    for (const read of Object.values(reads)) read(packet);
    used.push(packet);
    return Verdict.Accept;
  });
  await sender.sendAll(["one", "two"], receiver);
  await receiver.take(2);
  for (const packet of used) {
    for (const [name, read] of Object.entries(reads)) {
      assert.throws(() => read(packet), PacketReleasedError, name);
    }
    assert.equal(packet.verdict, Verdict.Accept);
    assert.equal(typeof packet.id, "number");
    assert.match(String(packet), /released/);
  }
});

test("a view kept beyond the verdict throws", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp();
  const { receiver, sender } = scene;
  scene.run((packet) => {
    const { ip, ipv4, udp } = packet;
    assert.ok(ip && ipv4 && udp);
    assert.equal(udp.destinationPort, receiver.port);
    packet.accept();
    assert.throws(() => udp.destinationPort, PacketReleasedError);
    assert.throws(() => udp.sourcePort, PacketReleasedError);
    assert.throws(() => ip.version, PacketReleasedError);
    assert.throws(() => ipv4.ttl, PacketReleasedError);
    assert.throws(() => ipv4.source, PacketReleasedError);
  });
  await sender.send("one", receiver);
  await receiver.take(1);
});

test("every use after close throws QueueClosedError", { timeout: 20_000 }, async () => {
  const queue = PacketQueue.open(nextQueue());
  assert.equal(queue.closed, false);
  queue.close();
  assert.equal(queue.closed, true);
  await assert.rejects(queue.run(() => Verdict.Accept), QueueClosedError);
  assert.throws(() => queue.runSync(() => Verdict.Accept), QueueClosedError);
  await assert.rejects(async () => {
    for await (const packet of queue) packet.accept();
  }, QueueClosedError);
  assert.throws(() => queue.setCopyRange(100), QueueClosedError);
  assert.throws(() => queue.setMaxLength(100), QueueClosedError);
  assert.throws(() => queue.setFlags({ failOpen: true }), QueueClosedError);
  assert.throws(() => queue.flush(), QueueClosedError);
  // What needs no socket still answers.
  assert.equal(queue.statistics.received, 0);
  assert.ok(queue.number > 0);
});

test("close is idempotent and frees the number at once", { timeout: 20_000 }, async () => {
  const number = nextQueue();
  for (let round = 0; round < 3; round++) {
    const queue = PacketQueue.open(number);
    assert.ok(ownedQueues().has(number));
    queue.close();
    assert.ok(!ownedQueues().has(number));
    queue.close();
    queue[Symbol.dispose]();
    await queue[Symbol.asyncDispose]();
  }
});

test("using and await using close", { timeout: 20_000 }, async () => {
  const number = nextQueue();
  {
    using _queue = PacketQueue.open(number);
    assert.ok(ownedQueues().has(number));
  }
  assert.ok(!ownedQueues().has(number));
  {
    await using _queue = PacketQueue.open(number);
    assert.ok(ownedQueues().has(number));
  }
  assert.ok(!ownedQueues().has(number));
});

test("a held packet after close: decided, reported, released", { timeout: 20_000 }, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  const number = nextQueue();
  using queue = PacketQueue.open(number, { onError: Verdict.Accept });
  using _rule = queueRule(number, { chain: "OUTPUT", match: udpTo(receiver.port) });
  await sender.sendAll(["held", "never read"], receiver);
  let held: Packet | undefined;
  queue.runSync((packet) => {
    packet.hold();
    held = packet;
  }, { maxPackets: 1 });
  assert.ok(held);
  const packet = held;
  const events: string[] = [];
  queue.addEventListener("undecided", (event) => {
    events.push(`${event.packetId} ${event.verdict} ${event.cause}`);
  });
  queue.close();
  // Both went on with onError's verdict: the one in the program and the one still in the socket.
  assert.deepEqual((await receiver.take(2)).sort(), ["held", "never read"]);
  assert.equal(events[0], `${packet.id} ${Verdict.Accept} close`);
  assert.throws(() => packet.accept(), VerdictError);
  assert.throws(() => packet.payload, PacketReleasedError);
  assert.equal(packet.verdict, Verdict.Accept);
});

test("close drops what is left when onError is the default", { timeout: 20_000 }, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  const number = nextQueue();
  {
    using queue = PacketQueue.open(number);
    using _rule = queueRule(number, { chain: "OUTPUT", match: udpTo(receiver.port) });
    await sender.sendAll(["lost 1", "lost 2"], receiver);
    assert.equal(queue.closed, false);
  }
  await sender.send("no rule any more", receiver);
  assert.deepEqual(await receiver.take(1), ["no rule any more"]);
  assert.deepEqual(receiver.pending, []);
});
