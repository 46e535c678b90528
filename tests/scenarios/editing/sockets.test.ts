// Edited packets between ordinary sockets: what the program wrote is what the other end gets.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type Packet, PacketQueue, Verdict } from "../../../mod.ts";
import { buildPacket, parseIpv6, parseLayers } from "../../../src/packet/mod.ts";
import { Scene } from "../../support/queue/scene.ts";
import { command, ping } from "../../support/runtime/command.ts";
import { withoutBadPackets } from "../../support/network/counters.ts";
import { Filter } from "../../support/queue/filter.ts";
import { requireIsolation } from "../../support/network/isolation.ts";
import { SmallLoopback } from "../../support/network/loopback.ts";
import { nextQueue } from "../../support/queue/numbers.ts";
import { Capture, RawSender } from "../../support/traffic/raw.ts";
import { queueRule, Rule, tcpTo, udpTo } from "../../support/network/rules.ts";
import { TcpClient, TcpEchoServer } from "../../support/traffic/tcp.ts";
import { UdpSocket } from "../../support/traffic/udp.ts";
import { until } from "../../support/runtime/waiting.ts";

requireIsolation();

const timeout = 20_000;
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

for (const family of [4, 6] as const) {
  for (const [chain, gso] of [["OUTPUT", true], ["OUTPUT", false], ["INPUT", true]] as const) {
    // With gso the kernel leaves the checksum partial on the way out; else it is finished.
    test(`UDP: ports and data, IPv${family}, ${chain}, gso: ${gso}`, { timeout }, async () => {
      await using scene = await Scene.udp({ family, chain, queue: { gso } });
      const { queue, receiver, sender } = scene;
      using other = await UdpSocket.open({ family });
      const texts = ["", "x", "longer than before", "y".repeat(9001), "z".repeat(30_000)];
      scene.run((packet) => {
        const { udp, ip } = packet;
        assert.ok(udp !== undefined && ip !== undefined);
        const number = Number(textOf(udp.payload));
        udp.payload = bytesOf(texts[number] ?? "");
        udp.sourcePort = 1000 + number;
        ip.ttl = 1;
        if (number % 2 === 1) udp.destinationPort = other.port;
        assert.equal(packet.length, packet.payload.length);
        return Verdict.Accept;
      });
      await withoutBadPackets(async () => {
        for (const [number, text] of texts.entries()) {
          await sender.send(`${number}`, receiver);
          const end = number % 2 === 1 ? other : receiver;
          const datagram = await end.receive();
          assert.equal(datagram.text, text);
          assert.equal(datagram.from.port, 1000 + number);
        }
      });
      assert.equal(queue.statistics.verdictErrors, 0);
    });
  }

  test(`UDP without a checksum arrives without, IPv${family}`, { timeout }, async () => {
    await using scene = await Scene.udp({ family });
    const { receiver } = scene;
    using capture = new Capture(family);
    using sender = new RawSender(family);
    scene.run(({ udp, ip }) => {
      ip!.ttl = 9;
      udp!.sourcePort = 77;
      udp!.payload = bytesOf("other data");
      return Verdict.Accept;
    });
    const udp = { sourcePort: 5, destinationPort: receiver.port, checksum: 0 };
    const [source, destination] = family === 4 ? ["127.0.0.1", "127.0.0.1"] : ["::1", "::1"];
    const network = { source, destination } as const;
    sender.send(buildPacket({
      ...(family === 4 ? { ipv4: network } : { ipv6: network }),
      ...{ udp, payload: bytesOf("data") },
    }));
    const arrived = await capture.find(
      (packet) => parseLayers(packet).udp?.sourcePort === 77,
      "it",
    );
    assert.equal(parseLayers(arrived).udp?.checksum, 0);
    // Over IPv6 a receiver must not take it (RFC 8200 §8.1): that is the sender's affair.
    if (family === 4) assert.deepEqual(await receiver.take(1), ["other data"]);
  });

  test(`fragments edited one by one make a whole datagram, IPv${family}`, { timeout }, async () => {
    using receiver = await UdpSocket.open({ family });
    using sender = await UdpSocket.open({ family });
    using queue = PacketQueue.open(nextQueue());
    using _loopback = new SmallLoopback();
    // In the raw table's prerouting chain nothing has put fragments together yet.
    const match = ["-p", "udp"];
    using _rule = queueRule(queue.number, { family, table: "mangle", chain: "PREROUTING", match });
    using _later = family === 4 ? undefined : queueRule(queue.number, {
      ...{ family, table: "mangle", chain: "PREROUTING" },
      match: ["-m", "frag", "--fragid", "0:4294967295"],
    });
    const seen: boolean[] = [];
    await using _filter = new Filter(queue, (packet) => {
      const { udp, ip } = packet;
      assert.ok(ip !== undefined);
      seen.push(udp !== undefined);
      if (udp !== undefined) {
        udp.sourcePort = 77;
        udp.payload = udp.payload.map(() => 0x62);
        assert.throws(() => udp.payload = new Uint8Array(3), /fragment/);
      } else {
        // The checksum is in another fragment, so data may only change where the sum stays.
        assert.throws(() => ip.payload = new Uint8Array(3), /fragment/);
        const data = ip.payload;
        ip.payload = data.map((_, at) => data[at ^ 2] ?? 0);
      }
      ip.ttl = 3;
      return Verdict.Accept;
    });
    await withoutBadPackets(async () => {
      const tail = "cdefghij".repeat(125);
      await sender.send("a".repeat(3000) + tail, receiver);
      const { text, from } = await receiver.receive();
      assert.equal(from.port, 77);
      assert.equal(text.length, 4000);
      assert.match(text, /^b{1400,1480}a+/);
      assert.notEqual(text.slice(3000), tail);
    });
    assert.deepEqual(seen, [true, false, false]);
  });
}

