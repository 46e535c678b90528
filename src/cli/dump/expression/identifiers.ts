// What stands behind `host`, `net`, `port`, `portrange` and `proto`.
import { oneOf } from "../../../base/names.ts";
import { protocolOf } from "../../../rules/rule/protocols.ts";
import { ETHERTYPE } from "../../../packet/structure/protocols.ts";
import {
  addressOf,
  etherPredicate,
  hasHostBits,
  maskedNetworkOf,
  type Network,
  networkOf,
  networkPredicate,
  shortNetworkOf,
  WITH_ADDRESSES,
} from "./addresses.ts";
import type { Cursor } from "./cursor.ts";
import type { Direction } from "./directions.ts";
import { isNumber, takeNumber } from "./numbers.ts";
import { portOfName, portPredicate, type PortRange, WITH_PORTS } from "./ports.ts";
import type { Predicate } from "./packet_reader.ts";
import { etherProtocol, ipProtocol, isEthernet, PROTOCOLS } from "./protocols.ts";
import type { Word } from "./words.ts";

/** What stands before an address or a port: `tcp`, `src`, `port`. */
export interface Qualifiers {
  readonly protocol: Word | undefined;
  readonly direction: Direction;
  /** A host where it is absent. */
  readonly type: Word | undefined;
}

type Reader = (cursor: Cursor, qualifiers: Qualifiers) => Predicate;

const READERS: Readonly<Record<string, Reader>> = {
  host,
  net,
  port,
  portrange,
  proto,
};

/** The words that say what follows. */
export const TYPES: readonly string[] = Object.keys(READERS);

/** Ethertypes that `ether proto` takes by name. */
const ETHER_PROTOCOLS: Readonly<Record<string, number>> = {
  ...{ ip: ETHERTYPE.IPV4, ip6: ETHERTYPE.IPV6, arp: ETHERTYPE.ARP, rarp: ETHERTYPE.RARP },
};
const MOST_PORT = 0xffff;

/**
 * Reads one.
 *
 * @throws {UsageError}
 */
export function identifier(cursor: Cursor, qualifiers: Qualifiers): Predicate {
  return READERS[qualifiers.type?.text ?? "host"]!(cursor, qualifiers);
}

function host(cursor: Cursor, { protocol, direction, type }: Qualifiers): Predicate {
  const word = cursor.take();
  if (protocol?.text === "ether" || protocol?.text === "link") {
    const predicate = etherPredicate(word.text, direction);
    return predicate ?? cursor.fail(word, "this is no hardware address: 02:00:00:00:00:01");
  }
  if (cursor.is(["/"])) {
    if (type !== undefined) cursor.fail(word, "a host is one address; write net for a network");
    return network(cursor, word, { protocol, direction });
  }
  const address = addressOf(word.text);
  if (address !== undefined) return placed(cursor, address, { protocol, direction });
  const named = /^[\p{L}_]/u.test(word.text) && !word.text.includes(":");
  return cursor.fail(
    word,
    named ? "names are not looked up: write the address" : "this is no IPv4 or IPv6 address",
  );
}

function net(cursor: Cursor, { protocol, direction }: Qualifiers): Predicate {
  const word = cursor.take();
  if (cursor.is(["/"])) return network(cursor, word, { protocol, direction });
  if (cursor.accept("mask")) {
    const mask = cursor.take();
    const masked = maskedNetworkOf(word.text, mask.text);
    if (masked === undefined) cursor.fail(mask, "an IPv4 address and a mask belong together");
    return placed(cursor, checked(cursor, word, masked), { protocol, direction });
  }
  const whole = addressOf(word.text) ?? shortNetworkOf(word.text);
  if (whole === undefined) cursor.fail(word, "this is no network: 10.0.0.0/8, 10, fe80::/10");
  return placed(cursor, whole, { protocol, direction });
}

/** `10.0.0.0/8`, from the slash on. */
function network(
  cursor: Cursor,
  word: Word,
  place: Pick<Qualifiers, "protocol" | "direction">,
): Predicate {
  cursor.expect("/");
  const bits = takeNumber(cursor, "the length of a prefix", 128);
  const text = /^\d+(\.\d+){0,2}$/.test(word.text)
    ? [...word.text.split("."), "0", "0", "0"].slice(0, 4).join(".")
    : word.text;
  const found = networkOf(text, bits);
  if (found === undefined) cursor.fail(word, "this is no network: 10.0.0.0/8, fe80::/10");
  return placed(cursor, checked(cursor, word, found), place);
}

