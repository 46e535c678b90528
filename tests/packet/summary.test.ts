// The line about a packet, for each protocol: in the words of tcpdump 4.99, which was asked.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  buildPacket,
  type PacketFields,
  parseEthernet,
  parseLayers,
  summary,
} from "../../src/packet/mod.ts";
import { counting } from "./edits.ts";
import { hex, LIMIT } from "./samples.ts";

const v4 = { source: "10.0.0.1", destination: "10.0.0.2" } as const;
const v6 = { source: "fe80::1", destination: "fe80::16" } as const;
const ports = { sourcePort: 4000, destinationPort: 81 } as const;
const tcp = { ...ports, sequenceNumber: 9, acknowledgmentNumber: 5, windowSize: 8192 } as const;
const quoted4 = buildPacket({
  ipv4: { source: v4.destination, destination: v4.source },
  udp: { sourcePort: 5, destinationPort: 53 },
});
const quoted6 = buildPacket({
  ipv6: { source: "::1", destination: "::2" },
  tcp: { sourcePort: 5, destinationPort: 80 },
});
const address = (last: number): Uint8Array =>
  Uint8Array.from([0xfe, 0x80, ...new Uint8Array(13), last]);
const bytes = (...parts: readonly (Uint8Array | number)[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => typeof part === "number" ? [part] : [...part]));

function line(fields: PacketFields): string {
  const packet = buildPacket(fields);
  return summary(fields.ethernet === undefined ? parseLayers(packet) : parseEthernet(packet));
}

test("TCP", LIMIT, () => {
  const from4 = "IP 10.0.0.1.4000 > 10.0.0.2.81:";
  const lines: readonly [PacketFields, string][] = [
    [
      {
        ipv4: v4,
        tcp: {
          ...{ ...tcp, syn: true, mss: 1460, windowScale: 7, sackPermitted: true },
          timestamps: { value: 1, echoReply: 2 },
        },
      },
      `${from4} Flags [S], seq 9, win 8192, options [mss 1460,wscale 7,sackOK,TS val 1 ecr 2,eol], length 0`,
    ],
    [
      {
        ipv4: v4,
        tcp: {
          ...{ ...tcp, flags: 0xff & ~6, urgentPointer: 3, sack: [{ left: 1, right: 0xffffffff }] },
          options: [{ kind: 1, data: bytes() }, { kind: 253, data: counting(4, 97) }],
        },
        payload: counting(5),
      },
      `${from4} Flags [FP.UEW], seq 9:14, ack 5, win 8192, urg 3, options [nop,unknown-253 0x61626364,sack 1 {1:4294967295},eol], length 5`,
    ],
    [{ ipv4: v4, tcp: { ...tcp, rst: true } }, `${from4} Flags [R], seq 9, win 8192, length 0`],
    [{ ipv4: v4, tcp }, `${from4} Flags [none], win 8192, length 0`],
    [
      { ipv4: v4, tcp: { ...tcp, sequenceNumber: 0xffffffff, ack: true }, payload: counting(2) },
      `${from4} Flags [.], seq 4294967295:1, ack 5, win 8192, length 2`,
    ],
    [
      { ipv4: v4, tcp: { ...tcp, syn: true, options: hex("0209000001000000") } },
      `${from4} Flags [S], seq 9, win 8192, options [[bad opt]], length 0`,
    ],
    [
      { ipv4: v4, tcp: { ...tcp, headerLength: 0 } },
      "IP 10.0.0.1 > 10.0.0.2: TCP, length 20 [tcp header needs 20 bytes, have 0]",
    ],
    [
      { ipv6: v6, tcp: { ...tcp, ack: true } },
      "IP6 fe80::1.4000 > fe80::16.81: Flags [.], ack 5, win 8192, length 0",
    ],
  ];
  for (const [fields, expected] of lines) assert.equal(line(fields), expected);
  const cut = buildPacket({ ipv4: v4, tcp: { ...tcp, mss: 1460, windowScale: 7 } }).subarray(0, 45);
  assert.equal(
    summary(parseLayers(cut), { length: 48 }),
    `${from4} Flags [none], win 8192, options [mss 1460,[cut]], length 0`,
  );
});