for (const gso of [true, false]) {
  test(`TCP: data of equal length, both ways, gso: ${gso}`, { timeout }, async () => {
    await using server = await TcpEchoServer.open({ hear: (chunk) => heard += textOf(chunk) });
    let heard = "";
    using queue = PacketQueue.open(nextQueue(), { gso });
    using _rule = queueRule(queue.number, { chain: "OUTPUT", match: tcpTo(server.port) });
    using _back = queueRule(queue.number, {
      ...{ chain: "INPUT", match: ["-p", "tcp", "--sport", String(server.port)] },
    });
    await using _filter = new Filter(queue, ({ tcp, hook }) => {
      if (tcp === undefined || tcp.payload.length === 0) return Verdict.Accept;
      // Byte by byte: who knows where a segment ends.
      tcp.payload = tcp.payload.map((byte) => byte + (hook === "output" ? 1 : 2));
      return Verdict.Accept;
    });
    await withoutBadPackets(async () => {
      using client = await TcpClient.open(server.port);
      assert.equal(await client.ask("abc"), "def");
      assert.ok(await client.ask("abc".repeat(20_000)) === "def".repeat(20_000));
    });
    assert.equal(heard.slice(0, 6), "bcdbcd");
  });

  test(`TCP: options of a SYN and their answer, gso: ${gso}`, { timeout }, async () => {
    await using server = await TcpEchoServer.open();
    using queue = PacketQueue.open(nextQueue(), { gso });
    using capture = new Capture(4);
    const syn = [...tcpTo(server.port), "--tcp-flags", "SYN,ACK", "SYN"];
    using _rule = queueRule(queue.number, { chain: "OUTPUT", match: syn });
    await using _filter = new Filter(queue, ({ tcp }) => {
      assert.ok(tcp !== undefined);
      assert.notEqual(tcp.windowScale, undefined);
      tcp.mss = 600;
      tcp.windowScale = tcp.timestamps = undefined;
      tcp.sackPermitted = false;
      return Verdict.Accept;
    });
    await withoutBadPackets(async () => {
      using client = await TcpClient.open(server.port);
      assert.equal(await client.ask("x".repeat(5000)), "x".repeat(5000));
    });
    const isAnswer = (packet: Uint8Array) => {
      const { tcp } = parseLayers(packet);
      return tcp?.sourcePort === server.port && tcp.syn && tcp.ack;
    };
    const { tcp } = parseLayers(await capture.find(isAnswer, "the server's SYN"));
    // A server offers only what the client did.
    assert.deepEqual(tcp?.optionList.map(({ kind }) => kind), [2]);
    const data = capture.packets.map((packet) => parseLayers(packet).tcp)
      .filter((tcp) => tcp?.sourcePort === server.port).map((tcp) => tcp?.payload.length ?? 0);
    assert.ok(data.length > 0);
  });
}

