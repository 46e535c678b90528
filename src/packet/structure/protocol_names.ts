// Numbers of IANA's registries in words, for people.

const PROTOCOLS: Readonly<Record<number, string>> = {
  ...{
    0: "HBH",
    1: "ICMP",
    2: "IGMP",
    4: "IPIP",
    6: "TCP",
    17: "UDP",
    33: "DCCP",
    41: "IP6-in-IP",
  },
  ...{ 43: "RT6", 44: "FRAG", 46: "RSVP", 47: "GRE", 50: "ESP", 51: "AH", 58: "ICMP6" },
  ...{ 59: "no next header", 60: "DSTOPT", 88: "EIGRP", 89: "OSPF", 103: "PIM", 112: "VRRP" },
  ...{ 132: "SCTP", 135: "MOBILITY", 136: "UDP-Lite", 137: "MPLS", 139: "HIP", 140: "SHIM6" },
};

const ETHERTYPES: Readonly<Record<number, string>> = {
  ...{ 0x0800: "IPv4", 0x0806: "ARP", 0x8100: "802.1Q", 0x86dd: "IPv6", 0x8847: "MPLS" },
  ...{ 0x8863: "PPPoE discovery", 0x8864: "PPPoE", 0x88a8: "802.1ad", 0x88cc: "LLDP" },
};

const TCP_OPTIONS: Readonly<Record<number, string>> = {
  ...{ 0: "eol", 1: "nop", 2: "mss", 3: "wscale", 4: "sackOK", 5: "sack", 8: "TS" },
  ...{ 19: "md5", 28: "uto", 29: "tcp-ao", 30: "mptcp", 34: "tfo" },
};

const IPV4_OPTIONS: Readonly<Record<number, string>> = {
  ...{ 1: "nop", 7: "record route", 68: "timestamp", 130: "security", 131: "loose source route" },
  ...{ 134: "commercial security", 136: "stream id", 137: "strict source route" },
  148: "router alert",
};

const IPV6_OPTIONS: Readonly<Record<number, string>> = {
  ...{ 0: "pad1", 1: "padn", 4: "tunnel encapsulation limit", 5: "router alert" },
  ...{ 7: "calipso", 0x63: "rpl", 0xc2: "jumbo payload", 0xc9: "home address" },
};

/** `TCP`; `ip-proto-253` for one that has no name here. */
export function protocolName(protocol: number): string {
  return PROTOCOLS[protocol] ?? `ip-proto-${protocol}`;
}

/** `IPv4`; undefined for one that has no name here, as are the following. */
export function ethertypeName(ethertype: number): string | undefined {
  return ETHERTYPES[ethertype];
}

export function tcpOptionName(kind: number): string | undefined {
  return TCP_OPTIONS[kind];
}

export function ipv4OptionName(type: number): string | undefined {
  return IPV4_OPTIONS[type];
}

export function ipv6OptionName(type: number): string | undefined {
  return IPV6_OPTIONS[type];
}
