// Files of other programs, written down byte by byte: both byte orders, old and rare layouts.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CaptureReader, decodeCapture, LINK_TYPE, networkLayerOf } from "../../src/capture/mod.ts";
import { everyBlock, file, LIMIT, udp } from "./samples.ts";

for (const littleEndian of [true, false]) {
  const order = littleEndian ? "little-endian" : "big-endian";

  test(`pcapng, ${order}: every kind of block`, LIMIT, () => {
    const reader = new CaptureReader();
    const packets = [...reader.read(everyBlock(littleEndian))];
    reader.end();
    const [first, old, simple] = packets;
    assert.equal(packets.length, 3);
    assert.deepEqual(first?.bytes, Uint8Array.of(1, 2, 3));
    // 5,500 milliseconds, and 1,000 seconds.
    assert.deepEqual([first.timestamp, first.nanoseconds, first.length], [1_005_500_000, 0, 60]);
    assert.deepEqual([first.comments, first.direction, first.queue], [["hello"], "outbound", 9]);
    assert.deepEqual([old?.bytes, old?.timestamp], [Uint8Array.of(8, 9), 1_006_000_000]);
    assert.deepEqual([simple?.bytes, simple?.length], [Uint8Array.of(1, 2, 3, 4), 1500]);
    const [lo] = reader.interfaces;
    assert.deepEqual([lo?.name, lo?.linkType, lo?.snapLength], ["lo", LINK_TYPE.ETHERNET, 4]);
    assert.equal(lo?.statistics?.systemDropped, 5);
  });

  test(`pcapng, ${order}: several sections, each with its own interfaces`, LIMIT, () => {
    const sections = [everyBlock(littleEndian), everyBlock(!littleEndian)];
    const packets = [...decodeCapture(new Uint8Array(Buffer.concat(sections)))];
    assert.equal(packets.length, 6);
    assert.notEqual(packets[0]?.interface, packets[3]?.interface);
  });

  for (
    const [name, magic, timestamp, nanoseconds] of [
      ["microseconds", 0xa1b2c3d4, 7_000_999, 0],
      ["nanoseconds", 0xa1b23c4d, 7_000_000, 999],
      ["Kuznetzov's layout", 0xa1b2cd34, 7_000_999, 0],
    ] as const
  ) {
    test(`pcap, ${order}, ${name}`, LIMIT, () => {
      const header = [[32, magic], [16, 2, 4], [32, 0, 0, 65535, LINK_TYPE.ETHERNET]] as const;
      const more = magic === 0xa1b2cd34 ? [[32, 2], [16, 8], [8, 0, 0]] as const : [];
      const record = [[32, 7, 999, 2, 60], ...more, [8, 5, 6]] as const;
      const packets = [...decodeCapture(file(littleEndian, ...header, ...record, ...record))];
      assert.equal(packets.length, 2);
      for (const packet of packets) {
        assert.deepEqual(packet.bytes, Uint8Array.of(5, 6));
        assert.deepEqual([packet.timestamp, packet.nanoseconds], [timestamp, nanoseconds]);
        assert.deepEqual([packet.length, packet.interface?.linkType], [60, LINK_TYPE.ETHERNET]);
      }
    });
  }
}

test("pcap before 2.3 has its two lengths the other way round", LIMIT, () => {
  const header = [[32, 0xa1b2c3d4], [16, 2, 2], [32, 0, 0, 65535, 1]] as const;
  const [packet] = decodeCapture(file(false, ...header, [32, 1, 0, 60, 2], [8, 5, 6]));
  assert.deepEqual([packet?.bytes, packet?.length], [Uint8Array.of(5, 6), 60]);
});

test("where the network header is, by link type", LIMIT, () => {
  const ip = [...udp("x")];
  const cases: readonly (readonly [number, readonly number[], number | undefined])[] = [
    [LINK_TYPE.RAW, ip, 0],
    [LINK_TYPE.IPV4, ip, 0],
    [LINK_TYPE.RAW, [0x10], undefined],
    [LINK_TYPE.RAW, [], undefined],
    [LINK_TYPE.NULL, [2, 0, 0, 0, ...ip], 4],
    [LINK_TYPE.LOOP, [0, 0, 0, 2, ...ip], 4],
    [LINK_TYPE.NULL, [9, 9, 0, 0, ...ip], undefined],
    [LINK_TYPE.ETHERNET, [...new Array(12).fill(0), 8, 0, ...ip], 14],
    [
      LINK_TYPE.ETHERNET,
      [...new Array(12).fill(0), 0x88, 0xa8, 0, 1, 0x81, 0, 0, 2, 8, 0, ...ip],
      22,
    ],
    [LINK_TYPE.ETHERNET, [...new Array(12).fill(0), 0x81, 0, 0], undefined],
    [LINK_TYPE.ETHERNET, [1, 2, 3], undefined],
    [LINK_TYPE.LINUX_SLL, [...new Array(14).fill(0), 8, 0, ...ip], 16],
    [LINK_TYPE.LINUX_SLL2, [8, 0, ...new Array(18).fill(0), ...ip], 20],
    [147, ip, undefined],
  ];
  for (const [linkType, bytes, offset] of cases) {
    const found = networkLayerOf(Uint8Array.from(bytes), linkType);
    assert.equal(found?.offset, offset, `${linkType}: ${bytes.length} bytes`);
    if (found !== undefined) assert.equal(found.etherType, 0x0800);
  }
});
