// What a packet can be built of. Every field may be left out; what is given is kept, right or wrong.
import type { Ipv4Option } from "../ip/ipv4.ts";
import type { Ipv6Extension } from "../structure/ipv6_extensions.ts";
import type { TcpOption, TcpSackBlock, TcpTimestamps } from "../transport/tcp_options.ts";

/** Fields of an Ethernet header. */
export interface EthernetFields {
  /** Default `00:00:00:00:00:00`. */
  readonly destination?: string | undefined;
  /** Default `00:00:00:00:00:00`. */
  readonly source?: string | undefined;
  /** Default: what follows. */
  readonly etherType?: number | undefined;
}

/** Fields of a VLAN tag. */
export interface VlanFields {
  /** Default 0x8100; 0x88a8 for all but the last of several tags. */
  readonly protocol?: number | undefined;
  /** 0 to 7, default 0. */
  readonly priority?: number | undefined;
  /** Default false. */
  readonly dropEligible?: boolean | undefined;
  /** 0 to 4095, default 0. */
  readonly id?: number | undefined;
}

/** Fields of an ARP packet; addresses as in `ArpView`. */
export interface ArpFields {
  /** Default 1, Ethernet. */
  readonly hardwareType?: number | undefined;
  /** Default 0x0800, IPv4. */
  readonly protocolType?: number | undefined;
  /** Default 6. Only the field. */
  readonly hardwareLength?: number | undefined;
  /** Default 4. Only the field. */
  readonly protocolLength?: number | undefined;
  /** Default 1, a request. */
  readonly operation?: number | undefined;
  /** Default `00:00:00:00:00:00`. */
  readonly senderHardwareAddress?: string | undefined;
  /** Default `0.0.0.0`. */
  readonly senderProtocolAddress?: string | undefined;
  /** Default `00:00:00:00:00:00`. */
  readonly targetHardwareAddress?: string | undefined;
  /** Default `0.0.0.0`. */
  readonly targetProtocolAddress?: string | undefined;
}

/** Fields of an IPv4 header, as in `Ipv4View`. */
export interface Ipv4Fields {
  /** Default 4. */
  readonly version?: number | undefined;
  /** Bytes, a multiple of 4 from 0 to 60. Default: what the options make it. Only the field. */
  readonly headerLength?: number | undefined;
  /** Default 0. */
  readonly dscp?: number | undefined;
  /** Default 0. */
  readonly ecn?: number | undefined;
  /** Default: what it is. */
  readonly totalLength?: number | undefined;
  /** Default 0. */
  readonly identification?: number | undefined;
  /** Default false. */
  readonly reservedFlag?: boolean | undefined;
  /** Default false. */
  readonly dontFragment?: boolean | undefined;
  /** Default false. */
  readonly moreFragments?: boolean | undefined;
  /** Bytes, a multiple of 8. Default 0. */
  readonly fragmentOffset?: number | undefined;
  /** Default 64. */
  readonly ttl?: number | undefined;
  /** Default: what follows; 255 (reserved) for a payload alone. */
  readonly protocol?: number | undefined;
  /** Default: the right one. */
  readonly checksum?: number | undefined;
  /** Default `0.0.0.0`. */
  readonly source?: string | undefined;
  /** Default `0.0.0.0`. */
  readonly destination?: string | undefined;
  /** Raw, or one by one; filled up with zeros to a multiple of 4. */
  readonly options?: Uint8Array | readonly Ipv4Option[] | undefined;
}

/** Fields of an IPv6 header, as in `Ipv6View`. */
export interface Ipv6Fields {
  /** Default 6. */
  readonly version?: number | undefined;
  /** Default 0. */
  readonly trafficClass?: number | undefined;
  /** Default 0. */
  readonly flowLabel?: number | undefined;
  /** Default: what it is. */
  readonly payloadLength?: number | undefined;
  /** Of the fixed header. Default: what follows. */
  readonly nextHeader?: number | undefined;
  /** After the extension headers. Default: what follows; 255 (reserved) for a payload alone. */
  readonly protocol?: number | undefined;
  /** Default 64. */
  readonly hopLimit?: number | undefined;
  /** Default `::`. */
  readonly source?: string | undefined;
  /** Default `::`. */
  readonly destination?: string | undefined;
  /** Extension headers (RFC 8200 §4), in their order. Default: none. */
  readonly extensions?: readonly Ipv6Extension[] | undefined;
}

/** Fields that an IPv4 and an IPv6 header have, under the names of `packet.ip`. */
export interface IpFields {
  /** Of the same version as `destination`. Default: that version's unspecified address. */
  readonly source?: string | undefined;
  /** Of the same version as `source`. Default: that version's unspecified address. */
  readonly destination?: string | undefined;
  /** IPv4's time to live, IPv6's hop limit. Default 64. */
  readonly ttl?: number | undefined;
  /** 0 to 63, default 0. */
  readonly dscp?: number | undefined;
  /** 0 to 3, default 0. */
  readonly ecn?: number | undefined;
  /** Default: what follows; 255 (reserved) for a payload alone. */
  readonly protocol?: number | undefined;
}

