// The names of protocols, and what tells that a packet is one of theirs.
import { IPV6_EXTENSION } from "../../../packet/structure/extension_headers.ts";
import {
  IPV4_FRAGMENT,
  IPV4_OFFSET,
  IPV6_HEADER_SIZE,
  IPV6_OFFSET,
} from "../../../packet/structure/ip_layouts.ts";
import { ETHERTYPE } from "../../../packet/structure/protocols.ts";
import { every, type PacketReader, type Predicate, some, type Value } from "./packet_reader.ts";

/** `ip`, `arp`: by EtherType. */
const ofType = (etherType: number): Predicate => (reader) => reader.packet.etherType === etherType;

export const isIpv4: Predicate = ofType(ETHERTYPE.IPV4);
export const isIpv6: Predicate = ofType(ETHERTYPE.IPV6);
export const isEthernet: Predicate = (reader) => reader.packet.ethernet;

/** Where the upper layer begins behind an IPv4 header. */
export const behindIpv4: Value = (reader) =>
  (reader.network(IPV4_OFFSET.versionAndLength) & 15) * 4;

/** No fragment but the first has the upper layer's header. */
export const isFirstFragment: Predicate = (reader) =>
  (reader.network(IPV4_OFFSET.fragment, 2) & IPV4_FRAGMENT.OFFSET) === 0;

/** The IPv4 protocol field is that. */
export const protocolOfIpv4 = (number: number): Predicate => (reader) =>
  reader.network(IPV4_OFFSET.protocol) === number;

/** The next header of IPv6, or the one behind a Fragment header, is that: as far as libpcap looks. */
function protocolOfIpv6(number: number): Predicate {
  return (reader) => {
    const next = reader.network(IPV6_OFFSET.nextHeader);
    if (next === number) return true;
    return next === IPV6_EXTENSION.FRAGMENT && reader.network(IPV6_HEADER_SIZE) === number;
  };
}

/** What is asked for with `ip proto 6`, `ip6 proto 6`, `proto 6`. */
export function ipProtocol(number: number, version: 4 | 6 | undefined): Predicate {
  const ipv4 = every(isIpv4, protocolOfIpv4(number));
  const ipv6 = every(isIpv6, protocolOfIpv6(number));
  if (version === undefined) return some(ipv4, ipv6);
  return version === 4 ? ipv4 : ipv6;
}

/** `ether proto 0x0806`. */
export const etherProtocol = ofType;

/** Where the bytes are that `NAME[…]` reads, and which packets have them. */
export interface Accessor {
  readonly has: Predicate;
  readonly read: (reader: PacketReader, at: number, size: 1 | 2 | 4) => number;
}

/** A name of a protocol. */
export interface Protocol {
  /** What the name alone stands for. */
  readonly is: Predicate;
  /** The number in the IP header, where it is one of those above IP. */
  readonly number?: number;
  /** Undefined where libpcap has none. */
  readonly accessor?: Accessor;
}

const network = (is: Predicate): Protocol => ({
  is,
  accessor: { has: is, read: (reader, at, size) => reader.network(at, size) },
});

/** As in libpcap its bytes can be read behind IPv4 only. */
function upper(number: number, version?: 4 | 6): Protocol {
  const is = ipProtocol(number, version);
  const has = every(isIpv4, is, isFirstFragment);
  return {
    ...{ is, number },
    accessor: {
      has,
      read: (reader, at, size) => reader.network(behindIpv4(reader) + at, size),
    },
  };
}

const ICMPV6 = 58;
const icmp6: Protocol = {
  is: ipProtocol(ICMPV6, 6),
  number: ICMPV6,
  accessor: {
    has: every(isIpv6, (reader) => reader.network(IPV6_OFFSET.nextHeader) === ICMPV6),
    read: (reader, at, size) => reader.network(IPV6_HEADER_SIZE + at, size),
  },
};
const ether: Protocol = {
  is: isEthernet,
  accessor: { has: isEthernet, read: (reader, at, size) => reader.link(at, size) },
};

/** By name. */
export const PROTOCOLS: Readonly<Record<string, Protocol>> = {
  ...{ ether, link: ether },
  ip: network(isIpv4),
  ip6: network(isIpv6),
  arp: network(ofType(ETHERTYPE.ARP)),
  rarp: network(ofType(ETHERTYPE.RARP)),
  ...{ tcp: upper(6), udp: upper(17), sctp: upper(132), pim: upper(103) },
  ...{ icmp: upper(1, 4), igmp: upper(2, 4), igrp: upper(9, 4) },
  ...{ vrrp: upper(112, 4), carp: upper(112, 4) },
  icmp6,
  esp: { is: ipProtocol(50, undefined), number: 50 },
  ah: { is: ipProtocol(51, undefined), number: 51 },
};
