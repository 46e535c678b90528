// Fragments in every order, twice, overlapping, with holes, and too large: what the callback sees, and what passes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { buildPacket } from "../../../src/packet/mod.ts";
import { Datagrams, type IncompleteDatagram } from "../../../src/streams/mod.ts";
import { fragmentOf, fragmentsOf, hand, MadePacket, udpPacket } from "./made.ts";

const timeout = 60_000;

/** Datagrams that notes what it is handed, and accepts. */
function noted(limits: object = {}, incomplete: "drop" | "pass" = "drop") {
  const wholes: Uint8Array[] = [];
  const given: IncompleteDatagram[] = [];
  const datagrams = new Datagrams<MadePacket>({
    datagram: (whole) => {
      wholes.push(whole.bytes.slice());
      return 1;
    },
    limits,
    incomplete,
    onIncomplete: (one) => given.push(one),
  });
  return { wholes, given, datagrams, [Symbol.dispose]: () => datagrams.close() };
}

const made = (list: readonly Uint8Array[]) => list.map((bytes) => new MadePacket(bytes));

function* orders<Item>(items: readonly Item[]): Generator<readonly Item[]> {
  if (items.length <= 1) return yield items;
  for (const [at, item] of items.entries()) {
    const rest = items.toSpliced(at, 1);
    for (const order of orders(rest)) yield [item, ...order];
  }
}

