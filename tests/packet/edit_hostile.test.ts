// What a careless caller, or a packet made for the purpose, could do to the editable views.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import {
  buildPacket,
  checksumAdd,
  checksumFinish,
  finishChecksums,
  inspect,
  internetChecksum,
  parseEthernet,
  parseLayers,
  pseudoHeaderIpv4,
} from "../../src/packet/mod.ts";
import { startChecksum } from "../../src/packet/structure/finish.ts";
import { counting, packetOf, PACKETS } from "./edits.ts";
import { editAtRandom, Random } from "./random_edits.ts";
import { hex, LIMIT, own, UDP4 } from "./samples.ts";

test("inspecting a Buffer leaves it as it is, and judges what is there", LIMIT, () => {
  const bytes = Buffer.from(UDP4);
  bytes[27] = 0;
  const before = own(bytes);
  assert.match(inspect(parseLayers(bytes)), /wrong: 0x5c17 expected/);
  assert.deepEqual(own(bytes), before);
});

test("sums that are none are refused instead of being folded for ever", LIMIT, () => {
  const bytes = counting(40);
  for (const sum of [Infinity, -Infinity, NaN, -1, 2 ** 53]) {
    assert.throws(() => checksumAdd(bytes, 0, 4, sum), RangeError, `${sum}`);
    assert.throws(() => internetChecksum(bytes, 0, 4, sum), RangeError, `${sum}`);
    assert.throws(() => checksumFinish(sum), RangeError, `${sum}`);
  }
  assert.throws(() => pseudoHeaderIpv4(bytes, 0, 6, Infinity), RangeError);
  assert.equal(checksumFinish(2 ** 53 - 1), 0xffff - 0x1f);
});

test("a wrong ICMP checksum stays as wrong as it was, whatever is assigned", LIMIT, () => {
  const layers = parseLayers(buildPacket({ ipv4: {}, icmp: {}, payload: counting(9) }));
  const icmp = layers.icmp!;
  icmp.checksum -= 1;
  for (let identifier = 0; identifier <= 0xffff; identifier++) {
    icmp.identifier = identifier;
    // Only where the update comes out as 0 there is something to decide.
    if (icmp.checksum !== 0 && icmp.checksum !== 0xffff) continue;
    const right = finishChecksums(own(layers.bytes.subarray()));
    assert.equal((parseLayers(right).icmp!.checksum + 0xffff - icmp.checksum) % 0xffff, 1);
  }
});

test("a fragment keeps the place of its data: what is behind the Fragment header", LIMIT, () => {
  const authentication = {
    ...{ securityParametersIndex: 1, sequenceNumber: 2 },
    integrityCheckValue: new Uint8Array(12),
  };
  const options = [{ type: 0x1e, data: counting(4) }];
  for (const offset of [0, 16]) {
    const fragment = { protocol: 44, data: Uint8Array.from([0, offset | 1, 0, 0, 0, 9]) };
    const ipv6 = { source: "2001:db8::1", destination: "2001:db8::2", protocol: 17 };
    const bytes = buildPacket({ ipv6: { ...ipv6, extensions: [fragment] }, payload: counting(16) });
    const layers = parseLayers(bytes);
    const view = layers.ipv6!;
    const before = own(layers.bytes.subarray());
    const why = /must keep 0 bytes behind the Fragment header, got \d+.*a fragment/;
    assert.throws(() => view.destinationOptions = options, why);
    assert.throws(() => view.authentication = authentication, why);
    const behind = { protocol: 60, data: counting(6, 0) };
    assert.throws(() => view.extensions = [fragment, behind], why);
    assert.deepEqual(own(layers.bytes.subarray()), before);
    // What is before it each fragment has to itself.
    view.hopByHopOptions = options;
    view.extensions = [behind, ...view.extensions];
    assert.deepEqual(view.extensions.map(({ protocol }) => protocol), [60, 0, 44]);
    assert.deepEqual(own(view.payload), counting(16));
    // Without the Fragment header it is a packet like others.
    view.fragment = undefined;
    view.destinationOptions = undefined;
    view.authentication = authentication;
    assert.deepEqual(view.extensions.map(({ protocol }) => protocol), [0, 51]);
  }
});

test("options of which some were not captured are not written over", LIMIT, () => {
  const ipv4 = { source: "10.0.0.1", destination: "10.0.0.2" };
  const segment = buildPacket({ ipv4, tcp: { options: counting(12, 1) }, payload: counting(9) });
  const datagram = buildPacket({ ipv4: { ...ipv4, options: counting(12, 1) }, udp: {} });
  const why = /RangeError: options cannot be written: not all of the old is here/;
  for (const captured of [4, 8]) {
    for (const length of [0, 4, 8, 12]) {
      const cut = segment.slice(0, 40 + captured);
      const tcp = parseLayers(cut).tcp!;
      assert.equal(tcp.headerLength, 32);
      assert.throws(() => tcp.options = new Uint8Array(length), why);
      assert.deepEqual(cut, segment.slice(0, 40 + captured));
      const header = datagram.slice(0, 20 + captured);
      const view = parseLayers(header).ipv4!;
      assert.throws(() => view.options = new Uint8Array(length), why);
      assert.deepEqual(header, datagram.slice(0, 20 + captured));
    }
  }
});

