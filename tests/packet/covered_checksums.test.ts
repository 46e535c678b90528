// A new address, and every checksum that covers it: also of protocols without a view, and in headers
// that are cut behind it. The sums are computed by hand here.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  buildPacket,
  type Layers,
  parseIpv4,
  parseIpv6,
  parseLayers,
} from "../../src/packet/mod.ts";
import { internetSum } from "../support/traffic/packets.ts";
import { counting } from "./edits.ts";
import { LIMIT, own } from "./samples.ts";

const V4 = { source: "10.0.0.1", destination: "10.0.0.2" } as const;
const V6 = { source: "2001:db8::1", destination: "2001:db8::2" } as const;
const NEW = {
  4: ["192.0.2.77", "198.51.100.0", "0.0.0.0", "255.255.255.255"],
  6: ["2001:db8:ffff::77", "fe80::1", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
} as const;

/** A protocol whose checksum covers the addresses. */
interface Covered {
  readonly name: string;
  readonly versions: readonly (4 | 6)[];
  readonly protocol: number;
  /** Where its checksum stands. */
  readonly at: number;
  /** How many bytes the checksum covers; absent: all. */
  readonly covers?: number;
  /** What its first bytes must be. */
  readonly begin?: readonly number[];
  /** Computed all ones stand for 0. */
  readonly onesForZero?: true;
}

const SIZE = 32;
const PROTOCOLS: readonly Covered[] = [
  { name: "TCP", versions: [4, 6], protocol: 6, at: 16, begin: [0, 1, 0, 2] },
  {
    ...{ name: "UDP", versions: [4, 6], protocol: 17, at: 6, begin: [0, 1, 0, 2, 0, SIZE] },
    onesForZero: true,
  },
  { name: "ICMPv6", versions: [6], protocol: 58, at: 2, begin: [128, 0] },
  // CsCov 0 covers all, 1 no data: the pseudo-header is covered in any case.
  { name: "DCCP", versions: [4, 6], protocol: 33, at: 6, begin: [0, 1, 0, 2, 5, 0] },
  { name: "DCCP's header", versions: [4, 6], protocol: 33, at: 6, covers: 20 },
  { name: "UDP-Lite", versions: [4, 6], protocol: 136, at: 6, onesForZero: true },
  {
    ...{ name: "UDP-Lite's header", versions: [4, 6], protocol: 136, at: 6, covers: 8 },
    onesForZero: true,
  },
  { name: "OSPFv3", versions: [6], protocol: 89, at: 12, begin: [3, 1] },
  { name: "PIM", versions: [6], protocol: 103, at: 2, begin: [0x20, 0] },
  { name: "VRRPv3", versions: [4, 6], protocol: 112, at: 6, begin: [0x31] },
  // HIP and Mobility are extension headers: next header, length in words of 8 bytes behind the first.
  { name: "HIP", versions: [4, 6], protocol: 139, at: 4, begin: [59, SIZE / 8 - 1, 1] },
  { name: "Mobility", versions: [6], protocol: 135, at: 4, begin: [59, SIZE / 8 - 1, 5] },
];

function sumOf({ protocol, covers = SIZE }: Covered, packet: Uint8Array): number {
  const { ip } = parseLayers(packet);
  const header = ip!.version === 4 ? 20 : 40;
  const parts = [ip!.sourceBytes, ip!.destinationBytes, Uint8Array.from([0, protocol, 0, SIZE])];
  return internetSum(...parts, packet.subarray(header, header + covers));
}

/** The packet of `SIZE` bytes behind its header, the checksum in it right. */
function packetOf(covered: Covered, version: 4 | 6): Uint8Array {
  const { protocol, at, begin = [], onesForZero } = covered;
  const payload = counting(SIZE, 40);
  payload.set(begin);
  payload.set([0, 0], at);
  const packet = buildPacket({
    ...(version === 4 ? { ipv4: { ...V4, protocol } } : { ipv6: { ...V6, nextHeader: protocol } }),
    payload,
  });
  const sum = ~sumOf(covered, packet) & 0xffff;
  const checksum = sum === 0 && onesForZero ? 0xffff : sum;
  packet.set([checksum >> 8, checksum & 0xff], (version === 4 ? 20 : 40) + at);
  assert.equal(sumOf(covered, packet), 0xffff);
  return packet;
}

function setAddresses({ ip }: Layers, source: string, destination: string): void {
  ip!.source = source;
  ip!.destination = destination;
}

for (const covered of PROTOCOLS) {
  for (const version of covered.versions) {
    test(
      `${covered.name} over IPv${version}: a new address keeps the checksum right`,
      LIMIT,
      () => {
        for (const source of NEW[version]) {
          for (const destination of NEW[version]) {
            const layers = parseLayers(packetOf(covered, version));
            setAddresses(layers, source, destination);
            const packet = layers.bytes.subarray();
            assert.equal(sumOf(covered, packet), 0xffff, `${source} > ${destination}`);
            const at = (version === 4 ? 20 : 40) + covered.at;
            if (covered.onesForZero) assert.notEqual((packet[at]! << 8) | packet[at + 1]!, 0);
          }
        }
      },
    );

    test(
      `${covered.name} over IPv${version}: cut behind the checksum it is kept right too`,
      LIMIT,
      () => {
        const header = version === 4 ? 20 : 40;
        const whole = packetOf(covered, version);
        const reference = parseLayers(own(whole));
        const [source, destination] = [NEW[version][0], NEW[version][1]];
        setAddresses(reference, source, destination);
        for (let length = header; length < whole.length; length++) {
          const layers = parseLayers(whole.slice(0, length));
          setAddresses(layers, source, destination);
          // What is not here cannot change; what is here is as in the whole packet.
          const expected = own(reference.bytes.subarray(0, length));
          if (length < header + covered.at + 2) {
            expected.set(whole.subarray(header, length), header);
          }
          // Over IPv4 only the whole of a VRRPv3 message tells whether it covers the addresses.
          if (covered.name === "VRRPv3" && version === 4) {
            expected.set(whole.subarray(20, length), 20);
          }
          assert.deepEqual(own(layers.bytes.subarray()), expected, `${length} bytes`);
        }
      },
    );
  }
}

test("a header that makes no sense keeps its checksum as right as it was", LIMIT, () => {
  for (const [name, at, wrong] of [["TCP", 12, 0x10], ["UDP", 5, 7]] as const) {
    const covered = PROTOCOLS.find((one) => one.name === name)!;
    const packet = packetOf(covered, 4);
    packet[20 + at] = wrong;
    const layers = parseLayers(packet);
    assert.ok(
      layers.malformed !== undefined && layers.tcp === undefined && layers.udp === undefined,
    );
    const before = sumOf(covered, packet);
    setAddresses(layers, NEW[4][0], NEW[4][1]);
    assert.equal(sumOf(covered, layers.bytes.subarray()), before);
  }
});

test("the first fragment has the checksum, later ones have data in its place", LIMIT, () => {
  for (const offset of [0, 8]) {
    const ipv4 = { ...V4, protocol: 136, fragmentOffset: offset, moreFragments: true };
    const bytes = buildPacket({ ipv4, payload: counting(SIZE) });
    const layers = parseLayers(own(bytes));
    setAddresses(layers, NEW[4][0], NEW[4][1]);
    const changed = layers.bytes.subarray(20).findIndex((byte, at) => byte !== bytes[20 + at]);
    assert.equal(changed, offset === 0 ? 6 : -1);
  }
});

test("checksums that cover no address stay as they are", LIMIT, () => {
  const uncovered: readonly (readonly [4 | 6, number, readonly number[]])[] = [
    ...([[4, 1, [8]], [4, 2, []], [4, 58, []], [4, 89, [2]], [4, 103, [0x20]]] as const),
    ...([[4, 112, [0x21]], [4, 132, []], [4, 47, []], [6, 132, []], [6, 112, [0x21]]] as const),
    ...([[6, 1, []], [6, 140, [59, 3]], [6, 253, []]] as const),
  ];
  for (const [version, protocol, begin] of uncovered) {
    const packet = packetOf({ name: "", versions: [], protocol, at: 2, begin }, version);
    const header = version === 4 ? 20 : 40;
    const layers = parseLayers(own(packet));
    setAddresses(layers, NEW[version][0], NEW[version][1]);
    assert.deepEqual(
      own(layers.bytes.subarray(header)),
      own(packet.subarray(header)),
      `${protocol}`,
    );
  }
  // RFC 9568 leaves the pseudo-header out over IPv4: such a message is right by itself.
  const payload = counting(SIZE, 40);
  payload.set([0x31]);
  payload.set([0, 0], 6);
  const sum = ~internetSum(payload) & 0xffff;
  payload.set([sum >> 8, sum & 0xff], 6);
  const layers = parseLayers(buildPacket({ ipv4: { ...V4, protocol: 112 }, payload }));
  setAddresses(layers, NEW[4][0], NEW[4][1]);
  assert.deepEqual(own(layers.bytes.subarray(20)), payload);
});

test("an address that a Routing header or a Home Address keeps from being covered", LIMIT, () => {
  const covered = PROTOCOLS.find(({ name }) => name === "UDP-Lite")!;
  const payload = counting(SIZE);
  const last = parseIpv6("2001:db8::99");
  const extensions = [
    { protocol: 43, data: Uint8Array.from([0, 1, 0, 0, 0, 0, ...last]) },
    { protocol: 60, data: Uint8Array.from([1, 2, 0, 0, 0xc9, 16, ...parseIpv6("2001:db8::77")]) },
  ];
  const packet = buildPacket({ ipv6: { ...V6, protocol: covered.protocol, extensions }, payload });
  const layers = parseLayers(own(packet));
  setAddresses(layers, NEW[6][0], NEW[6][1]);
  assert.deepEqual(own(layers.ipv6!.payload), payload);
  // Without the header the addresses of the packet are covered again.
  const sum = (from: string | Uint8Array, to: string | Uint8Array): number => {
    const of = (end: string | Uint8Array) => typeof end === "string" ? parseIpv6(end) : end;
    return internetSum(of(from), of(to), own(layers.ipv6!.payload));
  };
  const before = sum("2001:db8::77", last);
  layers.ipv6!.extensions = [];
  assert.equal((sum(NEW[6][0], NEW[6][1]) - before) % 0xffff, 0);
  assert.notDeepEqual(own(layers.ipv6!.payload), payload);
});

test("a Mobility header behind others, and before what it is no part of", LIMIT, () => {
  const data = counting(SIZE - 2, 40);
  const mobility = { protocol: 135, data };
  const home = {
    protocol: 60,
    data: Uint8Array.from([1, 2, 0, 0, 0xc9, 16, ...parseIpv6("2001:db8::77")]),
  };
  const ipv6 = { ...V6, protocol: 59, extensions: [home, mobility] };
  const layers = parseLayers(buildPacket({ ipv6 }));
  const view = layers.ipv6!;
  const sum = (from: string) =>
    internetSum(parseIpv6(from), view.destinationBytes, own(view.extensions.at(-1)!.data));
  const before = sum("2001:db8::77");
  view.source = NEW[6][0];
  assert.deepEqual(own(view.extensions[1]!.data), data);
  view.destination = NEW[6][1];
  assert.equal((sum("2001:db8::77") - before) % 0xffff, 0);
  assert.notDeepEqual(own(view.extensions[1]!.data), data);
  view.destinationOptions = undefined;
  assert.equal((sum(NEW[6][0]) - before) % 0xffff, 0);
});

test("addresses as numbers and as bytes", LIMIT, () => {
  const covered = PROTOCOLS.find(({ name }) => name === "DCCP")!;
  const four = parseLayers(packetOf(covered, 4));
  four.ipv4!.sourceNumber = parseIpv4(NEW[4][1]);
  four.ipv4!.destinationBytes = Uint8Array.of(9, 8, 7, 6);
  assert.equal(sumOf(covered, four.bytes.subarray()), 0xffff);
  const six = parseLayers(packetOf(covered, 6));
  six.ipv6!.sourceNumber = 5n;
  six.ipv6!.destinationBytes = parseIpv6(NEW[6][0]);
  assert.equal(sumOf(covered, six.bytes.subarray()), 0xffff);
});