for (const version of [4, 6] as const) {
  test(`every order of five fragments, IPv${version}`, { timeout }, () => {
    const whole = udpPacket(version, 100);
    const fragments = fragmentsOf(whole, [8, 40, 64, 88]);
    let count = 0;
    for (const order of orders(fragments)) {
      using state = noted();
      const packets = made(order);
      for (const [at, packet] of packets.entries()) {
        assert.equal(state.wholes.length, 0);
        hand(state.datagrams, packet);
        if (at < 4) assert.ok(packet.held && packet.method === undefined);
      }
      assert.deepEqual(state.wholes, [whole]);
      // Each goes on as it came.
      assert.deepEqual(packets.map(({ passed }) => passed), order);
      const { statistics } = state.datagrams;
      assert.equal(statistics.assembled, 1);
      assert.deepEqual([statistics.waitingFragments, statistics.waitingBytes], [0, 0]);
      count++;
    }
    assert.equal(count, 120);
  });

  test(`every hole keeps it waiting, IPv${version}`, { timeout }, () => {
    const fragments = fragmentsOf(udpPacket(version, 100), [8, 40, 64, 88]);
    for (let hole = 0; hole < 5; hole++) {
      using state = noted();
      const packets = made(fragments.toSpliced(hole, 1));
      for (const packet of packets) hand(state.datagrams, packet);
      assert.equal(state.wholes.length, 0);
      assert.equal(state.datagrams.statistics.waitingFragments, 4);
      hand(state.datagrams, new MadePacket(fragments[hole]!));
      assert.equal(state.wholes.length, 1);
    }
  });

  test(`doubles are dropped, and change nothing, IPv${version}`, { timeout }, () => {
    const whole = udpPacket(version, 100);
    const fragments = fragmentsOf(whole, [40, 64]);
    using state = noted();
    const [a, b, twice, c] = made([
      ...[fragments[0]!, fragments[2]!, fragments[0]!, fragments[1]!],
    ]) as [MadePacket, MadePacket, MadePacket, MadePacket];
    for (const packet of [a, b, twice, c]) hand(state.datagrams, packet);
    assert.equal(twice.method, "drop");
    assert.deepEqual(state.wholes, [whole]);
    assert.equal(state.datagrams.statistics.duplicates, 1);
    assert.deepEqual([a, b, c].map(({ method }) => method), ["accept", "accept", "accept"]);
  });

  test(`any overlap spoils the whole datagram, and its rest, IPv${version}`, { timeout }, () => {
    const whole = udpPacket(version, 200);
    const other = udpPacket(version, 200);
    other.fill(0xee, other.length - 100);
    const cuts = [
      // The second one begins within the first, contains it, lies in it, or says the same bytes differently.
      [{ start: 0, end: 64, more: true }, { start: 56, end: 120, more: true }],
      [{ start: 64, end: 72, more: true }, { start: 56, end: 120, more: true }],
      [{ start: 56, end: 120, more: true }, { start: 64, end: 72, more: true }],
      [{ start: 56, end: 120, more: true }, { start: 56, end: 112, more: true }],
      [{ start: 120, end: 208, more: false }, { start: 112, end: 128, more: true }],
      [{ start: 128, end: 160, more: true }, { start: 128, end: 160, more: true }],
    ] as const;
    for (const [at, [first, second]] of cuts.entries()) {
      using state = noted({}, "pass");
      const packets = made([
        fragmentOf(whole, first),
        fragmentOf(other, second),
        fragmentOf(whole, { start: 0, end: 8, more: true }),
        fragmentOf(whole, { start: 200, end: 208, more: false }),
      ]);
      for (const packet of packets) hand(state.datagrams, packet);
      const methods = packets.map(({ method }) => method);
      assert.deepEqual(methods, ["drop", "drop", "drop", "drop"], `case ${at}`);
      assert.equal(state.wholes.length, 0);
      assert.deepEqual(state.given.map(({ reason, then }) => [reason, then]), [[
        "overlap",
        "drop",
      ]]);
      assert.equal(state.datagrams.statistics.incomplete.overlap, 1);
    }
  });

  test(`two ends, and data behind the end, IPv${version}`, { timeout }, () => {
    const whole = udpPacket(version, 300);
    const cuts = [
      [{ start: 64, end: 72, more: false }, { start: 80, end: 88, more: false }],
      [{ start: 80, end: 88, more: true }, { start: 64, end: 72, more: false }],
      [{ start: 64, end: 72, more: false }, { start: 72, end: 80, more: true }],
    ] as const;
    for (const pair of cuts) {
      using state = noted();
      const packets = made(pair.map((cut) => fragmentOf(whole, cut)));
      for (const packet of packets) hand(state.datagrams, packet);
      assert.deepEqual(packets.map(({ method }) => method), ["drop", "drop"]);
      assert.equal(state.datagrams.statistics.incomplete.malformed, 1);
    }
  });

  test(`lengths that make no sense, IPv${version}`, { timeout }, () => {
    const whole = udpPacket(version, 300);
    const uneven = fragmentOf(whole, { start: 0, end: 13, more: true });
    const empty = fragmentOf(whole, { start: 64, end: 64, more: true });
    const emptyLast = fragmentOf(whole, { start: 64, end: 64, more: false });
    const long = fragmentOf(whole, { start: 0, end: 64, more: true });
    new DataView(long.buffer).setUint16(version === 4 ? 2 : 4, 60_000);
    for (const bytes of [uneven, empty, emptyLast, long]) {
      using state = noted();
      assert.equal(hand(state.datagrams, new MadePacket(bytes)).method, "drop");
      assert.equal(state.datagrams.statistics.incomplete.malformed, 1);
      assert.equal(state.datagrams.statistics.waitingFragments, 0);
    }
  });

  test(`65,535 bytes and no more, IPv${version}`, { timeout }, () => {
    const header = version === 4 ? 20 : 40;
    // Of IPv6 the payload alone is counted.
    const most = version === 4 ? 65_535 - header : 65_535;
    const whole = new Uint8Array(header + most);
    whole.set(udpPacket(version, 8).subarray(0, header));
    whole.forEach((_, at) => at >= header && (whole[at] = at));
    const places: number[] = [];
    for (let at = 8_000; at < most; at += 8_000) places.push(at);
    using state = noted();
    for (const packet of made(fragmentsOf(whole, places))) hand(state.datagrams, packet);
    assert.equal(state.wholes[0]!.length, header + most);
    assert.deepEqual(state.wholes[0]!.subarray(header), whole.subarray(header));
    // The ping of death: its last fragment ends behind what can be said.
    const start = 65_528;
    const last = fragmentOf(new Uint8Array([...whole, ...new Uint8Array(40)]), {
      ...{ start, end: start + 32, more: false },
    });
    assert.equal(hand(state.datagrams, new MadePacket(last)).method, "drop");
    assert.equal(state.datagrams.statistics.incomplete.malformed, 1);
  });

  test(`tiny fragments, the first without the whole header, IPv${version}`, { timeout }, () => {
    const whole = udpPacket(version, 40);
    const tcp = version === 4
      ? buildPacket({
        ipv4: { source: "10.0.0.1", destination: "10.0.0.2", identification: 7 },
        tcp: { sourcePort: 1, destinationPort: 80, syn: true },
        payload: new Uint8Array(3),
      })
      : buildPacket({
        ipv6: { source: "fd00::1", destination: "fd00::2" },
        tcp: { sourcePort: 1, destinationPort: 80, syn: true },
        payload: new Uint8Array(3),
      });
    for (const packet of [whole, tcp]) {
      using state = noted();
      for (const one of made(fragmentsOf(packet, [8, 16]))) hand(state.datagrams, one);
      assert.deepEqual(state.wholes, [packet]);
    }
  });
}