test("lists that are read while they change the packet", LIMIT, () => {
  const layers = parseLayers(buildPacket({ ipv6: {}, udp: {}, payload: counting(16) }));
  const ipv6 = layers.ipv6!;
  const inner = { protocol: 60, data: counting(22, 0) };
  let reads = 0;
  ipv6.extensions = [{
    // Another one at each read, but one is read.
    get protocol() {
      return reads++ === 0 ? 0 : 44;
    },
    get data() {
      ipv6.extensions = [inner];
      return counting(6, 0);
    },
  }];
  assert.deepEqual(ipv6.extensions.map(({ protocol }) => protocol), [0]);
  assert.deepEqual(own(layers.udp?.payload), counting(16));
  const bytes = own(layers.bytes.subarray());
  assert.deepEqual(finishChecksums(bytes.slice()), bytes);
});

test("lists that are much too long are refused before they are read", LIMIT, () => {
  const { tcp, ipv4 } = parseLayers(buildPacket({ ipv4: {}, tcp: {} }));
  const { ipv6 } = parseLayers(buildPacket({ ipv6: {}, tcp: {} }));
  // Reading all of it would take minutes.
  const list = (): never[] => new Array<never>(2 ** 32 - 1);
  const setters: (() => unknown)[] = [
    () => tcp!.optionList = list(),
    () => tcp!.sack = list(),
    () => ipv4!.optionList = list(),
    () => ipv6!.hopByHopOptions = list(),
    () => ipv6!.extensions = list(),
    () => buildPacket({ ipv4: {}, tcp: { options: list() } }),
    () => buildPacket({ ipv6: { extensions: list() } }),
  ];
  for (const set of setters) assert.throws(set, /RangeError: .* entries, got 4294967295/);
  const most = { type: 1, data: new Uint8Array(255) };
  const options = Array.from({ length: 2000 }, () => most);
  assert.throws(() => ipv6!.destinationOptions = options, /at most 2046 bytes/);
  // As an array of numbers this would be more than V8 survives.
  const bytes = new Uint8Array(2 ** 29);
  assert.throws(() => buildPacket({ ipv4: {}, tcp: { options: bytes } }), /0 to 40 bytes/);
});

test("what is no Uint8Array, and no ethertype, is refused", LIMIT, () => {
  const wrong: readonly unknown[] = [
    ...[null, undefined, "E", 5, [0x45, 0], new ArrayBuffer(40), new DataView(new ArrayBuffer(40))],
    ...[new Uint16Array(40), new Int8Array(40), new Uint8ClampedArray(40)],
  ];
  for (const bytes of wrong as Uint8Array[]) {
    for (const read of [parseLayers, parseEthernet, finishChecksums]) {
      assert.throws(() => read(bytes), { name: "TypeError", message: /must be a Uint8Array/ });
    }
  }
  for (const protocol of [-1, 0x10000, 0.5, NaN]) {
    assert.throws(() => parseLayers(UDP4, { protocol }), RangeError);
  }
  assert.throws(() => parseLayers(UDP4, { protocol: "0x800" as never }), TypeError);
});

test("a UDP length that is given: the checksum covers no more", LIMIT, () => {
  const ipv4 = { source: "10.0.0.1", destination: "10.0.0.2" };
  for (const length of [8, 9, 17, 18, 0]) {
    const bytes = buildPacket({ ipv4, udp: { length }, payload: counting(10) });
    assert.deepEqual(finishChecksums(bytes.slice()), bytes, `${length}`);
  }
});

test("a wrong checksum stays as wrong as it was through any edits", LIMIT, () => {
  let compared = 0;
  for (let seed = 0; seed < 4000; seed++) {
    const random = new Random(seed);
    const name = random.pick(Object.keys(PACKETS));
    const [right, wrong] = [parseLayers(packetOf(name)), parseLayers(packetOf(name))];
    const layer = (["tcp", "udp", "icmp", "icmpv6"] as const).find((layer) => right[layer])!;
    wrong[layer]!.checksum = 1 + random.below(0xfffe);
    const error = wrong[layer]!.checksum - right[layer]!.checksum;
    const done = editAtRandom(right, new Random(~seed));
    assert.deepEqual(editAtRandom(wrong, new Random(~seed)), done);
    // Whole new data has a whole new checksum.
    if (done.includes("payload")) continue;
    const left = wrong[layer]!.checksum - right[layer]!.checksum - error;
    assert.equal(Math.abs(left % 0xffff), 0, `${seed}: ${name}, ${done.join(", ")}`);
    compared++;
  }
  assert.ok(compared > 1000);
});

test("a payload length that lied comes out as 0, which is to the end of the frame", LIMIT, () => {
  // 8 bytes, the Fragment header's own, and 44 more behind them: a neighbor solicitation.
  const bytes = hex(`
    60000000 0008 2c 3f 20010db8000000000000000000000001 fe800000000000000000000000000002
    3a03000000000001 0000000201020304050607088700bbcb000000000102030405060708090a0b0c0d0e0f10
    1112131415161718`);
  const layers = parseLayers(bytes);
  assert.equal(layers.icmpv6, undefined);
  layers.ipv6!.fragment = undefined;
  assert.equal(layers.ipv6!.payloadLength, 0);
  assert.equal(layers.ipv6!.payload.length, 44);
  const edited = own(layers.bytes.subarray());
  assert.deepEqual(edited, finishChecksums(edited.slice()));
});

test("the sum that datagrams are cut with is written into UDP alone", LIMIT, () => {
  for (const upper of [{ tcp: {} }, { icmp: {} }]) {
    const bytes = buildPacket({ ipv4: {}, ...upper, payload: counting(9) });
    const before = own(bytes);
    assert.equal(startChecksum(bytes), false);
    assert.deepEqual(own(bytes), before);
  }
});
