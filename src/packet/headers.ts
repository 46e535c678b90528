// All headers that a packet may have: by name, in their order from the outside in.
import { jsonFields, type JsonObject } from "../base/json_value.ts";
import { IPV4_FIELDS, type Ipv4View } from "./ip/ipv4.ts";
import { IPV6_FIELDS, type Ipv6View } from "./ip/ipv6.ts";
import { ARP_FIELDS, type ArpView } from "./link/arp.ts";
import { ETHERNET_FIELDS } from "./link/ethernet.ts";
import { VLAN_FIELDS } from "./link/vlan.ts";
import { ICMP_FIELDS, type IcmpView } from "./transport/icmp.ts";
import { ICMPV6_FIELDS, type Icmpv6View } from "./transport/icmpv6.ts";
import { TCP_FIELDS, type TcpView } from "./transport/tcp.ts";
import { UDP_FIELDS, type UdpView } from "./transport/udp.ts";

/** The fields of each header, under its name. */
export const FIELDS = {
  ethernet: ETHERNET_FIELDS,
  vlan: VLAN_FIELDS,
  arp: ARP_FIELDS,
  ipv4: IPV4_FIELDS,
  ipv6: IPV6_FIELDS,
  tcp: TCP_FIELDS,
  udp: UDP_FIELDS,
  icmp: ICMP_FIELDS,
  icmpv6: ICMPV6_FIELDS,
} as const;

/** The headers of one packet from the network header on; those that it has. */
export interface Headers {
  readonly arp: ArpView | undefined;
  readonly ipv4: Ipv4View | undefined;
  readonly ipv6: Ipv6View | undefined;
  readonly tcp: TcpView | undefined;
  readonly udp: UdpView | undefined;
  readonly icmp: IcmpView | undefined;
  readonly icmpv6: Icmpv6View | undefined;
}

/** Every header under its name, without any payload. */
export function headersJson({ arp, ipv4, ipv6, tcp, udp, icmp, icmpv6 }: Headers): JsonObject {
  return {
    ...(arp && { arp: jsonFields(arp, FIELDS.arp) }),
    ...(ipv4 && { ipv4: jsonFields(ipv4, FIELDS.ipv4) }),
    ...(ipv6 && { ipv6: jsonFields(ipv6, FIELDS.ipv6) }),
    ...(tcp && { tcp: jsonFields(tcp, FIELDS.tcp) }),
    ...(udp && { udp: jsonFields(udp, FIELDS.udp) }),
    ...(icmp && { icmp: jsonFields(icmp, FIELDS.icmp) }),
    ...(icmpv6 && { icmpv6: jsonFields(icmpv6, FIELDS.icmpv6) }),
  };
}
