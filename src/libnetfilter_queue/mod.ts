/**
 * libnetfilter_queue: the C library, function by function under its own names, in classes that own
 * their pointers.
 *
 * @module
 */

export { SystemError } from "../linux/errno.ts";
export { nfqErrno as nfq_errno } from "../../ffi/libraries/libnetfilter_queue.ts";
export { LibraryLoadError } from "../../ffi/load.ts";
export { MissingSymbolError } from "../../ffi/types.ts";
export {
  NF_ACCEPT,
  NF_DROP,
  NF_QUEUE,
  NF_QUEUE_NR,
  NF_REPEAT,
  NF_STOLEN,
  NF_STOP,
  NF_VERDICT_FLAG_QUEUE_BYPASS,
  NFQ_XML_ALL,
  NFQ_XML_DEV,
  NFQ_XML_GID,
  NFQ_XML_HW,
  NFQ_XML_MARK,
  NFQ_XML_PAYLOAD,
  NFQ_XML_PHYSDEV,
  NFQ_XML_SECCTX,
  NFQ_XML_TIME,
  NFQ_XML_UID,
  NFQA_CAP_LEN,
  NFQA_CFG_F_CONNTRACK,
  NFQA_CFG_F_FAIL_OPEN,
  NFQA_CFG_F_GSO,
  NFQA_CFG_F_SECCTX,
  NFQA_CFG_F_UID_GID,
  NFQA_CT,
  NFQA_CT_INFO,
  NFQA_EXP,
  NFQA_GID,
  NFQA_HWADDR,
  NFQA_IFINDEX_INDEV,
  NFQA_IFINDEX_OUTDEV,
  NFQA_IFINDEX_PHYSINDEV,
  NFQA_IFINDEX_PHYSOUTDEV,
  NFQA_MARK,
  NFQA_PACKET_HDR,
  NFQA_PAYLOAD,
  NFQA_SECCTX,
  NFQA_SKB_CSUM_NOTVERIFIED,
  NFQA_SKB_CSUMNOTREADY,
  NFQA_SKB_GSO,
  NFQA_SKB_INFO,
  NFQA_TIMESTAMP,
  NFQA_UID,
  NFQA_VERDICT_HDR,
  NFQNL_CFG_CMD_BIND,
  NFQNL_CFG_CMD_NONE,
  NFQNL_CFG_CMD_PF_BIND,
  NFQNL_CFG_CMD_PF_UNBIND,
  NFQNL_CFG_CMD_UNBIND,
  NFQNL_COPY_META,
  NFQNL_COPY_NONE,
  NFQNL_COPY_PACKET,
  NFQNL_MSG_CONFIG,
  NFQNL_MSG_PACKET,
  NFQNL_MSG_VERDICT,
  NFQNL_MSG_VERDICT_BATCH,
} from "./constants.ts";
export { NfqData, type PacketHeader, type Timestamp } from "./data.ts";
export { HandleClosedError } from "./guards/errors.ts";
export { NfqHandle } from "./handle.ts";
export { Ip6Header, IpHeader } from "./packet_buffer/ip.ts";
export { NfnlHandle } from "./nfnl_handle.ts";
export { NlifHandle } from "./nlif_handle.ts";
export { NlmsgBuilder, type NlmsgBuilderOptions } from "./nlmsg_builder.ts";
export { PacketBuffer } from "./packet_buffer/packet_buffer.ts";
export { BufferHeader } from "./packet_buffer/header.ts";
export { AF_BRIDGE, AF_INET, AF_INET6 } from "./packet_buffer/memory.ts";
export { TransportBuffer } from "./packet_buffer/transport.ts";
export { type NfGenMessage, type NfqCallback, NfqQueueHandle } from "./queue_handle.ts";
export type { ReceiveAsyncOptions, ReceiveOptions } from "./receiver.ts";
export { TcpHeader } from "./packet_buffer/tcp.ts";
export { UdpHeader } from "./packet_buffer/udp.ts";
