// Payloads, options and extension headers: what grows, what moves, what is refused.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import {
  buildPacket,
  finishChecksums,
  IPV6_EXTENSION,
  type Layers,
  PacketBytes,
  parseLayers,
  TCP_OPTION,
  WireError,
} from "../../src/packet/mod.ts";
import { counting, packetOf, PACKETS } from "./edits.ts";
import { embed, hex, LIMIT, own } from "./samples.ts";

function upperOf(layers: Layers) {
  const view = layers.tcp ?? layers.udp ?? layers.icmp ?? layers.icmpv6;
  assert.ok(view !== undefined);
  return view;
}

/** The packet as it is, which must be right in every length and checksum. */
function right(layers: Layers): Uint8Array {
  const bytes = own(layers.bytes.subarray());
  assert.deepEqual(finishChecksums(bytes.slice()), bytes);
  const { ipv4, ipv6, udp } = parseLayers(bytes);
  assert.equal(ipv4?.totalLength ?? 40 + (ipv6?.payloadLength ?? 0), bytes.length);
  if (udp !== undefined) assert.equal(udp.length, (ipv4 ?? ipv6)?.payload.length);
  return bytes;
}

for (const [name, fields] of Object.entries(PACKETS)) {
  test(`${name}: payloads of every length are what would have been built so`, LIMIT, () => {
    const layers = parseLayers(packetOf(name));
    const upper = upperOf(layers);
    for (const length of [0, 1, 2, 13, 64, 65, 300, 7, 1400, 9000, 65000, 3, 0, 20]) {
      const payload = counting(length);
      upper.payload = payload;
      assert.deepEqual(right(layers), own(buildPacket({ ...fields, payload })), `${length} bytes`);
      assert.deepEqual(own(upper.payload), payload);
    }
  });

  test(`${name}: a payload made of itself`, LIMIT, () => {
    const layers = parseLayers(packetOf(name));
    const upper = upperOf(layers);
    upper.payload = counting(50);
    upper.payload = upper.payload.subarray(3);
    assert.deepEqual(own(upper.payload), counting(47, 4));
    upper.payload = upper.payload.subarray(0, 40);
    assert.deepEqual(own(upper.payload), counting(40, 4));
    // All of the packet as its own data.
    const whole = own(layers.bytes.subarray());
    upper.payload = layers.bytes.subarray();
    assert.deepEqual(own(upper.payload), whole);
    right(layers);
  });

  test(`${name}: the payload of the IP header`, LIMIT, () => {
    const layers = parseLayers(packetOf(name));
    const { ip } = layers;
    assert.ok(ip !== undefined);
    const longer = buildPacket({ ...fields, payload: counting(200) });
    ip.payload = parseLayers(longer).ip!.payload;
    assert.deepEqual(right(layers), own(longer));
    const noTransport = layers;
    ip.payload = counting(2);
    assert.equal(noTransport.malformed?.have, 2);
    assert.deepEqual(own(ip.payload), counting(2));
  });
}

test("the longest payload, and one byte more", LIMIT, () => {
  for (const [name, fields] of Object.entries(PACKETS)) {
    const layers = parseLayers(packetOf(name));
    const upper = upperOf(layers);
    const version = layers.ip!.version;
    const headers = layers.bytes.length - upper.payload.length;
    const most = (version === 4 ? 65535 : 65575) - headers;
    const before = own(layers.bytes.subarray());
    assert.throws(() => upper.payload = new Uint8Array(most + 1), {
      name: "RangeError",
      message: /payload: the IPv[46] packet would have 65\d\d6 bytes, 65\d\d5 at most/,
    });
    assert.deepEqual(own(layers.bytes.subarray()), before);
    assert.equal(layers.bytes.touched, false);
    upper.payload = counting(most);
    assert.deepEqual(right(layers), own(buildPacket({ ...fields, payload: counting(most) })));
    for (const wrong of ["x", null, undefined, [1], new ArrayBuffer(3)]) {
      assert.throws(() => upper.payload = wrong as unknown as Uint8Array, TypeError);
    }
  }
});

