import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PacketReleasedError } from "../../src/base/errors.ts";
import { PacketBytes } from "../../src/packet/structure/packet_bytes.ts";
import { Layers, parseLayers } from "../../src/packet/layers.ts";
import { buildPacket } from "../../src/packet/build/build.ts";
import { summary } from "../../src/packet/text/summary.ts";
import { runs } from "../support/runtime/quick.ts";
import {
  embed,
  hex,
  ICMP4,
  ICMP6,
  LIMIT,
  mutated,
  noise,
  own,
  TCP4,
  TCP6,
  UDP4,
} from "./samples.ts";

const SAMPLES = { TCP4, UDP4, ICMP4, ICMP6, TCP6 };

test("IPv4 and TCP, field by field", LIMIT, () => {
  const layers = parseLayers(TCP4);
  const { ipv4, tcp } = layers;
  assert.ok(ipv4 !== undefined && tcp !== undefined);
  assert.equal(layers.ip, ipv4);
  assert.equal(layers.tcp, tcp);
  assert.deepEqual([layers.ipv6, layers.udp, layers.icmp, layers.icmpv6], Array(4).fill(undefined));
  assert.equal(layers.malformed, undefined);
  assert.equal(ipv4.version, 4);
  assert.equal(ipv4.headerLength, 24);
  assert.equal(ipv4.dscp, 46);
  assert.equal(ipv4.ecn, 0);
  assert.equal(ipv4.totalLength, 48);
  assert.equal(ipv4.identification, 0xabcd);
  assert.equal(ipv4.dontFragment, true);
  assert.equal(ipv4.moreFragments, false);
  assert.equal(ipv4.fragmentOffset, 0);
  assert.equal(ipv4.ttl, 64);
  assert.equal(ipv4.protocol, 6);
  assert.equal(ipv4.checksum, (TCP4[10]! << 8) | TCP4[11]!);
  assert.equal(ipv4.source, "10.0.0.1");
  assert.equal(ipv4.destination, "10.0.0.2");
  assert.equal(ipv4.sourceNumber, 0x0a000001);
  assert.equal(ipv4.destinationNumber, 0x0a000002);
  assert.deepEqual(own(ipv4.sourceBytes), hex("0a000001"));
  assert.deepEqual(own(ipv4.destinationBytes), hex("0a000002"));
  assert.deepEqual(own(ipv4.options), hex("01010100"));
  assert.equal(ipv4.payload.length, 24);
  assert.equal(tcp.sourcePort, 4000);
  assert.equal(tcp.destinationPort, 80);
  assert.equal(tcp.sequenceNumber, 1);
  assert.equal(tcp.acknowledgmentNumber, 0);
  assert.equal(tcp.headerLength, 24);
  assert.equal(tcp.flags, 2);
  assert.deepEqual(
    [tcp.fin, tcp.syn, tcp.rst, tcp.psh, tcp.ack, tcp.urg, tcp.ece, tcp.cwr],
    [false, true, false, false, false, false, false, false],
  );
  assert.equal(tcp.windowSize, 64240);
  assert.equal(tcp.checksum, (TCP4[40]! << 8) | TCP4[41]!);
  assert.equal(tcp.urgentPointer, 0);
  assert.deepEqual(own(tcp.options), hex("020405b4"));
  assert.equal(tcp.payload.length, 0);
});

test("each TCP flag has its own bit", LIMIT, () => {
  const names = ["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"] as const;
  for (const [bit, name] of names.entries()) {
    const bytes = TCP4.slice();
    bytes[24 + 13] = 1 << bit;
    const { tcp } = parseLayers(bytes);
    assert.ok(tcp !== undefined);
    for (const other of names) assert.equal(tcp[other], other === name);
  }
});

