// Packets built from nothing, against bytes that were made elsewhere and what the views read back.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  buildPacket,
  finishChecksums,
  type PacketFields,
  parseEthernet,
  parseLayers,
} from "../../src/packet/mod.ts";
import { runs } from "../support/runtime/quick.ts";
import { counting } from "./edits.ts";
import { hex, ICMP4, ICMP6, LIMIT, own, TCP4, TCP6, u16, u32, u8, UDP4 } from "./samples.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

test("the samples, built", LIMIT, () => {
  const built: readonly [PacketFields, Uint8Array][] = [
    [{
      ipv4: {
        ...{ source: "10.0.0.1", destination: "10.0.0.2", dscp: 46, identification: 0xabcd },
        ...{ dontFragment: true, options: hex("010101") },
      },
      tcp: {
        ...{ sourcePort: 4000, destinationPort: 80, sequenceNumber: 1, syn: true },
        ...{ windowSize: 64240, mss: 1460 },
      },
    }, TCP4],
    [{
      ipv4: { source: "127.0.0.1", destination: "127.0.0.1", dontFragment: true },
      udp: { sourcePort: 5000, destinationPort: 53 },
      payload: text("hello world!"),
    }, UDP4],
    [{
      ipv4: { source: "127.0.0.1", destination: "127.0.0.1", identification: 1 },
      icmp: { identifier: 3, sequenceNumber: 2 },
      payload: text("abcd"),
    }, ICMP4],
    [{
      ipv6: { source: "::1", destination: "::1" },
      icmpv6: { restOfHeader: 0x30001 },
      payload: text("abcd"),
    }, ICMP6],
    [{
      ipv6: {
        ...{ trafficClass: 0xab, flowLabel: 0x12345, hopLimit: 63 },
        ...{ source: "2001:db8::1", destination: "fe80::200:ff:fe00:2" },
        extensions: [
          { protocol: 0, data: hex("050200000100") },
          { protocol: 44, data: hex("0000deadbeef") },
          { protocol: 60, data: hex("010400000000") },
        ],
      },
      tcp: {
        ...{ sourcePort: 50000, destinationPort: 443, sequenceNumber: 0x89abcdef },
        ...{ acknowledgmentNumber: 0x01234567, psh: true, ack: true, windowSize: 512 },
      },
    }, TCP6],
  ];
  for (const [fields, expected] of built) assert.deepEqual(buildPacket(fields), own(expected));
});

test("an ARP request in a frame with two VLAN tags", LIMIT, () => {
  const bytes = buildPacket({
    ethernet: { destination: "ff:ff:ff:ff:ff:ff", source: "00:11:22:33:44:55" },
    vlan: [{ id: 5, priority: 7, dropEligible: true }, { id: 4095 }],
    arp: {
      ...{ senderHardwareAddress: "00:11:22:33:44:55", senderProtocolAddress: "10.0.0.1" },
      targetProtocolAddress: "10.0.0.2",
    },
  });
  assert.deepEqual(
    bytes,
    own(hex(`ffffffffffff 001122334455 88a8 f005 8100 0fff 0806
      0001 0800 06 04 0001 001122334455 0a000001 000000000000 0a000002`)),
  );
  const { ethernet, vlans, layers, malformed } = parseEthernet(bytes);
  assert.equal(malformed, undefined);
  assert.equal(ethernet?.destinationNumber, 0xffffffffffff);
  assert.equal(ethernet?.sourceNumber, 0x001122334455);
  assert.deepEqual(vlans.map((vlan) => vlan.id), [5, 4095]);
  assert.deepEqual([vlans[0]?.priority, vlans[0]?.dropEligible], [7, true]);
  assert.equal(vlans[1]?.etherType, 0x0806);
  assert.equal(layers?.arp?.targetProtocolAddress, "10.0.0.2");
});

test("what is given is kept, wrong values too", LIMIT, () => {
  const bytes = buildPacket({
    ethernet: { etherType: 0x1234 },
    ipv4: { version: 5, headerLength: 60, totalLength: 1, protocol: 99, checksum: 0xbeef },
    udp: { length: 3, checksum: 0xdead },
    payload: counting(3),
  });
  assert.deepEqual(
    bytes,
    own(hex(`000000000000 000000000000 1234
      5f 00 0001 0000 0000 40 63 beef 00000000 00000000 0000 0000 0003 dead 010203`)),
  );
  const six = buildPacket({
    ipv6: { version: 0, payloadLength: 7, nextHeader: 1, protocol: 2 },
    tcp: { headerLength: 0, reserved: 15, flags: 0xff, syn: false, checksum: 0 },
  });
  assert.deepEqual(own(six.subarray(0, 8)), own(hex("00000000 0007 01 40")));
  assert.deepEqual(own(six.subarray(52, 58)), own(hex("0f fd ffff 0000")));
  assert.equal(six.length, 60);
});

