// Real packets as a line, as a dump, as JSON and in console.log, before the verdict and after.
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import fc from "fast-check";
import { type JsonObject, Packet, PacketQueue, Verdict } from "../../../mod.ts";
import { encodeConntrackChange } from "../../../src/netlink/conntrack/change.ts";
import { buildPacket, WireError } from "../../../src/packet/mod.ts";
import type { QueuePacketMessage } from "../../../src/netlink/mod.ts";
import { Filter } from "../../support/queue/filter.ts";
import { requireIsolation } from "../../support/network/isolation.ts";
import { messageOf } from "../../support/stand_ins/made_messages.ts";
import { nextQueue } from "../../support/queue/numbers.ts";
import { queueRule, udpTo } from "../../support/network/rules.ts";
import { UdpSocket } from "../../support/traffic/udp.ts";
import { runs } from "../../support/runtime/quick.ts";
import { conntrackChange } from "../../netlink/conntrack_samples.ts";
import { mutated } from "../../packet/samples.ts";

requireIsolation();

/** The packets of these texts from the first socket to the second; `look` sees each undecided. */
async function pass(
  texts: readonly string[],
  look: (packet: Packet, receiver: UdpSocket) => void,
  copyRange = 65531,
): Promise<Packet[]> {
  using receiver = await UdpSocket.open({ family: 4 });
  using sender = await UdpSocket.open({ family: 4 });
  using queue = PacketQueue.open(nextQueue(), { copyRange, uidGid: true });
  using _rule = queueRule(queue.number, {
    ...{ family: 4, chain: "OUTPUT", match: udpTo(receiver.port) },
  });
  const packets: Packet[] = [];
  const failures: unknown[] = [];
  await using _filter = new Filter(queue, (packet) => {
    packets.push(packet);
    try {
      look(packet, receiver);
    } catch (error) {
      // Not out of the handler: its packet would be dropped, and waiting for it hide the error.
      failures.push(error);
    }
    return Verdict.Accept;
  });
  await sender.sendAll([...texts], receiver);
  await receiver.take(texts.length);
  for (const failure of failures) throw failure;
  return packets;
}

const through = (value: object): JsonObject => JSON.parse(JSON.stringify(value)) as JsonObject;

