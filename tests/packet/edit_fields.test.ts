// Every field of every view, written and read back: the bytes around it stay, and the checksums are
// those that a full computation gives.
import assert from "node:assert/strict";
import { test } from "node:test";
import { finishChecksums, Layers, PacketBytes, PacketReleasedError } from "../../src/packet/mod.ts";
import { parseLayers, WireError } from "../../src/packet/mod.ts";
import type { BytesOwner } from "../../src/packet/structure/owner.ts";
import {
  CHECKSUM_AT,
  type Field,
  type LayerName,
  packetOf,
  PACKETS,
  PLAIN_FIELDS,
  STRUCTURE_FIELDS,
  viewOf,
} from "./edits.ts";
import { embed, LIMIT, own } from "./samples.ts";

const NETWORKS: readonly LayerName[] = ["ipv4", "ipv6"];
const UPPERS: readonly LayerName[] = ["tcp", "udp", "icmp", "icmpv6"];

/** Where a layer's header begins in this packet. */
function startOf(layers: Layers, layer: LayerName): number {
  return NETWORKS.includes(layer) ? 0 : layers.ip?.headerLength ?? 0;
}

function plain(value: unknown): unknown {
  return value instanceof Uint8Array ? own(value) : value;
}

/** The packets that have this field. */
function* packetsWith({ layer, name }: Field): Generator<[string, Uint8Array]> {
  for (const packet of Object.keys(PACKETS)) {
    const bytes = packetOf(packet);
    const view = viewOf(parseLayers(bytes), layer);
    if (view === undefined || view[name] === undefined) continue;
    yield [packet, bytes];
  }
}

test("what is built has right checksums", LIMIT, () => {
  for (const name of Object.keys(PACKETS)) {
    const bytes = packetOf(name);
    assert.deepEqual(finishChecksums(bytes.slice()), bytes, name);
    assert.equal(parseLayers(bytes).malformed, undefined, name);
  }
});

for (const field of PLAIN_FIELDS) {
  test(`${field.layer}.${field.name}: written, read, nothing else changed`, LIMIT, () => {
    let count = 0;
    for (const [packet, bytes] of packetsWith(field)) {
      for (const value of field.values) {
        count++;
        const inside = embed(bytes, 0xee);
        const layers = parseLayers(inside);
        const view = viewOf(layers, field.layer)!;
        const start = startOf(layers, field.layer);
        view[field.name] = value;
        const where = `${packet}: ${field.name} = ${value}`;
        assert.deepEqual(plain(view[field.name]), plain(value), where);
        const after = own(layers.bytes.subarray());
        assert.equal(after.length, bytes.length, where);
        const upper = layers.ip!.headerLength;
        for (let at = 0; at < bytes.length; at++) {
          if (after[at] === bytes[at]) continue;
          const inField = at >= start + field.bytes[0] && at < start + field.bytes[1];
          const inSum = [
            layers.ipv4 && 10,
            ...UPPERS.map((name) => viewOf(layers, name) && upper + CHECKSUM_AT[name]),
          ].some((sum) => sum !== undefined && (at === sum || at === sum + 1));
          assert.ok(inField || inSum, `${where}: byte ${at} changed`);
        }
        assert.deepEqual(finishChecksums(after.slice()), after, `${where}: checksums`);
        const { buffer } = inside;
        const around = [new Uint8Array(buffer, 0, 64), new Uint8Array(buffer, 64 + bytes.length)];
        for (const margin of around) assert.ok(margin.every((byte) => byte === 0xee), where);
      }
    }
    assert.ok(count > 0, "no packet has this field");
  });
}