/** Fields of a TCP header, as in `TcpView`. */
export interface TcpFields {
  /** Default 0. */
  readonly sourcePort?: number | undefined;
  /** Default 0. */
  readonly destinationPort?: number | undefined;
  /** Default 0. */
  readonly sequenceNumber?: number | undefined;
  /** Default 0. */
  readonly acknowledgmentNumber?: number | undefined;
  /** Bytes, a multiple of 4 from 0 to 60. Default: what the options make it. Only the field. */
  readonly headerLength?: number | undefined;
  /** 0 to 15, default 0. */
  readonly reserved?: number | undefined;
  /** Bits of `TCP_FLAG`. Default 0; what follows sets further ones. */
  readonly flags?: number | undefined;
  /** The sender has no more data. Default: as `flags` has it. */
  readonly fin?: boolean | undefined;
  /** Synchronizes sequence numbers. Default: as `flags` has it. */
  readonly syn?: boolean | undefined;
  /** Resets the connection. Default: as `flags` has it. */
  readonly rst?: boolean | undefined;
  /** The data is for the program without delay. Default: as `flags` has it. */
  readonly psh?: boolean | undefined;
  /** `acknowledgmentNumber` is meaningful. Default: as `flags` has it. */
  readonly ack?: boolean | undefined;
  /** `urgentPointer` is meaningful. Default: as `flags` has it. */
  readonly urg?: boolean | undefined;
  /** Echo of a congestion mark (RFC 3168 §6.1). Default: as `flags` has it. */
  readonly ece?: boolean | undefined;
  /** The congestion window was reduced (RFC 3168 §6.1). Default: as `flags` has it. */
  readonly cwr?: boolean | undefined;
  /** Default 65535. */
  readonly windowSize?: number | undefined;
  /** Default: the right one. */
  readonly checksum?: number | undefined;
  /** Default 0. */
  readonly urgentPointer?: number | undefined;
  /** Raw, or one by one; filled up with zeros to a multiple of 4. */
  readonly options?: Uint8Array | readonly TcpOption[] | undefined;
  /** This and the following: options behind those of `options`. */
  readonly mss?: number | undefined;
  /** The window's shift count, 0 to 255 (RFC 7323 §2). */
  readonly windowScale?: number | undefined;
  /** Whether SACK is permitted (RFC 2018 §2). Default false. */
  readonly sackPermitted?: boolean | undefined;
  /** Blocks of SACK (RFC 2018 §3), at most 4. */
  readonly sack?: readonly TcpSackBlock[] | undefined;
  /** Timestamps (RFC 7323 §3). */
  readonly timestamps?: TcpTimestamps | undefined;
}

/** Fields of a UDP header, as in `UdpView`. */
export interface UdpFields {
  /** Default 0. */
  readonly sourcePort?: number | undefined;
  /** Default 0. */
  readonly destinationPort?: number | undefined;
  /** Default: what it is. */
  readonly length?: number | undefined;
  /** Default: the right one. 0 is none. */
  readonly checksum?: number | undefined;
}

/** Fields of an ICMP or ICMPv6 header, as in `IcmpView` and `Icmpv6View`. */
export interface IcmpFields {
  /** Default: an echo request. */
  readonly type?: number | undefined;
  /** Default 0. */
  readonly code?: number | undefined;
  /** Default: the right one. */
  readonly checksum?: number | undefined;
  /** Bytes 4 and 5. Default 0. */
  readonly identifier?: number | undefined;
  /** Bytes 6 and 7, of an extended echo (RFC 8335) byte 6. Default 0. */
  readonly sequenceNumber?: number | undefined;
  /** Bytes 4 to 7 as one number, in place of the two before. */
  readonly restOfHeader?: number | undefined;
  /** Of "fragmentation needed" (type 3, code 4) and ICMPv6's "packet too big" (2). */
  readonly mtu?: number | undefined;
  /** Of "parameter problem": ICMP's in byte 4, ICMPv6's 32 bits. */
  readonly pointer?: number | undefined;
  /** Of ICMP's "redirect" (5). */
  readonly gateway?: string | undefined;
}

/** What {@link buildPacket} makes a packet of. */
export interface PacketFields {
  /** Makes it an Ethernet frame; without it the packet begins at the network header. */
  readonly ethernet?: EthernetFields | undefined;
  /** One tag or several, the outer one first; needs `ethernet`. */
  readonly vlan?: VlanFields | readonly VlanFields[] | undefined;
  /** An ARP packet. Of `arp`, `ip`, `ipv4` and `ipv6` there is at most one. */
  readonly arp?: ArpFields | undefined;
  /** An IPv4 or an IPv6 header, as its addresses are: one of the two must be given. */
  readonly ip?: IpFields | undefined;
  /** An IPv4 header. */
  readonly ipv4?: Ipv4Fields | undefined;
  /** An IPv6 header. */
  readonly ipv6?: Ipv6Fields | undefined;
  /** A TCP header. Of `tcp`, `udp`, `icmp` and `icmpv6` there is at most one, and it needs an IP header. */
  readonly tcp?: TcpFields | undefined;
  /** A UDP header. */
  readonly udp?: UdpFields | undefined;
  /** An ICMP header. */
  readonly icmp?: IcmpFields | undefined;
  /** An ICMPv6 header. */
  readonly icmpv6?: Omit<IcmpFields, "gateway"> | undefined;
  /** What follows the headers. */
  readonly payload?: Uint8Array | undefined;
}
