// What a packet is asked for, apart from comparisons of numbers.
import { nearNames, oneOf } from "../../../base/names.ts";
import {
  IPV4_OFFSET,
  IPV6_HEADER_SIZE,
  IPV6_OFFSET,
} from "../../../packet/structure/ip_layouts.ts";
import { TCP_FLAG } from "../../../packet/transport/tcp_flags.ts";
import { CONSTANTS } from "./constants.ts";
import type { Cursor } from "./cursor.ts";
import { BOTH, type Direction, DIRECTIONS, EITHER } from "./directions.ts";
import { identifier, type Qualifiers, TYPES } from "./identifiers.ts";
import { takeNumber } from "./numbers.ts";
import { every, type Predicate, some } from "./packet_reader.ts";
import {
  behindIpv4,
  isEthernet,
  isFirstFragment,
  isIpv4,
  isIpv6,
  protocolOfIpv4,
  PROTOCOLS,
} from "./protocols.ts";
import type { Word } from "./words.ts";

/** A predicate, and what a bare `or 443` behind it is a short form of. */
export interface Primitive {
  readonly predicate: Predicate;
  readonly qualifiers?: Qualifiers | undefined;
}

const MOST_LENGTH = 0xffffffff;
const TCP_FLAGS_AT = 13;
const MOST_VLAN = 4095;

/** Words that stand alone, or before something of their own. */
const PRIMITIVES: Readonly<Record<string, (cursor: Cursor) => Predicate>> = {
  less: (cursor) => {
    const most = takeNumber(cursor, "a length", MOST_LENGTH);
    return (reader) => reader.packet.length <= most;
  },
  greater: (cursor) => {
    const least = takeNumber(cursor, "a length", MOST_LENGTH);
    return (reader) => reader.packet.length >= least;
  },
  inbound: () => (reader) => reader.packet.direction === "inbound",
  outbound: () => (reader) => reader.packet.direction === "outbound",
  flags: tcpFlags,
  vlan,
};

/** `PROTOCOL multicast`. */
const MULTICAST: Readonly<Record<string, Predicate>> = {
  ip: every(isIpv4, (reader) => reader.network(IPV4_OFFSET.destination) >= 224),
  ip6: every(isIpv6, (reader) => reader.network(IPV6_OFFSET.destination) === 0xff),
  ether: every(isEthernet, (reader) => (reader.link(0) & 1) !== 0),
};

/** Words of pcap-filter(7) that ask for what a queue does not know, or that nobody has here. */
const ABSENT: readonly string[] = [
  ...["gateway", "broadcast", "protochain", "ifname", "on", "rnr", "rulenum", "reason", "rset"],
  ...["ruleset", "srnr", "subrulenum", "action", "wlan", "mpls", "pppoed", "pppoes", "geneve"],
  ...["iso", "clnp", "esis", "isis", "fddi", "tr", "decnet", "aarp", "atalk", "lat", "moprc"],
  ...["mopdl", "stp", "ipx", "netbeui", "byte", "ifindex", "vxlan", "radio", "type", "subtype"],
];

/** All words that have a meaning; what is none of them is an address, a name or a number. */
const KEYWORDS: ReadonlySet<string> = new Set([
  ...Object.keys(PROTOCOLS),
  ...Object.keys(DIRECTIONS),
  ...TYPES,
  ...Object.keys(PRIMITIVES),
  ...Object.keys(CONSTANTS),
  ...["and", "or", "not", "len", "multicast", "mask"],
  ...ABSENT,
]);

/** Whether it may be what a qualifier asks for. */
export const isIdentifier = ({ kind, escaped, text }: Word): boolean =>
  kind === "word" && (escaped || !KEYWORDS.has(text));

/**
 * Reads one.
 *
 * @throws {UsageError}
 */
export function primitive(cursor: Cursor): Primitive {
  const word = cursor.peek();
  if (word.kind === "word" && !word.escaped && Object.hasOwn(PRIMITIVES, word.text)) {
    return { predicate: PRIMITIVES[cursor.take().text]!(cursor) };
  }
  const protocol = cursor.accept(...Object.keys(PROTOCOLS));
  if (protocol?.text === "tcp" && cursor.accept("flags")) return { predicate: tcpFlags(cursor) };
  if (cursor.is(["multicast"])) return { predicate: multicast(cursor, protocol) };
  const direction = directionOf(cursor);
  const type = cursor.accept(...TYPES);
  if (direction === undefined && type === undefined) {
    if (protocol !== undefined) return { predicate: PROTOCOLS[protocol.text]!.is };
    return cursor.fail(word, unknown(cursor, word));
  }
  if (type?.text === "proto" && direction !== undefined) {
    cursor.fail(type, "a protocol has no direction");
  }
  const qualifiers = { protocol, direction: direction ?? EITHER, type };
  return { predicate: identifiers(cursor, qualifiers), qualifiers };
}