for (const field of [...PLAIN_FIELDS, ...STRUCTURE_FIELDS]) {
  test(`${field.layer}.${field.name}: what is no value throws and changes nothing`, LIMIT, () => {
    for (const [packet, bytes] of packetsWith(field)) {
      const layers = parseLayers(bytes.slice());
      const view = viewOf(layers, field.layer)!;
      const type = typeof field.values[0];
      for (const wrong of field.wrong) {
        const error = typeof wrong !== type || typeof wrong === "object" ? TypeError : RangeError;
        const expected = wrong instanceof Uint8Array && type === "object" ? RangeError : error;
        const where = `${packet}: ${field.name} = ${String(wrong)}`;
        assert.throws(() => view[field.name] = wrong, expected, where);
        assert.deepEqual(own(layers.bytes.subarray()), own(bytes), where);
        assert.equal(layers.bytes.touched, false, where);
        if (!(wrong instanceof Uint8Array)) {
          assert.throws(() => view[field.name] = wrong, /address|must|MAC/, where);
        }
      }
    }
  });
}

for (const field of STRUCTURE_FIELDS) {
  test(`${field.layer}.${field.name}: the layers and checksums follow it`, LIMIT, () => {
    let count = 0;
    for (const [packet, bytes] of packetsWith(field)) {
      for (const value of field.values) {
        const inside = embed(bytes, 0xee);
        const layers = parseLayers(inside);
        const view = viewOf(layers, field.layer)!;
        const where = `${packet}: ${field.name} = ${value}`;
        try {
          view[field.name] = value;
        } catch (error) {
          assert.ok(error instanceof RangeError, where);
          assert.deepEqual(own(inside), own(bytes), where);
          continue;
        }
        count++;
        const again = parseLayers(inside.slice());
        for (const name of [...NETWORKS, ...UPPERS]) {
          const expected = viewOf(again, name) !== undefined;
          assert.equal(viewOf(layers, name) !== undefined, expected, `${where}: ${name}`);
        }
        assert.deepEqual(layers.malformed, again.malformed, where);
        assert.equal(layers.ip?.headerLength, again.ip?.headerLength, where);
        const after = own(inside);
        // No checksum at all is kept.
        if (layers.udp?.checksum !== 0) {
          assert.deepEqual(finishChecksums(after.slice()), after, where);
        }
      }
    }
    assert.ok(count > 0);
  });
}

/** Every setter of a view, with a value that it has. */
function* setters(view: object): Generator<[string, () => void]> {
  const all = Object.getOwnPropertyDescriptors(Object.getPrototypeOf(view));
  for (const [name, { get, set }] of Object.entries(all)) {
    if (set === undefined || get === undefined) continue;
    const value: unknown = get.call(view);
    const copy = value instanceof Uint8Array ? value.slice() : value;
    if (value !== undefined) yield [name, () => Reflect.set(view, name, copy)];
  }
}

test("writing after the release throws PacketReleasedError, for every setter", LIMIT, () => {
  for (const name of Object.keys(PACKETS)) {
    const layers = parseLayers(packetOf(name));
    const writes = [...NETWORKS, ...UPPERS].flatMap((layer) => {
      const view = viewOf(layers, layer);
      return view === undefined ? [] : [...setters(view)];
    });
    assert.ok(writes.length > 15, name);
    layers.bytes.release();
    for (const [field, write] of writes) {
      assert.throws(write, PacketReleasedError, `${name}: ${field}`);
    }
  }
});

const SEALED: BytesOwner<string> = {
  terms: (subject) => {
    throw new EvalError(`sealed: ${subject}`);
  },
  checkLength: () => assert.fail("it was asked about a length"),
  checkHeaders: () => assert.fail("it was asked about headers"),
};

test("a frame whose owner seals it refuses every setter before anything changes", LIMIT, () => {
  for (const name of Object.keys(PACKETS)) {
    const bytes = packetOf(name);
    const layers = new Layers(new PacketBytes(bytes, 0, bytes.length, undefined, SEALED, name));
    for (const layer of [...NETWORKS, ...UPPERS]) {
      const view = viewOf(layers, layer);
      if (view === undefined) continue;
      for (const [field, write] of setters(view)) {
        assert.throws(write, EvalError, `${name}: ${layer}.${field}`);
        assert.equal(layers.bytes.touched, false);
        assert.deepEqual(own(bytes), own(packetOf(name)));
      }
    }
  }
});

