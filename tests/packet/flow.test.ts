// The five-tuple: its values, its key and hash for both directions, and that no two share a key.
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import fc from "fast-check";
import { flowAt } from "../../src/packet/structure/flow_of_packet.ts";
import {
  buildPacket,
  finishChecksums,
  Flow,
  Layers,
  PacketBytes,
  type PacketFields,
  parseLayers,
} from "../../src/packet/mod.ts";
import { runs } from "../support/runtime/quick.ts";
import { embed, hex, LIMIT, mutated, noise, u16, u8 } from "./samples.ts";

test("values of a packet's flow", LIMIT, () => {
  const bytes = buildPacket({
    ipv4: { source: "200.0.0.1", destination: "10.0.0.2" },
    udp: { sourcePort: 65535, destinationPort: 53 },
  });
  const layers = parseLayers(bytes);
  const { flow } = layers;
  assert.ok(flow !== undefined);
  assert.equal(flow.version, 4);
  assert.equal(flow.protocol, 17);
  assert.equal(flow.source, "200.0.0.1");
  assert.equal(flow.destination, "10.0.0.2");
  assert.equal(flow.sourceNumber, 0xc8000001);
  assert.equal(flow.destinationNumber, 0x0a000002);
  assert.deepEqual([flow.sourcePort, flow.destinationPort], [65535, 53]);
  assert.equal(String(flow), "UDP 200.0.0.1:65535 > 10.0.0.2:53");
  assert.ok(Flow.of(flow.toJSON()).equals(flow));
  // Its values are its own.
  layers.bytes.release();
  assert.equal(flow.source, "200.0.0.1");
  assert.equal(flow.reversed().source, "10.0.0.2");
});

test("ports where there are ports, 0 elsewhere", LIMIT, () => {
  const ipv4 = { source: "1.1.1.1", destination: "2.2.2.2" } as const;
  const udp = { sourcePort: 7, destinationPort: 9 } as const;
  const ports = (bytes: Uint8Array) => {
    const { flow } = parseLayers(bytes);
    return flow && [flow.sourcePort, flow.destinationPort];
  };
  const data = Uint8Array.from([0, 7, 0, 9, 0, 8, 0, 0]);
  assert.deepEqual(ports(buildPacket({ ipv4, udp })), [7, 9]);
  for (const protocol of [6, 17, 33, 132, 136]) {
    assert.deepEqual(ports(buildPacket({ ipv4: { ...ipv4, protocol }, payload: data })), [7, 9]);
  }
  for (const protocol of [1, 47, 50, 255]) {
    assert.deepEqual(ports(buildPacket({ ipv4: { ...ipv4, protocol }, payload: data })), [0, 0]);
  }
  const later = { ...ipv4, protocol: 17, fragmentOffset: 8 };
  assert.deepEqual(ports(buildPacket({ ipv4: later, payload: data })), [0, 0]);
  const first = { ...ipv4, moreFragments: true };
  assert.deepEqual(ports(buildPacket({ ipv4: first, udp })), [7, 9]);
  const fragment = (word: number) => ({
    extensions: [{ protocol: 44, data: Uint8Array.from([0, word, 0, 0, 0, 1]) }],
  });
  assert.deepEqual(ports(buildPacket({ ipv6: fragment(1), udp })), [7, 9]);
  assert.deepEqual(ports(buildPacket({ ipv6: fragment(9), udp })), [0, 0]);
  const whole = buildPacket({ ipv4, udp });
  assert.deepEqual(ports(whole.subarray(0, 24)), [7, 9]);
  assert.deepEqual(ports(whole.subarray(0, 23)), [0, 0]);
  assert.equal(ports(whole.subarray(0, 19)), undefined);
  assert.equal(parseLayers(buildPacket({ arp: {} }), { protocol: 0x806 }).flow, undefined);
});