test("UDP, fragments, other protocols", LIMIT, () => {
  const from4 = "IP 10.0.0.1.4000 > 10.0.0.2.81:";
  const part = { ...v4, identification: 77, moreFragments: true } as const;
  const lines: readonly [PacketFields, string][] = [
    [{ ipv4: v4, udp: ports, payload: counting(3) }, `${from4} UDP, length 3`],
    [{ ipv4: v4, udp: ports }, `${from4} UDP, length 0`],
    [
      { ipv4: part, udp: { ...ports, length: 500 }, payload: counting(32) },
      `${from4} UDP, length 492 (frag 77:40@0+)`,
    ],
    [
      { ipv4: { ...part, fragmentOffset: 800, protocol: 17 }, payload: counting(32) },
      "IP 10.0.0.1 > 10.0.0.2: UDP, length 32 (frag 77:32@800+)",
    ],
    [
      { ipv4: { ...part, moreFragments: false, fragmentOffset: 832, protocol: 6 } },
      "IP 10.0.0.1 > 10.0.0.2: TCP, length 0 (frag 77:0@832)",
    ],
    [
      { ipv4: v4, udp: { ...ports, length: 3 } },
      "IP 10.0.0.1 > 10.0.0.2: UDP, length 8 [udp header needs 8 bytes, have 3]",
    ],
    [
      { ipv4: { ...v4, protocol: 253 }, payload: counting(12) },
      "IP 10.0.0.1 > 10.0.0.2: ip-proto-253, length 12",
    ],
    [
      { ipv4: { ...v4, protocol: 132 }, payload: counting(12) },
      "IP 10.0.0.1.258 > 10.0.0.2.772: sctp",
    ],
    [{ ipv6: v6 }, "IP6 fe80::1 > fe80::16: no next header, length 0"],
    [
      {
        ipv6: {
          ...v6,
          extensions: [
            { protocol: 0, data: hex("050200000000") },
            { protocol: 43, data: hex("000100000000 fe800000000000000000000000000005") },
            { protocol: 51, data: hex("0000 00000005 00000009 0102030405060708 00000000") },
            { protocol: 60, data: bytes() },
          ],
        },
        udp: ports,
      },
      "IP6 fe80::1.4000 > fe80::16.81: HBH RT6 (type=0, segleft=1) AH(spi=0x00000005,seq=0x9) DSTOPT UDP, length 0",
    ],
    [
      {
        ipv6: { ...v6, protocol: 17, extensions: [{ protocol: 44, data: hex("005000000005") }] },
        payload: counting(40),
      },
      "IP6 fe80::1 > fe80::16: UDP, length 40 (frag 5:40@80)",
    ],
    [
      { ipv6: { ...v6, nextHeader: 60 }, payload: hex("11 09 0104 00000000") },
      "IP6 fe80::1 > fe80::16: DSTOPT, length 8 [ipv6 extension header 60 needs 80 bytes, have 8]",
    ],
  ];
  for (const [fields, expected] of lines) assert.equal(line(fields), expected);
});

test("a chain of extension headers is not told to its end", LIMIT, () => {
  const extensions = Array.from({ length: 500 }, () => ({ protocol: 60, data: bytes() }));
  const text = line({ ipv6: { ...v6, extensions }, udp: ports });
  assert.match(text, /(DSTOPT ){8}\(492 more\) UDP, length 0$/);
});

test("ICMP", LIMIT, () => {
  const texts: readonly [PacketFields["icmp"], Uint8Array, string][] = [
    [{ identifier: 3, sequenceNumber: 2 }, counting(4), "echo request, id 3, seq 2, length 12"],
    [{ type: 0, identifier: 3 }, bytes(), "echo reply, id 3, seq 0, length 8"],
    [{ type: 3, code: 0 }, quoted4, "net 10.0.0.1 unreachable, length 36"],
    [{ type: 3, code: 1 }, quoted4, "host 10.0.0.1 unreachable, length 36"],
    [{ type: 3, code: 2 }, quoted4, "10.0.0.1 protocol 17 unreachable, length 36"],
    [{ type: 3, code: 3 }, quoted4, "10.0.0.1 udp port 53 unreachable, length 36"],
    [
      { type: 3, code: 4, sequenceNumber: 1400 },
      quoted4,
      "10.0.0.1 unreachable - need to frag (mtu 1400), length 36",
    ],
    [
      { type: 3, code: 13 },
      quoted4,
      "host 10.0.0.1 unreachable - admin prohibited filter, length 36",
    ],
    [{ type: 3, code: 3 }, bytes(1), "destination unreachable, code 3, length 9"],
    [
      { type: 5, code: 1, restOfHeader: 0x09090909 },
      quoted4,
      "redirect 10.0.0.1 to host 9.9.9.9, length 36",
    ],
    [{ type: 11 }, quoted4, "time exceeded in-transit, length 36"],
    [{ type: 11, code: 1 }, quoted4, "ip reassembly time exceeded, length 36"],
    [{ type: 12, restOfHeader: 0x04000000 }, quoted4, "parameter problem - octet 4, length 36"],
    [{ type: 13 }, counting(12), "timestamp request, id 0, seq 0, length 20"],
    [{ type: 200, code: 7 }, bytes(), "type 200, code 7, length 8"],
  ];
  for (const [icmp, payload, text] of texts) {
    assert.equal(line({ ipv4: v4, icmp: icmp!, payload }), `IP 10.0.0.1 > 10.0.0.2: ICMP ${text}`);
  }
});