test("IPv6 with extension headers, field by field", LIMIT, () => {
  const { ipv6, tcp, ip, malformed } = parseLayers(TCP6);
  assert.ok(ipv6 !== undefined && tcp !== undefined);
  assert.equal(ip, ipv6);
  assert.equal(malformed, undefined);
  assert.equal(ipv6.version, 6);
  assert.equal(ipv6.trafficClass, 0xab);
  assert.equal(ipv6.dscp, 0x2a);
  assert.equal(ipv6.ecn, 3);
  assert.equal(ipv6.flowLabel, 0x12345);
  assert.equal(ipv6.payloadLength, 44);
  assert.equal(ipv6.nextHeader, 0);
  assert.equal(ipv6.protocol, 6);
  assert.equal(ipv6.hopLimit, 63);
  assert.equal(ipv6.ttl, 63);
  assert.equal(ipv6.headerLength, 64);
  assert.equal(ipv6.source, "2001:db8::1");
  assert.equal(ipv6.destination, "fe80::200:ff:fe00:2");
  assert.deepEqual(own(ipv6.sourceBytes), hex("20010db8000000000000000000000001"));
  assert.deepEqual(own(ipv6.destinationBytes), hex("fe80000000000000020000fffe000002"));
  assert.deepEqual(ipv6.extensionHeaders, [
    { protocol: 0, offset: 40, length: 8 },
    { protocol: 44, offset: 48, length: 8 },
    { protocol: 60, offset: 56, length: 8 },
  ]);
  assert.deepEqual(ipv6.fragment, {
    offset: 0,
    moreFragments: false,
    identification: 0xdeadbeef,
  });
  assert.equal(ipv6.payload.length, 20);
  assert.equal(tcp.destinationPort, 443);
  assert.equal(tcp.sequenceNumber, 0x89abcdef);
  assert.equal(tcp.acknowledgmentNumber, 0x01234567);
  assert.equal(tcp.windowSize, 512);
});

test("UDP, ICMP and ICMPv6", LIMIT, () => {
  const { udp } = parseLayers(UDP4, { protocol: 0x0800 });
  assert.ok(udp !== undefined);
  assert.deepEqual([udp.sourcePort, udp.destinationPort, udp.length], [5000, 53, 20]);
  assert.equal(udp.checksum, (UDP4[26]! << 8) | UDP4[27]!);
  assert.equal(new TextDecoder().decode(udp.payload), "hello world!");
  const { icmp } = parseLayers(ICMP4);
  assert.ok(icmp !== undefined);
  assert.deepEqual([icmp.type, icmp.code, icmp.typeName], [8, 0, "echo request"]);
  assert.deepEqual([icmp.identifier, icmp.sequenceNumber, icmp.restOfHeader], [3, 2, 0x30002]);
  assert.deepEqual(own(icmp.payload), hex("61626364"));
  const { icmpv6 } = parseLayers(ICMP6, { protocol: 0x86dd });
  assert.ok(icmpv6 !== undefined);
  assert.deepEqual([icmpv6.type, icmpv6.code, icmpv6.typeName], [128, 0, "echo request"]);
  assert.deepEqual([icmpv6.identifier, icmpv6.sequenceNumber], [3, 1]);
  assert.equal(icmpv6.checksum, (ICMP6[42]! << 8) | ICMP6[43]!);
  const unreachable = ICMP4.slice();
  unreachable[20] = 3;
  assert.equal(parseLayers(unreachable).icmp?.identifier, undefined);
  assert.equal(parseLayers(unreachable).icmp?.typeName, "destination unreachable");
});

test("one line a packet", LIMIT, () => {
  const lines = Object.values(SAMPLES).map((bytes) => summary(parseLayers(bytes)));
  assert.deepEqual(lines, [
    "IP 10.0.0.1.4000 > 10.0.0.2.80: Flags [S], seq 1, win 64240, options [mss 1460], length 0",
    "IP 127.0.0.1.5000 > 127.0.0.1.53: UDP, length 12",
    "IP 127.0.0.1 > 127.0.0.1: ICMP echo request, id 3, seq 2, length 12",
    "IP6 ::1 > ::1: ICMP6, echo request, id 3, seq 1, length 12",
    "IP6 2001:db8::1.50000 > fe80::200:ff:fe00:2.443: HBH DSTOPT Flags [P.], ack 19088743, win 512, " +
    "length 0 (frag 3735928559:20@0)",
  ]);
  // Lengths are those of the wire, not of what was captured.
  assert.equal(
    summary(parseLayers(UDP4.subarray(0, 30)), { length: UDP4.length }),
    "IP 127.0.0.1.5000 > 127.0.0.1.53: UDP, length 12",
  );
  const fragment = UDP4.slice();
  fragment.set([0x20, 0xb9], 6);
  assert.equal(
    summary(parseLayers(fragment)),
    "IP 127.0.0.1 > 127.0.0.1: UDP, length 20 (frag 0:20@1480+)",
  );
  assert.equal(
    summary(parseLayers(hex("0001"), { protocol: 0x88cc })),
    "ethertype 0x88cc, length 2",
  );
  assert.equal(
    summary(parseLayers(UDP4.subarray(0, 24)), { length: UDP4.length }),
    "IP 127.0.0.1 > 127.0.0.1: UDP, length 20 [udp header needs 8 bytes, have 4]",
  );
});