test("a packet on loopback, undecided and decided", { timeout: 20_000 }, async () => {
  let dump = "";
  let json: JsonObject = {};
  const [packet] = await pass(["hello"], (packet, receiver) => {
    const line = String(packet);
    assert.match(line, /^IP 127\.0\.0\.1\.\d+ > 127\.0\.0\.1\.\d+: UDP, length 5$/);
    assert.ok(line.includes(`.${receiver.port}:`));
    assert.equal(inspect(packet), `Packet 1 { ${line} }`);
    assert.match(inspect({ packet }), /packet: Packet 1 \{ IP /);
    dump = packet.inspect();
    assert.ok(dump.includes(line));
    assert.match(packet.inspect({ maxBytes: 2 }), /\n {2}… 3 more$/);
    assert.throws(() => packet.inspect({ maxBytes: -1 }), RangeError);
    json = through(packet);
    // A copy says the same.
    assert.equal(String(packet.copy()), line);
    assert.deepEqual(through(packet.copy()), json);
    assert.deepEqual(json["outDevice"], { index: 1, name: "lo" });
    assert.equal(json["payload"], hexOf(packet.payload));
    assert.equal((json["udp"] as JsonObject)["destinationPort"], receiver.port);
    assert.equal((json["ipv4"] as JsonObject)["checksum"], packet.ipv4?.checksum);
  });
  assert.ok(packet !== undefined);
  assert.match(dump, /^packet 1\n {2}queue +\d+\n {2}hook +output\n {2}family +ipv4\n/);
  assert.match(dump, /\n {2}outDevice +index 1, name lo\n/);
  assert.match(dump, /\n {2}checksum +0x[0-9a-f]{4} \(not computed yet\)\npayload, 5 bytes\n/);
  assert.match(dump, /\n {2}0000 {2}68 65 6c 6c 6f +hello$/);
  const known = { id: 1, hook: "output", family: "ipv4", etherType: 0x800, length: 33, mark: 0 };
  for (const [name, value] of Object.entries(known)) assert.equal(json[name], value, name);
  assert.equal(json["uid"] !== undefined, true);

  assert.equal(String(packet), "packet 1, released");
  assert.equal(packet.inspect(), "packet 1, released");
  assert.equal(inspect(packet), "Packet 1 { packet 1, released }");
  assert.deepEqual(through(packet), { id: 1, released: true, verdict: Verdict.Accept });
});

test("a packet has an ethertype, and no protocol", { timeout: 20_000 }, () => {
  const packet = packetOf({ hwProtocol: 0x86dd });
  assert.equal(packet.etherType, 0x86dd);
  const advice = "packet has no protocol: packet.etherType tells IPv4 from IPv6, " +
    "packet.ip.protocol TCP from UDP";
  assert.throws(() => Reflect.get(packet, "protocol"), new TypeError(advice));
});

test("JSON has every property of a packet", { timeout: 20_000 }, async () => {
  // The views; what ip and flow say is in them. Reading `protocol` says what to read instead.
  const others = new Set(["ip", "flow", "protocol"]);
  await pass(["hello"], (packet) => {
    const json = through(packet);
    for (let at: object = packet; at !== Object.prototype; at = Object.getPrototypeOf(at)) {
      for (const [name, { get }] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
        if (get === undefined || others.has(name)) continue;
        assert.equal(name in json, Reflect.get(packet, name) !== undefined, name);
      }
    }
  });
});

test(
  "an edited packet, and one of which only a part was captured",
  { timeout: 20_000 },
  async () => {
    await pass(["hello"], (packet) => {
      assert.ok(packet.udp !== undefined);
      const port = packet.udp.sourcePort;
      packet.udp.payload = new TextEncoder().encode("hello, world");
      assert.match(String(packet), /: UDP, length 12$/);
      assert.match(packet.inspect(), /payload, 12 bytes\n/);
      const json = through(packet);
      assert.equal(json["length"], 40);
      assert.match(String(json["payload"]), /68656c6c6f2c20776f726c64$/);
      assert.equal((json["udp"] as JsonObject)["sourcePort"], port);
    });
    await pass(["a longer text"], (packet) => {
      assert.equal(packet.truncated, true);
      assert.match(String(packet), /^IP .*: UDP, length 21 \[udp header needs 8 bytes, have 4\]$/);
      assert.match(packet.inspect(), /\nmalformed: udp header at byte 20 needs 8 bytes, have 4\n/);
      const { malformed, truncated, length, udp } = through(packet);
      assert.deepEqual([truncated, length, udp], [true, 41, undefined]);
      assert.deepEqual(malformed, { layer: "udp header", offset: 20, need: 8, have: 4 });
    }, 24);
  },
);

/** A packet of a message that no kernel sent. */
function packetOf(message: Partial<QueuePacketMessage>): Packet {
  return new Packet(undefined, messageOf({ family: 7, queue: 3, id: 9, hook: 2, ...message }));
}

test("a message by hand: bridge, and what cannot be read", { timeout: 20_000 }, () => {
  const packet = packetOf({
    payload: buildPacket({ ipv4: { source: "10.0.0.1" }, udp: {} }),
    vlan: { protocol: 0x8100, tci: 0xf005 },
    layer2Header: Uint8Array.of(1, 2, 3),
    securityContext: "a\u001b[2Jb",
    timestamp: { seconds: 1_700_000_000, microseconds: 42 },
    // An attribute that says it is longer than it is.
    conntrack: Uint8Array.of(40, 0, 1, 0),
    mark: 0x10,
  });
  const line = "vlan 5, p 7, DEI, IP 10.0.0.1.0 > 0.0.0.0.0: UDP, length 0";
  assert.equal(String(packet), line);
  const dump = packet.inspect();
  for (
    const part of [
      /\n {2}family +bridge\n/,
      /\n {2}vlan +id 5, priority 7, dropEligible true, protocol 33024\n/,
      /\n {2}layer2Header +0x010203\n/,
      /\n {2}mark +0x10\n/,
      /\n {2}timestamp +2023-11-14T22:13:20\.000042Z\n/,
      /\n {2}securityContext +a\\x1b\[2Jb\n/,
      /\n {2}conntrack +error conntrack attribute .* bytes, have/,
    ]
  ) assert.match(dump, part);
  const json = through(packet);
  assert.equal(json["layer2Header"], "010203");
  assert.equal(json["securityContext"], "a\u001b[2Jb");
  assert.match(String((json["conntrack"] as JsonObject)["error"]), /^conntrack attribute/);
});

test("any message by hand: text, JSON and the flow never throw", { timeout: 30_000 }, () => {
  const some = fc.uint8Array({ maxLength: 60 });
  const headed = some.map((bytes) => bytes.map((byte, at) => at === 0 ? 0x45 : byte));
  const number = fc.nat({ max: 0xffffffff });
  const entry = mutated(conntrackChange.map(encodeConntrackChange));
  const message = fc.record({
    ...{ payload: fc.oneof(some, headed), layer2Header: some },
    ...{ conntrack: fc.oneof(some, entry), conntrackInfo: number },
    ...{ mark: number, priority: number, skbInfo: number, captureLength: number },
    ...{ outDeviceIndex: fc.nat({ max: 3 }), securityContext: fc.string({ maxLength: 20 }) },
    hwProtocol: fc.constantFrom(0, 0x800, 0x86dd, 0x806),
    vlan: fc.record({ protocol: fc.nat({ max: 0xffff }), tci: fc.nat({ max: 0xffff }) }),
    timestamp: fc.record({ seconds: fc.maxSafeNat(), microseconds: fc.maxSafeNat() }),
  }, { requiredKeys: [] });
  fc.assert(
    fc.property(message, (message) => {
      const packet = packetOf(message);
      assert.ok(String(packet).length < 500);
      assert.ok(packet.inspect().length < 6000);
      assert.ok(JSON.stringify(packet).length < 4000);
      assert.ok(inspect(packet).startsWith("Packet 9 { "));
      const { flow, ip } = packet;
      assert.equal(flow?.version, ip?.version);
      assert.equal(flow?.reversed().key, flow?.key);
      try {
        assert.equal(packet.conntrack === undefined, message.conntrack === undefined);
      } catch (error) {
        assert.ok(error instanceof WireError, `${error}`);
      }
    }),
    { numRuns: runs(1000) },
  );
});

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