test("a frame grows in its memory only as far as it had bytes there", LIMIT, () => {
  const inside = embed(packetOf("UDP over IPv4"), 0xee);
  const layers = parseLayers(inside);
  const { udp } = layers;
  assert.ok(udp !== undefined);
  udp.payload = counting(4);
  assert.equal(layers.bytes.subarray().buffer, inside.buffer);
  udp.payload = counting(13);
  assert.equal(layers.bytes.subarray().buffer, inside.buffer);
  udp.payload = counting(14);
  assert.notEqual(layers.bytes.subarray().buffer, inside.buffer);
  const { buffer } = layers.bytes.subarray();
  udp.payload = counting(100);
  assert.equal(layers.bytes.subarray().buffer, buffer, "there is room behind");
  right(layers);
});

test("fragments: fields are edited, data keeps its length", LIMIT, () => {
  const whole = buildPacket({
    ipv4: { source: "10.0.0.1", destination: "10.0.0.2" },
    udp: { sourcePort: 1, destinationPort: 2 },
    payload: counting(64),
  });
  const checksum = parseLayers(whole).udp!.checksum;
  const fragments = [[0, 32], [32, 72]].map(([from = 0, to = 0]) =>
    buildPacket({
      ipv4: {
        ...{ source: "10.0.0.1", destination: "10.0.0.2", protocol: 17 },
        ...{ fragmentOffset: from, moreFragments: from === 0 },
      },
      payload: whole.slice(20 + from, 20 + to),
    })
  );
  const [first, later] = fragments.map((bytes) => parseLayers(bytes));
  assert.ok(first?.udp !== undefined && later !== undefined);
  assert.equal(first.udp.checksum, checksum);
  assert.equal(later.udp, undefined);
  first.udp.sourcePort = 0x1234;
  for (const { ipv4 } of [first, later]) ipv4!.source = "192.0.2.77";
  first.udp.payload = first.udp.payload.slice().reverse();
  for (const bytes of [counting(23), counting(25)]) {
    assert.throws(() => first.udp!.payload = bytes, /payload must keep its 24 bytes.*a fragment/);
    assert.throws(() => first.ipv4!.payload = bytes, /payload must keep its 32 bytes.*a fragment/);
    assert.throws(() => later.ipv4!.payload = bytes, /payload must keep its 40 bytes.*a fragment/);
  }
  // Put together again, all of it is right.
  const data = [first, later].flatMap(({ ipv4 }) => [...ipv4!.payload]);
  const together = buildPacket({
    ipv4: { source: "192.0.2.77", destination: "10.0.0.2", protocol: 17 },
    payload: Uint8Array.from(data),
  });
  assert.deepEqual(finishChecksums(together.slice()), together);
  // Each fragment has IP options to itself.
  later.ipv4!.optionList = [{ type: 148, data: counting(2) }];
  assert.equal(later.ipv4!.totalLength, 64);
  assert.equal(later.ipv4!.payload.length, 40);
  assert.deepEqual(finishChecksums(own(later.bytes.subarray())), own(later.bytes.subarray()));
});

test("a packet of which only a part is here keeps its lengths", LIMIT, () => {
  const bytes = packetOf("TCP over IPv4").slice(0, 45);
  const { tcp, ipv4 } = parseLayers(bytes);
  assert.ok(tcp !== undefined && ipv4 !== undefined);
  assert.throws(() => tcp.payload = counting(1), /longer than its bytes that are here/);
  assert.throws(() => tcp.mss = 5, /longer than its bytes/);
  assert.throws(() => ipv4.options = counting(1), /longer than its bytes/);
  tcp.sourcePort = 1;
  const whole = parseLayers(packetOf("TCP over IPv4")).tcp!;
  whole.sourcePort = 1;
  assert.equal(tcp.checksum, whole.checksum);
});

