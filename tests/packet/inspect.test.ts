// The layered dump: what it says of samples, and that no bytes make it throw or run away.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  buildPacket,
  type EthernetLayers,
  inspect,
  type Layers,
  parseEthernet,
  parseLayers,
  summary,
} from "../../src/packet/mod.ts";
import { runs } from "../support/runtime/quick.ts";
import { counting, packetOf, PACKETS } from "./edits.ts";
import { embed, hex, ICMP4, ICMP6, LIMIT, mutated, noise, TCP4, TCP6, UDP4 } from "./samples.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

test("every layer with its fields, options and data", LIMIT, () => {
  const bytes = buildPacket({
    ethernet: { source: "00:11:22:33:44:55" },
    vlan: { id: 5, priority: 3 },
    ipv4: { source: "10.0.0.1", options: [{ type: 148, data: new Uint8Array(2) }] },
    tcp: {
      ...{ sourcePort: 4000, syn: true, ack: true, mss: 1460 },
      timestamps: { value: 1, echoReply: 2 },
    },
    payload: text("GET / HTTP/1.1\r\n\x7fé"),
  });
  assert.equal(
    inspect(parseEthernet(bytes)),
    `
00:11:22:33:44:55 > 00:00:00:00:00:00, vlan 5, p 3, IP 10.0.0.1.4000 > 0.0.0.0.0: Flags [S.], \
seq 0:19, ack 0, win 65535, options [mss 1460,TS val 1 ecr 2,eol], length 19
ethernet
  destination  00:00:00:00:00:00
  source       00:11:22:33:44:55
  etherType    0x8100 (802.1Q)
vlan
  protocol      0x8100 (802.1Q)
  priority      3
  dropEligible  false
  id            5
  etherType     0x0800 (IPv4)
ipv4
  headerLength    24
  dscp            0
  ecn             0
  totalLength     79
  identification  0
  reservedFlag    false
  dontFragment    false
  moreFragments   false
  fragmentOffset  0
  ttl             64
  protocol        6 (TCP)
  checksum        0xdba4 (right)
  source          10.0.0.1
  destination     0.0.0.0
  options         router alert 0x0000
tcp
  sourcePort            4000
  destinationPort       0
  sequenceNumber        0
  acknowledgmentNumber  0
  headerLength          36
  reserved              0
  flags                 0x12 [S.]
  windowSize            65535
  checksum              0xCHECKSUM (right)
  urgentPointer         0
  options               mss 1460
                        TS val 1 ecr 2
payload, 19 bytes
  0000  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31 0d 0a  GET / HTTP/1.1..
  0010  7f c3 a9                                          ...`.trim()
      .replace(
        "CHECKSUM",
        parseEthernet(bytes).layers!.tcp!.checksum.toString(16).padStart(4, "0"),
      ),
  );
});

test("IPv6 with extension headers, ICMPv6, ARP", LIMIT, () => {
  const bytes = buildPacket({
    ipv6: {
      ...{ source: "fe80::1", destination: "ff02::16", flowLabel: 5 },
      extensions: [
        { protocol: 0, data: hex("050200000100") },
        { protocol: 44, data: hex("0000 0000cafe") },
      ],
    },
    icmpv6: { type: 143, restOfHeader: 1 },
  });
  const dump = inspect(parseLayers(bytes));
  const expected = [
    "  flowLabel       0x00005\n",
    "  nextHeader      0 (HBH)\n",
    "  protocol        58 (ICMP6)\n",
    "  extensions      HBH 0x050200000100\n                  FRAG 0x00000000cafe\n",
    "  hopByHopOptions  router alert 0x0000\n                   padn\n",
    "  fragment         offset 0, moreFragments false, identification 51966\n",
    "icmpv6, multicast listener report v2\n",
  ].map((line) => line.replace(/ +/g, " "));
  for (const line of expected) {
    assert.ok(dump.replace(/ +/g, " ").includes(line), `${line}in\n${dump}`);
  }
  const arp = inspect(parseLayers(buildPacket({ arp: {} }), { protocol: 0x806 }));
  assert.match(
    arp,
    /^ARP, Request .*\narp\n {2}hardwareType +1\n {2}protocolType +0x0800 \(IPv4\)/,
  );
});