test("every sample cut at every length", LIMIT, () => {
  const headerEnd = { TCP4: 44, UDP4: 28, ICMP4: 28, ICMP6: 48, TCP6: 84 };
  const upper = { TCP4: "tcp", UDP4: "udp", ICMP4: "icmp", ICMP6: "icmpv6", TCP6: "tcp" } as const;
  for (const name of Object.keys(SAMPLES) as (keyof typeof SAMPLES)[]) {
    const whole = SAMPLES[name];
    for (let length = 0; length <= whole.length; length++) {
      const layers = parseLayers(embed(whole.subarray(0, length), 0xff));
      const where = `${name} cut at ${length}`;
      const ipSize = name.endsWith("4") ? 20 : 40;
      assert.equal(layers.ip !== undefined, length >= ipSize, where);
      const present = layers[upper[name]] !== undefined;
      assert.equal(present, length >= headerEnd[name], where);
      assert.equal(layers.malformed === undefined, present || length === 0, where);
      const problem = layers.malformed;
      if (problem !== undefined) assert.ok(problem.have < problem.need, where);
      readEverything(layers);
    }
  }
});

test("what the lengths in the headers do", LIMIT, () => {
  // Padding after the datagram is not payload.
  const padded = new Uint8Array(UDP4.length + 6).fill(0xee);
  padded.set(UDP4);
  assert.equal(parseLayers(padded).udp?.payload.length, 12);
  assert.equal(parseLayers(padded).ipv4?.payload.length, 20);
  // A total length beyond the captured bytes is not trusted.
  const long = UDP4.slice();
  long.set([0xff, 0xff], 2);
  long.set([0xff, 0xff], 24);
  assert.equal(parseLayers(long).udp?.payload.length, 12);
  // Total length 0 is a GSO packet: everything belongs to it.
  const gso = UDP4.slice();
  gso.set([0, 0], 2);
  assert.equal(parseLayers(gso).udp?.payload.length, 12);
  // A UDP length below the captured bytes ends the data.
  const short = UDP4.slice();
  short.set([0, 10], 24);
  assert.equal(parseLayers(short).udp?.payload.length, 2);
  // A TCP header longer than its segment.
  const tcp = TCP4.slice();
  tcp[36] = 0x70;
  assert.equal(parseLayers(tcp).tcp, undefined);
  assert.deepEqual(parseLayers(tcp).malformed, {
    layer: "tcp header",
    offset: 24,
    need: 28,
    have: 24,
  });
  tcp[36] = 0x40;
  assert.deepEqual(parseLayers(tcp).malformed, {
    layer: "tcp header",
    offset: 24,
    need: 20,
    have: 16,
  });
  // A header of 16 bytes, and one that is longer than the datagram.
  const header = UDP4.slice();
  header[0] = 0x44;
  assert.equal(parseLayers(header).ip, undefined);
  assert.equal(parseLayers(header).malformed?.have, 16);
  header.set([0x4f], 0);
  assert.deepEqual(parseLayers(header).malformed?.need, 60);
});