test("an error's quoted flow is that of the connection it is about", LIMIT, () => {
  const ports = { sourcePort: 40000, destinationPort: 53 } as const;
  const ends4 = { source: "10.0.0.1", destination: "192.0.2.9" } as const;
  const ends6 = { source: "fd00::1", destination: "2001:db8::9" } as const;
  const router4 = { source: "10.0.0.254", destination: "10.0.0.1" } as const;
  const router6 = { source: "fd00::fe", destination: "fd00::1" } as const;
  for (const upper of [{ udp: ports }, { tcp: { ...ports, mss: 1400 } }]) {
    for (const family of [4, 6]) {
      const sent = buildPacket(
        family === 4 ? { ipv4: ends4, ...upper } : { ipv6: ends6, ...upper },
      );
      const answer = parseLayers(buildPacket(
        family === 4
          ? { ipv4: { source: ends4.destination, destination: ends4.source }, ...turned(upper) }
          : { ipv6: { source: ends6.destination, destination: ends6.source }, ...turned(upper) },
      ));
      const header = family === 4 ? 20 : 40;
      for (const type of family === 4 ? [3, 4, 5, 11, 12] : [1, 2, 3, 4, 100]) {
        // Eight bytes of the transport header are all that is promised.
        for (const length of [sent.length, header + 8, header + 4, header, header - 1]) {
          const payload = sent.subarray(0, length);
          const { icmp, icmpv6, flow } = parseLayers(buildPacket(
            family === 4
              ? { ipv4: router4, icmp: { type }, payload }
              : { ipv6: router6, icmpv6: { type }, payload },
          ));
          const quoted = (icmp ?? icmpv6)!.quotedFlow;
          assert.equal(flow?.source, family === 4 ? router4.source : router6.source);
          if (length < header) assert.equal(quoted, undefined);
          else if (length === header) assert.equal(quoted?.destinationPort, 0);
          else assert.equal(quoted?.key, answer.flow?.key);
        }
      }
    }
  }
  const echo = parseLayers(buildPacket({ ipv4: ends4, icmp: {}, payload: hex("45000014") }));
  assert.equal(echo.icmp?.quotedFlow, undefined);
  for (const type of [128, 135, 137, 255]) {
    const { icmpv6 } = parseLayers(buildPacket({
      ...{ ipv6: ends6, icmpv6: { type }, payload: buildPacket({ ipv6: ends6, udp: ports }) },
    }));
    assert.equal(icmpv6?.quotedFlow, undefined);
  }
});

function turned(upper: PacketFields): PacketFields {
  const ports = { sourcePort: 53, destinationPort: 40000 } as const;
  return upper.udp === undefined ? { tcp: ports } : { udp: ports };
}

test("the packet that an error quotes is edited in a copy, and put back", LIMIT, () => {
  const quoted = buildPacket({
    ipv4: { source: "10.0.0.1", destination: "192.0.2.9" },
    udp: { sourcePort: 40000, destinationPort: 53 },
    payload: new Uint8Array(40),
  }).subarray(0, 28);
  const layers = parseLayers(buildPacket({
    ...{ ipv4: { source: "192.0.2.1" }, icmp: { type: 3, code: 3 }, payload: quoted },
  }));
  const { icmp } = layers;
  assert.ok(icmp !== undefined);
  const inner = parseLayers(icmp.payload.slice());
  inner.ipv4!.source = "203.0.113.5";
  inner.udp!.sourcePort = 5;
  icmp.payload = inner.bytes.subarray();
  const bytes = layers.bytes.subarray();
  assert.deepEqual(finishChecksums(bytes.slice()), bytes.slice());
  assert.equal(String(icmp.quotedFlow), "UDP 203.0.113.5:5 > 192.0.2.9:53");
  // As if it had been sent so: the quoted checksums are those of the whole.
  const whole = buildPacket({
    ipv4: { source: "203.0.113.5", destination: "192.0.2.9" },
    udp: { sourcePort: 5, destinationPort: 53 },
    payload: new Uint8Array(40),
  });
  assert.deepEqual(icmp.payload.slice(), whole.slice(0, 28));
});

const port = fc.oneof(fc.constantFrom(0, 1, 256, 65535), u16);
const address4 = fc.oneof(fc.constantFrom("0.0.0.0", "0.0.0.1", "128.0.0.0"), fc.ipV4());
const address6 = fc.oneof(fc.constantFrom("::", "::1", "8000::", "1::"), fc.ipV6());
const flow = fc.oneof(address4, address6).chain((source) =>
  fc.record({
    ...{ source: fc.constant(source), sourcePort: port, destinationPort: port },
    protocol: fc.oneof(fc.constantFrom(6, 17), u8),
    destination: source.includes(":") ? address6 : address4,
  })
).map((fields) => Flow.of(fields));