test("TCP options: put in, changed, taken out; unknown ones stay", LIMIT, () => {
  const layers = parseLayers(packetOf("TCP over IPv4"));
  const { tcp } = layers;
  assert.ok(tcp !== undefined);
  const data = own(tcp.payload);
  const expect = (options: string): void => {
    assert.deepEqual(own(tcp.options), own(hex(options)));
    assert.equal(tcp.headerLength, 20 + tcp.options.length);
    assert.deepEqual(own(tcp.payload), data);
    right(layers);
  };
  tcp.mss = 1460;
  expect("020405b4");
  tcp.windowScale = 7;
  expect("020405b4 03030700");
  tcp.optionList = [...tcp.optionList, { kind: 254, data: hex("beef01") }];
  expect("020405b4 030307 fe05beef01");
  tcp.timestamps = { value: 0xfffffffe, echoReply: 1 };
  expect("020405b4 030307 fe05beef01 080a fffffffe 00000001 0000");
  tcp.mss = 536;
  tcp.sackPermitted = true;
  expect("02040218 030307 fe05beef01 080a fffffffe 00000001 0402");
  tcp.windowScale = undefined;
  expect("02040218 fe05beef01 080a fffffffe 00000001 0402 000000");
  tcp.timestamps = undefined;
  tcp.sackPermitted = false;
  tcp.sack = [{ left: 1, right: 2 }, { left: 0xfffffff0, right: 0xffffffff }];
  expect("02040218 fe05beef01 0512 00000001 00000002 fffffff0 ffffffff 00");
  assert.deepEqual(tcp.sack, [{ left: 1, right: 2 }, { left: 0xfffffff0, right: 0xffffffff }]);
  assert.deepEqual(tcp.optionList.map(({ kind }) => kind), [TCP_OPTION.MSS, 254, TCP_OPTION.SACK]);
  // 27 bytes are taken, and 14 more do not fit.
  const before = own(layers.bytes.subarray());
  const fill = { kind: 30, data: new Uint8Array(12) };
  assert.throws(() => tcp.optionList = [...tcp.optionList, fill], /must be 0 to 40 bytes, got 41/);
  assert.throws(() => tcp.sack = Array(5).fill({ left: 1, right: 2 }), RangeError);
  assert.throws(() => tcp.optionList = [{ kind: 0, data: new Uint8Array() }], RangeError);
  assert.throws(() => tcp.optionList = [{ kind: 1, data: new Uint8Array(1) }], RangeError);
  assert.throws(() => tcp.optionList = [5] as never, TypeError);
  assert.throws(() => tcp.optionList = 5 as never, TypeError);
  assert.throws(() => tcp.options = new Uint8Array(41), RangeError);
  assert.throws(() => tcp.timestamps = 5 as never, TypeError);
  assert.throws(() => tcp.timestamps = { value: -1, echoReply: 0 }, RangeError);
  assert.throws(() => tcp.mss = 65536, RangeError);
  assert.throws(() => tcp.sackPermitted = 1 as never, TypeError);
  assert.deepEqual(own(layers.bytes.subarray()), before);
  tcp.options = new Uint8Array();
  expect("");
});

test("TCP options at odd offsets, and twice", LIMIT, () => {
  const fields = PACKETS["TCP over IPv4"]!;
  const layers = parseLayers(buildPacket({
    ...fields,
    tcp: { ...fields.tcp, options: hex("01 020405b4 02040001 01 080a0000000100000002") },
  }));
  const { tcp } = layers;
  assert.ok(tcp !== undefined);
  assert.equal(tcp.mss, 1460);
  tcp.mss = 0x1234;
  tcp.timestamps = { value: 0xdeadbeef, echoReply: 0xffff0000 };
  assert.deepEqual(own(tcp.options), own(hex("01 02041234 02040001 01 080adeadbeefffff0000")));
  right(layers);
  tcp.mss = undefined;
  assert.deepEqual(own(tcp.options), own(hex("01 01 080adeadbeefffff0000")));
  right(layers);
});

test("options that make no sense: read as far as they do, not put into", LIMIT, () => {
  const fields = PACKETS["TCP over IPv4"]!;
  for (const broken of ["03", "0301", "030a0000", "0300"]) {
    const options = hex(`01020405b4010101${"01".repeat(4 - broken.length / 2)}${broken}`);
    const layers = parseLayers(buildPacket({ ...fields, tcp: { ...fields.tcp, options } }));
    const { tcp } = layers;
    assert.ok(tcp !== undefined);
    assert.equal(tcp.mss, 1460);
    assert.equal(tcp.windowScale, undefined);
    const before = own(layers.bytes.subarray());
    assert.throws(() => tcp.windowScale = 2, WireError);
    assert.throws(() => tcp.mss = undefined, WireError);
    assert.deepEqual(own(layers.bytes.subarray()), before);
    tcp.windowScale = undefined;
    tcp.mss = 1000;
    assert.equal(tcp.mss, 1000);
    right(layers);
    tcp.optionList = [...tcp.optionList];
    tcp.windowScale = 3;
    assert.deepEqual([tcp.mss, tcp.windowScale], [1000, 3]);
    right(layers);
  }
});