function checked(cursor: Cursor, word: Word, network: Network): Network {
  if (hasHostBits(network)) {
    cursor.fail(word, "this address has bits that do not belong to the network; write them as 0");
  }
  return network;
}

function placed(
  cursor: Cursor,
  address: Network,
  { protocol, direction }: Pick<Qualifiers, "protocol" | "direction">,
): Predicate {
  const names = WITH_ADDRESSES[address.version];
  if (protocol !== undefined && !names.includes(protocol.text)) {
    const { text } = protocol;
    const known = Object.values(WITH_ADDRESSES).some((list) => list.includes(text));
    cursor.fail(
      protocol,
      known
        ? `${text} has no IPv${address.version} addresses`
        : `${text} has no addresses: write ${text} and host …`,
    );
  }
  return networkPredicate(address, protocol?.text, direction);
}

function portProtocols(cursor: Cursor, protocol: Word | undefined): readonly string[] {
  if (protocol === undefined) return Object.keys(WITH_PORTS);
  if (Object.hasOwn(WITH_PORTS, protocol.text)) return [protocol.text];
  return cursor.fail(protocol, `ports are of ${oneOf(Object.keys(WITH_PORTS))}`);
}

function port(cursor: Cursor, { protocol, direction }: Qualifiers): Predicate {
  const protocols = portProtocols(cursor, protocol);
  const word = cursor.peek();
  if (/^\d/.test(word.text)) {
    const number = takeNumber(cursor, "a port", MOST_PORT);
    return portPredicate({ from: number, to: number }, protocols, direction);
  }
  cursor.take();
  const named = portOfName(word.text);
  if (named === "unreadable") {
    return cursor.fail(word, "the names of ports are in /etc/services, which is not there");
  }
  if (named === undefined) cursor.fail(word, "no port has this name in /etc/services");
  const { port: number, protocols: having } = named;
  const both = protocol === undefined ? having : protocols.filter((name) => having.includes(name));
  if (both.length === 0) cursor.fail(word, `this port is of ${oneOf(having)}`);
  return portPredicate({ from: number, to: number }, both, direction);
}

function portrange(cursor: Cursor, { protocol, direction }: Qualifiers): Predicate {
  const protocols = portProtocols(cursor, protocol);
  const word = cursor.take();
  const range = rangeOf(word.text);
  if (range === undefined) {
    cursor.fail(
      word,
      `a range is two ports from 0 to ${MOST_PORT}, the lower one first: 6000-6008`,
    );
  }
  return portPredicate(range, protocols, direction);
}

function rangeOf(text: string): PortRange | undefined {
  const [, first, last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const [from, to] = [Number(first), Number(last)];
  return from <= to && to <= MOST_PORT ? { from, to } : undefined;
}

function proto(cursor: Cursor, { protocol }: Qualifiers): Predicate {
  const ether = protocol?.text === "ether" || protocol?.text === "link";
  const version = protocol?.text === "ip" ? 4 : protocol?.text === "ip6" ? 6 : undefined;
  if (protocol !== undefined && !ether && version === undefined) {
    cursor.fail(protocol, "before proto stands ip, ip6 or ether, or nothing");
  }
  const word = cursor.peek();
  if (isNumber(word)) {
    const number = takeNumber(cursor, "a protocol", ether ? 0xffff : 0xff);
    return predicateOf(number, ether, version);
  }
  cursor.take();
  const { text } = word;
  const number = ether
    ? (Object.hasOwn(ETHER_PROTOCOLS, text) ? ETHER_PROTOCOLS[text] : undefined)
    : (Object.hasOwn(PROTOCOLS, text) ? PROTOCOLS[text]!.number : undefined) ??
      protocolOf(text)?.ipv4;
  if (number === undefined) cursor.fail(word, "this is no protocol; write its number");
  return predicateOf(number, ether, version);
}

function predicateOf(number: number, ether: boolean, version: 4 | 6 | undefined): Predicate {
  if (!ether) return ipProtocol(number, version);
  const is = etherProtocol(number);
  return (reader) => isEthernet(reader) && is(reader);
}
