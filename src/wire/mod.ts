/**
 * Packets and netlink messages as bytes, in plain TypeScript: Ethernet, VLAN, ARP, IPv4, IPv6, TCP,
 * UDP, ICMP and ICMPv6 to read, edit and build, checksums, addresses, and the messages of
 * nfnetlink_queue and of ip_queue. No system calls and no runtime APIs, so it works anywhere.
 *
 * @module
 */
export { describeProblem, PacketReleasedError, WireError, type WireProblem } from "./errors.ts";

export { formatIpv4, formatIpv6, formatMac, parseIpv4, parseIpv6, parseMac } from "./address.ts";
export {
  checksumAdd,
  checksumFinish,
  checksumUpdate,
  internetChecksum,
  pseudoHeaderIpv4,
  pseudoHeaderIpv6,
} from "./checksum.ts";
export { finishChecksums } from "./finish.ts";

export { Frame } from "./frame.ts";
export type { EditTerms, FrameOwner } from "./frame_owner.ts";
export { ETHERTYPE, IP_PROTOCOL } from "./protocols.ts";
export { Layers, parseLayers, type ParseLayersOptions } from "./layers.ts";
export { Flow, type FlowFields } from "./flow.ts";
export { EthernetLayers, EthernetView, parseEthernet } from "./ethernet.ts";
export { VlanView } from "./vlan.ts";
export { ARP_OPERATION, ArpView } from "./arp.ts";
export { type Ipv4Option, Ipv4View } from "./ipv4.ts";
export { Ipv6View } from "./ipv6.ts";
export { IPV6_EXTENSION, type Ipv6Extension, type Ipv6ExtensionHeader } from "./ipv6_extensions.ts";
export type { Ipv6Authentication, Ipv6Fragment, Ipv6Option, Ipv6Routing } from "./ipv6_values.ts";
export { TcpView } from "./tcp.ts";
export { TCP_FLAG } from "./tcp_flags.ts";
export {
  TCP_OPTION,
  type TcpOption,
  type TcpSackBlock,
  type TcpTimestamps,
} from "./tcp_options.ts";
export { UdpView } from "./udp.ts";
export { IcmpView } from "./icmp.ts";
export { Icmpv6View } from "./icmpv6.ts";
export { buildPacket } from "./build.ts";
export type {
  ArpFields,
  EthernetFields,
  IcmpFields,
  Ipv4Fields,
  Ipv6Fields,
  PacketFields,
  TcpFields,
  UdpFields,
  VlanFields,
} from "./build_fields.ts";
export { summary, type SummaryOptions } from "./summary.ts";
export { inspect, type InspectOptions } from "./inspect.ts";
export type { JsonObject, JsonValue } from "./json.ts";

export {
  align4,
  ATTRIBUTE_HEADER_SIZE,
  decodeError,
  decodeHeader,
  ERROR_MESSAGE_SIZE,
  MAX_ATTRIBUTE_PAYLOAD,
  NETLINK_HEADER_SIZE,
  type NetlinkAnswer,
  type NetlinkAttribute,
  netlinkAttributes,
  type NetlinkMessage,
  netlinkMessages,
  NFGENMSG_SIZE,
  NLA,
  NLM_F,
  NLMSG,
} from "./netlink.ts";
export {
  ATTRIBUTE_STRIDE,
  attributeLength,
  indexPacketMessage,
  MAX_COPY_RANGE,
  MESSAGE_CUT,
  MESSAGE_MALFORMED,
  MESSAGE_OK,
  MESSAGE_OTHER,
  MESSAGE_WITHOUT_ID,
  NF_VERDICT,
  NF_VERDICT_FLAG_QUEUE_BYPASS,
  NFNL_SUBSYS_QUEUE,
  NFQA,
  NFQA_CFG,
  NFQA_CFG_F,
  NFQA_SKB,
  NFQA_VLAN,
  NFQNL_CFG_CMD,
  NFQNL_COPY,
  NFQNL_MSG,
  QUEUE_HEADER_SIZE,
  QUEUE_MESSAGE,
} from "./nfqueue.ts";
export { type PacketTimestamp, type PacketVlan } from "./nfqueue_attributes.ts";
export {
  decodePacketMessage,
  encodePacketMessage,
  type QueuePacketMessage,
} from "./nfqueue_packet.ts";
export { encodeVerdictChanges, type QueueVerdictChanges } from "./nfqueue_changes.ts";
export {
  appendAttributes,
  appendMark,
  appendPayload,
  beginVerdict,
  beginVerdictBatch,
  decodeVerdict,
  decodeVerdictBatch,
  encodeVerdict,
  encodeVerdictBatch,
  MARK_SIZE,
  payloadSize,
  type QueueVerdict,
  type QueueVerdictBatch,
  VERDICT_SIZE,
} from "./nfqueue_verdict.ts";
export {
  decodeConfig,
  type DecodedQueueConfig,
  encodeConfig,
  type QueueCommand,
  type QueueConfig,
  type QueueCopyMode,
} from "./nfqueue_config.ts";
export {
  decodeIpqMode,
  decodeIpqVerdict,
  encodeIpqError,
  encodeIpqMode,
  encodeIpqVerdict,
  IPQ_COPY,
  IPQ_MAX_RANGE,
  IPQ_MODE_OFFSET,
  IPQ_MODE_SIZE,
  IPQ_NAME_SIZE,
  IPQ_PACKET_OFFSET,
  IPQ_PACKET_SIZE,
  IPQ_PEER_SIZE,
  IPQ_VERDICT_OFFSET,
  type IpqErrorMessage,
  IPQM,
  ipqMessageError,
  ipqMessageType,
  type IpqModeMessage,
  type IpqVerdictMessage,
} from "./ip_queue.ts";
export { IpqPacketHeader } from "./ip_queue_header.ts";
export { ipqDeviceName } from "./ip_queue_name.ts";
export { decodeIpqPacket, encodeIpqPacket, type IpqPacketMessage } from "./ip_queue_packet.ts";
export {
  type Conntrack,
  type ConntrackCounter,
  type ConntrackEndpoint,
  type ConntrackSctp,
  type ConntrackTcp,
  decodeConntrack,
} from "./conntrack.ts";
export type { ConntrackTuple } from "./conntrack_tuple.ts";
export {
  type ConntrackChange,
  type ConntrackExpectation,
  decodeConntrackChange,
  decodeExpectation,
  encodeConntrackChange,
  encodeExpectation,
} from "./conntrack_change.ts";
export {
  CONNTRACK_INFO,
  CONNTRACK_LABELS,
  CONNTRACK_STATUS,
  type ConntrackFlag,
  CTA,
  CTA_EXPECT,
  CTA_IP,
  CTA_PROTO,
  CTA_PROTOINFO,
  CTA_PROTOINFO_SCTP,
  CTA_PROTOINFO_TCP,
  CTA_TUPLE,
  EXPECTATION_FLAG,
} from "./conntrack_numbers.ts";