/** `src`, `dst`, `src or dst`, `src and dst`. */
function directionOf(cursor: Cursor): Direction | undefined {
  const names = Object.keys(DIRECTIONS);
  const first = cursor.accept(...names);
  if (first === undefined) return undefined;
  const both = cursor.is(["and", "&&"]);
  const joined = both || cursor.is(["or", "||"]);
  if (!joined || !cursor.is(names, 1) || cursor.is([first.text], 1)) return DIRECTIONS[first.text];
  cursor.take();
  cursor.take();
  return both ? BOTH : EITHER;
}

/**
 * What stands behind qualifiers: an address, a port; `not` one; several in brackets.
 *
 * @throws {UsageError}
 */
export function identifiers(cursor: Cursor, qualifiers: Qualifiers): Predicate {
  let negated = false;
  while (cursor.accept("not", "!")) negated = !negated;
  const predicate = cursor.is(["("])
    ? cursor.nest(() => listed(cursor, qualifiers))
    : one(cursor, qualifiers);
  return negated ? (reader) => !predicate(reader) : predicate;
}

function one(cursor: Cursor, qualifiers: Qualifiers): Predicate {
  const word = cursor.peek();
  // A protocol's name may stand behind `proto` as it is.
  const named = qualifiers.type?.text === "proto" && word.kind === "word";
  if (named || isIdentifier(word)) return identifier(cursor, qualifiers);
  const what = qualifiers.type?.text ?? "host";
  return cursor.fail(word, `what the ${what} is must stand here`);
}

/** `(80 or 443)`: as everywhere, `and` and `or` bind alike. */
function listed(cursor: Cursor, qualifiers: Qualifiers): Predicate {
  cursor.expect("(");
  let predicate = identifiers(cursor, qualifiers);
  for (;;) {
    const before = predicate;
    if (cursor.accept("and", "&&")) predicate = every(before, identifiers(cursor, qualifiers));
    else if (cursor.accept("or", "||")) predicate = some(before, identifiers(cursor, qualifiers));
    else break;
  }
  cursor.expect(")");
  return predicate;
}

function multicast(cursor: Cursor, protocol: Word | undefined): Predicate {
  const word = cursor.take();
  const name = protocol?.text === "link" ? "ether" : protocol?.text ?? "";
  if (Object.hasOwn(MULTICAST, name)) return MULTICAST[name]!;
  const forms = Object.keys(MULTICAST).map((known) => `${known} multicast`);
  return cursor.fail(word, `write ${oneOf(forms)}`);
}

/** `flags syn`, `flags syn,ack`: TCP with all of them set, whatever else is; IPv6 too. */
function tcpFlags(cursor: Cursor): Predicate {
  const word = cursor.take();
  const names = Object.keys(TCP_FLAG).map((name) => name.toLowerCase());
  let wanted = 0;
  for (const part of word.text.toLowerCase().split(",")) {
    const name = part === "push" ? "psh" : part;
    if (!names.includes(name)) {
      cursor.fail(word, `flags are ${oneOf(names)}; several with a comma: syn,ack`);
    }
    wanted |= TCP_FLAG[name.toUpperCase() as keyof typeof TCP_FLAG];
  }
  return some(
    every(isIpv4, protocolOfIpv4(6), isFirstFragment, (reader) => {
      return (reader.network(behindIpv4(reader) + TCP_FLAGS_AT) & wanted) === wanted;
    }),
    every(isIpv6, (reader) =>
      reader.network(IPV6_OFFSET.nextHeader) === 6 &&
      (reader.network(IPV6_HEADER_SIZE + TCP_FLAGS_AT) & wanted) === wanted),
  );
}

/** `vlan`, `vlan 5`: unlike libpcap's it changes nothing for what follows, which looks behind tags anyway. */
function vlan(cursor: Cursor): Predicate {
  const is: Predicate = ({ packet }) => packet.ethernet && packet.networkOffset > 14;
  const { kind, text } = cursor.peek();
  if (kind !== "word" || !/^\d/.test(text)) return is;
  const id = takeNumber(cursor, "a VLAN", MOST_VLAN);
  return every(is, (reader) => (reader.link(14, 2) & MOST_VLAN) === id);
}

function unknown(cursor: Cursor, word: Word): string {
  const { kind, text } = word;
  if (kind === "end") return "something must stand here, such as tcp, or port 80";
  if (kind === "operator") return "a word such as tcp or port must stand here";
  if (ABSENT.includes(text)) return `${text} is not offered here`;
  if (/^\d+$/.test(text)) return `before ${text} must stand what it is: port ${text}`;
  if (/^\d+\.\d|:/.test(text)) {
    const form = cursor.is(["/"], 1) ? "net" : "host";
    return `before the address must stand what it is: ${form} ${text}`;
  }
  const near = nearNames(text, [...KEYWORDS].filter((name) => !ABSENT.includes(name)));
  return near.length > 0
    ? `this word is not known: is it ${oneOf(near)}?`
    : "this word is not known";
}