test(
  "datagrams side by side: by identification, addresses, protocol, hook and device",
  { timeout },
  () => {
    const whole = udpPacket(4, 100);
    const icmp = buildPacket({
      ipv4: { source: "10.0.0.1", destination: "10.0.0.2", identification: 7 },
      icmp: { type: 8 },
      payload: new Uint8Array(100),
    });
    const turned = buildPacket({
      ipv4: { source: "10.0.0.2", destination: "10.0.0.1", identification: 7 },
      udp: { sourcePort: 1, destinationPort: 2 },
      payload: new Uint8Array(100),
    });
    using state = noted();
    const sets: readonly (readonly [Uint8Array, number, object])[] = [
      ...[[whole, 7, {}], [whole, 8, {}], [icmp, 7, {}], [turned, 7, {}]] as const,
      ...[[whole, 7, { hook: "input" }], [whole, 7, { device: 3 }]] as const,
      [udpPacket(6, 100), 7, {}],
      [udpPacket(6, 100), 7 + 0x10000, {}],
    ];
    const parts = sets.map(([bytes, id, options]) =>
      fragmentsOf(bytes, [64], id).map((one) => new MadePacket(one, options))
    );
    for (const [first] of parts) hand(state.datagrams, first!);
    assert.equal(state.datagrams.statistics.waitingDatagrams, sets.length);
    for (const [, second] of parts) hand(state.datagrams, second!);
    assert.equal(state.wholes.length, sets.length);
  },
);

test("an atomic fragment of IPv6 is whole by itself", { timeout }, () => {
  const whole = udpPacket(6, 100);
  using state = noted();
  hand(state.datagrams, new MadePacket(fragmentsOf(whole, [64])[0]!));
  const atomic = fragmentOf(whole, { start: 0, end: 108, more: false });
  const packet = hand(state.datagrams, new MadePacket(atomic));
  assert.equal(packet.method, "accept");
  assert.deepEqual(state.wholes, [atomic]);
  assert.equal(state.datagrams.statistics.unfragmented, 1);
  assert.equal(state.datagrams.statistics.waitingFragments, 1);
});

test("a fragment of a fragment is dropped", { timeout }, () => {
  const inner = fragmentOf(udpPacket(6, 200), { start: 0, end: 64, more: true });
  const outer = fragmentsOf(inner, [40], 9);
  using state = noted();
  const packets = made(outer);
  for (const packet of packets) hand(state.datagrams, packet);
  assert.deepEqual(packets.map(({ method }) => method), ["drop", "drop"]);
  assert.equal(state.wholes.length, 0);
});

test("extension headers of IPv6, and options of IPv4", { timeout }, () => {
  const hop = Uint8Array.of(17, 0, 1, 4, 0, 0, 0, 0);
  const plain = udpPacket(6, 100);
  // Hop-by-hop options are in each fragment.
  const whole = new Uint8Array([...plain.subarray(0, 40), ...hop, ...plain.subarray(40)]);
  new DataView(whole.buffer).setUint16(4, whole.length - 40);
  whole[6] = 0;
  const cut = (start: number, end: number, more: boolean) => {
    const data = whole.subarray(48 + start, 48 + end);
    const bytes = new Uint8Array([
      ...[...whole.subarray(0, 48)],
      ...[17, 0, start >> 8, start | (more ? 1 : 0), 0, 0, 0, 5, ...data],
    ]);
    bytes[40] = 44;
    new DataView(bytes.buffer).setUint16(4, bytes.length - 40);
    return bytes;
  };
  using state = noted();
  for (const one of made([cut(64, 108, false), cut(0, 64, true)])) hand(state.datagrams, one);
  assert.deepEqual(state.wholes, [whole]);
  const options = buildPacket({
    ipv4: {
      ...{ source: "10.0.0.1", destination: "10.0.0.2", identification: 7 },
      options: Uint8Array.of(7, 7, 4, 0, 0, 0, 0, 0),
    },
    udp: { sourcePort: 1, destinationPort: 2 },
    payload: new Uint8Array(100),
  });
  const parts = fragmentsOf(options, [64]);
  // The later one has no such options.
  const later = fragmentOf(
    new Uint8Array([0x45, ...options.subarray(1, 20), ...options.subarray(28)]),
    { start: 64, end: 108, more: false },
  );
  for (const one of made([later, parts[0]!])) hand(state.datagrams, one);
  assert.deepEqual(state.wholes[1], options);
});

test("congestion that one fragment experienced is the whole packet's", { timeout }, () => {
  for (const version of [4, 6] as const) {
    const parts = fragmentsOf(udpPacket(version, 100), [64]);
    const at = version === 4 ? 1 : 1;
    parts[1]![at]! |= version === 4 ? 3 : 0x30;
    using state = noted();
    for (const one of made(parts)) hand(state.datagrams, one);
    assert.equal(state.wholes[0]![at]! & (version === 4 ? 3 : 0x30), version === 4 ? 3 : 0x30);
  }
});
