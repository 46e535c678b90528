// The lines of `summary` are those of `tcpdump -nS`: written down here, and asked of the tcpdump that is
// installed, which also gets random packets.
import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import {
  type ArpFields,
  buildPacket,
  type IcmpFields,
  type PacketFields,
  parseEthernet,
  parseLayers,
  summary,
  type TcpOption,
} from "../../src/packet/mod.ts";
import { isQuick } from "../support/runtime/quick.ts";
import { type Captured, LINK, needsTcpdump, tcpdumpLines } from "../support/oracles/tcpdump.ts";
import { counting } from "./edits.ts";
import { Random } from "./random_edits.ts";
import { hex, LIMIT } from "./samples.ts";

const SEED = Number(process.env["NFQUEUE_SEED"] ?? 20261130);
const COUNT = isQuick ? 1000 : 5000;
const ASKED = { timeout: 120_000, ...needsTcpdump } as const;

const v4 = { source: "10.0.0.1", destination: "10.0.0.2" } as const;
const v6 = { source: "fe80::1", destination: "fe80::16" } as const;
// Ports whose data tcpdump does not look into.
const ports = { sourcePort: 4000, destinationPort: 81 } as const;
const quoted4 = buildPacket({
  ipv4: { source: v4.destination, destination: v4.source },
  udp: { sourcePort: 5, destinationPort: 53 },
});
const quoted6 = buildPacket({
  ipv6: { source: "::1", destination: "::2" },
  tcp: { sourcePort: 5, destinationPort: 80 },
});
const FROM4 = "IP 10.0.0.1.4000 > 10.0.0.2.81:";
const FROM6 = "IP6 fe80::1.4000 > fe80::16.81:";

type Case = readonly [fields: PacketFields, line: string];

const icmp = (fields: IcmpFields, line: string): Case => [
  { ipv4: v4, icmp: fields, payload: quoted4 },
  `IP 10.0.0.1 > 10.0.0.2: ICMP ${line}, length 36`,
];
const icmpv6 = (fields: IcmpFields, line: string): Case => [
  { ipv6: v6, icmpv6: fields, payload: quoted6 },
  `IP6 fe80::1 > fe80::16: ICMP6, ${line}, length 68`,
];

const UNREACHABLE = [
  ...["net 10.0.0.1 unreachable", "host 10.0.0.1 unreachable"],
  ...["10.0.0.1 protocol 17 unreachable", "10.0.0.1 udp port 53 unreachable"],
  ...["10.0.0.1 unreachable - need to frag", "10.0.0.1 unreachable - source route failed"],
  ...["net 10.0.0.1 unreachable - unknown", "host 10.0.0.1 unreachable - unknown"],
  ...["10.0.0.1 unreachable - source host isolated"],
  ...["net 10.0.0.1 unreachable - admin prohibited"],
  ...["host 10.0.0.1 unreachable - admin prohibited"],
  ...["net 10.0.0.1 unreachable - tos prohibited", "host 10.0.0.1 unreachable - tos prohibited"],
  ...["host 10.0.0.1 unreachable - admin prohibited filter"],
  ...["host 10.0.0.1 unreachable - host precedence violation"],
  ...["host 10.0.0.1 unreachable - precedence cutoff", "10.0.0.1 unreachable - #16"],
];