test("no transport layer where there is none", LIMIT, () => {
  const later = TCP4.slice();
  later.set([0x20, 0x01], 6);
  assert.equal(parseLayers(later).tcp, undefined);
  assert.equal(parseLayers(later).ipv4?.fragmentOffset, 8);
  assert.equal(parseLayers(later).malformed, undefined);
  const first = TCP4.slice();
  first.set([0x20, 0x00], 6);
  assert.equal(parseLayers(first).tcp?.destinationPort, 80);
  const later6 = TCP6.slice();
  later6.set([0x00, 0x09], 50);
  assert.equal(parseLayers(later6).tcp, undefined);
  assert.deepEqual(parseLayers(later6).ipv6?.fragment?.offset, 8);
  assert.equal(parseLayers(later6).ipv6?.fragment?.moreFragments, true);
  assert.equal(parseLayers(later6).malformed, undefined);
  // More fragments to come, but this is the first: the reserved bits and M are no offset.
  const first6 = TCP6.slice();
  first6.set([0x00, 0x07], 50);
  assert.equal(parseLayers(first6).tcp?.destinationPort, 443);
  assert.deepEqual(parseLayers(first6).ipv6?.fragment?.offset, 0);
  const esp = TCP6.slice();
  esp[6] = 50;
  assert.equal(parseLayers(esp).tcp, undefined);
  assert.equal(parseLayers(esp).ipv6?.protocol, 50);
  assert.deepEqual(parseLayers(esp).ipv6?.extensionHeaders, []);
  // ICMP belongs to IPv4, ICMPv6 to IPv6.
  const icmpIn6 = ICMP6.slice();
  icmpIn6[6] = 1;
  const icmpv6In4 = ICMP4.slice();
  icmpv6In4[9] = 58;
  for (const bytes of [icmpIn6, icmpv6In4]) {
    const { icmp, icmpv6, ip } = parseLayers(bytes);
    assert.deepEqual([icmp, icmpv6], [undefined, undefined]);
    assert.ok(ip !== undefined);
  }
});

test("the ethertype decides; 0 looks at the version", LIMIT, () => {
  assert.equal(parseLayers(TCP4, { protocol: 0x86dd }).ip, undefined);
  assert.match(parseLayers(TCP4, { protocol: 0x86dd }).malformed?.reason ?? "", /version is 4/);
  assert.match(parseLayers(TCP6, { protocol: 0x0800 }).malformed?.reason ?? "", /version is 6/);
  const other = parseLayers(TCP4, { protocol: 0x88cc });
  assert.deepEqual([other.ip, other.tcp, other.malformed], [undefined, undefined, undefined]);
  assert.equal(parseLayers(hex("50")).malformed, undefined);
});

test("an extension header that is cut off", LIMIT, () => {
  for (let have = 0; have < 8; have++) {
    const { ipv6, malformed } = parseLayers(TCP6.subarray(0, 48 + have));
    const layer = "ipv6 extension header 44";
    assert.deepEqual(malformed, { layer, offset: 48, need: 8, have });
    assert.equal(ipv6?.protocol, 44);
    assert.equal(ipv6?.payload.length, have);
    assert.equal(ipv6?.fragment, undefined);
  }
  const long = TCP6.slice();
  long[41] = 5;
  assert.deepEqual(parseLayers(long).malformed, {
    layer: "ipv6 extension header 0",
    offset: 40,
    need: 48,
    have: 44,
  });
});

test("authentication header: its length counts words of 4 bytes", LIMIT, () => {
  const bytes = new Uint8Array(40 + 24 + 20);
  bytes.set(TCP6.subarray(0, 40));
  bytes.set([0, 44, 51], 4);
  bytes.set([6, 4], 40);
  bytes.set(TCP6.subarray(64), 64);
  const { ipv6, tcp } = parseLayers(bytes);
  assert.deepEqual(ipv6?.extensionHeaders, [{ protocol: 51, offset: 40, length: 24 }]);
  assert.equal(tcp?.destinationPort, 443);
});

test("a released frame refuses every read", LIMIT, () => {
  for (const bytes of Object.values(SAMPLES)) {
    const frame = new PacketBytes(bytes);
    const layers = new Layers(frame);
    const views = [layers.ip, layers.tcp, layers.udp, layers.icmp, layers.icmpv6];
    frame.release();
    frame.release();
    assert.equal(frame.released, true);
    let count = 0;
    for (const view of views) {
      if (view === undefined) continue;
      for (const name of getters(view)) {
        assert.throws(() => Reflect.get(view, name), PacketReleasedError, `${name}`);
        count++;
      }
    }
    assert.ok(count > 15);
    for (const read of [() => frame.length, () => frame.u8(0), () => frame.subarray()]) {
      assert.throws(read, PacketReleasedError);
    }
    assert.throws(() => new Layers(frame).tcp, PacketReleasedError);
    assert.throws(() => summary(layers), PacketReleasedError);
  }
});

