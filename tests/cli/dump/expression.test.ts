// The display filter has tcpdump's meaning: tcpdump itself is asked which packets fit.
import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { LINK_TYPE, networkLayerOf } from "../../../src/capture/mod.ts";
import { UsageError } from "../../../src/cli/frame/command.ts";
import { DisplayFilter } from "../../../src/cli/dump/expression/display_filter.ts";
import type { FilteredPacket } from "../../../src/cli/dump/expression/packet_reader.ts";
import { buildPacket } from "../../../src/packet/mod.ts";
import { type Captured, LINK, needsTcpdump, TcpdumpFilter } from "../../support/oracles/tcpdump.ts";
import { isQuick } from "../../support/runtime/quick.ts";
import { Random } from "../../packet/random_edits.ts";
import { cut, frames, ipPackets, taggedFrames } from "./expression_packets.ts";
import { EXPRESSIONS, FRAME_EXPRESSIONS } from "./expression_samples.ts";

const SEED = Number(process.env["NFQUEUE_SEED"] ?? 20261201);
const COUNT = isQuick ? 60 : 150;
const LIMIT = { timeout: 60_000 } as const;
const ASKED = { timeout: 180_000, ...needsTcpdump } as const;

function filtered({ bytes, length }: Captured, link: number): FilteredPacket {
  const ethernet = link === LINK.ETHERNET;
  const network = networkLayerOf(bytes, ethernet ? LINK_TYPE.ETHERNET : LINK_TYPE.RAW);
  const { offset: networkOffset = 0, etherType = -1 } = network ?? {};
  return { bytes, length, networkOffset, etherType, ethernet };
}

/** Places of the packets that fit. */
function matching(expression: string, packets: readonly FilteredPacket[]): number[] {
  const filter = new DisplayFilter(expression);
  return packets.flatMap((packet, place) => filter.matches(packet) ? [place] : []);
}

/** How many of the expressions chose some of the packets, and not all. */
function compare(
  packets: readonly Captured[],
  link: number,
  expressions: readonly string[],
  options: { readonly optimize?: boolean } = {},
): number {
  using oracle = new TcpdumpFilter(packets, link);
  const ours = packets.map((packet) => filtered(packet, link));
  let choosing = 0;
  for (const expression of expressions) {
    const expected = oracle.matching(expression, options);
    assert.ok(typeof expected !== "string", `tcpdump refuses ${expression}: ${String(expected)}`);
    assert.deepEqual(matching(expression, ours), expected, expression);
    if (expected.length > 0 && expected.length < packets.length) choosing++;
  }
  return choosing;
}

test(`${EXPRESSIONS.length} expressions on ${COUNT} IP packets, seed ${SEED}`, ASKED, () => {
  const packets = ipPackets(new Random(SEED), COUNT);
  const choosing = compare(packets, LINK.IP, EXPRESSIONS);
  // An expression that fits none or all packets compares little.
  assert.ok(choosing > 0.8 * EXPRESSIONS.length, `${choosing}`);
});

test(`on packets that are not there as a whole, seed ${SEED}`, ASKED, () => {
  const random = new Random(SEED + 1);
  const packets = cut(random, ipPackets(random, COUNT));
  // The optimizer asks in another order, which decides where a packet ends too early.
  compare(packets, LINK.IP, EXPRESSIONS, { optimize: false });
});

test(`on Ethernet frames, seed ${SEED}`, ASKED, () => {
  const packets = frames(new Random(SEED + 2), COUNT);
  compare(packets, LINK.ETHERNET, [...EXPRESSIONS, ...FRAME_EXPRESSIONS]);
});

test(`on frames with VLAN tags, which tcpdump must be told of, seed ${SEED}`, ASKED, () => {
  const packets = taggedFrames(new Random(SEED + 3), 150);
  using oracle = new TcpdumpFilter(packets, LINK.ETHERNET);
  const own = packets.map((packet) => filtered(packet, LINK.ETHERNET));
  for (const expression of ["tcp", "port 80", "host 10.0.0.1", "ip[8] < 64", "not udp"]) {
    for (const tag of ["vlan", "vlan 5", "vlan 6"]) {
      const ours = matching(`${tag} and (${expression})`, own);
      assert.deepEqual(ours, oracle.matching(`${tag} and (${expression})`));
      assert.ok(ours.length > 0, expression);
    }
  }
});

