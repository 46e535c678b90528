// The test kit's kernel: what it shows of a packet, what becomes of it, and when.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Packet, PacketQueue, QueueClosedError, SystemError, Verdict } from "../../mod.ts";
import { buildPacket, parseLayers } from "../../src/packet/mod.ts";
import { testKernel } from "../../src/testing/mod.ts";

const timeout = 10_000;
const ipv4 = { source: "192.0.2.1", destination: "192.0.2.2" };
const tcp = { sourcePort: 40_000, destinationPort: 80, syn: true };
const udp = { sourcePort: 4000, destinationPort: 53 };

test("a handler's verdict, mark and edits come back", { timeout }, async () => {
  using kernel = testKernel();
  const queue = kernel.open(3, { copyRange: 256 });
  assert.ok(queue instanceof PacketQueue);
  assert.equal(queue.number, 3);
  const running = queue.run((packet) => {
    if (packet.udp !== undefined) return Verdict.Drop;
    packet.ipv4!.ttl = 9;
    packet.accept({ mark: 7, priority: 5 });
  });
  const bytes = buildPacket({ ipv4, tcp });
  const sending = kernel.send(bytes, { mark: 1 });
  // They are the test's own again.
  const before = bytes.slice();
  bytes.fill(0);
  const accepted = await sending;
  assert.deepEqual(
    [accepted.verdict, accepted.mark, accepted.changes, accepted.queued, accepted.queue],
    [Verdict.Accept, 7, { priority: 5 }, true, 3],
  );
  assert.deepEqual([accepted.sent, accepted.cause, accepted.undecided], [[], "verdict", undefined]);
  const { ipv4: header } = parseLayers(accepted.bytes);
  assert.equal(header?.ttl, 9);
  assert.deepEqual(parseLayers(accepted.bytes).tcp?.checksum, parseLayers(before).tcp?.checksum);
  const dropped = await kernel.send({ ipv4, udp }, { mark: 3 });
  assert.deepEqual([dropped.verdict, dropped.mark], [Verdict.Drop, 3]);
  assert.deepEqual(dropped.bytes, buildPacket({ ipv4, udp }));
  kernel.close();
  await running;
  assert.equal(queue.statistics.received, 2);
});

test("what is said about a packet, the handler sees", { timeout }, async () => {
  using kernel = testKernel();
  const options = { uidGid: true, conntrack: true, securityContext: true };
  const queue = kernel.open(options);
  const seen: Record<string, unknown>[] = [];
  const running = queue.run((packet) => {
    const { hook, mark, uid, gid, hardwareAddress, timestamp, priority, family } = packet;
    const { securityContext, cgroupClassId, checksumNotReady } = packet;
    seen.push({
      ...{ hook, mark, uid, gid, hardwareAddress, timestamp, priority, family },
      ...{ securityContext, cgroupClassId, checksumNotReady },
      devices: [packet.inDevice, packet.outDevice].map((device) => device?.name),
      ports: [packet.physicalInDevice, packet.physicalOutDevice].map((device) => device?.name),
    });
    return Verdict.Accept;
  });
  const about = {
    ...{ hook: "forward", mark: 0xffffffff, uid: 1000, gid: 100, priority: 6 } as const,
    ...{ hardwareAddress: "02:00:00:00:00:01", timestamp: 1_700_000_000_123_456 },
    ...{ securityContext: "system_u", cgroupClassId: 0x10001, checksumNotReady: true },
  };
  const devices = {
    ...{ inDevice: "eth0", outDevice: "wg-home" },
    ...{ physicalInDevice: "port1", physicalOutDevice: "port2" },
  };
  await kernel.send({ ipv4, udp }, { ...about, ...devices });
  await kernel.send({ ipv6: { source: "2001:db8::1", destination: "2001:db8::2" }, udp });
  kernel.close();
  await running;
  assert.deepEqual(seen[0], {
    ...about,
    family: "ipv4",
    devices: ["eth0", "wg-home"],
    ports: ["port1", "port2"],
  });
  const none = [undefined, undefined];
  assert.deepEqual(seen[1], {
    ...{ hook: "input", mark: 0, family: "ipv6", devices: none, ports: none },
    ...{ uid: undefined, gid: undefined, hardwareAddress: undefined, timestamp: undefined },
    ...{ priority: undefined, securityContext: undefined, cgroupClassId: undefined },
    checksumNotReady: false,
  });
});