const ICMP: readonly Case[] = [
  ...UNREACHABLE.map((line, code) => icmp({ type: 3, code }, line)),
  icmp({ type: 3, code: 4, mtu: 1400 }, "10.0.0.1 unreachable - need to frag (mtu 1400)"),
  icmp({ type: 5, code: 0, gateway: "9.9.9.9" }, "redirect 10.0.0.1 to net 9.9.9.9"),
  icmp({ type: 5, code: 1, gateway: "9.9.9.9" }, "redirect 10.0.0.1 to host 9.9.9.9"),
  icmp({ type: 5, code: 2, gateway: "9.9.9.9" }, "redirect-tos 10.0.0.1 to net 9.9.9.9"),
  icmp({ type: 5, code: 3, gateway: "9.9.9.9" }, "redirect-tos 10.0.0.1 to host 9.9.9.9"),
  icmp({ type: 5, code: 4, gateway: "9.9.9.9" }, "redirect-#4 10.0.0.1 to 9.9.9.9"),
  icmp({ type: 11, code: 0 }, "time exceeded in-transit"),
  icmp({ type: 11, code: 1 }, "ip reassembly time exceeded"),
  icmp({ type: 11, code: 2 }, "time exceeded-#2"),
  icmp({ type: 12, pointer: 4 }, "parameter problem - octet 4"),
  icmp({ type: 12, code: 1 }, "parameter problem - code 1"),
  icmpv6({ type: 1, code: 0 }, "destination unreachable, unreachable route ::2"),
  icmpv6({ type: 1, code: 1 }, "destination unreachable,  unreachable prohibited ::2"),
  icmpv6({ type: 1, code: 2 }, "destination unreachable, beyond scope ::2, source address ::1"),
  icmpv6({ type: 1, code: 3 }, "destination unreachable, unreachable address ::2"),
  icmpv6({ type: 1, code: 4 }, "destination unreachable, unreachable port, ::2 tcp port 80"),
  icmpv6({ type: 2, mtu: 1280 }, "packet too big, mtu 1280"),
  icmpv6({ type: 3, code: 0 }, "time exceeded in-transit for ::2"),
  icmpv6({ type: 3, code: 1 }, "time exceeded in-transit (reassembly)"),
  icmpv6({ type: 3, code: 2 }, "time exceeded in-transit, unknown code (2)"),
  icmpv6({ type: 4, code: 0, pointer: 6 }, "parameter problem, erroneous - octet 6"),
  icmpv6({ type: 4, code: 3, pointer: 6 }, "parameter problem, incomplete header chain - octet 6"),
];

const beyond = (version: 4 | 6, length: number, more: PacketFields): PacketFields =>
  version === 4
    ? { ipv4: { ...v4, totalLength: length }, ...more }
    : { ipv6: { ...v6, payloadLength: length }, ...more };

const LENGTHS: readonly Case[] = [
  [
    { ipv4: v4, udp: { ...ports, length: 400 }, payload: counting(2) },
    `${FROM4} UDP, bad length 392 > 2`,
  ],
  [
    { ipv6: v6, udp: { ...ports, length: 400 }, payload: counting(2) },
    `${FROM6} UDP, bad length 392 > 2`,
  ],
  [{ ipv4: v4, udp: { ...ports, length: 9 }, payload: counting(2) }, `${FROM4} UDP, length 1`],
  [
    beyond(4, 128, { udp: { ...ports, length: 108 }, payload: counting(2) }),
    "IP truncated-ip - 98 bytes missing! 10.0.0.1.4000 > 10.0.0.2.81: UDP, length 100",
  ],
  [
    beyond(4, 128, { udp: { ...ports, length: 500 }, payload: counting(2) }),
    "IP truncated-ip - 98 bytes missing! 10.0.0.1.4000 > 10.0.0.2.81: UDP, bad length 492 > 100",
  ],
  [
    beyond(4, 128, { tcp: ports }),
    "IP truncated-ip - 88 bytes missing! 10.0.0.1.4000 > 10.0.0.2.81: " +
    "Flags [none], seq 0:88, win 65535, length 88",
  ],
  [
    beyond(4, 128, { icmp: {} }),
    "IP truncated-ip - 100 bytes missing! 10.0.0.1 > 10.0.0.2: " +
    "ICMP echo request, id 0, seq 0, length 108",
  ],
  [
    beyond(6, 128, { tcp: ports }),
    "IP6 truncated-ip6 - 108 bytes missing!fe80::1.4000 > fe80::16.81: " +
    "Flags [none], seq 0:108, win 65535, length 108",
  ],
];