test("checksums are judged where all that they cover is here", LIMIT, () => {
  const lines = (packet: Layers | EthernetLayers, checksumNotReady = false): string[] =>
    inspect(packet, { checksumNotReady }).split("\n")
      .filter((line) => line.startsWith("  checksum ")).map((line) => line.replace(/ +/g, " "));
  for (const sample of [TCP4, UDP4, ICMP4]) {
    for (const line of lines(parseLayers(sample))) assert.match(line, /\(right\)$/);
  }
  for (const name of Object.keys(PACKETS)) {
    for (const line of lines(parseLayers(packetOf(name)))) assert.match(line, /\(right\)$/, name);
  }
  const wrong = UDP4.slice();
  wrong[10] = 0;
  wrong[27] = 0;
  assert.deepEqual(lines(parseLayers(wrong)), [
    " checksum 0x00c3 (wrong: 0x3cc3 expected)",
    " checksum 0x5c00 (wrong: 0x5c17 expected)",
  ]);
  assert.equal(lines(parseLayers(wrong), true)[1], " checksum 0x5c00 (not computed yet)");
  const none = UDP4.slice();
  none.fill(0, 26, 28);
  assert.equal(lines(parseLayers(none))[1], " checksum 0x0000 (none)");
  // Cut, and a fragment: only the header's can be told.
  assert.deepEqual(lines(parseLayers(UDP4.subarray(0, 35))), [
    " checksum 0x3cc3 (right)",
    " checksum 0x5c17",
  ]);
  const fragment = buildPacket({ ipv4: { moreFragments: true }, udp: {}, payload: counting(8) });
  assert.deepEqual(lines(parseLayers(fragment)).map((line) => line.split("(")[1]), [
    "right)",
    undefined,
  ]);
  // Judging changes nothing.
  assert.equal(parseLayers(wrong).udp?.checksum, 0x5c00);
});

test("malformed layers, and how much is shown", LIMIT, () => {
  const cut = inspect(parseLayers(TCP4.subarray(0, 30)));
  assert.match(
    cut,
    /\nmalformed: tcp header at byte 24 needs 20 bytes, have 6\npayload, 6 bytes\n/,
  );
  const long = parseLayers(buildPacket({ ipv4: {}, udp: {}, payload: counting(300) }));
  assert.match(inspect(long), /payload, 300 bytes\n(?: {2}[0-9a-f]{4} .*\n){16} {2}… 44 more$/);
  assert.match(inspect(long, { maxBytes: 0 }), /payload, 300 bytes\n {2}… 300 more$/);
  assert.match(inspect(long, { maxBytes: Infinity }), /\n {2}0120 {2}[^\n]*$/);
  for (const maxBytes of [-1, 0.5, NaN]) {
    assert.throws(() => inspect(long, { maxBytes }), RangeError);
  }
  assert.throws(() => inspect(long, { maxBytes: "9" as unknown as number }), TypeError);
  assert.equal(inspect(parseLayers(new Uint8Array())), "unknown protocol, length 0");
});

test("any bytes: text never throws, stays short, and reads nothing outside", LIMIT, () => {
  const samples = [TCP4, UDP4, ICMP4, ICMP6, TCP6, ...Object.keys(PACKETS).map(packetOf)];
  const framed = samples.map((bytes) =>
    Uint8Array.from([...counting(12), 0x81, 0, 0, 5, bytes[0]! >> 4 === 4 ? 8 : 0x86, 0, ...bytes])
  );
  const input = fc.oneof(mutated(fc.constantFrom(...samples, ...framed)), noise(400));
  fc.assert(
    fc.property(input, fc.constantFrom(0, 0x800, 0x86dd, 0x806), (bytes, protocol) => {
      const texts = [0x00, 0xff].map((fill) => {
        const around = embed(bytes, fill);
        const packets = [parseLayers(around, { protocol }), parseEthernet(around)];
        return packets.flatMap((packet) => [summary(packet), inspect(packet)]);
      });
      assert.deepEqual(texts[0], texts[1]);
      for (const [index, value] of texts[0]!.entries()) {
        assert.ok(value.length <= (index % 2 === 0 ? 1500 : 12_000), `${value.length}: ${value}`);
        assert.doesNotMatch(value, /\p{Cc}(?<!\n)/u);
        if (index % 2 === 0) assert.ok(!value.includes("\n"));
      }
    }),
    { numRuns: runs(3000) },
  );
});

test("the longest packets stay short", LIMIT, () => {
  const chain = Array.from({ length: 8000 }, () => ({ protocol: 60, data: new Uint8Array() }));
  const padding = [0, 60].map((protocol) => ({ protocol, data: new Uint8Array(2046) }));
  for (const extensions of [chain, padding]) {
    const layers = parseLayers(buildPacket({ ipv6: { extensions }, udp: {} }));
    assert.ok(summary(layers).length < 300);
    assert.ok(inspect(layers).length < 5000);
  }
});