test("what the queue was opened without is absent", { timeout }, async () => {
  using kernel = testKernel();
  const seen: unknown[] = [];
  const look = (packet: Packet) => {
    seen.push([packet.uid, packet.gid, packet.securityContext, packet.conntrack?.mark]);
    seen.push([packet.payload.length, packet.truncated, packet.length]);
    return Verdict.Accept;
  };
  const about = { uid: 1, gid: 2, securityContext: "x", conntrack: { mark: 5 } };
  const plain = kernel.open(0, { copyRange: 40 });
  const full = kernel.open(1, { uidGid: true, securityContext: true, conntrack: true });
  const running = [plain.run(look), full.run(look)];
  const packet = { ipv4, udp, payload: new Uint8Array(100) };
  await kernel.send(packet, { ...about, queue: 0 });
  await kernel.send(packet, { ...about, queue: 1 });
  kernel.close();
  await Promise.all(running);
  assert.deepEqual(seen, [
    [undefined, undefined, undefined, undefined],
    [40, true, 128],
    [1, 2, "x", 5],
    [128, false, 128],
  ]);
});

test("a connection: its tuples follow from the packet", { timeout }, async () => {
  using kernel = testKernel();
  const queue = kernel.open({ conntrack: true });
  const seen: unknown[] = [];
  const running = queue.run((packet) => {
    seen.push(packet.conntrack);
    packet.accept(packet.conntrack && { conntrack: { mark: 9 } });
  });
  const { changes } = await kernel.send({ ipv4, tcp }, { conntrack: {} });
  assert.deepEqual(changes.conntrack, { mark: 9 });
  const given = {
    ...{ state: "ESTABLISHED", direction: "reply", mark: 4, zone: 3, labels: [2, 127] } as const,
    ...{ timeout: 60, id: 12345, tcp: { state: "ESTABLISHED" }, helper: "ftp", status: 6 },
    ...{ counters: { original: { packets: 3, bytes: 400 } }, started: 1_700_000_000_000_000 },
    securityContext: "system_u",
  };
  await kernel.send({ ipv4, tcp }, { conntrack: given });
  await kernel.send({ ipv4, tcp });
  kernel.close();
  await running;
  const there = { ...ipv4, protocol: 6, sourcePort: 40_000, destinationPort: 80 };
  const back = {
    ...{ source: ipv4.destination, destination: ipv4.source, protocol: 6 },
    ...{ sourcePort: 80, destinationPort: 40_000 },
  };
  assert.deepEqual(seen, [
    {
      ...{ original: there, reply: back, state: "NEW", direction: "original" },
      ...{ status: 0, flags: [], mark: 0, zone: 0, labels: [] },
    },
    { ...given, original: back, reply: there, flags: ["SEEN_REPLY", "ASSURED"] },
    undefined,
  ]);
});

test("a checksum that is not computed yet is finished by an edit", { timeout }, async () => {
  using kernel = testKernel();
  const running = kernel.open().run((packet) => {
    assert.equal(packet.checksumNotReady, true);
    const payload = new TextEncoder().encode("longer than before");
    if (packet.udp !== undefined) packet.udp.payload = payload;
    else packet.tcp!.payload = payload;
    return Verdict.Accept;
  });
  const payload = new TextEncoder().encode("longer than before");
  for (const upper of [{ udp }, { tcp }]) {
    const { bytes } = await kernel.send({ ipv4, ...upper }, { checksumNotReady: true });
    assert.deepEqual(bytes, buildPacket({ ipv4, ...upper, payload }));
  }
  const icmp = { type: 8, code: 0 };
  await assert.rejects(
    kernel.send({ ipv4, icmp }, { checksumNotReady: true }),
    /checksumNotReady: only/,
  );
  kernel.close();
  await running;
});

test("an Ethernet frame of a bridge", { timeout }, async () => {
  using kernel = testKernel();
  const queue = kernel.open();
  const seen: unknown[] = [];
  const running = queue.run((packet) => {
    const { family, etherType, ethernet, vlan, arp } = packet;
    seen.push([family, etherType, ethernet?.source, vlan?.id, arp?.senderProtocolAddress]);
    return Verdict.Accept;
  });
  const ethernet = { source: "02:00:00:00:00:01", destination: "02:00:00:00:00:02" };
  const arp = {
    ...{ operation: 1, senderProtocolAddress: "192.0.2.1", targetProtocolAddress: "192.0.2.2" },
    ...{ senderHardwareAddress: ethernet.source, targetHardwareAddress: "00:00:00:00:00:00" },
  };
  await kernel.send({ ethernet, vlan: { id: 7 }, arp }, { family: "bridge" });
  const { bytes } = await kernel.send({ ethernet, ipv4, udp }, { family: "bridge" });
  assert.deepEqual(bytes, buildPacket({ ipv4, udp }));
  kernel.close();
  await running;
  assert.deepEqual(seen, [
    ["bridge", 0x0806, ethernet.source, 7, "192.0.2.1"],
    ["bridge", 0x0800, ethernet.source, undefined, undefined],
  ]);
});