test("IPv4 options: the transport header moves", LIMIT, () => {
  const layers = parseLayers(packetOf("TCP over IPv4"));
  const { ipv4, tcp } = layers;
  assert.ok(ipv4 !== undefined && tcp !== undefined);
  const data = own(tcp.payload);
  for (const length of [3, 11, 40, 0, 4]) {
    ipv4.options = counting(length, 7);
    assert.equal(ipv4.headerLength, 20 + 4 * Math.ceil(length / 4));
    assert.equal(ipv4.options.length, ipv4.headerLength - 20);
    assert.equal(tcp.destinationPort, 443);
    assert.deepEqual(own(tcp.payload), data);
    right(layers);
  }
  ipv4.optionList = [{ type: 7, data: counting(5) }, { type: 1, data: counting(0) }];
  assert.deepEqual(own(ipv4.options), own(hex("0707010203040501")));
  assert.deepEqual(ipv4.optionList.map(({ type }) => type), [7, 1]);
  assert.throws(() => ipv4.options = counting(41), RangeError);
});

test("IPv6 extension headers: put in, changed, taken out", LIMIT, () => {
  const layers = parseLayers(packetOf("TCP over IPv6"));
  const { ipv6, tcp } = layers;
  assert.ok(ipv6 !== undefined && tcp !== undefined);
  const data = own(tcp.payload);
  const expect = (protocols: readonly number[]): void => {
    assert.deepEqual(ipv6.extensions.map(({ protocol }) => protocol), protocols);
    assert.equal(ipv6.protocol, 6);
    assert.equal(tcp.destinationPort, 443);
    assert.deepEqual(own(tcp.payload), data);
    assert.equal(layers.malformed, undefined);
    right(layers);
  };
  ipv6.destinationOptions = [{ type: 0x1e, data: counting(3) }];
  expect([60]);
  ipv6.hopByHopOptions = [{ type: 5, data: new Uint8Array(2) }];
  expect([0, 60]);
  assert.deepEqual(own(ipv6.extensions[0]?.data), own(hex("050200000100")));
  ipv6.fragment = { offset: 0, moreFragments: false, identification: 0xcafe };
  expect([0, 44, 60]);
  assert.deepEqual(ipv6.fragment, { offset: 0, moreFragments: false, identification: 0xcafe });
  const segments = new Uint8Array(4 + 32).fill(0x20, 4);
  ipv6.routing = { type: 4, segmentsLeft: 1, data: segments };
  expect([0, 43, 44, 60]);
  assert.deepEqual(own(ipv6.routing?.data), own(segments));
  // The checksum covers the last destination, not the next one.
  const { checksum } = tcp;
  ipv6.destination = "2001:db8::77";
  assert.equal(tcp.checksum, checksum);
  expect([0, 43, 44, 60]);
  ipv6.routing = { type: 4, segmentsLeft: 0, data: segments };
  expect([0, 43, 44, 60]);
  ipv6.authentication = {
    ...{ securityParametersIndex: 0x100, sequenceNumber: 9 },
    integrityCheckValue: counting(12),
  };
  expect([0, 43, 44, 51, 60]);
  assert.equal(ipv6.authentication?.sequenceNumber, 9);
  ipv6.hopByHopOptions = ipv6.routing = ipv6.authentication = undefined;
  expect([44, 60]);
  ipv6.extensions = [];
  expect([]);
  const wrong: readonly unknown[] = [
    [{ protocol: 6, data: counting(6) }],
    [{ protocol: IPV6_EXTENSION.ROUTING, data: counting(7) }],
    [{ protocol: IPV6_EXTENSION.FRAGMENT, data: counting(14) }],
    [{ protocol: 0, data: new Uint8Array(2047) }],
  ];
  for (const list of wrong) assert.throws(() => ipv6.extensions = list as never, RangeError);
  for (const list of [5, [5], [{ protocol: "0", data: counting(6) }], [{ protocol: 0 }]]) {
    assert.throws(() => ipv6.extensions = list as never, TypeError);
  }
  expect([]);
});

