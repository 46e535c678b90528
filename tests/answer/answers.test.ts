// Resets and ICMP errors from a packet's bytes, and what is never answered.

import assert from "node:assert/strict";
import { test } from "node:test";
import { icmpError } from "../../src/answer/icmp_error.ts";
import { OffendingPacket, type PacketFacts } from "../../src/answer/offending_packet.ts";
import { ICMP_ERRORS, type IcmpReason, reasonFor } from "../../src/answer/reasons.ts";
import { resetToReceiver, resetToSender } from "../../src/answer/reset.ts";
import { type AnswerKind, CUT, whyUnanswered } from "../../src/answer/unanswered.ts";
import { parseIpv6 } from "../../src/base/address.ts";
import { buildPacket, PacketBytes, type PacketFields, parseLayers } from "../../src/packet/mod.ts";
import { Outline } from "../../src/packet/structure/outline.ts";

const limit = { timeout: 10_000 } as const;
const V4 = { source: "10.0.0.1", destination: "10.0.0.2" } as const;
const V6 = { source: "2001:db8::1", destination: "2001:db8::2" } as const;
const PORTS = { sourcePort: 40_000, destinationPort: 80 } as const;
const versions = [["ipv4", V4], ["ipv6", V6]] as const;

function offending(bytes: Uint8Array, facts: Partial<PacketFacts> = {}): OffendingPacket {
  const outline = new Outline(new PacketBytes(bytes), 0, 0);
  return new OffendingPacket({
    ...{ outline, length: bytes.length, truncated: false, unfinished: false, local: false },
    ...facts,
  });
}

const made = (fields: PacketFields, facts?: Partial<PacketFacts>) =>
  offending(buildPacket(fields), facts);

/** The numbers of a reset: by RFC 9293 §3.10.7.1. */
const segments = [
  { name: "SYN", tcp: { syn: true, sequenceNumber: 0xffffffff }, data: 0, seq: 0, ack: 0 },
  { name: "SYN with data", tcp: { syn: true, sequenceNumber: 5 }, data: 7, seq: 0, ack: 13 },
  { name: "FIN without ACK", tcp: { fin: true, sequenceNumber: 5 }, data: 2, seq: 0, ack: 8 },
  {
    name: "data",
    tcp: { ack: true, psh: true, sequenceNumber: 100, acknowledgmentNumber: 900 },
    ...{ data: 40, seq: 900, ack: undefined },
  },
  {
    name: "SYN and ACK",
    tcp: { syn: true, ack: true, sequenceNumber: 100, acknowledgmentNumber: 0xfffffff0 },
    ...{ data: 0, seq: 0xfffffff0, ack: undefined },
  },
] as const;

for (const { name, tcp, data, seq, ack } of segments) {
  for (const [network, addresses] of versions) {
    test(`reset to the sender of a ${name}, ${network}`, limit, () => {
      const fields = {
        [network]: addresses,
        tcp: { ...PORTS, ...tcp, windowSize: 500, options: Uint8Array.of(1, 1, 1, 1) },
        payload: new Uint8Array(data).fill(65),
      };
      const packet = made(fields);
      assert.equal(whyUnanswered(packet, "reset"), undefined);
      const bytes = resetToSender(packet);
      const right = buildPacket({
        [network]: network === "ipv4"
          ? { source: V4.destination, destination: V4.source, ttl: 64, dontFragment: true }
          : { source: V6.destination, destination: V6.source, hopLimit: 64 },
        tcp: {
          ...{ sourcePort: 80, destinationPort: 40_000, windowSize: 0, rst: true },
          ...{ sequenceNumber: seq, acknowledgmentNumber: ack ?? 0, ack: ack !== undefined },
        },
      });
      assert.deepEqual(bytes, right);
      // The same of a packet of which only the headers were captured.
      const whole = buildPacket(fields);
      const headers = (network === "ipv4" ? 20 : 40) + 24;
      const cut = offending(whole.slice(0, headers), { length: whole.length, truncated: data > 0 });
      assert.deepEqual(resetToSender(cut), right);
    });
  }
}