test("it waits while nobody reads, and in every way of reading", { timeout }, async () => {
  using kernel = testKernel();
  const queue = kernel.open();
  let ended = 0;
  const results = ["a", "b", "c"].map((name) =>
    kernel.send({ ipv4, udp, payload: new TextEncoder().encode(name) })
      .finally(() => ended++)
  );
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(ended, 0);
  assert.equal(queue.runSync(() => Verdict.Accept, { maxPackets: 1 }).packets, 1);
  assert.equal((await results[0]!).verdict, Verdict.Accept);
  assert.equal(ended, 1);
  for await (const packet of queue) {
    packet.repeat({ mark: 2 });
    break;
  }
  assert.deepEqual((({ verdict, mark }) => [verdict, mark])(await results[1]!), [
    ...[Verdict.Repeat, 2],
  ]);
  const stopping = new AbortController();
  const running = queue.run(async (packet) => {
    await Promise.resolve();
    return packet.payload.at(-1) === "c".charCodeAt(0) ? Verdict.Stop : Verdict.Drop;
  }, { signal: stopping.signal });
  assert.equal((await results[2]!).verdict, Verdict.Stop);
  stopping.abort();
  await running;
});

test("it rejects when the queue is closed undecided", { timeout }, async () => {
  using kernel = testKernel();
  const queue = kernel.open(5);
  const unread = kernel.send({ ipv4, udp });
  queue.close();
  await assert.rejects(unread, new QueueClosedError(5));
  await assert.rejects(kernel.send({ ipv4, udp }), new QueueClosedError(5));
  // The number is free again.
  const again = kernel.open(5);
  const held = kernel.send({ ipv4, udp });
  const decided = kernel.send({ ipv4, tcp });
  const running = again.run((packet) => {
    if (packet.udp !== undefined) return packet.hold();
    packet.drop();
    again.close();
  });
  await assert.rejects(held, QueueClosedError);
  assert.equal((await decided).verdict, Verdict.Drop);
  await running;
});

test("what the handler leaves, and what it throws", { timeout }, async () => {
  using kernel = testKernel();
  const queue = kernel.open({ onError: Verdict.Accept, onHandlerError: Verdict.Drop, warn: false });
  const running = queue.run((packet) => {
    if (packet.tcp !== undefined) throw new Error("mine");
  });
  const left = await kernel.send({ ipv4, udp });
  assert.deepEqual([left.verdict, left.undecided], [Verdict.Accept, "handler"]);
  const thrown = await kernel.send({ ipv4, tcp });
  assert.deepEqual([thrown.verdict, thrown.undecided], [Verdict.Drop, "error"]);
  assert.deepEqual(thrown.error, new Error("mine"));
  kernel.close();
  await running;
});

test("a requeued packet goes to the other queue, or is dropped", { timeout }, async () => {
  using kernel = testKernel();
  const first = kernel.open(1).run((packet) => packet.requeue(packet.udp === undefined ? 9 : 2));
  const second = kernel.open(2).run((packet) => packet.accept({ mark: packet.queue }));
  const moved = await kernel.send({ ipv4, udp }, { queue: 1 });
  assert.deepEqual([moved.verdict, moved.mark, moved.queue], [Verdict.Accept, 2, 2]);
  const lost = await kernel.send({ ipv4, tcp }, { queue: 1 });
  assert.deepEqual([lost.verdict, lost.queue, lost.cause], [Verdict.Drop, 9, "no owner"]);
  kernel.close();
  await Promise.all([first, second]);
});

test("a queue has room for maxLength packets", { timeout }, async () => {
  using kernel = testKernel();
  const queue = kernel.open({ maxLength: 2, warn: false });
  const waiting = [kernel.send({ ipv4, udp }), kernel.send({ ipv4, udp })];
  const third = await kernel.send({ ipv4, udp });
  assert.deepEqual([third.verdict, third.cause], [Verdict.Drop, "queue full"]);
  queue.setFlags({ failOpen: true });
  const fourth = await kernel.send({ ipv4, udp });
  assert.deepEqual([fourth.verdict, fourth.cause], [Verdict.Accept, "queue full"]);
  queue.runSync(() => Verdict.Accept, { maxPackets: 2 });
  assert.deepEqual((await Promise.all(waiting)).map(({ verdict }) => verdict), [1, 1]);
});

test(
  "time is the test's own: deadlines, and a reader that waits in vain",
  { timeout },
  async () => {
    using kernel = testKernel();
    const hour = 3_600_000;
    const queue = kernel.open({ deadline: { milliseconds: hour, verdict: Verdict.Accept } });
    let idle = 0;
    queue.addEventListener("idle", () => idle++);
    queue.addEventListener("undecided", () => {});
    const running = queue.run((packet) => packet.hold());
    await kernel.advance(1000);
    assert.equal(idle, 0);
    await kernel.advance(2000);
    assert.equal(idle, 1);
    const first = kernel.send({ ipv4, udp });
    await kernel.advance(hour / 2);
    const second = kernel.send({ ipv4, udp });
    await kernel.advance(hour / 2);
    const { verdict, undecided } = await first;
    assert.deepEqual([verdict, undecided], [Verdict.Accept, "deadline"]);
    assert.equal(queue.statistics.expired, 1);
    await kernel.advance(hour / 2);
    assert.equal((await second).undecided, "deadline");
    kernel.close();
    await running;
    await assert.rejects(kernel.advance(-1), /milliseconds/);
  },
);