test("the destination that the checksum covers, by type of the Routing header", LIMIT, () => {
  const own6 = (last: number) => Uint8Array.from([0x20, 1, ...new Uint8Array(13), last]);
  const segments = Uint8Array.from([0, 0, 0, 0, ...own6(0xa1), ...own6(0xb2), ...own6(0xc3)]);
  const cases = [[0, 1, 0xc3], [4, 1, 0xa1], [2, 1, 0xc3], [0, 0, 0xdd], [4, 0, 0xdd]] as const;
  for (const [type, left, covered] of cases) {
    const data = Uint8Array.from([type, left, ...segments]);
    const udp = { sourcePort: 9, destinationPort: 10 };
    const ipv6 = { source: "2001::5", destination: "2001::dd" };
    const extensions = [{ protocol: 43, data }];
    const { checksum } = parseLayers(buildPacket({ ipv6: { ...ipv6, extensions }, udp })).udp!;
    const expected = `2001::${covered.toString(16)}`;
    const plain = buildPacket({ ipv6: { ...ipv6, destination: expected }, udp });
    assert.equal(checksum, parseLayers(plain).udp!.checksum, `type ${type}`);
    const edited = parseLayers(buildPacket({ ipv6, udp }));
    edited.ipv6!.extensions = extensions;
    assert.equal(edited.udp!.checksum, checksum, `type ${type}`);
    edited.ipv6!.extensions = [];
    assert.equal(edited.udp!.checksum, parseLayers(buildPacket({ ipv6, udp })).udp!.checksum);
  }
});

test("an extension header that is cut off is not edited over", LIMIT, () => {
  const bytes = packetOf("TCP over IPv6");
  bytes[6] = 43;
  bytes[41] = 255;
  const { ipv6 } = parseLayers(bytes);
  const before = own(bytes);
  assert.throws(() => ipv6!.extensions = [], WireError);
  assert.throws(() => ipv6!.hopByHopOptions = [], WireError);
  assert.deepEqual(own(bytes), before);
});

test("a frame moves whichever side is shorter, and lends other memory", LIMIT, () => {
  const frame = new PacketBytes(counting(100));
  const expected = [...counting(100)];
  for (const [at, removed, length] of [[2, 4, 0], [90, 6, 1], [50, 1, 9], [0, 0, 70], [0, 9, 0]]) {
    const bytes = counting(length!, 200);
    frame.replace(at!, removed!, bytes);
    expected.splice(at!, removed!, ...bytes);
    assert.deepEqual([...frame.subarray()], expected);
    assert.equal(frame.length, expected.length);
  }
  // Its own bytes, from the part that moves.
  for (const [at, removed, from, to] of [[40, 9, 50, 53], [40, 1, 50, 59], [9, 5, 0, 3]] as const) {
    const part = own(frame.subarray(from, to));
    frame.replace(at, removed, frame.subarray(from, to));
    expected.splice(at, removed, ...part);
    assert.deepEqual([...frame.subarray()], expected);
  }
  // A Buffer, whose slice() is no copy.
  const { length } = frame;
  const view = frame.subarray(length - 10, length - 7);
  const buffer = Buffer.from(view.buffer, view.byteOffset, view.length);
  expected.splice(length - 20, 9, ...view);
  frame.replace(length - 20, 9, buffer);
  assert.deepEqual([...frame.subarray()], expected);
  const other = counting(5);
  frame.lend(other);
  assert.equal(frame.touched, false);
  frame.setU16(1, 0xffff);
  assert.deepEqual([...other], [1, 255, 255, 4, 5]);
  for (const wrong of [-1, 4, NaN]) {
    assert.throws(() => frame.setU16(wrong, 0), RangeError);
    assert.throws(() => frame.replace(wrong, 2, other), RangeError);
  }
  frame.release();
  assert.throws(() => frame.lend(other), Error);
});