test("ICMPv6, neighbor discovery among it", LIMIT, () => {
  const texts: readonly [PacketFields["icmpv6"], Uint8Array, string][] = [
    [{ identifier: 3, sequenceNumber: 1 }, bytes(), "echo request, id 3, seq 1, length 8"],
    [{ type: 133 }, bytes(), "router solicitation, length 8"],
    [{ type: 134 }, counting(8), "router advertisement, length 16"],
    [{ type: 135 }, address(2), "neighbor solicitation, who has fe80::2, length 24"],
    [{ type: 135 }, bytes(1), "neighbor solicitation, length 9"],
    [{ type: 136 }, address(2), "neighbor advertisement, tgt is fe80::2, length 24"],
    [{ type: 137 }, bytes(address(7), address(8)), "redirect, fe80::8 to fe80::7, length 40"],
    [{ type: 2, restOfHeader: 1280 }, quoted6, "packet too big, mtu 1280, length 68"],
    [
      { type: 1, code: 4 },
      quoted6,
      "destination unreachable, unreachable port, ::2 tcp port 80, length 68",
    ],
    [{ type: 1 }, quoted6, "destination unreachable, unreachable route ::2, length 68"],
    [{ type: 1, code: 9 }, bytes(), "destination unreachable, code 9, length 8"],
    [{ type: 3 }, quoted6, "time exceeded in-transit for ::2, length 68"],
    [
      { type: 4, code: 1, restOfHeader: 6 },
      quoted6,
      "parameter problem, next header - octet 6, length 68",
    ],
    [
      { type: 130, identifier: 10000 },
      new Uint8Array(16),
      "multicast listener query, max resp delay 10000, addr ::, length 24",
    ],
    [{ type: 131 }, address(9), "multicast listener report, addr fe80::9, length 24"],
    [
      { type: 143, restOfHeader: 1 },
      counting(20),
      "multicast listener report v2, 1 group record(s), length 28",
    ],
  ];
  for (const [icmpv6, payload, text] of texts) {
    assert.equal(
      line({ ipv6: v6, icmpv6: icmpv6!, payload }),
      `IP6 fe80::1 > fe80::16: ICMP6, ${text}`,
    );
  }
});

test("ARP, Ethernet, VLAN", LIMIT, () => {
  const mac = "00:11:22:33:44:55";
  const ethernet = { source: mac, destination: "ff:ff:ff:ff:ff:ff" } as const;
  const from = `${mac} > ff:ff:ff:ff:ff:ff`;
  const arp = {
    ...{ senderHardwareAddress: mac, senderProtocolAddress: "10.0.0.1" },
    targetProtocolAddress: "10.0.0.2",
  } as const;
  const tag = { id: 5, priority: 7, dropEligible: true } as const;
  const lines: readonly [PacketFields, string][] = [
    [{ ethernet, arp }, `${from}, ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28`],
    [
      { ethernet, arp: { ...arp, operation: 2 } },
      `${from}, ARP, Reply 10.0.0.1 is-at ${mac}, length 28`,
    ],
    [
      { ethernet, arp: { ...arp, operation: 3 } },
      `${from}, ARP, Reverse Request who-is 00:00:00:00:00:00 tell ${mac}, length 28`,
    ],
    [
      { ethernet, arp: { ...arp, operation: 9 } },
      `${from}, ARP, operation 9, 10.0.0.1 to 10.0.0.2, length 28`,
    ],
    [
      { ethernet, vlan: [tag, { id: 9 }], ipv4: v4, udp: ports },
      `${from}, vlan 5, p 7, DEI, vlan 9, p 0, IP 10.0.0.1.4000 > 10.0.0.2.81: UDP, length 0`,
    ],
    [
      { ethernet: { ...ethernet, etherType: 0x88cc }, payload: counting(2) },
      `${from}, ethertype 0x88cc, length 2`,
    ],
    [
      { ethernet: { ...ethernet, etherType: 0x0806 }, payload: counting(2) },
      `${from}, ethertype 0x0806, length 2 [arp packet needs 8 bytes, have 2]`,
    ],
    [
      { ethernet: { ...ethernet, etherType: 0x8100 }, payload: counting(2) },
      `${from}, [vlan tag needs 6 bytes, have 4]`,
    ],
  ];
  for (const [fields, expected] of lines) assert.equal(line(fields), expected);
  assert.equal(
    summary(parseEthernet(counting(3))),
    "ethernet, length 3 [ethernet header needs 14 bytes, have 3]",
  );
});

test("what is no packet", LIMIT, () => {
  assert.equal(summary(parseLayers(bytes())), "unknown protocol, length 0");
  assert.equal(summary(parseLayers(hex("f001"))), "unknown protocol, length 2");
  assert.equal(
    summary(parseLayers(hex("6000"), { protocol: 0x800 })),
    "ethertype 0x0800, length 2 [ipv4 header: its version is 6]",
  );
  assert.equal(
    summary(parseLayers(hex("4500"))),
    "unknown protocol, length 2 [ipv4 header needs 20 bytes, have 2]",
  );
});
