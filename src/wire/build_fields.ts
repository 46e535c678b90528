// What a packet can be built of. Every field may be left out; what is given is kept, right or wrong.
import type { Ipv4Option } from "./ipv4.ts";
import type { Ipv6ExtensionHeader } from "./ipv6_extensions.ts";
import type { TcpOption, TcpSackBlock, TcpTimestamps } from "./tcp_options.ts";

/** Fields of an Ethernet header. */
export interface EthernetFields {
  /** Default `00:00:00:00:00:00`. */
  readonly destination?: string;
  /** Default `00:00:00:00:00:00`. */
  readonly source?: string;
  /** Default: what follows. */
  readonly etherType?: number;
}

/** Fields of a VLAN tag. */
export interface VlanFields {
  /** Default 0x8100; 0x88a8 for all but the last of several tags. */
  readonly protocolIdentifier?: number;
  /** 0 to 7, default 0. */
  readonly priority?: number;
  /** Default false. */
  readonly dropEligible?: boolean;
  /** 0 to 4095, default 0. */
  readonly identifier?: number;
}

/** Fields of an ARP packet; addresses as in `ArpView`. */
export interface ArpFields {
  /** Default 1, Ethernet. */
  readonly hardwareType?: number;
  /** Default 0x0800, IPv4. */
  readonly protocolType?: number;
  /** Default 6. Only the field. */
  readonly hardwareLength?: number;
  /** Default 4. Only the field. */
  readonly protocolLength?: number;
  /** Default 1, a request. */
  readonly operation?: number;
  /** Default `00:00:00:00:00:00`. */
  readonly senderHardwareAddress?: string;
  /** Default `0.0.0.0`. */
  readonly senderProtocolAddress?: string;
  /** Default `00:00:00:00:00:00`. */
  readonly targetHardwareAddress?: string;
  /** Default `0.0.0.0`. */
  readonly targetProtocolAddress?: string;
}

/** Fields of an IPv4 header, as in `Ipv4View`. */
export interface Ipv4Fields {
  /** Default 4. */
  readonly version?: number;
  /** Bytes, a multiple of 4 from 0 to 60. Default: what the options make it. Only the field. */
  readonly headerLength?: number;
  /** Default 0. */
  readonly dscp?: number;
  /** Default 0. */
  readonly ecn?: number;
  /** Default: what it is. */
  readonly totalLength?: number;
  /** Default 0. */
  readonly identification?: number;
  /** Default false. */
  readonly reservedFlag?: boolean;
  /** Default false. */
  readonly dontFragment?: boolean;
  /** Default false. */
  readonly moreFragments?: boolean;
  /** Bytes, a multiple of 8. Default 0. */
  readonly fragmentOffset?: number;
  /** Default 64. */
  readonly ttl?: number;
  /** Default: what follows; 255 (reserved) for a payload alone. */
  readonly protocol?: number;
  /** Default: the right one. */
  readonly checksum?: number;
  /** Default `0.0.0.0`. */
  readonly source?: string;
  /** Default `0.0.0.0`. */
  readonly destination?: string;
  /** Raw, or one by one; filled up with zeros to a multiple of 4. */
  readonly options?: Uint8Array | readonly Ipv4Option[];
}

/** Fields of an IPv6 header, as in `Ipv6View`. */
export interface Ipv6Fields {
  /** Default 6. */
  readonly version?: number;
  /** Default 0. */
  readonly trafficClass?: number;
  /** Default 0. */
  readonly flowLabel?: number;
  /** Default: what it is. */
  readonly payloadLength?: number;
  /** Of the fixed header. Default: what follows. */
  readonly nextHeader?: number;
  /** After the extension headers. Default: what follows; 255 (reserved) for a payload alone. */
  readonly protocol?: number;
  /** Default 64. */
  readonly hopLimit?: number;
  /** Default `::`. */
  readonly source?: string;
  /** Default `::`. */
  readonly destination?: string;
  readonly extensions?: readonly Ipv6ExtensionHeader[];
}

/** Fields of a TCP header, as in `TcpView`. */
export interface TcpFields {
  /** Default 0. */
  readonly sourcePort?: number;
  /** Default 0. */
  readonly destinationPort?: number;
  /** Default 0. */
  readonly sequenceNumber?: number;
  /** Default 0. */
  readonly acknowledgmentNumber?: number;
  /** Bytes, a multiple of 4 from 0 to 60. Default: what the options make it. Only the field. */
  readonly headerLength?: number;
  /** 0 to 15, default 0. */
  readonly reserved?: number;
  /** Bits of `TCP_FLAG`. Default 0; what follows sets further ones. */
  readonly flags?: number;
  readonly fin?: boolean;
  readonly syn?: boolean;
  readonly rst?: boolean;
  readonly psh?: boolean;
  readonly ack?: boolean;
  readonly urg?: boolean;
  readonly ece?: boolean;
  readonly cwr?: boolean;
  /** Default 65535. */
  readonly windowSize?: number;
  /** Default: the right one. */
  readonly checksum?: number;
  /** Default 0. */
  readonly urgentPointer?: number;
  /** Raw, or one by one; filled up with zeros to a multiple of 4. */
  readonly options?: Uint8Array | readonly TcpOption[];
  /** This and the following: options behind those of `options`. */
  readonly mss?: number;
  readonly windowScale?: number;
  readonly sackPermitted?: boolean;
  readonly sack?: readonly TcpSackBlock[];
  readonly timestamps?: TcpTimestamps;
}

/** Fields of a UDP header, as in `UdpView`. */
export interface UdpFields {
  /** Default 0. */
  readonly sourcePort?: number;
  /** Default 0. */
  readonly destinationPort?: number;
  /** Default: what it is. */
  readonly length?: number;
  /** Default: the right one. 0 is none. */
  readonly checksum?: number;
}

/** Fields of an ICMP or ICMPv6 header, as in `IcmpView` and `Icmpv6View`. */
export interface IcmpFields {
  /** Default: an echo request. */
  readonly type?: number;
  /** Default 0. */
  readonly code?: number;
  /** Default: the right one. */
  readonly checksum?: number;
  /** Bytes 4 and 5. Default 0. */
  readonly identifier?: number;
  /** Bytes 6 and 7. Default 0. */
  readonly sequenceNumber?: number;
  /** Bytes 4 to 7 as one number, in place of the two before. */
  readonly restOfHeader?: number;
}

/** What {@link buildPacket} makes a packet of. */
export interface PacketFields {
  /** Makes it an Ethernet frame; without it the packet begins at the network header. */
  readonly ethernet?: EthernetFields;
  /** One tag or several, the outer one first; needs `ethernet`. */
  readonly vlan?: VlanFields | readonly VlanFields[];
  readonly arp?: ArpFields;
  readonly ipv4?: Ipv4Fields;
  readonly ipv6?: Ipv6Fields;
  readonly tcp?: TcpFields;
  readonly udp?: UdpFields;
  readonly icmp?: IcmpFields;
  readonly icmpv6?: IcmpFields;
  /** What follows the headers. */
  readonly payload?: Uint8Array;
}
