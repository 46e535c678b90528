// Ethernet, VLAN and ARP headers: every field written and read, the bytes around it as they were.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  buildPacket,
  EthernetView,
  finishChecksums,
  Frame,
  PacketReleasedError,
  parseEthernet,
  parseLayers,
  VlanView,
} from "../../src/wire/mod.ts";
import { counting } from "./edits.ts";
import { embed, hex, LIMIT, own } from "./samples.ts";

const ARP = buildPacket({
  arp: {
    ...{ senderHardwareAddress: "02:00:00:00:00:01", senderProtocolAddress: "10.0.0.1" },
    targetProtocolAddress: "10.0.0.2",
  },
});
const TAGGED = buildPacket({
  ethernet: { destination: "02:00:00:00:00:02", source: "02:00:00:00:00:01" },
  vlan: [{ identifier: 7, priority: 3 }, { identifier: 8 }],
  ipv4: { source: "10.0.0.1", destination: "10.0.0.2" },
  udp: { sourcePort: 1, destinationPort: 2 },
  payload: counting(5),
});

type Case = readonly [name: string, from: number, to: number, values: readonly unknown[]];
const u16 = [0, 1, 0xfffe, 0xffff];
const macs = ["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "0a:1b:2c:3d:4e:5f"];
const addresses = ["0.0.0.0", "255.255.255.255", "192.0.2.9"];

const ARP_FIELDS: readonly Case[] = [
  ["hardwareType", 0, 2, u16],
  ["protocolType", 2, 4, u16],
  ["operation", 6, 8, u16],
  ["senderHardwareAddress", 8, 14, macs],
  ["senderHardwareBytes", 8, 14, [counting(6)]],
  ["senderProtocolAddress", 14, 18, addresses],
  ["senderProtocolNumber", 14, 18, [0, 0xffffffff, 0xc0000209]],
  ["senderProtocolBytes", 14, 18, [counting(4)]],
  ["targetHardwareAddress", 18, 24, macs],
  ["targetHardwareBytes", 18, 24, [counting(6)]],
  ["targetProtocolAddress", 24, 28, addresses],
  ["targetProtocolNumber", 24, 28, [0, 0xffffffff, 0xc0000209]],
  ["targetProtocolBytes", 24, 28, [counting(4)]],
  ["hardwareLength", 4, 5, [0, 3, 6]],
  ["protocolLength", 5, 6, [0, 3, 4]],
];
const ETHERNET_FIELDS: readonly Case[] = [
  ["destination", 0, 6, macs],
  ["destinationBytes", 0, 6, [counting(6)]],
  ["destinationNumber", 0, 6, [0, 1, 0xffffffffffff, 0x123456789abc]],
  ["source", 6, 12, macs],
  ["sourceBytes", 6, 12, [counting(6)]],
  ["sourceNumber", 6, 12, [0, 1, 0xffffffffffff, 0x123456789abc]],
  ["etherType", 12, 14, u16],
];
const VLAN_FIELDS: readonly Case[] = [
  ["protocolIdentifier", 12, 14, u16],
  ["priority", 14, 15, [0, 7, 3]],
  ["dropEligible", 14, 15, [true, false]],
  ["identifier", 14, 16, [0, 4095, 1]],
  ["etherType", 16, 18, u16],
];

function plain(value: unknown): unknown {
  return value instanceof Uint8Array ? own(value) : value;
}

function checkFields(
  bytes: Uint8Array,
  cases: readonly Case[],
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
  const { layers, frame, vlans, ethernet } = parseEthernet(TAGGED.slice());
  assert.ok(layers?.udp !== undefined && layers.ipv4 !== undefined);
  layers.udp.payload = counting(500);
  layers.ipv4.optionList = [{ type: 148, data: new Uint8Array(2) }];
  layers.ipv4.ttl = 3;
  layers.udp.sourcePort = 99;
  const bytes = own(frame.subarray());
  assert.equal(bytes.length, 22 + 24 + 8 + 500);
  assert.deepEqual(finishChecksums(bytes.slice(22)), bytes.slice(22));
  assert.equal(vlans[1]?.identifier, 8);
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
  assert.throws(() => new EthernetView(new Frame(counting(13))), RangeError);
  assert.throws(() => new VlanView(new Frame(counting(17)), 12), RangeError);
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
  const frame = new Frame(TAGGED.slice());
  const views = [new EthernetView(frame), new VlanView(frame, 12)];
  frame.release();
  for (const [view, cases] of [[views[0], ETHERNET_FIELDS], [views[1], VLAN_FIELDS]] as const) {
    for (const [name, , , values] of cases) {
      assert.throws(() => Reflect.get(view!, name), PacketReleasedError);
      assert.throws(() => Reflect.set(view!, name, values[0]), PacketReleasedError);
    }
  }
});