test("ip is of the version of its addresses", LIMIT, () => {
  const udp = { sourcePort: 53, destinationPort: 4000 };
  const four = { source: "10.0.0.1", destination: "10.0.0.2", ttl: 9, dscp: 46, ecn: 1 };
  assert.deepEqual(buildPacket({ ip: four, udp }), buildPacket({ ipv4: four, udp }));
  const six = { source: "fd00::1", destination: "fd00::2" };
  assert.deepEqual(
    buildPacket({ ip: { ...six, ttl: 9, dscp: 46, ecn: 1 }, udp }),
    buildPacket({ ipv6: { ...six, hopLimit: 9, trafficClass: 185 }, udp }),
  );
  const tagged = { ethernet: {}, vlan: { id: 5 } };
  assert.deepEqual(
    buildPacket({ ...tagged, ip: { destination: "fd00::2" }, payload: counting(3) }),
    buildPacket({ ...tagged, ipv6: { destination: "fd00::2" }, payload: counting(3) }),
  );
  const defaults = { source: "10.0.0.1", ttl: undefined, protocol: 99 };
  assert.deepEqual(buildPacket({ ip: defaults }), buildPacket({ ipv4: defaults }));
});

test("a payload stands beside the headers: in one it would be left out", LIMIT, () => {
  for (const payload of [counting(2), "0000", [0, 0]]) {
    for (const name of ["udp", "tcp", "icmpv6"]) {
      const fields = { ip: { source: "::1" }, [name]: { payload } } as PacketFields;
      const message = new RegExp(`payload stands beside ${name}, not in it`);
      assert.throws(() => buildPacket(fields), { name: "TypeError", message });
      // With one beside it, it is what a view's JSON tells.
      buildPacket({ ...fields, payload: counting(2) });
    }
    const fields = { ip: { source: "::1", payload } } as PacketFields;
    assert.throws(() => buildPacket(fields), /beside ip/);
  }
});

test("headers that do not go together, and values that do not fit", LIMIT, () => {
  const wrong: readonly [PacketFields, new () => Error, RegExp][] = [
    [{ ipv4: {}, ipv6: {} }, TypeError, /one of ipv4 and ipv6/],
    [{ ipv4: {}, tcp: {}, udp: {} }, TypeError, /one of tcp and udp/],
    [{ tcp: {} }, TypeError, /tcp needs ip, ipv4 or ipv6/],
    [{ arp: {}, udp: {} }, TypeError, /udp needs/],
    [{ vlan: {}, ipv4: {} }, TypeError, /vlan needs ethernet/],
    [{ ip: { ttl: 9 }, udp: {} }, TypeError, /ip needs a source or a destination/],
    [{ ip: { source: "10.0.0.1" }, ipv4: {} }, TypeError, /one of ip and ipv4/],
    [{ ip: { source: "10.0.0.1", destination: "fd00::1" } }, RangeError, /ip.source is of IPv4/],
    [{ ip: { source: "fd00::1", dscp: 64 } }, RangeError, /ip\.dscp/],
    [{ ip: { source: "x" } }, RangeError, /IPv4 address/],
    [{ ip: { source: 7 } } as unknown as PacketFields, TypeError, /address of ip/],
    [{ ip: { source: "::", hopLimit: 1 } } as PacketFields, TypeError, /ip has no "hopLimit"/],
    [{ ipv4: { ttl: 256 } }, RangeError, /ipv4\.ttl/],
    [{ ipv4: { source: "x" } }, RangeError, /IPv4 address/],
    [{ ipv4: { headerLength: 21 } }, RangeError, /ipv4\.headerLength/],
    [{ ipv4: { fragmentOffset: 4 } }, RangeError, /multiple of 8/],
    [{ ipv4: { options: counting(41) } }, RangeError, /ipv4\.options/],
    [{ ipv4: {}, udp: { sourcePort: -1 } }, RangeError, /udp\.sourcePort/],
    [{ ipv4: {}, tcp: { timestamps: { value: 2 ** 32, echoReply: 0 } } }, RangeError, /timestamps/],
    [{ ipv6: { flowLabel: 1 << 20 } }, RangeError, /ipv6\.flowLabel/],
    [{ ipv6: { extensions: [{ protocol: 6, data: counting(6) }] } }, RangeError, /6 is no/],
    [{ ipv6: { extensions: [{ protocol: 43, data: counting(5) }] } }, RangeError, /whole words/],
    [{ ipv4: {}, payload: new Uint8Array(65516) }, RangeError, /65535/],
    [{ ipv6: {}, payload: new Uint8Array(65536) }, RangeError, /65535/],
    [{ ethernet: { source: "00:11" }, arp: {} }, RangeError, /MAC/],
    [{ ethernet: {}, vlan: { priority: 8 } }, RangeError, /vlan\.priority/],
  ];
  for (const [fields, type, message] of wrong) {
    assert.throws(() => buildPacket(fields), (error: Error) => {
      assert.ok(error instanceof type && message.test(error.message), `${error}`);
      return true;
    });
  }
  assert.throws(() => buildPacket({ payload: "x" } as unknown as PacketFields), TypeError);
  assert.throws(() => buildPacket(undefined as unknown as PacketFields), TypeError);
});

