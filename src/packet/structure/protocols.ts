/** Ethertypes that `Layers` knows; 0 lets it look at the version in the first byte. */
export const ETHERTYPE = {
  ANY: 0,
  IPV4: 0x0800,
  ARP: 0x0806,
  /** Reverse ARP (RFC 903), which is read as ARP is. */
  RARP: 0x8035,
  /** A customer's VLAN tag (802.1Q). */
  VLAN: 0x8100,
  IPV6: 0x86dd,
  /** A service provider's VLAN tag, before a customer's (802.1ad). */
  SERVICE_VLAN: 0x88a8,
} as const;

/** Protocol numbers that have a view. */
export const IP_PROTOCOL = { ICMP: 1, TCP: 6, UDP: 17, ICMPV6: 58 } as const;

/** Numbers of others that something is known of: where a checksum or the ports stand, say. */
export const OTHER_PROTOCOL = {
  DCCP: 33,
  /** Nothing follows the IPv6 header. */
  NO_NEXT_HEADER: 59,
  OSPF: 89,
  PIM: 103,
  VRRP: 112,
  SCTP: 132,
  UDP_LITE: 136,
} as const;
