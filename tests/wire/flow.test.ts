// The five-tuple: its values, its key and hash for both directions, and that no two share a key.
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import fc from "fast-check";
import { buildPacket, Flow, parseLayers } from "../../src/wire/mod.ts";
import { LIMIT, u16, u8 } from "./samples.ts";

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
  assert.equal(String(flow), "17 200.0.0.1:65535 > 10.0.0.2:53");
  assert.ok(Flow.of(flow.toJSON()).equals(flow));
  // Its values are its own.
  layers.frame.release();
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
    { numRuns: 3000 },
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
    { numRuns: 3000 },
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