test("flags: all that are named are set, in both versions of IP", LIMIT, () => {
  const packet = (version: 4 | 6, flags: number): FilteredPacket => {
    const ip = version === 4 ? { ipv4: {} } : { ipv6: {} };
    const bytes = buildPacket({ ...ip, tcp: { flags } });
    return filtered({ bytes, length: bytes.length }, LINK.IP);
  };
  const cases: readonly (readonly [string, readonly number[]])[] = [
    ["flags syn", [2, 18, 0xff]],
    ["tcp flags syn,ack", [18, 0xff]],
    ["flags SYN,ACK", [18, 0xff]],
    ["flags syn and not flags ack", [2]],
    ["flags psh", [8, 0xff]],
    ["flags push", [8, 0xff]],
    ["flags fin or flags rst", [1, 4, 0xff]],
  ];
  for (const [expression, expected] of cases) {
    const filter = new DisplayFilter(expression);
    for (const version of [4, 6] as const) {
      const fitting = [0, 1, 2, 4, 8, 16, 18, 0xff].filter((flags) =>
        filter.matches(packet(version, flags))
      );
      assert.deepEqual(fitting, expected, expression);
    }
  }
});

test("an empty expression fits all; directions are those of the packet", LIMIT, () => {
  const packet = { ...filtered({ bytes: Uint8Array.of(0x45), length: 1 }, LINK.IP) };
  assert.equal(new DisplayFilter(" ").matches(packet), true);
  assert.equal(new DisplayFilter("inbound").matches({ ...packet, direction: "inbound" }), true);
  assert.equal(new DisplayFilter("outbound").matches({ ...packet, direction: "inbound" }), false);
  assert.equal(new DisplayFilter("not inbound").matches(packet), true);
});

/** The text that the marks stand under, and the message. */
function refusal(expression: string): { readonly message: string; readonly marked: string } {
  try {
    new DisplayFilter(expression);
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error));
    const [message = "", line = "", marks = ""] = error.message.split("\n");
    const [from, to] = [marks.indexOf("^"), marks.lastIndexOf("^") + 1];
    return { message, marked: line.slice(from, to) };
  }
  throw new assert.AssertionError({ message: `${expression} was taken` });
}

test("errors point at the word that is wrong", LIMIT, () => {
  const cases: readonly (readonly [expression: string, marked: string, message: RegExp])[] = [
    ["tcp and hots 10.0.0.1", "hots", /host/],
    ["tcp prot 80", "prot", /"and" or "or" is missing/],
    ["10.0.0.1", "10.0.0.1", /host 10\.0\.0\.1/],
    ["10.0.0.0/8", "10.0.0.0", /net 10\.0\.0\.0/],
    ["tcp or 80", "80", /port 80/],
    ["host 10.0.0.256", "10.0.0.256", /no IPv4 or IPv6 address/],
    ["host example.org", "example.org", /not looked up/],
    ["host 10.0.0.0/8", "10.0.0.0", /net/],
    ["net 10.0.0.1/8", "10.0.0.1", /bits/],
    ["net 10.0.0.0/33", "10.0.0.0", /no network/],
    ["net 10.0.0.0/129", "129", /0 to 128/],
    ["port 65536", "65536", /0 to 65535/],
    ["port nosuchport", "nosuchport", /\/etc\/services/],
    ["udp port ssh or http", "ssh", /tcp/],
    ["portrange 9-1", "9-1", /lower one first/],
    ["ip port 80", "ip", /tcp, udp or sctp/],
    ["tcp host 10.0.0.1", "tcp", /tcp and host/],
    ["ip6 host 10.0.0.1", "ip6", /no IPv4 addresses/],
    ["ip proto 256", "256", /0 to 255/],
    ["ip proto nosuch", "nosuch", /number/],
    ["tcp proto 6", "tcp", /ip, ip6 or ether/],
    ["src proto 6", "proto", /direction/],
    ["tcp and", "", /something must stand here/],
    ["(tcp", "", /\) is missing/],
    ["tcp)", ")", /opened/],
    ["port", "", /port/],
    ["port tcp", "tcp", /port/],
    ["tcp[13", "", /\]/],
    ["tcp[13] & 2", "", /comparison/],
    ["tcp[13:3] = 1", "3", /1, 2 or 4/],
    ["esp[0] = 1", "esp", /cannot be read/],
    ["len / 0 = 1", "/", /divides by 0/],
    ["len = 4294967296", "4294967296", /32 bits/],
    ["flags sin", "sin", /syn/],
    ["tcp flags syn,", ",", /no meaning/],
    ["multicast", "multicast", /ip multicast/],
    ["ip broadcast", "broadcast", /missing/],
    ["gateway 10.0.0.1", "gateway", /not offered/],
    ["less 9999999999", "9999999999", /0 to/],
    ["tcp; rm", ";", /no meaning/],
    ["ether host 10.0.0.1", "10.0.0.1", /hardware/],
    [`${"tcp or ".repeat(40)}udp prot 1`, "prot", /missing/],
  ];
  for (const [expression, marked, message] of cases) {
    const found = refusal(expression);
    assert.deepEqual([expression, found.marked], [expression, marked]);
    assert.match(found.message, message, expression);
  }
});

