/**
 * What is inside a packet, in plain TypeScript: Ethernet, VLAN, ARP, IPv4, IPv6, TCP, UDP, ICMP and
 * ICMPv6 to read, edit and build, as text and as JSON, checksums, addresses. No system calls and no
 * runtime APIs, so it works anywhere.
 *
 * @module
 */
export {
  describeProblem,
  PacketReleasedError,
  WireError,
  type WireProblem,
} from "../base/errors.ts";

export {
  formatIpv4,
  formatIpv6,
  formatMac,
  parseIpv4,
  parseIpv6,
  parseMac,
} from "../base/address.ts";
export {
  checksumAdd,
  checksumFinish,
  checksumUpdate,
  internetChecksum,
  pseudoHeaderIpv4,
  pseudoHeaderIpv6,
} from "./structure/checksum.ts";
export { finishChecksums } from "./structure/finish.ts";

export { PacketBytes } from "./structure/packet_bytes.ts";
export { ETHERTYPE, IP_PROTOCOL } from "./structure/protocols.ts";
export { Layers, parseLayers, type ParseLayersOptions } from "./layers.ts";
export { Flow, type FlowFields } from "./structure/flow.ts";
export { EthernetLayers, parseEthernet } from "./ethernet_layers.ts";
export { EthernetView } from "./link/ethernet.ts";
export { VlanView } from "./link/vlan.ts";
export { ARP_OPERATION, ArpView } from "./link/arp.ts";
export { type Ipv4Option, Ipv4View } from "./ip/ipv4.ts";
export { Ipv6View } from "./ip/ipv6.ts";
export { IPV6_EXTENSION } from "./structure/extension_headers.ts";
export type { Ipv6Extension, Ipv6ExtensionHeader } from "./structure/ipv6_extensions.ts";
export type {
  Ipv6Authentication,
  Ipv6Fragment,
  Ipv6Option,
  Ipv6Routing,
} from "./ip/ipv6_values.ts";
export { TcpView } from "./transport/tcp.ts";
export { TCP_FLAG } from "./transport/tcp_flags.ts";
export {
  TCP_OPTION,
  type TcpOption,
  type TcpSackBlock,
  type TcpTimestamps,
} from "./transport/tcp_options.ts";
export { UdpView } from "./transport/udp.ts";
export { IcmpView } from "./transport/icmp.ts";
export { Icmpv6View } from "./transport/icmpv6.ts";
export { buildPacket } from "./build/build.ts";
export type {
  ArpFields,
  EthernetFields,
  IcmpFields,
  IpFields,
  Ipv4Fields,
  Ipv6Fields,
  PacketFields,
  TcpFields,
  UdpFields,
  VlanFields,
} from "./build/fields.ts";
export { summary, type SummaryOptions } from "./text/summary.ts";
export { inspect, type InspectOptions } from "./text/inspect.ts";
export type { JsonObject, JsonValue } from "../base/json_value.ts";