test("TCP: longer data, with the sequence numbers made good", { timeout }, async () => {
  await using server = await TcpEchoServer.open({
    echo: false,
    hear: (chunk) => heard.push(chunk),
  });
  const heard: Uint8Array[] = [];
  using queue = PacketQueue.open(nextQueue());
  using _out = queueRule(queue.number, { chain: "OUTPUT", match: tcpTo(server.port) });
  const back = ["-p", "tcp", "--sport", String(server.port)];
  using _in = queueRule(queue.number, { chain: "INPUT", match: back });
  let grown = 0;
  await using _filter = new Filter(queue, ({ tcp, hook }) => {
    assert.ok(tcp !== undefined);
    if (hook !== "output") {
      tcp.acknowledgmentNumber = (tcp.acknowledgmentNumber - grown) >>> 0;
      return Verdict.Accept;
    }
    tcp.sequenceNumber = (tcp.sequenceNumber + grown) >>> 0;
    if (tcp.payload.length > 0) {
      tcp.payload = bytesOf(`<${textOf(tcp.payload)}>`);
      grown += 2;
    }
    return Verdict.Accept;
  });
  await withoutBadPackets(async () => {
    using client = await TcpClient.open(server.port);
    client.ask("one").catch(() => {});
    await until(() => joined() === "<one>", { what: "the first piece", state: joined });
    client.ask("two").catch(() => {});
    await until(() => joined() === "<one><two>", { what: "the second", state: joined });
  });
  function joined(): string {
    return heard.map(textOf).join("");
  }
});

for (const family of [4, 6] as const) {
  test(`ICMP: an echo that comes back as another, IPv${family}`, { timeout }, async () => {
    using queue = PacketQueue.open(nextQueue());
    const match = ["-p", family === 4 ? "icmp" : "ipv6-icmp"];
    using _out = queueRule(queue.number, { family, chain: "OUTPUT", match });
    const restored = new Map<number, Uint8Array>();
    let requests = 0;
    await using _filter = new Filter(queue, ({ icmp, icmpv6 }) => {
      const view = icmp ?? icmpv6;
      assert.ok(view !== undefined);
      const number = view.sequenceNumber;
      if (number === undefined) return Verdict.Accept;
      const isRequest = view.type === (family === 4 ? 8 : 128);
      if (isRequest) {
        requests++;
        restored.set(number + 1000, view.payload.slice());
        view.sequenceNumber = number + 1000;
        view.payload = new Uint8Array(300).fill(1);
      } else {
        assert.equal(view.payload.length, 300);
        view.payload = restored.get(number)!;
        view.sequenceNumber = number - 1000;
      }
      return Verdict.Accept;
    });
    await withoutBadPackets(async () => {
      // One at a time: for the last of several ping waits only as long as the others took.
      for (let count = 0; count < 5; count++) {
        const result = await ping(family === 4 ? "127.0.0.1" : "::1");
        assert.equal(result.received, 1);
        assert.doesNotMatch(result.output, /wrong|truncated|DUP/);
      }
    });
    assert.equal(requests, 5);
  });
}

test("a drop, and a packet that was only read, send nothing back", { timeout }, async () => {
  await using scene = await Scene.udp();
  const { receiver } = scene;
  const match = udpTo(receiver.port);
  using counter = new Rule({ chain: "INPUT", match: [...match, "-m", "ttl", "--ttl-eq", "7"] });
  scene.run((packet: Packet) => {
    const text = textOf(packet.udp?.payload);
    if (text === "read") return Verdict.Accept;
    packet.ipv4!.ttl = 7;
    if (text === "dropped") packet.drop();
    else packet.accept({ mark: 5 });
  });
  await receiver.sendAll(["read", "dropped", "edited"], receiver);
  assert.deepEqual(await receiver.take(2), ["read", "edited"]);
  assert.equal(counter.packets, 1);
});

