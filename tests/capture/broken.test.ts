// Broken, cut and hostile captures: what is whole is read, the rest is a clear error, and nothing hangs.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type CapturedPacket,
  CaptureError,
  CaptureReader,
  decodeCapture,
  PcapngWriter,
  PcapWriter,
} from "../../src/capture/mod.ts";
import { everyBlock, file, LIMIT, udp } from "./samples.ts";

function readAll(bytes: Uint8Array): { packets: CapturedPacket[]; error: unknown } {
  const packets: CapturedPacket[] = [];
  try {
    for (const packet of decodeCapture(bytes)) packets.push(packet);
  } catch (error) {
    return { packets, error };
  }
  return { packets, error: undefined };
}

const recordings = [new PcapngWriter(), new PcapWriter()].map((writer) =>
  new Uint8Array(
    Buffer.concat([0, 1, 2, 3].map((index) =>
      writer.packet({ bytes: udp(`packet ${index}`), timestamp: index * 1_000_000 })
    )),
  )
);

test("a file that is cut anywhere gives what is whole, and says where it ends", LIMIT, () => {
  for (const bytes of [...recordings, everyBlock(true), everyBlock(false)]) {
    const { packets: all, error: none } = readAll(bytes);
    assert.equal(none, undefined);
    for (let end = 0; end < bytes.length; end++) {
      const { packets, error } = readAll(bytes.subarray(0, end));
      const essence = ({ bytes, timestamp }: CapturedPacket) => [bytes, timestamp];
      assert.deepEqual(packets.map(essence), all.slice(0, packets.length).map(essence));
      // Between two blocks a file may end.
      if (error === undefined) continue;
      assert.ok(error instanceof CaptureError, `${error}`);
      assert.equal(error.cut, true);
      assert.ok(error.offset <= end && error.message.includes(`at byte ${error.offset}`));
    }
  }
});

test("any bytes changed: packets, or a CaptureError, never anything else", LIMIT, () => {
  const files = [...recordings, everyBlock(true), everyBlock(false)];
  const changes = fc.array(fc.tuple(fc.nat(2000), fc.nat(255)), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(fc.constantFrom(...files), changes, (whole, edits) => {
      const bytes = whole.slice();
      for (const [at, value] of edits) bytes[at % bytes.length] = value;
      const { error } = readAll(bytes);
      assert.ok(error === undefined || error instanceof CaptureError, `${error}`);
    }),
    { numRuns: 3000 },
  );
});

const section = [
  ...[[32, 0x0a0d0d0a, 28, 0x1a2b3c4d], [16, 1, 0], [32, 0, 0, 28]] as const,
] as const;
const device = [[32, 1, 20], [16, 1, 0], [32, 0], [32, 20]] as const;
const cases: readonly (readonly [string, Uint8Array, RegExp])[] = [
  ["nothing", new Uint8Array(), /ends in the middle of its first header/],
  ["text", new TextEncoder().encode("not a capture"), /neither pcap nor pcapng/],
  ["gzip", Uint8Array.of(0x1f, 0x8b, 8, 0), /compressed \(gzip\).*DecompressionStream/],
  ["pcap 3.0", file(true, [32, 0xa1b2c3d4], [16, 3, 0], [32, 0, 0, 0, 1]), /pcap version 3\.0/],
  [
    "a record of 4 GB",
    file(true, [32, 0xa1b2c3d4], [16, 2, 4], [32, 0, 0, 0, 1], [32, 0, 0, 0xffffffff, 0]),
    /holds 4294967295 bytes/,
  ],
  ["no byte order", file(true, [32, 0x0a0d0d0a, 28, 5, 0, 0, 0, 28]), /no byte order/],
  [
    "a block of 4 GB",
    file(true, ...section, [32, 6, 0xfffffffc, 0]),
    /says that it has 4294967292/,
  ],
  ["a block of 0 bytes", file(true, ...section, [32, 6, 0, 0]), /says that it has 0 bytes/],
  ["two lengths", file(true, ...section, [32, 6, 12, 16]), /two lengths are not the same/],
  ["a short block", file(true, ...section, [32, 1, 12, 12]), /needs 8 for its fields/],
  [
    "an interface that is not there",
    file(true, ...section, [32, 6, 32, 3, 0, 0, 0, 0, 32]),
    /about interface 3/,
  ],
  [
    "a packet longer than its block",
    file(true, ...section, ...device, [32, 6, 32, 0, 0, 0, 9, 9, 32]),
    /a packet of 9 bytes is longer than its block/,
  ],
];

for (const [name, bytes, message] of cases) {
  test(`a clear error: ${name}`, LIMIT, () => {
    const { error } = readAll(bytes);
    assert.ok(error instanceof CaptureError);
    assert.match(error.message, message);
  });
}

test("after an error a reader says it again", LIMIT, () => {
  const reader = new CaptureReader();
  const bad = new TextEncoder().encode("nonsense");
  assert.throws(() => [...reader.read(bad)], CaptureError);
  assert.throws(() => [...reader.read(recordings[0]!)], /neither/);
  assert.throws(() => reader.end(), /neither/);
});

test("wrong arguments are refused by name", LIMIT, () => {
  const writer = new PcapngWriter();
  const bytes = udp("x");
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ bytes: "x", timestamp: 0 }, /bytes must be a Uint8Array/],
    [{ bytes, timestamp: -1 }, /timestamp/],
    [{ bytes, timestamp: 0.5 }, /timestamp/],
    [{ bytes, timestamp: 0, nanoseconds: 1000 }, /nanoseconds/],
    [{ bytes, timestamp: 0, length: 3 }, /length/],
    [{ bytes, timestamp: 0, id: 1.5 }, /id/],
    [{ bytes, timestamp: 0, queue: -1 }, /queue/],
    [{ bytes, timestamp: 0, comments: [7] }, /comment/],
    [{ bytes, timestamp: 0, interface: { linkType: 70_000, snapLength: 0 } }, /linkType/],
  ];
  for (const [packet, message] of wrong) {
    assert.throws(() => writer.packet(packet as CapturedPacket), message);
  }
  // What was refused left nothing behind.
  assert.equal([...decodeCapture(writer.packet({ bytes, timestamp: 1 }))].length, 1);
  const other = { bytes, timestamp: 0, interface: { linkType: 1, snapLength: 0 } };
  assert.throws(() => new PcapWriter().packet(other), /one link type, 101 here, got 1/);
  assert.throws(() => new PcapWriter().packet({ bytes, timestamp: 2 ** 32 * 1e6 }), /timestamp/);
});