/** Read through a function, or the compiler remembers that it was undefined. */
function tcpOf(layers: Layers): NonNullable<Layers["tcp"]> {
  const { tcp } = layers;
  assert.ok(tcp !== undefined);
  return tcp;
}

test("a view of a layer that an edit took away refuses to write", LIMIT, () => {
  const layers = parseLayers(packetOf("TCP over IPv4"));
  const { tcp, ipv4 } = layers;
  assert.ok(tcp !== undefined && ipv4 !== undefined);
  ipv4.protocol = 17;
  assert.equal(layers.tcp, undefined);
  assert.ok(layers.udp !== undefined);
  const before = own(layers.bytes.subarray());
  for (const [name, write] of setters(tcp)) assert.throws(write, WireError, name);
  assert.deepEqual(own(layers.bytes.subarray()), before);
  ipv4.protocol = 6;
  const fresh = tcpOf(layers);
  assert.ok(fresh !== tcp);
  fresh.destinationPort = 81;
  assert.equal(tcp.destinationPort, 81);
});

test("checksums are written as they are given, and brought along by differences", LIMIT, () => {
  for (const layer of ["ipv4", "tcp", "udp", "icmp", "icmpv6"] as const) {
    for (const name of Object.keys(PACKETS)) {
      const bytes = packetOf(name);
      const layers = parseLayers(bytes);
      const view = viewOf(layers, layer);
      if (view === undefined) continue;
      const right = view["checksum"] as number;
      const wrong = (right + 1) % 0xffff;
      view["checksum"] = wrong;
      assert.equal(view["checksum"], wrong);
      // A wrong checksum stays as wrong as it was: it covers what nobody here has looked at.
      const field = layer === "ipv4" ? "identification" : layer.startsWith("icmp") ? "code" : "";
      const port = field === "" ? "sourcePort" : field;
      view[port] = 77;
      const after = layers.bytes.subarray().slice();
      assert.notDeepEqual(finishChecksums(after.slice()), after);
      view["checksum"] = right;
      for (const value of [-1, 0x10000, "1"]) {
        assert.throws(() => view["checksum"] = value, /must be/);
      }
    }
  }
});

test("UDP without a checksum stays without; a computed 0 is written as 0xffff", LIMIT, () => {
  for (const name of ["UDP over IPv4", "UDP over IPv6 with extension headers"]) {
    const layers = parseLayers(packetOf(name));
    const { udp, ip } = layers;
    assert.ok(udp !== undefined && ip !== undefined);
    udp.checksum = 0;
    udp.sourcePort = 1;
    ip.ttl = 3;
    ip.source = ip.version === 4 ? "1.1.1.1" : "::2";
    udp.payload = new Uint8Array(30);
    udp.length = 9;
    assert.equal(layers.udp?.checksum, 0);
    // Of all ports one makes the sum come out as 0.
    const other = parseLayers(packetOf(name)).udp!;
    const seen = new Set<number>();
    for (let port = 0; port <= 0xffff; port++) {
      other.sourcePort = port;
      seen.add(other.checksum);
    }
    assert.ok(seen.has(0xffff) && !seen.has(0));
    assert.equal(seen.size, 0xffff);
  }
});

test(
  "ICMP over nothing but zeros has the checksum 0xffff, over others that add up so 0",
  LIMIT,
  () => {
    const bytes = packetOf("ICMP of zeros");
    const { icmp } = parseLayers(bytes);
    assert.ok(icmp !== undefined);
    assert.equal(icmp.checksum, 0xffff);
    icmp.identifier = 1;
    assert.equal(icmp.checksum, 0xfffe);
    icmp.identifier = 0;
    assert.equal(icmp.checksum, 0xffff);
    icmp.sequenceNumber = 0xffff;
    assert.equal(icmp.checksum, 0);
    icmp.identifier = 0xffff;
    assert.equal(icmp.checksum, 0);
    icmp.identifier = icmp.sequenceNumber = 0;
    assert.equal(icmp.checksum, 0xffff);
  },
);