for (const family of [4, 6] as const) {
  test(`the kernel's own errors belong to what they quote, IPv${family}`, { timeout }, async () => {
    using sender = await UdpSocket.open({ family });
    using queue = PacketQueue.open(nextQueue());
    const closed = await UdpSocket.open({ family });
    closed[Symbol.dispose]();
    using _rule = queueRule(queue.number, { family, chain: "OUTPUT", match: udpTo(closed.port) });
    const match = ["-p", family === 4 ? "icmp" : "ipv6-icmp"];
    using _errors = queueRule(queue.number, { family, chain: "OUTPUT", match });
    const sent: string[] = [];
    const quoted: (string | undefined)[] = [];
    await using _filter = new Filter(queue, ({ flow, icmp, icmpv6 }) => {
      if (icmp === undefined && icmpv6 === undefined) sent.push(flow!.key);
      else quoted.push((icmp ?? icmpv6)?.quotedFlow?.key);
      // As an error it would reach the socket.
      return icmp === undefined && icmpv6 === undefined ? Verdict.Accept : Verdict.Drop;
    });
    await sender.send("nobody is there", closed);
    await until(() => quoted.length === 1, { what: "the error" });
    assert.deepEqual(quoted, sent);
  });
}

/** Lets the kernel follow the routes that packets bring along. */
class SourceRoutes implements Disposable {
  static readonly #names = [
    ...["all", "lo"].flatMap((name) => [
      `net.ipv4.conf.${name}.accept_source_route`,
      // From loopback to loopback the kernel finds no new route otherwise.
      ...[`net.ipv4.conf.${name}.route_localnet`, `net.ipv4.conf.${name}.accept_local`],
      `net.ipv6.conf.${name}.seg6_enabled`,
    ]),
  ];

  readonly #before = SourceRoutes.#names.map((name) => command("sysctl", [name]).trim());

  private constructor() {
    for (const name of SourceRoutes.#names) command("sysctl", ["-qw", `${name}=1`]);
    command("ip", ["addr", "add", "fd00:77::1/128", "dev", "lo", "nodad"]);
  }

  static async open(): Promise<SourceRoutes> {
    const routes = new SourceRoutes();
    // As with `Addresses`: until the new address has its last route.
    await delay(100);
    return routes;
  }

  [Symbol.dispose](): void {
    command("ip", ["addr", "del", "fd00:77::1/128", "dev", "lo"]);
    for (const line of this.#before) command("sysctl", ["-qw", line.replaceAll(" ", "")]);
  }
}

for (const family of [4, 6] as const) {
  test(`a packet sent on another way arrives at its end, IPv${family}`, { timeout }, async () => {
    using _routes = await SourceRoutes.open();
    await using scene = await Scene.udp({ family });
    const { receiver, sender } = scene;
    scene.run(({ ipv4, ipv6, udp }) => {
      udp!.payload = bytesOf("on another way");
      if (ipv4 !== undefined) {
        const end = ipv4.destinationBytes.slice();
        ipv4.optionList = [{ type: 131, data: Uint8Array.of(4, ...end) }];
        ipv4.destination = "127.0.0.77";
      } else if (ipv6 !== undefined) {
        // A segment list is written from its end, and names the first stop too (RFC 8754).
        const end = ipv6.destinationBytes.slice();
        const stop = parseIpv6("fd00:77::1");
        const data = Uint8Array.of(1, 0, 0, 0, ...end, ...stop);
        ipv6.routing = { type: 4, segmentsLeft: 1, data };
        ipv6.destinationBytes = stop;
      }
      udp!.sourcePort = 77;
      return Verdict.Accept;
    });
    await withoutBadPackets(async () => {
      await sender.send("x", receiver);
      const { text, from } = await receiver.receive();
      assert.deepEqual([text, from.port], ["on another way", 77]);
    });
  });
}
