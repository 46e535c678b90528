/**
 * Messages of the Linux kernel as bytes, in plain TypeScript: netlink(7), nfnetlink_queue, conntrack
 * and ip_queue to read and to write. No system calls and no runtime APIs, so it works anywhere.
 *
 * @module
 */
export { describeProblem, WireError, type WireProblem } from "../base/errors.ts";

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
} from "./message.ts";
export {
  MAX_COPY_RANGE,
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
} from "./queue/numbers.ts";
export {
  ATTRIBUTE_STRIDE,
  attributeLength,
  indexPacketMessage,
  MESSAGE_CUT,
  MESSAGE_MALFORMED,
  MESSAGE_OK,
  MESSAGE_OTHER,
  MESSAGE_WITHOUT_ID,
} from "./queue/packet_index.ts";
export { type PacketTimestamp, type PacketVlan } from "./queue/attributes.ts";
export {
  decodePacketMessage,
  encodePacketMessage,
  type QueuePacketMessage,
} from "./queue/packet.ts";
export { encodeVerdictChanges, type QueueVerdictChanges } from "./queue/changes.ts";
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
  type Payload,
  payloadSize,
  type QueueVerdict,
  type QueueVerdictBatch,
  VERDICT_SIZE,
} from "./queue/verdict.ts";
export {
  decodeConfig,
  type DecodedQueueConfig,
  encodeConfig,
  type QueueCommand,
  type QueueConfig,
  type QueueCopyMode,
} from "./queue/config.ts";
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
} from "./ip_queue/messages.ts";
export { IpqPacketHeader } from "./ip_queue/header.ts";
export { ipqDeviceName } from "./ip_queue/device_name.ts";
export { decodeIpqPacket, encodeIpqPacket, type IpqPacketMessage } from "./ip_queue/packet.ts";
export {
  type Conntrack,
  type ConntrackCounter,
  type ConntrackEndpoint,
  type ConntrackSctp,
  type ConntrackTcp,
  decodeConntrack,
} from "./conntrack/entry.ts";
export type { ConntrackTuple } from "./conntrack/tuple.ts";
export {
  type ConntrackChange,
  type ConntrackExpectation,
  decodeConntrackChange,
  decodeExpectation,
  encodeConntrackChange,
  encodeExpectation,
} from "./conntrack/change.ts";
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
} from "./conntrack/numbers.ts";
