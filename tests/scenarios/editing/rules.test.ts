// When a packet may be edited, how far, and what an edit does to the rest of the packet's life.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import {
  type Packet,
  PacketQueue,
  PacketReleasedError,
  TruncatedPacketError,
  Verdict,
} from "../../../mod.ts";
import { Scene } from "../../support/queue/scene.ts";
import { command, ping } from "../../support/runtime/command.ts";
import { withoutBadPackets } from "../../support/network/counters.ts";
import { Filter } from "../../support/queue/filter.ts";
import { requireIsolation } from "../../support/network/isolation.ts";
import { Cable, Namespace } from "../../support/network/namespaces.ts";
import { nextQueue } from "../../support/queue/numbers.ts";
import { udpText, withUdpText } from "../../support/traffic/packets.ts";
import { queueRule, udpTo } from "../../support/network/rules.ts";
import { UdpSocket } from "../../support/traffic/udp.ts";

requireIsolation();

const timeout = 20_000;
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Receives one packet that a socket sends to itself, and decides about it. */
async function onePacket(
  options: { copyRange?: number; text?: string; gso?: boolean },
  handler: (packet: Packet) => Verdict | void,
): Promise<string> {
  const { text = "the text", ...settings } = options;
  using socket = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue(), { ...settings, onError: Verdict.Accept });
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(socket.port) });
  await socket.send(text, socket);
  queue.runSync(handler, { maxPackets: 1 });
  assert.equal(queue.statistics.verdictErrors, 0);
  const [received = ""] = await socket.take(1);
  return received;
}

test("a packet captured in part: no assignment, and it arrives whole", { timeout }, async () => {
  const text = await onePacket({ copyRange: 40, text: "x".repeat(500) }, (packet) => {
    const { ip, udp } = packet;
    assert.ok(ip?.version === 4 && udp !== undefined);
    const before = packet.payload.slice();
    const writes = [
      () => ip.ttl = 3,
      () => ip.source = "127.0.0.2",
      () => ip.options = new Uint8Array(4),
      () => ip.totalLength = 100,
      () => ip.checksum = 1,
      () => udp.sourcePort = 1,
      () => udp.checksum = 1,
      () => udp.payload = new Uint8Array(12),
      () => udp.payload = new Uint8Array(13),
      () => packet.replacePayload(before),
    ];
    for (const write of writes) {
      const thrown = (error: Error) =>
        error instanceof TruncatedPacketError || /not be|must keep/.test(error.message);
      assert.throws(write, thrown, `${write}`);
    }
    assert.throws(() => ip.ttl = 3, (error: unknown) => {
      assert.ok(error instanceof TruncatedPacketError);
      assert.deepEqual([error.length, error.captured], [528, 40]);
      return true;
    });
    assert.deepEqual(packet.payload, before);
    return Verdict.Accept;
  });
  assert.equal(text, "x".repeat(500));
});

test("after the verdict every write throws PacketReleasedError", { timeout }, async () => {
  let ip: Packet["ip"];
  let udp: Packet["udp"];
  await onePacket({}, (packet) => {
    ({ ip, udp } = packet);
    packet.accept();
    for (
      const write of [
        () => ip!.ttl = 3,
        () => udp!.sourcePort = 1,
        () => udp!.payload = new Uint8Array(3),
        () => packet.tcp,
        () => packet.flow,
        () => packet.malformed,
        () => packet.length,
      ]
    ) assert.throws(write, PacketReleasedError);
  });
  assert.throws(() => ip!.ttl = 3, PacketReleasedError);
});

test("nor can anything of a replaced or edited packet be read then", { timeout }, async () => {
  for (const edit of [true, false]) {
    await onePacket({}, (packet) => {
      assert.equal(packet.modified, false);
      if (edit) packet.udp!.payload = bytesOf("edited");
      else packet.replacePayload(withUdpText(packet.payload, "replaced"));
      assert.equal(packet.modified, true);
      packet.accept();
      for (const read of ["length", "payload", "modified", "udp", "ip", "flow"] as const) {
        assert.throws(() => packet[read], PacketReleasedError, read);
      }
      assert.match(String(packet), /released/);
    });
  }
});