test("a frame ends where it ends", LIMIT, () => {
  const bytes = hex("00112233445566778899");
  const frame = PacketBytes.over(new DataView(bytes.buffer), bytes, 2, 8);
  assert.equal(frame.length, 6);
  assert.deepEqual([frame.u8(0), frame.u16(4), frame.u32(2)], [0x22, 0x6677, 0x44556677]);
  assert.deepEqual(own(frame.subarray(1, 3)), hex("3344"));
  assert.deepEqual(own(frame.subarray()), hex("223344556677"));
  for (const offset of [-1, 6, 7, NaN, Infinity]) {
    assert.throws(() => frame.u8(offset), RangeError);
    assert.throws(() => frame.u16(offset), RangeError);
    assert.throws(() => frame.u32(offset), RangeError);
  }
  assert.throws(() => frame.u16(5), RangeError);
  assert.throws(() => frame.u32(3), RangeError);
  assert.throws(() => frame.subarray(-1), RangeError);
  assert.throws(() => frame.subarray(0, 7), RangeError);
  assert.throws(() => frame.subarray(3, 2), RangeError);
  for (const [start, end] of [[-1, 2], [3, 2], [0, 11], [NaN, 2]] as const) {
    assert.throws(() => new PacketBytes(bytes, start, end), RangeError);
  }
});

test("any bytes: layers and views never throw and read nothing outside", LIMIT, () => {
  const ipLike = noise(120).map((bytes) => {
    const copy = bytes.slice();
    if (copy.length > 0) copy[0] = (copy[0]! & 0x1f) | 0x40 | ((copy[0]! & 0x80) >> 2);
    return copy;
  });
  const input = fc.oneof(mutated(fc.constantFrom(...Object.values(SAMPLES))), ipLike, noise());
  fc.assert(
    fc.property(input, fc.constantFrom(0, 0x800, 0x86dd, 0x806), (bytes, protocol) => {
      const first = readEverything(parseLayers(embed(bytes, 0x00), { protocol }));
      assert.deepEqual(readEverything(parseLayers(embed(bytes, 0xff), { protocol })), first);
    }),
    { numRuns: runs(3000) },
  );
});

test("UDP that says it is longer than its packet is told, and read all the same", LIMIT, () => {
  const bytes = (length: number, more: object = {}) =>
    buildPacket({
      ipv4: { source: "10.0.0.1", ...more },
      udp: { length },
      payload: new Uint8Array(4),
    });
  const layers = parseLayers(bytes(400));
  assert.deepEqual(layers.malformed, { layer: "udp header", offset: 20, need: 400, have: 12 });
  assert.equal(layers.udp?.payload.length, 4);
  assert.match(summary(layers), /UDP, bad length 392 > 4$/);
  const { udp } = layers;
  assert.ok(udp !== undefined);
  udp.length = 12;
  assert.equal(layers.malformed, undefined);
  assert.equal(layers.udp, udp);
  // The rest of a fragment is elsewhere, and that of a cut packet was not captured.
  assert.equal(parseLayers(bytes(400, { moreFragments: true })).malformed, undefined);
  assert.equal(parseLayers(bytes(400, { totalLength: 420 })).malformed, undefined);
});

test("a TCP option without a length names it", LIMIT, () => {
  const options = Uint8Array.of(30, 0, 0, 0);
  const { tcp } = parseLayers(buildPacket({ ipv4: {}, tcp: { options } }));
  assert.throws(() => tcp!.mss = 1000, /tcp option at byte 40: its length is less than 2/);
});

function getters(view: object): string[] {
  const all = Object.getOwnPropertyDescriptors(Object.getPrototypeOf(view));
  return Object.entries(all).filter(([, d]) => d.get !== undefined).map(([name]) => name);
}

/** Every getter of every view, and the summary; byte arrays are copied. */
function readEverything(layers: Layers): unknown {
  const values: unknown[] = [layers.malformed, summary(layers)];
  for (const view of [layers.ip, layers.tcp, layers.udp, layers.icmp, layers.icmpv6]) {
    if (view === undefined) continue;
    for (const name of getters(view)) {
      const value: unknown = Reflect.get(view, name);
      values.push([name, value instanceof Uint8Array ? own(value) : value]);
    }
  }
  return values;
}
