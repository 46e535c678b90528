// What is written is read again, in pieces of any size.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  CaptureDecoderStream,
  type CapturedPacket,
  CaptureEncoderStream,
  CaptureReader,
  decodeCapture,
  LINK_TYPE,
  PcapngWriter,
  PcapWriter,
} from "../../src/capture/mod.ts";
import { anyPacket, LIMIT, udp } from "./samples.ts";

function join(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts.map((part) => part)));
}

function inPieces(bytes: Uint8Array, size: number): CapturedPacket[] {
  const reader = new CaptureReader();
  const packets: CapturedPacket[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    packets.push(...reader.read(bytes.subarray(at, at + size)));
  }
  reader.end();
  return packets;
}

test("pcapng: every field of any packet", LIMIT, () => {
  fc.assert(fc.property(fc.array(anyPacket, { maxLength: 6 }), fc.nat(97), (packets, size) => {
    const writer = new PcapngWriter({ application: "test", comment: "a recording" });
    const bytes = join([writer.start(), ...packets.map((packet) => writer.packet(packet))]);
    assert.deepEqual(inPieces(bytes, size + 1), packets);
  }));
});

for (const nanoseconds of [false, true]) {
  const unit = nanoseconds ? "nanoseconds" : "microseconds";
  test(`pcap in ${unit}: time, length and bytes of any packet`, LIMIT, () => {
    fc.assert(fc.property(fc.array(anyPacket, { maxLength: 6 }), fc.nat(97), (given, size) => {
      const packets = given.map(({ bytes, length, timestamp, nanoseconds: rest }) => ({
        ...{ bytes, length, timestamp, nanoseconds: nanoseconds ? rest : 0 },
        interface: { linkType: LINK_TYPE.RAW, snapLength: 262_144 },
      }));
      const writer = new PcapWriter({ nanoseconds });
      const bytes = join([writer.start(), ...packets.map((packet) => writer.packet(packet))]);
      assert.deepEqual(inPieces(bytes, size + 1), packets);
    }));
  });
}

test("streams: packets to bytes to packets", LIMIT, async () => {
  const packets = Array.from({ length: 300 }, (_, index) => ({
    ...{ bytes: udp(`packet ${index}`), timestamp: 1_700_000_000_000_000 + index, id: index },
  }));
  const stream = ReadableStream.from(packets).pipeThrough(
    new CaptureEncoderStream(new PcapngWriter()),
  ).pipeThrough(new CaptureDecoderStream());
  const read: CapturedPacket[] = [];
  for await (const packet of stream) read.push(packet);
  assert.deepEqual(
    read.map(({ id, timestamp }) => [id, timestamp]),
    packets.map(({ id, timestamp }) => [id, timestamp]),
  );
});

test("statistics of interfaces are read and written", LIMIT, () => {
  const writer = new PcapngWriter();
  const eth0 = { name: "eth0", linkType: LINK_TYPE.ETHERNET, snapLength: 96 };
  const statistics = { received: 5, dropped: 1, systemDropped: 2 ** 40, delivered: 3 };
  const bytes = join([
    writer.packet({ bytes: udp("x"), timestamp: 5 }),
    writer.statistics(statistics, { interface: eth0, timestamp: 6, nanoseconds: 7 }),
  ]);
  const reader = new CaptureReader();
  assert.equal([...reader.read(bytes)].length, 1);
  reader.end();
  const [raw, named] = reader.interfaces;
  assert.deepEqual([raw?.linkType, raw?.name, raw?.statistics], [
    LINK_TYPE.RAW,
    undefined,
    undefined,
  ]);
  assert.deepEqual([named?.name, named?.snapLength], ["eth0", 96]);
  assert.deepEqual(named?.statistics, statistics);
});

test("a checksum that was not ready is computed in the copy that is written", LIMIT, () => {
  const bytes = udp("unfinished");
  bytes[26] = 0x12;
  const before = bytes.slice();
  for (const writer of [new PcapngWriter(), new PcapWriter()]) {
    const [packet] = decodeCapture(writer.packet({ bytes, timestamp: 1, checksumNotReady: true }));
    assert.deepEqual(packet?.bytes, udp("unfinished"));
    // Of a packet that is not all there nothing can be computed.
    const cut = writer.packet({ bytes, length: 1000, timestamp: 1, checksumNotReady: true });
    const whole = join([
      writer instanceof PcapWriter ? new PcapWriter().start() : new Uint8Array(),
      cut,
    ]);
    if (writer instanceof PcapWriter) {
      assert.deepEqual([...decodeCapture(whole)][0]?.bytes, before);
    }
  }
  assert.deepEqual(bytes, before, "the program's own bytes stay");
});