test("payload, length, views and copies of an edited packet", { timeout }, async () => {
  const text = await onePacket({}, (packet) => {
    const { udp } = packet;
    assert.ok(udp !== undefined);
    const first = packet.copy();
    udp.payload = bytesOf("a longer text than before");
    assert.equal(packet.length, 28 + 25);
    assert.equal(packet.payload.length, packet.length);
    assert.equal(udpText(packet.payload), "a longer text than before");
    const second = packet.copy();
    udp.payload = bytesOf("short");
    assert.equal(udpText(first.payload), "the text");
    assert.equal(udpText(second.payload), "a longer text than before");
    assert.deepEqual([first.length, second.length, packet.length], [36, 53, 33]);
    assert.match(String(packet), /length 5$/);
    // A copy is edited on its own.
    second.udp!.payload = bytesOf("second");
    second.ipv4!.ttl = 1;
    assert.equal(udpText(second.copy().payload), "second");
    assert.equal(udpText(packet.payload), "short");
    packet.accept();
    assert.equal(second.ipv4?.ttl, 1);
  });
  assert.equal(text, "short");
});

test("a replaced packet is read and edited further; the program's bytes stay", {
  timeout,
}, async () => {
  const text = await onePacket({}, (packet) => {
    const { udp, ipv4 } = packet;
    assert.ok(udp !== undefined && ipv4 !== undefined);
    udp.sourcePort = 1;
    const bytes = withUdpText(packet.payload, "from the program");
    const given = bytes.slice();
    packet.replacePayload(bytes);
    assert.equal(new TextDecoder().decode(udp.payload), "from the program");
    assert.equal(packet.payload.buffer, bytes.buffer);
    assert.equal(packet.length, bytes.length);
    udp.payload = bytesOf("and edited");
    ipv4.ttl = 9;
    assert.deepEqual(bytes, given);
    assert.equal(udpText(packet.payload), "and edited");
    packet.replacePayload(withUdpText(packet.payload, "last"));
    assert.equal(packet.udp, udp);
    udp.sourcePort = 2;
    return Verdict.Accept;
  });
  assert.equal(text, "last");
});

test("a Buffer of the program stays as it is, whatever becomes of the packet", {
  timeout,
}, async () => {
  for (const edit of [true, false]) {
    let given = Buffer.alloc(0);
    let kept = "";
    let copy: Packet | undefined;
    const text = await onePacket({}, (packet) => {
      given = Buffer.from(withUdpText(packet.payload, "program"));
      given.writeUInt16BE(0x1234, 26);
      kept = given.toString("hex");
      packet.replacePayload(given);
      copy = packet.copy();
      if (edit) packet.ip!.ttl = 3;
      return Verdict.Accept;
    });
    assert.equal(text, "program");
    assert.equal(given.toString("hex"), kept);
    given.fill(0);
    assert.equal(udpText(copy!.payload), "program");
  }
});

test("edits go along with repeat and requeue", { timeout }, async () => {
  await using scene = await Scene.udp();
  const { receiver } = scene;
  using second = PacketQueue.open(nextQueue());
  const append = (packet: Packet, mark: string): string => {
    const text = udpText(packet.payload) + mark;
    packet.udp!.payload = bytesOf(text);
    return text;
  };
  scene.run((packet) => {
    if (append(packet, "+").length < 5) packet.repeat();
    else packet.requeue(second.number);
  });
  await using _second = new Filter(second, (packet) => void (append(packet, "!"), packet.accept()));
  await withoutBadPackets(async () => {
    await receiver.send("a", receiver);
    assert.deepEqual(await receiver.take(1), ["a++++!"]);
  });
});

test("the queue's own verdict lets the packet go on as it came", { timeout }, async () => {
  const text = await onePacket({}, (packet) => {
    packet.udp!.payload = bytesOf("half done");
  });
  assert.equal(text, "the text");
});

