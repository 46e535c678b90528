// Protocol names of /etc/protocols that rules take; the number is what is installed.

const PROTOCOLS: Readonly<Record<string, number>> = {
  ...{ icmp: 1, igmp: 2, ipip: 4, tcp: 6, egp: 8, udp: 17, dccp: 33, ipv6: 41, rsvp: 46, gre: 47 },
  ...{ esp: 50, ah: 51, icmpv6: 58, "ipv6-icmp": 58, eigrp: 88, ospf: 89, pim: 103, vrrp: 112 },
  ...{ l2tp: 115, sctp: 132, udplite: 136 },
};

/** The number of a protocol for each version of IP: they differ for `icmp` alone. */
export interface Protocol {
  readonly ipv4: number;
  readonly ipv6: number;
}

const ICMP: Protocol = { ipv4: 1, ipv6: 58 };

/** Protocols whose headers begin with a source and a destination port. */
export const WITH_PORTS: Readonly<Record<string, number>> = {
  ...{ tcp: 6, udp: 17, udplite: 136, dccp: 33, sctp: 132 },
};

/** By name; undefined for one that is not known. */
export function protocolOf(name: string): Protocol | undefined {
  if (name === "icmp") return ICMP;
  const number = Object.hasOwn(PROTOCOLS, name) ? PROTOCOLS[name] : undefined;
  return number === undefined ? undefined : { ipv4: number, ipv6: number };
}

/** The names that rules take. */
export const PROTOCOL_NAMES: readonly string[] = Object.keys(PROTOCOLS);

/** Whether it has ports. */
export function hasPorts({ ipv4, ipv6 }: Protocol): boolean {
  const numbers = Object.values(WITH_PORTS);
  return numbers.includes(ipv4) && numbers.includes(ipv6);
}