test("a reset as bytes", limit, () => {
  const packet = made({ ipv4: V4, tcp: { ...PORTS, syn: true, sequenceNumber: 0x01020304 } });
  const bytes = resetToSender(packet);
  assert.equal(
    [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(""),
    "450000280000400040" + "06" + "26ce" + "0a000002" + "0a000001" +
      "00509c40" + "00000000" + "01020305" + "5014" + "0000" + "fb36" + "0000",
  );
});

test("reset to the receiver", limit, () => {
  const numbers = { sequenceNumber: 100, acknowledgmentNumber: 900 };
  for (const [network, addresses] of versions) {
    const data = made({
      [network]: addresses,
      tcp: { ...PORTS, ...numbers, ack: true },
      payload: new Uint8Array(9),
    });
    const layers = parseLayers(resetToReceiver(data)!);
    assert.deepEqual([layers.ip!.source, layers.ip!.destination], Object.values(addresses));
    const { sequenceNumber, acknowledgmentNumber, rst, ack, sourcePort, windowSize } = layers.tcp!;
    assert.deepEqual({ sequenceNumber, acknowledgmentNumber, rst, ack, sourcePort, windowSize }, {
      ...numbers,
      ...{ rst: true, ack: true, sourcePort: 40_000, windowSize: 0 },
    });
    const first = made({ [network]: addresses, tcp: { ...PORTS, syn: true } });
    assert.equal(resetToReceiver(first), undefined);
  }
});

test("ICMP errors: every reason, how much is quoted, the class of service", limit, () => {
  const payload = Uint8Array.from({ length: 1400 }, (_, at) => at & 255);
  for (const reason of Object.keys(ICMP_ERRORS) as IcmpReason[]) {
    const bytes = buildPacket({
      ipv4: { ...V4, dscp: 0b101011, ecn: 1 },
      udp: PORTS,
      payload,
    });
    const answer = icmpError(offending(bytes), { reason, source: Uint8Array.of(10, 0, 0, 9) });
    const { ipv4, icmp } = parseLayers(answer);
    assert.equal(answer.length, 576);
    assert.deepEqual(
      [ipv4!.source, ipv4!.destination, ipv4!.ttl, ipv4!.dscp, ipv4!.ecn, ipv4!.dontFragment],
      ["10.0.0.9", "10.0.0.1", 64, 0b110011, 0, false],
    );
    assert.deepEqual({ type: icmp!.type, code: icmp!.code }, ICMP_ERRORS[reason][4]);
    assert.deepEqual(answer.subarray(28), bytes.subarray(0, 548));

    const bytes6 = buildPacket({ ipv6: { ...V6, trafficClass: 0xb8 }, udp: PORTS, payload });
    const source = parseIpv6("2001:db8::9");
    const answer6 = icmpError(offending(bytes6), { reason, source });
    const { ipv6, icmpv6 } = parseLayers(answer6);
    assert.equal(answer6.length, 1280);
    assert.deepEqual(
      [ipv6!.source, ipv6!.destination, ipv6!.hopLimit, ipv6!.trafficClass],
      ["2001:db8::9", V6.source, 64, 0],
    );
    assert.deepEqual({ type: icmpv6!.type, code: icmpv6!.code }, ICMP_ERRORS[reason][6]);
    assert.deepEqual(answer6.subarray(48), bytes6.subarray(0, 1232));
  }
});

test("a checksum that is left to the hardware is finished in what is quoted", limit, () => {
  const bytes = buildPacket({ ipv4: V4, udp: { ...PORTS, checksum: 0x1234 } });
  const before = bytes.slice();
  const packet = offending(bytes, { unfinished: true });
  assert.equal(whyUnanswered(packet, "icmp"), undefined);
  const source = Uint8Array.of(10, 0, 0, 9);
  const answer = icmpError(packet, { reason: "port-unreachable", source });
  assert.deepEqual(answer.subarray(28), buildPacket({ ipv4: V4, udp: PORTS }));
  assert.deepEqual(bytes, before);
});

const tcp = { ...PORTS, syn: true };
const udp = PORTS;
const to4 = (destination: string) => ({ ipv4: { ...V4, destination }, udp });
const from4 = (source: string) => ({ ipv4: { ...V4, source }, udp });
const to6 = (destination: string) => ({ ipv6: { ...V6, destination }, udp });
const from6 = (source: string) => ({ ipv6: { ...V6, source }, udp });
const fragment6 = (offset: number) => ({
  ipv6: { ...V6, extensions: [{ protocol: 44, data: Uint8Array.of(0, offset | 1, 0, 0, 0, 7) }] },
  udp,
});

const never: readonly (readonly [string, PacketFields, AnswerKind, unknown])[] = [
  ["a reset, with a reset", { ipv4: V4, tcp: { ...PORTS, rst: true } }, "reset", "reset"],
  ["a reset, with ICMP", { ipv6: V6, tcp: { ...PORTS, rst: true, ack: true } }, "icmp", "reset"],
  ...[3, 4, 5, 11, 12, 9, 10, 42].map((type) =>
    [`ICMP ${type}`, { ipv4: V4, icmp: { type } }, "icmp", "icmp-error"] as const
  ),
  ...[0, 8, 13].map((type) =>
    [`ICMP ${type}`, { ipv4: V4, icmp: { type } }, "icmp", undefined] as const
  ),
  ...[1, 2, 3, 4, 100, 137].map((type) =>
    [`ICMPv6 ${type}`, { ipv6: V6, icmpv6: { type } }, "icmp", "icmp-error"] as const
  ),
  ["ICMPv6 128", { ipv6: V6, icmpv6: { type: 128 } }, "icmp", undefined],
  ["a later fragment", { ipv4: { ...V4, fragmentOffset: 8 }, udp }, "icmp", "fragment"],
  ["a later fragment, IPv6", fragment6(8), "icmp", "fragment"],
  ["a first fragment, with ICMP", { ipv4: { ...V4, moreFragments: true }, udp }, "icmp", undefined],
  ["a first fragment, IPv6, with ICMP", fragment6(0), "icmp", undefined],
  [
    "a first fragment, with a reset",
    { ipv4: { ...V4, moreFragments: true }, tcp },
    "reset",
    "fragment",
  ],
  ...["224.0.0.1", "239.1.2.3", "255.255.255.255", "0.0.0.0"].map((address) =>
    [`to ${address}`, to4(address), "icmp", "destination"] as const
  ),
  ...["0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255", "240.0.0.1", "127.0.0.1"].map((
    address,
  ) => [`from ${address}`, from4(address), "icmp", "source"] as const),
  ...["ff02::1", "::"].map((address) =>
    [`to ${address}`, to6(address), "icmp", "destination"] as const
  ),
  ...["ff02::1", "::", "::1"].map((address) =>
    [`from ${address}`, from6(address), "icmp", "source"] as const
  ),
  ["from fe80::1", from6("fe80::1"), "icmp", undefined],
  ["a wrong checksum", { ipv4: V4, udp: { ...udp, checksum: 0x1234 } }, "icmp", "checksum"],
  ["a wrong checksum of TCP", { ipv6: V6, tcp: { ...tcp, checksum: 1 } }, "reset", "checksum"],
  ["no checksum", { ipv4: V4, udp: { ...udp, checksum: 0 } }, "icmp", undefined],
  [
    "TCP with a header of 8 bytes",
    { ipv4: V4, tcp: { ...tcp, headerLength: 8 } },
    "reset",
    "malformed",
  ],
  ["a protocol without a view", { ipv4: { ...V4, protocol: 132 } }, "icmp", undefined],
];

for (const [name, fields, kind, why] of never) {
  test(`${name}: ${why ?? "answered"}`, limit, () => {
    assert.equal(whyUnanswered(made(fields), kind), why);
  });
}

test("loopback's addresses are answered here", limit, () => {
  assert.equal(whyUnanswered(made(from4("127.0.0.1"), { local: true }), "icmp"), undefined);
  assert.equal(whyUnanswered(made(from6("::1"), { local: true }), "icmp"), undefined);
  assert.equal(whyUnanswered(made(from6("::"), { local: true }), "icmp"), "source");
});

test("captured in part: what is missing", limit, () => {
  for (const [network, addresses] of versions) {
    const bytes = buildPacket({ [network]: addresses, tcp, payload: new Uint8Array(9) });
    const header = bytes.length - 29;
    const part = (count: number, kind: AnswerKind) =>
      whyUnanswered(
        offending(bytes.slice(0, count), { length: bytes.length, truncated: true }),
        kind,
      );
    const known = (kind: AnswerKind) =>
      Array.from({ length: bytes.length }, (_, count) => count)
        .filter((count) => part(count, kind) === undefined)[0]! - header;
    assert.deepEqual([known("reset"), known("icmp")], [20, 14]);
    for (let count = 0; count < header + 14; count++) assert.equal(part(count, "icmp"), CUT);
    const datagram = buildPacket({ [network]: addresses, udp, payload: new Uint8Array(9) });
    const facts = { length: datagram.length, truncated: true };
    assert.equal(whyUnanswered(offending(datagram.slice(0, header + 7), facts), "icmp"), CUT);
    assert.equal(whyUnanswered(offending(datagram.slice(0, header + 8), facts), "icmp"), undefined);
  }
  assert.equal(whyUnanswered(offending(new Uint8Array(0), { truncated: true }), "icmp"), CUT);
});

test("GSO: the length beyond 64 KiB is the kernel's word", limit, () => {
  const bytes = buildPacket({ ipv4: { ...V4, totalLength: 0 }, tcp: { ...PORTS, fin: true } });
  const facts = { length: 100_040, truncated: true, unfinished: true };
  const { tcp } = parseLayers(resetToSender(offending(bytes, facts)));
  assert.equal(tcp!.acknowledgmentNumber, 100_001);
});

test("reasons", limit, () => {
  const tcpOutline = made({ ipv4: V4, tcp }).outline;
  const udpOutline = made({ ipv4: V4, udp }).outline;
  assert.equal(reasonFor(tcpOutline, undefined), "tcp-reset");
  assert.equal(reasonFor(udpOutline, undefined), "port-unreachable");
  assert.equal(reasonFor(tcpOutline, "host-unreachable"), "host-unreachable");
  assert.throws(() => reasonFor(udpOutline, "tcp-reset"), /RangeError: only a TCP packet .* 17/);
});