test("key and hash are the same for both directions", LIMIT, () => {
  fc.assert(
    fc.property(flow, (flow) => {
      const back = flow.reversed();
      assert.equal(back.key, flow.key);
      assert.equal(back.hash, flow.hash);
      assert.ok(Number.isInteger(flow.hash) && flow.hash >= 0 && flow.hash <= 0xffffffff);
      assert.ok(back.reversed().equals(flow));
      assert.equal(back.equals(flow), back.directedKey === flow.directedKey);
      assert.equal(back.source, flow.destination);
    }),
    { numRuns: runs(3000) },
  );
});

test("no two connections share a key", LIMIT, () => {
  const name = (flow: Flow): string => [String(flow), String(flow.reversed())].sort().join();
  fc.assert(
    fc.property(flow, flow, (one, two) => {
      assert.equal(one.key === two.key, name(one) === name(two));
      assert.equal(one.directedKey === two.directedKey, one.equals(two));
      assert.equal(one.equals(two), String(one) === String(two));
    }),
    { numRuns: runs(3000) },
  );
});

test("hashes of like connections spread over all buckets", LIMIT, () => {
  for (const version of [4, 6]) {
    const buckets = new Uint32Array(64);
    for (let client = 0; client < 64; client++) {
      for (let sourcePort = 40000; sourcePort < 40100; sourcePort++) {
        const source = version === 4 ? `10.0.0.${client}` : `2001:db8::${client}`;
        const destination = version === 4 ? "10.0.0.200" : "2001:db8::ffff";
        const { hash } = Flow.of({
          protocol: 6,
          source,
          sourcePort,
          destination,
          destinationPort: 80,
        });
        buckets[hash % 64] = buckets[hash % 64]! + 1;
      }
    }
    assert.ok(Math.min(...buckets) > 50 && Math.max(...buckets) < 160, buckets.join(" "));
  }
});

test("what is no flow", LIMIT, () => {
  const fields = { protocol: 6, source: "1.1.1.1", destination: "2.2.2.2" };
  assert.throws(() => Flow.of({ ...fields, protocol: 256 }), RangeError);
  assert.throws(() => Flow.of({ ...fields, destination: "::1" }), RangeError);
  assert.throws(() => Flow.of({ ...fields, sourcePort: 65536 }), RangeError);
  assert.throws(() => Flow.of({ ...fields, source: 1 as unknown as string }), TypeError);
});

test("console.log shows who talks to whom", LIMIT, () => {
  const flow = Flow.of({ protocol: 6, source: "10.0.0.1", destination: "10.0.0.2" });
  assert.match(inspect(flow), /source: ["']10\.0\.0\.1["']/);
});

test("a flow read from the bytes alone is that of the whole look, or none", LIMIT, () => {
  const built = fc.record({
    ...{ source: u16, destination: u16, protocol: fc.constantFrom(6, 17, 132, 33, 136, 1, 50) },
    ...{ version: fc.constantFrom(4, 6), data: fc.uint8Array({ maxLength: 20 }) },
    ...{ more: fc.boolean(), fragmentOffset: fc.constantFrom(0, 0, 0, 8), options: fc.nat(10) },
  }).map(({ source, destination, protocol, version, data, more, fragmentOffset, options }) => {
    const payload = Uint8Array.from([source >> 8, source, destination >> 8, destination, ...data]);
    const four = { protocol, moreFragments: more, fragmentOffset, source: "200.1.2.3" } as const;
    return buildPacket(
      version === 4
        ? { ipv4: { ...four, options: new Uint8Array(4 * options).fill(1) }, payload }
        : { ipv6: { protocol, source: "fe80::1", destination: "2001:db8::ff" }, payload },
    );
  });
  const input = fc.oneof(built, mutated(built), noise(80));
  let read = 0;
  const property = fc.property(input, fc.constantFrom(0x800, 0x86dd, 0, 0x806), (bytes, type) => {
    const inside = embed(bytes, 0x45);
    const start = inside.byteOffset;
    const quick = flowAt(new DataView(inside.buffer), start, start + inside.length, type);
    if (quick === undefined) return;
    read++;
    const { flow } = new Layers(new PacketBytes(inside), type);
    assert.ok(flow !== undefined && flow.equals(quick), `${quick} ${flow}`);
    assert.equal(quick.key, flow.key);
    assert.equal(quick.hash, flow.hash);
  });
  fc.assert(property, { numRuns: runs(5000) });
  assert.ok(read > runs(5000) / 25, `${read}`);
});