const sctp = (chunks: string, line: string): Case => [
  {
    ipv4: { ...v4, protocol: 132 },
    payload: hex(`0fa0 0051 11223344 00000000 ${chunks}`),
  },
  `${FROM4} sctp${line}`,
];
const INIT = "00 0014 12345678 00001000 000a ffff 00000007";
const DATA = "0014 00000001 0002 0003 0000000f 61626364";
const initText = "[init tag: 305419896] [rwnd: 4096] [OS: 10] [MIS: 65535] [init TSN: 7]";
const dataText = "[TSN: 1] [SID: 2] [SSEQ 3] [PPID SIMCO]";
const SCTP: readonly Case[] = [
  sctp("", ""),
  sctp(`01 ${INIT}`, ` (1) [INIT] ${initText}`),
  sctp(`02 ${INIT}`, ` (1) [INIT ACK] ${initText}`),
  sctp(`00 03 ${DATA}`, ` (1) [DATA] (B)(E) ${dataText}`),
  sctp(`00 07 ${DATA}`, ` (1) [DATA] (U)(B)(E) ${dataText}`),
  sctp(`00 00 ${DATA}`, ` (1) [DATA] ${dataText}`),
  sctp(
    "00 02 0014 00000009 0000 0000 0000001a 61626364",
    " (1) [DATA] (B) [TSN: 9] [SID: 0] [SSEQ 0] [PPID 0x1a]",
  ),
  sctp(`0b 00 0004 00 01 ${DATA}`, ` (1) [COOKIE ACK] , (2) [DATA] (E) ${dataText}`),
  sctp(
    "03 00 0010 00000007 00001000 0000 0000",
    " (1) [SACK] [cum ack 7] [a_rwnd 4096] [#gap acks 0] [#dup tsns 0]",
  ),
  sctp("04 00 000c 0001 0008 01020304", " (1) [HB REQ]"),
  sctp("05 00 000c 0001 0008 01020304", " (1) [HB ACK]"),
  sctp("06 01 0004", " (1) [ABORT]"),
  sctp("07 00 0008 00000007", " (1) [SHUTDOWN]"),
  sctp("08 00 0004", " (1) [SHUTDOWN ACK]"),
  sctp("09 00 0008 0003 0004", " (1) [OP ERR]"),
  sctp("0a 00 0008 01020304", " (1) [COOKIE ECHO]"),
  sctp("0e 01 0004", " (1) [SHUTDOWN COMPLETE]"),
  sctp("40 00 0004", " (1) [Unknown chunk type: 0x40]"),
  sctp("c0 00 0008 00000001", " (1) [FOR CUM TSN]"),
  sctp("0b 00 0003", " (1) [Bad chunk length 3, < size of chunk descriptor]"),
  [
    {
      ipv6: { ...v6, protocol: 132 },
      payload: hex(`0fa0 0051 11223344 00000000 01 ${INIT}`),
    },
    `${FROM6} sctp (1) [INIT] ${initText}`,
  ],
];

/** A DCCP packet of a type: its acknowledgement and more behind the header of 16 bytes. */
const dccp = (type: number, rest: string, line: string): Case => [
  {
    ipv4: { ...v4, protocol: 33 },
    payload: hex(
      `0fa00051 0723 0000 ${(type * 2 + 1).toString(16).padStart(2, "0")} 00 00000000 0009 ${rest}`,
    ),
  },
  `${FROM4} DCCP ${line}`,
];
const ACK = "0000 000100000005";
const DCCP: readonly Case[] = [
  dccp(0, "00000005", "DCCP-Request (service=5)"),
  dccp(1, `${ACK} 00000005`, "DCCP-Response (service=5) (ack=4294967301)"),
  dccp(2, "", "DCCP-Data"),
  dccp(3, ACK, "DCCP-Ack (ack=4294967301)"),
  dccp(4, ACK, "DCCP-DataAck (ack=4294967301)"),
  dccp(5, ACK, "DCCP-CloseReq (ack=4294967301)"),
  dccp(6, ACK, "DCCP-Close (ack=4294967301)"),
  dccp(7, `${ACK} 02000000`, "DCCP-Reset (code=aborted) (ack=4294967301)"),
  dccp(7, `${ACK} 0c000000`, "DCCP-Reset (code=invalid) (ack=4294967301)"),
  dccp(8, ACK, "DCCP-Sync (ack=4294967301)"),
  dccp(9, ACK, "DCCP-SyncAck (ack=4294967301)"),
  dccp(10, ACK, "unknown-type-10 (ack=4294967301)"),
  // Short sequence numbers.
  [
    {
      ipv4: { ...v4, protocol: 33 },
      payload: hex("0fa00051 0523 0000 06 000009 00000005 00000000"),
    },
    `${FROM4} DCCP DCCP-Ack (ack=5)`,
  ],
];

