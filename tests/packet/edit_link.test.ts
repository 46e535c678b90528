// Ethernet, VLAN and ARP headers: every field written and read, the bytes around it as they were.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  buildPacket,
  EthernetView,
  finishChecksums,
  PacketBytes,
  PacketReleasedError,
  parseEthernet,
  parseLayers,
  VlanView,
} from "../../src/packet/mod.ts";
import { counting } from "./edits.ts";
import { ARP_FIELDS, ETHERNET_FIELDS, type LinkField, VLAN_FIELDS } from "./link_fields.ts";
import { embed, hex, LIMIT, own } from "./samples.ts";

const ARP = buildPacket({
  arp: {
    ...{ senderHardwareAddress: "02:00:00:00:00:01", senderProtocolAddress: "10.0.0.1" },
    targetProtocolAddress: "10.0.0.2",
  },
});
const TAGGED = buildPacket({
  ethernet: { destination: "02:00:00:00:00:02", source: "02:00:00:00:00:01" },
  vlan: [{ id: 7, priority: 3 }, { id: 8 }],
  ipv4: { source: "10.0.0.1", destination: "10.0.0.2" },
  udp: { sourcePort: 1, destinationPort: 2 },
  payload: counting(5),
});

function plain(value: unknown): unknown {
  return value instanceof Uint8Array ? own(value) : value;
}

function checkFields(
  bytes: Uint8Array,
  cases: readonly LinkField[],
  view: (inside: Uint8Array) => object | undefined,
): void {
  for (const [name, from, to, values] of cases) {
    for (const value of values) {
      const inside = embed(bytes, 0xee);
      const found = view(inside);
      assert.ok(found !== undefined);
      assert.ok(Reflect.set(found, name, value));
      assert.deepEqual(plain(Reflect.get(found, name)), plain(value), name);
      for (let at = 0; at < bytes.length; at++) {
        if (at < from || at >= to) assert.equal(inside[at], bytes[at], `${name}: byte ${at}`);
      }
      const around = [new Uint8Array(inside.buffer, 0, 64)];
      around.push(new Uint8Array(inside.buffer, 64 + bytes.length));
      for (const margin of around) assert.ok(margin.every((byte) => byte === 0xee));
    }
    const before = own(bytes);
    const found = view(bytes);
    const numeric = typeof values[0] === "number";
    const wrong = numeric
      ? [-1, 2 ** 48, 0.5, NaN]
      : typeof values[0] === "string"
      ? ["x", ""]
      : [];
    for (const value of wrong) {
      assert.throws(() => Reflect.set(found!, name, value), RangeError, `${name} = ${value}`);
    }
    for (const value of [null, undefined, {}]) {
      assert.throws(() => Reflect.set(found!, name, value), TypeError, `${name} = ${value}`);
    }
    assert.deepEqual(own(bytes), before);
  }
}

test("ARP, field by field", LIMIT, () => {
  checkFields(ARP, ARP_FIELDS, (inside) => parseLayers(inside, { protocol: 0x806 }).arp);
});

test("Ethernet and VLAN, field by field", LIMIT, () => {
  checkFields(TAGGED, ETHERNET_FIELDS, (inside) => parseEthernet(inside).ethernet);
  checkFields(TAGGED, VLAN_FIELDS, (inside) => parseEthernet(inside).vlans[0]);
});

test("a packet in an Ethernet frame is edited like any other", LIMIT, () => {
  const { layers, bytes: frame, vlans, ethernet } = parseEthernet(TAGGED.slice());
  assert.ok(layers?.udp !== undefined && layers.ipv4 !== undefined);
  layers.udp.payload = counting(500);
  layers.ipv4.optionList = [{ type: 148, data: new Uint8Array(2) }];
  layers.ipv4.ttl = 3;
  layers.udp.sourcePort = 99;
  const bytes = own(frame.subarray());
  assert.equal(bytes.length, 22 + 24 + 8 + 500);
  assert.deepEqual(finishChecksums(bytes.slice(22)), bytes.slice(22));
  assert.equal(vlans[1]?.id, 8);
  assert.equal(ethernet?.source, "02:00:00:00:00:01");
  assert.equal(layers.flow?.key, parseLayers(bytes.slice(22)).flow?.key);
});

test("frames that are cut, and what is no packet", LIMIT, () => {
  for (let length = 0; length <= TAGGED.length; length++) {
    const { ethernet, vlans, layers, malformed } = parseEthernet(
      embed(TAGGED.slice(0, length), 0xff),
    );
    assert.equal(ethernet !== undefined, length >= 14);
    assert.equal(vlans.length, length < 18 ? 0 : length < 22 ? 1 : 2);
    assert.equal(layers !== undefined, length >= 22);
    const whole = length >= 22 + 28 || length === 22;
    assert.equal(malformed === undefined, whole, `${length}`);
  }
  for (const type of ["0000", "0005", "0600", "88cc"]) {
    const { layers, malformed } = parseEthernet(hex(`020000000001 020000000002 ${type} 45000000`));
    assert.deepEqual([layers?.ip, malformed], [undefined, undefined]);
  }
  assert.throws(() => new EthernetView(new PacketBytes(counting(13))), RangeError);
  assert.throws(() => new VlanView(new PacketBytes(counting(17)), 12), RangeError);
});

test("ARP with other addresses than Ethernet's and IPv4's", LIMIT, () => {
  const bytes = hex("0020 86dd 02 10 0001 aabb" + "11".repeat(16) + "ccdd" + "22".repeat(16));
  const { arp } = parseLayers(bytes, { protocol: 0x806 });
  assert.ok(arp !== undefined);
  assert.equal(arp.senderHardwareAddress, "aa:bb");
  assert.equal(arp.senderProtocolAddress, Array(16).fill("11").join(":"));
  assert.equal(arp.targetProtocolNumber, undefined);
  const before = own(bytes);
  assert.throws(() => arp.senderHardwareAddress = "00:11:22:33:44:55", RangeError);
  assert.throws(() => arp.senderProtocolAddress = "10.0.0.1", RangeError);
  assert.throws(() => arp.hardwareLength = 3, RangeError);
  assert.deepEqual(own(bytes), before);
  arp.targetHardwareBytes = counting(2);
  assert.equal(arp.targetHardwareAddress, "01:02");
  for (let length = 0; length < bytes.length; length++) {
    const cut = parseLayers(bytes.subarray(0, length), { protocol: 0x806 });
    assert.equal(cut.arp, undefined);
    assert.equal(cut.malformed === undefined, length === 0);
  }
});

test("after the release every read and write throws", LIMIT, () => {
  const frame = new PacketBytes(TAGGED.slice());
  const views = [new EthernetView(frame), new VlanView(frame, 12)];
  frame.release();
  for (const [view, cases] of [[views[0], ETHERNET_FIELDS], [views[1], VLAN_FIELDS]] as const) {
    for (const [name, , , values] of cases) {
      assert.throws(() => Reflect.get(view!, name), PacketReleasedError);
      assert.throws(() => Reflect.set(view!, name, values[0]), PacketReleasedError);
    }
  }
});
