// Resets of both ends, answers of the program's own, what stays unanswered, and what refuses to be sent:
// on real packets.

import assert from "node:assert/strict";
import { connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { type Packet, PacketQueue, PacketSender, SystemError, Verdict } from "../../mod.ts";
import { buildPacket } from "../../src/packet/mod.ts";
import { Crossroads } from "../support/network/crossroads.ts";
import { inside } from "../support/network/inside.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { queueRule, Rule, tcpTo, udpTo } from "../support/network/rules.ts";
import { Filter } from "../support/queue/filter.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { Scene } from "../support/queue/scene.ts";
import { Child } from "../support/runtime/child.ts";
import { openDescriptors } from "../support/runtime/descriptors.ts";
import { deferred, until, within } from "../support/runtime/waiting.ts";
import { Capture, RawSender } from "../support/traffic/raw.ts";
import { UdpSocket } from "../support/traffic/udp.ts";

requireIsolation();

const limit = { timeout: 20_000 } as const;
const text = (words: string) => new TextEncoder().encode(words);

/** What a socket's error is called, when it comes. */
function errorOf(socket: Socket): Promise<string> {
  const failed = deferred<string>();
  socket.once("error", (error) => failed.resolve((error as { code?: string }).code ?? ""));
  socket.once("close", () => failed.resolve("closed without an error"));
  return failed.promise;
}

for (const family of [4, 6] as const) {
  const host = family === 4 ? "127.0.0.1" : "::1";

  test(`reset ends a connection at both ends, IPv${family}`, limit, async () => {
    const server = createServer();
    const accepted = deferred<Socket>();
    server.once("connection", (socket) => accepted.resolve(socket));
    const listening = deferred<void>();
    server.listen(0, host, () => listening.resolve());
    await within(listening.promise, { what: "the server" });
    const { port } = server.address() as { port: number };
    using queue = PacketQueue.open(nextQueue());
    using _rule = queueRule(queue.number, { family, chain: "OUTPUT", match: tcpTo(port) });
    let resets = 0;
    await using _filter = new Filter(queue, (packet) => {
      if ((packet.tcp?.payload.length ?? 0) === 0) return Verdict.Accept;
      resets++;
      packet.reset();
    });
    const client = connect({ port, host });
    const served = await within(accepted.promise, { what: "the connection" });
    const ends = [errorOf(client), errorOf(served)] as const;
    // More than one segment: with checksums that are not computed yet.
    client.write(new Uint8Array(20_000));
    for (const end of ends) assert.equal(await within(end, { what: "a reset" }), "ECONNRESET");
    assert.equal(resets, 1);
    server.close();
  });

  test(`answer: the program's own datagram instead, IPv${family}`, limit, async () => {
    await using scene = await Scene.udp({ family });
    const before = openDescriptors();
    scene.run((packet) => {
      const { udp, ip } = packet;
      packet.answer(buildPacket({
        [family === 4 ? "ipv4" : "ipv6"]: { source: ip!.destination, destination: ip!.source },
        udp: { sourcePort: udp!.destinationPort, destinationPort: udp!.sourcePort },
        payload: text("answered"),
      }));
    });
    await scene.sender.send("question", scene.receiver);
    const { text: got, from } = await scene.sender.receive();
    assert.deepEqual([got, from], ["answered", {
      address: scene.receiver.address,
      port: scene.receiver.port,
    }]);
    assert.deepEqual(scene.receiver.pending, []);
    assert.equal(scene.queue.statistics.answered, 1);
    assert.ok(openDescriptors() > before);
  });
}

test("the queue's sender is opened at its first packet and closed with it", limit, () => {
  const before = openDescriptors();
  using receiver = new DisposableStack();
  const queue = receiver.use(PacketQueue.open(nextQueue()));
  const opened = openDescriptors();
  const socket = new RawSender(4);
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(4713) });
  const addresses = { source: "127.0.0.1", destination: "127.0.0.1" };
  socket.send(buildPacket({ ipv4: addresses, udp: { sourcePort: 1, destinationPort: 4713 } }));
  socket[Symbol.dispose]();
  queue.runSync((packet) => {
    packet.reject();
    queue.close();
  }, { timeout: 2000 });
  assert.equal(queue.statistics.answered, 1);
  assert.ok(opened > before);
  assert.equal(openDescriptors(), before);
});

test("packets of this library that a hand-typed rule queues again go on", limit, async () => {
  await using scene = await Scene.udp();
  const seen: string[] = [];
  scene.run((packet) => {
    seen.push(new TextDecoder().decode(packet.udp!.payload));
    return Verdict.Accept;
  });
  using sender = PacketSender.open();
  const { address, port } = scene.receiver;
  sender.send(buildPacket({
    ipv4: { source: address, destination: address },
    udp: { sourcePort: scene.sender.port, destinationPort: port },
    payload: text("own"),
  }));
  assert.deepEqual(await scene.receiver.take(1), ["own"]);
  await scene.sender.send("other", scene.receiver);
  assert.deepEqual(await scene.receiver.take(1), ["other"]);
  assert.deepEqual(seen, ["other"]);
  assert.equal(scene.queued, 2);
  assert.equal(scene.queue.statistics.ownAccepted, 1);
});