test("what is built reads back, and its checksums are right", LIMIT, () => {
  const address4 = fc.ipV4();
  const address6 = fc.ipV6();
  const tcp = fc.record({
    ...{ sourcePort: u16, destinationPort: u16, sequenceNumber: u32, acknowledgmentNumber: u32 },
    ...{ flags: u8, windowSize: u16, urgentPointer: u16, reserved: fc.nat({ max: 15 }) },
    ...{ mss: u16, windowScale: fc.nat({ max: 14 }), sackPermitted: fc.boolean() },
    timestamps: fc.record({ value: u32, echoReply: u32 }).map((value) => ({ ...value })),
  });
  const udp = fc.record({ sourcePort: u16, destinationPort: u16 });
  const payload = fc.uint8Array({ maxLength: 60 });
  const upper = fc.oneof(
    tcp.map((tcp) => ({ tcp })),
    udp.map((udp) => ({ udp })),
  );
  const v4 = fc.record({
    ...{ source: address4, destination: address4, ttl: u8, identification: u16 },
    ...{ dscp: fc.nat({ max: 63 }), ecn: fc.nat({ max: 3 }), dontFragment: fc.boolean() },
    ...{ reservedFlag: fc.boolean() },
  });
  const v6 = fc.record({
    ...{ source: address6, destination: address6, hopLimit: u8, trafficClass: u8 },
    flowLabel: fc.nat({ max: 0xfffff }),
  });
  const network = fc.oneof(v4.map((ipv4) => ({ ipv4 })), v6.map((ipv6) => ({ ipv6 })));
  fc.assert(
    fc.property(network, upper, payload, (network, upper, payload) => {
      const bytes = buildPacket({ ...network, ...upper, payload });
      assert.deepEqual(finishChecksums(bytes.slice()), bytes);
      const layers = parseLayers(bytes);
      assert.equal(layers.malformed, undefined);
      for (const [name, fields] of Object.entries({ ...network, ...upper })) {
        const view = Reflect.get(layers, name);
        for (const [field, value] of Object.entries(fields as object)) {
          const read: unknown = Reflect.get(view, field);
          if (name === "ipv6" && typeof value === "string") {
            assert.equal(read, parseText(value));
          } else assert.deepEqual(read, value, `${name}.${field}`);
        }
      }
      assert.deepEqual(own((layers.tcp ?? layers.udp)?.payload), own(payload));
    }),
    { numRuns: runs(1500) },
  );
});

test("fields of ICMP errors, and fields that are given as undefined", LIMIT, () => {
  const four = (icmp: PacketFields["icmp"]) =>
    parseLayers(buildPacket({ ipv4: { ttl: undefined }, udp: undefined, icmp })).icmp;
  const six = (icmpv6: PacketFields["icmpv6"]) =>
    parseLayers(buildPacket({ ipv6: {}, icmpv6, payload: undefined })).icmpv6;
  assert.equal(four({ type: 3, code: 4, mtu: 1400, identifier: undefined })?.mtu, 1400);
  assert.equal(four({ type: 5, gateway: "10.0.0.9" })?.gateway, "10.0.0.9");
  assert.equal(four({ type: 12, pointer: 20 })?.pointer, 20);
  assert.equal(six({ type: 2, mtu: 70_000 })?.mtu, 70_000);
  assert.equal(six({ type: 4, pointer: 0x12345678 })?.pointer, 0x12345678);
  assert.throws(() => four({ type: 3, mtu: 65_536 }), /icmp.mtu/);
});

test("a name that is none of a header's fields", LIMIT, () => {
  const build = (fields: object) => () => buildPacket(fields);
  assert.throws(
    build({ ipv4: { src: "1.2.3.4" } }),
    /^TypeError: ipv4 has no "src"; it knows .*source/,
  );
  assert.throws(build({ icmpv6: { gateway: "10.0.0.9" } }), /icmpv6 has no "gateway"/);
  assert.throws(build({ network: {} }), /has no "network"; it knows ethernet, .*ip/);
  assert.throws(build({ ethernet: {}, vlan: [{}, { vid: 5 }] }), /vlan has no "vid"/);
  assert.throws(build({ ipv4: null }), /ipv4 must be an object, got null/);
  assert.throws(
    build({ ipv4: { source: "x" } }),
    /^RangeError: ipv4.source is not an IPv4 address/,
  );
  assert.throws(build({ ipv4: { source: 5 } }), /^TypeError: ipv4.source must be a string, got 5/);
  assert.throws(build({ ipv4: {}, payload: "text" }), /TextEncoder/);
});

/** The canonical form of an IPv6 address, through a packet. */
function parseText(source: string): string | undefined {
  return parseLayers(buildPacket({ ipv6: { source } })).ipv6?.source;
}