test("an expression that is too long or too deep is refused", LIMIT, () => {
  assert.match(refusal(`${"(".repeat(5000)}tcp`).message, /words|brackets/);
  assert.match(refusal(`${"(".repeat(500)}tcp${")".repeat(500)}`).message, /brackets/);
  assert.match(refusal(`${"-".repeat(500)}1 = 1`).message, /brackets/);
  assert.match(refusal("tcp or ".repeat(5000)).message, /words/);
  assert.equal(new DisplayFilter(`${"not ".repeat(1001)}arp`).matches(NOISE), true);
  const long = Array.from({ length: 900 }, (_, port) => `${port}`).join(" or ");
  assert.equal(new DisplayFilter(`port ${long}`).matches(NOISE), false);
});

const NOISE: FilteredPacket = {
  bytes: Uint8Array.of(0x45, 0, 0),
  ...{ length: 3, networkOffset: 0, etherType: 0x800, ethernet: false },
};

const PIECES: readonly string[] = [
  ...EXPRESSIONS.flatMap((expression) => expression.split(" ")),
  ...FRAME_EXPRESSIONS.flatMap((expression) => expression.split(" ")),
  ...[
    "(",
    ")",
    "[",
    "]",
    ":",
    "/",
    "!",
    "-",
    "^",
    "<<",
    "&&",
    "||",
    "\\",
    "flags",
    "syn,ack",
    "vlan",
  ],
  ...[
    "__proto__",
    "constructor",
    "toString",
    "0x",
    "1e9",
    "::",
    "é",
    "\u0000",
    "\u202e",
    "😀",
    "%n",
  ],
];

test(`no expression throws anything but UsageError, and no packet throws, seed ${SEED}`, {
  timeout: 120_000,
}, () => {
  const random = new Random(SEED + 4);
  const packets = [
    ...cut(random, ipPackets(random, 20)).map((packet) => filtered(packet, LINK.IP)),
    ...cut(random, frames(random, 20)).map((packet) => filtered(packet, LINK.ETHERNET)),
    ...Array.from({ length: 20 }, () => {
      const bytes = random.bytes(random.below(80));
      return {
        ...{ bytes, length: random.below(2 ** 31), networkOffset: random.below(100) },
        etherType: random.pick([-1, 0x800, 0x86dd, 0x806]),
        ethernet: random.below(2) === 0,
      };
    }),
  ];
  let taken = 0;
  const count = isQuick ? 2000 : 6000;
  for (let round = 0; round < count; round++) {
    // Half are expressions with one piece changed, half are pieces at random.
    const words = random.below(2) === 0
      ? random.pick(EXPRESSIONS).split(" ")
      : Array.from({ length: 1 + random.below(8) }, () => random.pick(PIECES));
    words[random.below(words.length)] = random.pick(PIECES);
    const expression = words.join(random.pick([" ", " ", ""]));
    let filter: DisplayFilter;
    try {
      filter = new DisplayFilter(expression);
    } catch (error) {
      assert.ok(error instanceof UsageError, `${JSON.stringify(expression)}: ${String(error)}`);
      continue;
    }
    taken++;
    for (const packet of packets) assert.equal(typeof filter.matches(packet), "boolean");
  }
  assert.ok(taken > count / 20, `${taken} of ${count} were taken`);
});