test("send: behind the verdicts that were given before", limit, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue());
  const others = ["-m", "mark", "!", "--mark", String(PacketSender.defaultMark)];
  const match = [...udpTo(receiver.port), ...others];
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match });
  const words = Array.from({ length: 40 }, (_, at) => `${at + 1}`);
  await sender.sendAll(words, receiver);
  let count = 0;
  await using _filter = new Filter(queue, (packet) => {
    if (++count % 2 === 1) return Verdict.Accept;
    const { ip, udp } = packet;
    packet.send(buildPacket({
      ipv4: { source: ip!.source, destination: ip!.destination },
      udp: { sourcePort: udp!.sourcePort, destinationPort: udp!.destinationPort },
      payload: text(`beside ${count}`),
    }));
    return Verdict.Accept;
  });
  const expected = words.flatMap((word) => Number(word) % 2 ? [word] : [`beside ${word}`, word]);
  assert.deepEqual(await receiver.take(60), expected);
  assert.equal(queue.statistics.ownAccepted, 0);
});

test("a rule drops the answer: EPERM, and the packet still waits", limit, async () => {
  await using scene = await Scene.udp();
  using _rule = new Rule({
    chain: "OUTPUT",
    match: ["-m", "mark", "--mark", String(PacketSender.defaultMark)],
    jump: ["DROP"],
  });
  const errors: unknown[] = [];
  scene.run((packet) => {
    try {
      packet.reject();
    } catch (error) {
      errors.push(error);
    }
    packet.accept();
  });
  await scene.sender.send("passes", scene.receiver);
  assert.deepEqual(await scene.receiver.take(1), ["passes"]);
  const [error] = errors;
  assert.ok(error instanceof SystemError && error.code === "EPERM", String(error));
  assert.match(error.message, /A rule of this host drops the packet/);
  assert.equal(scene.queue.statistics.answered, 0);
});

test("no way to the sender: SystemError, and the packet still waits", limit, async () => {
  using crossroads = new Crossroads(0);
  const { address, device } = crossroads.leftCable;
  using queue = PacketQueue.open(nextQueue());
  using _rule = queueRule(queue.number, {
    table: "mangle",
    chain: "PREROUTING",
    match: ["-i", device],
  });
  const errors: unknown[] = [];
  await using _filter = new Filter(queue, (packet) => {
    for (const reason of ["port-unreachable", "tcp-reset"] as const) {
      if (reason === "tcp-reset" && packet.tcp === undefined) continue;
      try {
        packet.reject({ reason });
      } catch (error) {
        errors.push(error);
      }
    }
    assert.equal(packet.verdict, undefined);
    packet.drop();
  });
  using sender = inside(crossroads.left, () => new RawSender(4));
  const ipv4 = { source: "198.51.100.7", destination: address };
  sender.send(buildPacket({ ipv4, udp: { destinationPort: 9 } }));
  sender.send(buildPacket({ ipv4, tcp: { destinationPort: 9, syn: true } }));
  await until(() => errors.length === 3, {
    what: "three refusals",
    state: () => errors.map(String),
  });
  for (const error of errors) {
    assert.ok(error instanceof SystemError && error.code === "ENETUNREACH", String(error));
    assert.match(error.message, /This host has no (way|route)/);
  }
});

test("without CAP_NET_RAW: SystemError, and the packet still waits", limit, async () => {
  const number = nextQueue();
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  await using child = new Child(new URL("fixtures/reject_refused.ts", import.meta.url), {
    prefix: ["setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-all", "--"],
    parameters: [number],
  });
  await child.says("ready");
  using _rule = queueRule(number, { chain: "OUTPUT", match: udpTo(receiver.port) });
  await sender.send("passes", receiver);
  assert.deepEqual(await receiver.take(1), ["passes"]);
  assert.deepEqual(await child.end(), { code: 0, signal: null }, child.errors);
  assert.match(child.output, /EPERM socket: .* lacks CAP_NET_RAW/);
});

test("what is never answered: nothing leaves by the cable", limit, async () => {
  using crossroads = new Crossroads(0);
  const { address, farAddress, device } = crossroads.leftCable;
  const network = address.replace(/\.\d+$/, "");
  using queue = PacketQueue.open(nextQueue());
  using _rule = queueRule(queue.number, {
    table: "mangle",
    chain: "PREROUTING",
    match: ["-i", device],
  });
  const why: Packet["unanswered"][] = [];
  await using _filter = new Filter(queue, (packet) => {
    packet.reject();
    why.push(packet.unanswered);
  });
  using capture = new Capture(4, device, { leaving: true });
  using sender = inside(crossroads.left, () => new RawSender(4, { broadcast: true }));
  const udp = { sourcePort: 5, destinationPort: 6 };
  const to = { source: farAddress, destination: address };
  const questions = [
    ["destination", { ipv4: { ...to, destination: `${network}.255` }, udp }],
    ["destination", { ipv4: { ...to, destination: "255.255.255.255" }, udp }],
    ["destination", { ipv4: { ...to, destination: "224.0.0.1" }, udp }],
    ["source", { ipv4: { ...to, source: `${network}.255` }, udp }],
    ["source", { ipv4: { ...to, source: "240.0.0.1" }, udp }],
    ["reset", { ipv4: to, tcp: { rst: true } }],
    ["icmp-error", { ipv4: to, icmp: { type: 11 }, payload: new Uint8Array(28) }],
    ["checksum", { ipv4: to, udp: { ...udp, checksum: 1 } }],
    ["fragment", { ipv4: { ...to, fragmentOffset: 800, identification: 9 }, udp }],
    [undefined, { ipv4: to, udp }],
  ] as const;
  for (const [at, [, fields]] of questions.entries()) {
    sender.send(buildPacket(fields));
    await until(() => why.length === at + 1, { what: `packet ${at} comes`, state: () => why });
  }
  assert.deepEqual(why, questions.map(([reason]) => reason));
  // The last one's answer is the only one.
  const leaving = () => capture.packets.filter((packet) => packet[9] === 1 && packet[20] === 3);
  await until(() => leaving().length > 0, { what: "the answer leaves" });
  assert.equal(leaving().length, 1);
  assert.equal(queue.statistics.answered, 1);
});