const mptcp = (data: string, line: string, flags: "S" | "S." | "." = "."): Case => {
  const option: TcpOption = { kind: 30, data: hex(data) };
  const [syn, ack] = [flags.includes("S"), flags.includes(".")];
  return [
    { ipv4: v4, tcp: { ...ports, syn, ack, options: [option] } },
    `${FROM4} Flags [${flags}],${syn ? " seq 0," : ""}${ack ? " ack 0," : ""} win 65535, ` +
    `options [mptcp ${option.data.length + 2}${line}], length 0`,
  ];
};
const KEY = "0102030405060708";
const MPTCP: readonly Case[] = [
  mptcp("01 81", " capable v1 csum", "S"),
  mptcp(`00 01 ${KEY}`, " capable v0 {0x102030405060708}", "S."),
  mptcp(`01 01 ${KEY} f${KEY.slice(1)}`, " capable v1 {0x102030405060708,0xf102030405060708}"),
  mptcp(
    `01 01 ${KEY} ${KEY} 0005`,
    " capable v1 {0x102030405060708,0x102030405060708},eol",
  ),
  mptcp("10 05 01020304 0a0b0c0d", " join id 5 token 0x1020304 nonce 0xa0b0c0d", "S"),
  mptcp(
    `11 05 ${KEY} 0a0b0c0d`,
    " join backup id 5 hmac 0x102030405060708 nonce 0xa0b0c0d",
    "S.",
  ),
  mptcp(`10 00 ${KEY}${KEY}01020304`, ` join hmac 0x${KEY}${KEY}01020304`),
  mptcp("20 00", " dss"),
  mptcp("20 01 01020304", " dss ack 16909060"),
  mptcp(`20 03 ${KEY}`, " dss ack 72623859790382856"),
  mptcp("20 04 00000001 00000002 0003 0004", " dss seq 1 subseq 2 len 3 csum 0x4"),
  mptcp(
    `20 1f ${KEY} ${KEY} 00000002 0003`,
    " dss fin ack 72623859790382856 seq 72623859790382856 subseq 2 len 3,eol",
  ),
  mptcp("30 07 01020304", " add-addr v1 id 7 1.2.3.4"),
  mptcp("31 07 01020304 0506", " add-addr v1-echo id 7 1.2.3.4:1286,eol"),
  mptcp(`34 07 01020304 ${KEY}`, " add-addr v0-ip4 id 7 1.2.3.4 hmac 0x102030405060708"),
  mptcp(
    `30 07 20010db8000000000000000000000001 0506 ${KEY}`,
    " add-addr v1 id 7 2001:db8::1:1286 hmac 0x102030405060708,eol",
  ),
  mptcp("40 01 02 03", " rem-addr id 1 2 3,eol"),
  mptcp("51 07", " prio backup id 7"),
  mptcp("50", " prio non-backup,eol"),
  mptcp(`60 00 ${KEY}`, " fail seq 72623859790382856"),
  mptcp(`70 00 ${KEY}`, " fast-close key 0x102030405060708"),
  mptcp("80 05", " unknown"),
];

const MAC = "00:11:22:33:44:55";
const arp = (fields: ArpFields, line: string, etherType = 0x806): Case => [
  {
    ethernet: { source: MAC, destination: "ff:ff:ff:ff:ff:ff", etherType },
    arp: {
      ...{ senderHardwareAddress: MAC, senderProtocolAddress: "10.0.0.1" },
      ...{ targetProtocolAddress: "10.0.0.2", ...fields },
    },
  },
  `ARP, ${line}, length 28`,
];
const OTHER = "00:11:22:33:44:66";
const ARP: readonly Case[] = [
  arp({}, "Request who-has 10.0.0.2 tell 10.0.0.1"),
  arp({ targetHardwareAddress: OTHER }, `Request who-has 10.0.0.2 (${OTHER}) tell 10.0.0.1`),
  arp(
    { targetHardwareAddress: "ff:ff:ff:ff:ff:ff" },
    "Request who-has 10.0.0.2 (ff:ff:ff:ff:ff:ff) tell 10.0.0.1",
  ),
  arp({ operation: 2, targetHardwareAddress: OTHER }, `Reply 10.0.0.1 is-at ${MAC}`),
  arp(
    { operation: 3, targetHardwareAddress: OTHER },
    `Reverse Request who-is ${OTHER} tell ${MAC}`,
    0x8035,
  ),
  arp(
    { operation: 4, targetHardwareAddress: OTHER },
    `Reverse Reply ${OTHER} at 10.0.0.2`,
    0x8035,
  ),
];

const KINDS: Readonly<Record<string, readonly Case[]>> = {
  "ICMP and ICMPv6": ICMP,
  "lengths that go together badly": LENGTHS,
  "SCTP": SCTP,
  "DCCP": DCCP,
  "TCP's Multipath option": MPTCP,
  "ARP and RARP": ARP,
};

const captured = (bytes: Uint8Array): Captured => ({ bytes, length: bytes.length });