test("edited and plain packets keep their order in a burst", { timeout }, async () => {
  using socket = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue());
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(socket.port) });
  const texts = Array.from({ length: 150 }, (_, index) => `${index}`);
  await socket.sendAll(texts, socket);
  await withoutBadPackets(async () => {
    queue.runSync((packet) => {
      const number = Number(udpText(packet.payload));
      if (number % 3 === 1) packet.udp!.payload = bytesOf(`new ${number}`.repeat(number % 40));
      if (number % 4 === 1) packet.ip!.ttl = 5;
      return Verdict.Accept;
    }, { maxPackets: texts.length });
    const expected = texts.map((text) =>
      Number(text) % 3 === 1 ? `new ${text}`.repeat(Number(text) % 40) : text
    );
    assert.deepEqual(await socket.take(texts.length), expected);
  });
});

test("growing past what goes back to the kernel", { timeout }, async () => {
  const text = await onePacket({ text: "x" }, (packet) => {
    const { udp } = packet;
    assert.throws(() => udp!.payload = new Uint8Array(65_532 - 28), {
      name: "RangeError",
      message: "the packet would have 65532 bytes, 65531 at most",
    });
    assert.throws(() => udp!.payload = new Uint8Array(65_536 - 28), /65535 at most/);
    assert.equal(udpText(packet.payload), "x");
    udp!.payload = new Uint8Array(65_531 - 28).fill(0x61);
    return Verdict.Accept;
  });
  assert.equal(text.length, 65_531 - 28);
});

for (const family of [4, 6] as const) {
  test(`growing past the MTU of the device, IPv${family}`, { timeout }, async () => {
    using namespace = new Namespace();
    using cable = new Cable(namespace);
    using queue = PacketQueue.open(nextQueue());
    using _rule = queueRule(queue.number, { family, chain: "OUTPUT", match: udpTo(7777) });
    const [from, to] = family === 4
      ? [cable.address, cable.farAddress]
      : [cable.address6, cable.farAddress6];
    using sender = await UdpSocket.open({ family, address: from });
    const headers = family === 4 ? 28 : 48;
    const sizes: number[] = [];
    for (const mtu of [1500, 1400]) {
      command("ip", ["link", "set", cable.device, "mtu", String(mtu)]);
      // Changes of devices are asked for no more often than once a millisecond.
      await new Promise((resolve) => setTimeout(resolve, 5));
      await sender.send("x", { address: to, port: 7777 });
      queue.runSync((packet) => {
        const { udp, ipv4 } = packet;
        assert.ok(udp !== undefined);
        udp.payload = new Uint8Array(mtu - headers);
        assert.throws(() => udp.payload = new Uint8Array(mtu - headers + 1), {
          name: "RangeError",
          message: new RegExp(`would have ${mtu + 1} bytes, and ${cable.device} takes ${mtu}`),
        });
        sizes.push(packet.length);
        // Without DF the kernel splits it, and a copy goes nowhere.
        packet.copy().udp!.payload = new Uint8Array(3000);
        if (ipv4 !== undefined) {
          ipv4.dontFragment = false;
          udp.payload = new Uint8Array(3000);
        }
        return Verdict.Accept;
      }, { maxPackets: 1 });
    }
    assert.deepEqual(sizes, [1500, 1400]);
  });
}

test("after FORWARD: beyond the MTU with DF is refused, without DF it arrives in pieces", {
  timeout,
}, async () => {
  using near = new Namespace();
  using far = new Namespace();
  using nearCable = new Cable(near);
  using farCable = new Cable(far);
  nearCable.routeEverything();
  farCable.routeEverything();
  command("sysctl", ["-qw", "net.ipv4.ip_forward=1"]);
  using queue = PacketQueue.open(nextQueue());
  const match = ["-p", "icmp", "--icmp-type", "echo-request"];
  using _rule = queueRule(queue.number, { chain: "FORWARD", match });
  const refused: string[] = [];
  await using _filter = new Filter(queue, ({ icmp, ipv4 }) => {
    assert.ok(icmp !== undefined && ipv4 !== undefined);
    ipv4.dontFragment = true;
    try {
      icmp.payload = new Uint8Array(4000).fill(7);
    } catch (error) {
      refused.push(String(error));
    }
    ipv4.dontFragment = false;
    icmp.payload = new Uint8Array(4000).fill(7);
    return Verdict.Accept;
  });
  const result = await ping(farCable.farAddress, { prefix: near.prefix });
  assert.equal(result.received, 1);
  assert.match(refused.join(), /the packet would have 4028 bytes, and near\d+ takes 1500/);
});