test("what is wrong is said", { timeout }, async () => {
  using kernel = testKernel();
  await assert.rejects(kernel.send({ ipv4, udp }), /no queue is open: kernel\.open\(\)/);
  kernel.open(1);
  await assert.rejects(kernel.send({ ipv4, udp }, { queue: 2 }), /queue 2 is not open/);
  assert.throws(() => kernel.open(1), (error) => {
    assert.ok(error instanceof SystemError);
    assert.equal(error.code, "EPERM");
    assert.match(error.message, /Queue 1 of this kernel is open already/);
    return true;
  });
  assert.throws(() => kernel.open(70_000), RangeError);
  assert.throws(() => kernel.open({ copyRange: -1 }), RangeError);
  const wrong: readonly [Parameters<typeof kernel.send>[0], object, RegExp][] = [
    [new Uint8Array(0), {}, /whole IPv4 or IPv6 packet/],
    [new Uint8Array(60), {}, /whole IPv4 or IPv6 packet/],
    [buildPacket({ ipv4, udp }).subarray(0, 19), {}, /whole IPv4 or IPv6 packet/],
    ["text" as never, {}, /packet/],
    [undefined as never, {}, /packet/],
    [{ ipv4, udp }, { hook: "here" }, /hook must be one of prerouting, /],
    [{ ipv4, udp }, { family: "ipv6" }, /family is "ipv6", and the packet is of ipv4/],
    [{ ipv4, udp }, { mark: -1 }, /mark/],
    [{ ipv4, udp }, { uid: "root" }, /uid/],
    [{ ipv4, udp }, { inDevice: "a device" }, /inDevice/],
    [{ ipv4, udp }, { outDevice: 3 }, /outDevice/],
    [{ ipv4, udp }, { hardwareAddress: "02:00" }, /hardwareAddress/],
    [{ ipv4, udp }, { indevice: "eth0" }, /indevice/],
    [{ ipv4, udp }, { conntrack: { state: "SOME" } }, /conntrack\.state/],
    [{ ipv4, udp }, { conntrack: { direction: "reply" } }, /conntrack\.direction/],
    [{ ipv4, udp }, { conntrack: { sourceNat: {} } }, /sourceNat/],
    [{ ipv4, udp }, { queue: 1.5 }, /queue/],
    [{ ethernet: { source: "02:00:00:00:00:01" } as never, ipv4 }, {}, /family: "bridge"/],
    [new Uint8Array(9), { family: "bridge" }, /Ethernet frame/],
  ];
  for (const [packet, options, message] of wrong) {
    await assert.rejects(kernel.send(packet, options), message);
  }
  kernel.open(2);
  await assert.rejects(kernel.send({ ipv4, udp }), /queues 1, 2 are open: say which/);
});

test("what one kernel does another does not see", { timeout }, async () => {
  using one = testKernel();
  using other = testKernel();
  one.open(0);
  const queue = other.open(0);
  const waiting = one.send({ ipv4, udp });
  assert.equal(queue.statistics.received, 0);
  one.close();
  await assert.rejects(waiting, QueueClosedError);
  assert.equal(queue.closed, false);
});

test("what the handler sends beside is told with its packet", { timeout }, async () => {
  using kernel = testKernel();
  const datagram = (destinationPort: number) => ({ ipv4, udp: { ...udp, destinationPort } });
  const own = buildPacket(datagram(99));
  const running = kernel.open(0).run((packet) => {
    const port = packet.udp!.destinationPort;
    if (port === 1) packet.reject();
    else if (port === 2) packet.answer(own);
    else {
      if (port === 3) packet.send(own);
      packet.accept();
      if (port === 4) packet.send(own);
    }
  });
  const results = await Promise.all([1, 2, 3, 4, 5].map((port) => kernel.send(datagram(port))));
  assert.deepEqual(results.slice(1).map(({ sent }) => sent), [[own], [own], [own], []]);
  assert.deepEqual(results.map(({ verdict }) => verdict), [0, 0, 1, 1, 1]);
  const { icmp, ip } = parseLayers(results[0]!.sent[0]!);
  assert.deepEqual([icmp!.type, icmp!.code, ip!.destination], [3, 3, "192.0.2.1"]);
  kernel.close();
  await running;
});
