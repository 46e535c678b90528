// The C library as a judge of src/packet: checksums and edited packets, byte for byte.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AF_INET, AF_INET6 } from "../../src/libnetfilter_queue/packet_buffer/memory.ts";
import { PacketBuffer } from "../../src/libnetfilter_queue/packet_buffer/packet_buffer.ts";
import { finishChecksums } from "../../src/packet/structure/finish.ts";
import { internetChecksum, parseLayers } from "../../src/packet/mod.ts";
import { runs } from "../support/runtime/quick.ts";
import { randomBytes, type Sample, sample } from "./packet_samples.ts";

const LIMIT = { timeout: 60_000 } as const;

/** A buffer whose transport header is set. */
function bufferOf({ version, protocol, bytes }: Sample, extra: number = 0): PacketBuffer {
  const buffer = PacketBuffer.pktb_alloc(version === 4 ? AF_INET : AF_INET6, bytes, extra);
  const set = version === 4
    ? buffer.nfq_ip_set_transport_header()
    : buffer.nfq_ip6_set_transport_header(protocol);
  assert.ok(set, "a transport header");
  return buffer;
}

/** The packet with the library's checksums. */
function byLibrary(packet: Sample): Uint8Array {
  using buffer = bufferOf(packet);
  if (packet.version === 4) assert.ok(buffer.nfq_ip_set_checksum());
  const name = packet.protocol === 6 ? "tcp" : "udp";
  assert.ok(buffer[`nfq_${name}_compute_checksum_ipv${packet.version}`]());
  return buffer.pktb_data();
}

/** The one known difference: RFC 768 turns a computed 0 into 0xffff, the library does not. */
function withoutZero(packet: Sample, bytes: Uint8Array): Uint8Array {
  if (packet.protocol === 6) return bytes;
  const at = packet.transport + 6;
  if (bytes[at] === 0 && bytes[at + 1] === 0) bytes.fill(0xff, at, at + 2);
  return bytes;
}

test("finishChecksums computes what the library computes", LIMIT, () => {
  fc.assert(
    fc.property(sample, (packet) => {
      const expected = withoutZero(packet, byLibrary(packet));
      assert.deepEqual(finishChecksums(packet.bytes.slice()), expected);
    }),
    { numRuns: runs(6000) },
  );
});

test("internetChecksum computes nfq_ip_set_checksum's", LIMIT, () => {
  const header = fc.record({ words: fc.integer({ min: 5, max: 15 }), seed: fc.nat() });
  fc.assert(
    fc.property(header, ({ words, seed }) => {
      const bytes = randomBytes(words * 4, seed);
      bytes[0] = 0x40 | words;
      using buffer = PacketBuffer.pktb_alloc(AF_INET, bytes, 0);
      assert.ok(buffer.nfq_ip_set_checksum());
      const after = buffer.pktb_data();
      bytes.fill(0, 10, 12);
      assert.equal(after[10]! << 8 | after[11]!, internetChecksum(bytes));
      bytes.set(after.subarray(10, 12), 10);
      assert.deepEqual(after, bytes, "nothing else changed");
    }),
    { numRuns: runs(3000) },
  );
});

test("the one difference: a UDP checksum that comes out as 0", LIMIT, () => {
  for (const version of [4, 6] as const) {
    const transport = version === 4 ? 20 : 40;
    const bytes = randomBytes(transport + 10, 7 * version);
    const view = new DataView(bytes.buffer);
    bytes[0] = version === 4 ? 0x45 : 0x60;
    view.setUint16(version === 4 ? 2 : 4, version === 4 ? 30 : 10);
    bytes[version === 4 ? 9 : 6] = 17;
    view.setUint16(6, version === 4 ? 0 : view.getUint16(6));
    view.setUint16(transport + 4, 10);
    view.setUint16(transport + 8, 0);
    const packet = { version, protocol: 17, bytes, transport, data: transport + 8 } as const;
    // With its checksum as data, the whole adds up to 0xffff.
    view.setUint16(transport + 8, new DataView(byLibrary(packet).buffer).getUint16(transport + 6));
    const library = new DataView(byLibrary(packet).buffer).getUint16(transport + 6);
    assert.equal(library, 0, `IPv${version}: the library writes 0`);
    finishChecksums(bytes);
    assert.equal(view.getUint16(transport + 6), 0xffff, `IPv${version}: we write 0xffff`);
  }
});

test("replaced TCP and UDP data: lengths and checksums as src/packet makes them", LIMIT, () => {
  const change = fc.record({ at: fc.nat(), length: fc.nat(), with: fc.nat({ max: 300 }) });
  fc.assert(
    fc.property(sample, change, fc.nat(), (packet, change, seed) => {
      const { bytes, data, transport, protocol, version } = packet;
      const at = change.at % (bytes.length - data + 1);
      const length = change.length % (bytes.length - data - at + 1);
      const replacement = randomBytes(change.with, seed);
      const expected = new Uint8Array(bytes.length - length + replacement.length);
      expected.set(bytes.subarray(0, data + at));
      expected.set(replacement, data + at);
      expected.set(bytes.subarray(data + at + length), data + at + replacement.length);
      const view = new DataView(expected.buffer);
      const fits = expected.length - (version === 4 ? 0 : 40) <= 0xffff;

      using buffer = bufferOf(packet, 300);
      const name = protocol === 6 ? "tcp" : "udp";
      assert.equal(buffer[`nfq_${name}_mangle_ipv${version}`](at, length, replacement), fits);
      assert.equal(buffer.pktb_mangled(), fits);
      if (!fits) return assert.deepEqual(buffer.pktb_data(), bytes);
      if (version === 4) view.setUint16(2, expected.length);
      else view.setUint16(4, expected.length - 40);
      if (protocol === 17) view.setUint16(transport + 4, expected.length - transport);
      finishChecksums(expected);
      assert.deepEqual(withoutZero(packet, buffer.pktb_data()), expected);
    }),
    { numRuns: runs(4000) },
  );
});

test("parseLayers and the library find the same transport header and data", LIMIT, () => {
  fc.assert(
    fc.property(sample, (packet) => {
      using buffer = bufferOf(packet);
      const { bytes, transport, data, protocol, version } = packet;
      assert.deepEqual(buffer.pktb_transport_header(), bytes.subarray(transport).slice());
      const layers = parseLayers(bytes);
      assert.equal(layers.ip!.protocol, protocol);
      assert.equal(layers.ip!.payload.byteOffset, transport);
      const header = version === 4 ? buffer.nfq_ip_get_hdr() : buffer.nfq_ip6_get_hdr();
      assert.ok(header);
      const ours = layers.tcp ?? layers.udp;
      const theirs = protocol === 6 ? buffer.nfq_tcp_get_hdr() : buffer.nfq_udp_get_hdr();
      assert.equal(ours!.sourcePort, theirs!.source);
      assert.equal(ours!.destinationPort, theirs!.dest);
      const payload = protocol === 6 ? buffer.nfq_tcp_get_payload() : buffer.nfq_udp_get_payload();
      assert.deepEqual(payload, bytes.subarray(data).slice());
      const length = protocol === 6
        ? buffer.nfq_tcp_get_payload_len()
        : buffer.nfq_udp_get_payload_len();
      assert.equal(length, bytes.length - data);
    }),
    { numRuns: runs(3000) },
  );
});