for (const [name, cases] of Object.entries(KINDS)) {
  const link = cases === ARP ? LINK.ETHERNET : LINK.IP;
  test(`${name}: the lines`, LIMIT, () => {
    for (const [fields, expected] of cases) {
      const bytes = buildPacket(fields);
      const layers = link === LINK.IP ? parseLayers(bytes) : parseEthernet(bytes).layers!;
      assert.equal(summary(layers), expected);
    }
  });

  test(`${name}: tcpdump says the same`, ASKED, () => {
    const said = tcpdumpLines(cases.map(([fields]) => captured(buildPacket(fields))), link);
    assert.deepEqual(said, cases.map(([, line]) => line));
  });
}

test("a chain of chunks is not told to its end", LIMIT, () => {
  const [fields] = sctp("0b000004".repeat(500), "");
  assert.match(summary(parseLayers(buildPacket(fields))), /, \(32\) \[COOKIE ACK\], \(468 more\)$/);
});

test("what is cut, of a packet that was longer on the wire", ASKED, () => {
  const udp = buildPacket({ ipv4: v4, udp: ports, payload: counting(100) });
  for (const length of [udp.length, 100]) {
    const bytes = udp.subarray(0, 40);
    const [said] = tcpdumpLines([{ bytes, length }], LINK.IP);
    assert.equal(summary(parseLayers(bytes), { length }), said);
    assert.equal(said!.includes("truncated-ip - 28 bytes missing!"), length === 100);
  }
});

/** Random options that tcpdump tells as we do. */
function randomOptions(random: Random): TcpOption[] {
  const kinds: readonly (() => TcpOption)[] = [
    () => ({ kind: 1, data: counting(0) }),
    () => ({ kind: 2, data: counting(2, random.below(256)) }),
    () => ({ kind: 3, data: counting(1, random.below(15)) }),
    () => ({ kind: 4, data: counting(0) }),
    () => ({ kind: 5, data: counting(8 * (1 + random.below(2)), random.below(256)) }),
    () => ({ kind: 8, data: counting(8, random.below(256)) }),
  ];
  const options: TcpOption[] = [];
  let room = 40;
  for (let count = random.below(4); count > 0; count--) {
    const option = random.pick(kinds)();
    room -= option.data.length + 2;
    if (room >= 0) options.push(option);
  }
  return options;
}

function randomPacket(random: Random): Uint8Array {
  const four = random.below(2) === 0;
  const address = (): string =>
    four
      ? `10.${random.below(256)}.${random.below(256)}.${random.below(256)}`
      : `2001:db8::${random.below(0x10000).toString(16)}`;
  const ends = { source: address(), destination: address() };
  const payload = counting(random.below(40));
  const uppers: readonly (() => PacketFields)[] = [
    () => ({
      tcp: {
        ...{ ...ports, flags: random.below(256), windowSize: random.below(0x10000) },
        sequenceNumber: random.below(2 ** 32),
        acknowledgmentNumber: random.below(2 ** 32),
        urgentPointer: random.below(9),
        options: randomOptions(random),
      },
    }),
    () => ({ udp: { ...ports, length: random.pick([undefined, 8, 12, 600]) } }),
    () =>
      four
        ? {
          icmp: {
            ...{ type: random.pick([0, 3, 5, 8, 11, 12]), code: random.below(18) },
            restOfHeader: random.below(2 ** 32),
          },
        }
        : { icmpv6: { type: random.pick([128, 129]), restOfHeader: random.below(2 ** 32) } },
  ];
  const upper = random.pick(uppers)();
  // An error quotes a packet; without one it is cut short.
  const type = upper.icmp?.type;
  const quotes = type !== undefined && type !== 0 && type !== 8;
  const body = { ...upper, payload: quotes ? quoted4 : payload };
  const ip = four ? { ipv4: { ...ends, identification: random.below(99) } } : { ipv6: ends };
  return buildPacket({ ...ip, ...body });
}

test(`tcpdump's lines of ${COUNT} random packets, seed ${SEED}`, ASKED, () => {
  const random = new Random(SEED);
  const packets = Array.from({ length: COUNT }, () => randomPacket(random));
  const said = tcpdumpLines(packets.map(captured), LINK.IP);
  assert.equal(said.length, packets.length);
  for (const [index, bytes] of packets.entries()) {
    assert.equal(summary(parseLayers(bytes)), said[index]);
  }
});
