/**
 * The constants of linux_nfnetlink_queue.h, libnetfilter_queue.h and linux/netfilter.h under their C
 * names.
 *
 * @module
 */

/** Verdict: drop the packet. */
export const NF_DROP = 0;
/** Verdict: the packet goes on. */
export const NF_ACCEPT = 1;
/** Verdict of kernel modules; the queue refuses it. */
export const NF_STOLEN = 2;
/** Verdict: to another queue, whose number is in the upper 16 bits; see `NF_QUEUE_NR`. */
export const NF_QUEUE = 3;
/** Verdict: the same hook once more. */
export const NF_REPEAT = 4;
/** Verdict: accept, and skip the hook's remaining rules. */
export const NF_STOP = 5;
/** With `NF_QUEUE`: let the packet pass where nobody listens on the other queue. */
export const NF_VERDICT_FLAG_QUEUE_BYPASS = 0x8000;

/** The verdict that sends a packet to queue `number` (0 to 65535). */
export function NF_QUEUE_NR(number: number): number {
  return (((number & 0xffff) << 16) | NF_QUEUE) >>> 0;
}

/** `nfq_set_mode`: deliver nothing. */
export const NFQNL_COPY_NONE = 0;
/** `nfq_set_mode`: deliver metadata only. */
export const NFQNL_COPY_META = 1;
/** `nfq_set_mode`: deliver metadata and as many bytes as the range says. */
export const NFQNL_COPY_PACKET = 2;

/** Message: a packet from the kernel. */
export const NFQNL_MSG_PACKET = 0;
/** Message: a verdict. */
export const NFQNL_MSG_VERDICT = 1;
/** Message: configuration. */
export const NFQNL_MSG_CONFIG = 2;
/** Message: a verdict about everything up to an id. */
export const NFQNL_MSG_VERDICT_BATCH = 3;
/** Command: none. */
export const NFQNL_CFG_CMD_NONE = 0;
/** Command: bind the queue. */
export const NFQNL_CFG_CMD_BIND = 1;
/** Command: unbind the queue. */
export const NFQNL_CFG_CMD_UNBIND = 2;
/** Command: bind a protocol family; Linux 3.8 and later ignore it. */
export const NFQNL_CFG_CMD_PF_BIND = 3;
/** Command: unbind a protocol family; Linux 3.8 and later ignore it. */
export const NFQNL_CFG_CMD_PF_UNBIND = 4;

/** Attribute, big-endian where it is a number: `struct nfqnl_msg_packet_hdr`: id (32 bits), ethertype (16 bits), hook (8 bits). */
export const NFQA_PACKET_HDR = 1;
/** Attribute, big-endian where it is a number: `struct nfqnl_msg_verdict_hdr`: verdict, id. */
export const NFQA_VERDICT_HDR = 2;
/** Attribute, big-endian where it is a number: the mark. */
export const NFQA_MARK = 3;
/** Attribute, big-endian where it is a number: seconds and microseconds, 64 bits each. */
export const NFQA_TIMESTAMP = 4;
/** Attribute, big-endian where it is a number: index of the device it came in by. */
export const NFQA_IFINDEX_INDEV = 5;
/** Attribute, big-endian where it is a number: index of the device it leaves by. */
export const NFQA_IFINDEX_OUTDEV = 6;
/** Attribute, big-endian where it is a number: index of the bridge port it came in by. */
export const NFQA_IFINDEX_PHYSINDEV = 7;
/** Attribute, big-endian where it is a number: index of the bridge port it leaves by. */
export const NFQA_IFINDEX_PHYSOUTDEV = 8;
/** Attribute, big-endian where it is a number: `struct nfqnl_msg_packet_hw`: the sender's link-layer address. */
export const NFQA_HWADDR = 9;
/** Attribute, big-endian where it is a number: the packet. */
export const NFQA_PAYLOAD = 10;
/** Attribute, big-endian where it is a number: the connection tracking entry, nested. */
export const NFQA_CT = 11;
/** Attribute, big-endian where it is a number: the packet's relation to its connection. */
export const NFQA_CT_INFO = 12;
/** Attribute, big-endian where it is a number: the packet's length, where only a part was copied. */
export const NFQA_CAP_LEN = 13;
/** Attribute, big-endian where it is a number: `NFQA_SKB_*` bits. */
export const NFQA_SKB_INFO = 14;
/** Attribute, big-endian where it is a number: an expectation, nested. */
export const NFQA_EXP = 15;
/** Attribute, big-endian where it is a number: the socket's user. */
export const NFQA_UID = 16;
/** Attribute, big-endian where it is a number: the socket's group. */
export const NFQA_GID = 17;
/** Attribute, big-endian where it is a number: the security context. */
export const NFQA_SECCTX = 18;

/** Queue flag: accept packets while the queue is full. */
export const NFQA_CFG_F_FAIL_OPEN = 1;
/** Queue flag: attach the connection tracking entry. */
export const NFQA_CFG_F_CONNTRACK = 2;
/** Queue flag: deliver large packets uncut, their checksums not yet computed. */
export const NFQA_CFG_F_GSO = 4;
/** Queue flag: attach user and group of the local socket. */
export const NFQA_CFG_F_UID_GID = 8;
/** Queue flag: attach the security context. */
export const NFQA_CFG_F_SECCTX = 16;

/** `nfq_get_skbinfo`: the checksums look wrong but are not computed yet. */
export const NFQA_SKB_CSUMNOTREADY = 1;
/** `nfq_get_skbinfo`: a large packet that is still to be cut. */
export const NFQA_SKB_GSO = 2;
/** `nfq_get_skbinfo`: the checksums of an incoming packet were not verified. */
export const NFQA_SKB_CSUM_NOTVERIFIED = 4;

/** `nfq_snprintf_xml`: hook, hardware protocol and address. */
export const NFQ_XML_HW = 1;
/** `nfq_snprintf_xml`: the mark. */
export const NFQ_XML_MARK = 2;
/** `nfq_snprintf_xml`: device indices. */
export const NFQ_XML_DEV = 4;
/** `nfq_snprintf_xml`: indices of bridge ports. */
export const NFQ_XML_PHYSDEV = 8;
/** `nfq_snprintf_xml`: the payload, in hexadecimal. */
export const NFQ_XML_PAYLOAD = 16;
/** `nfq_snprintf_xml`: the time of the call. */
export const NFQ_XML_TIME = 32;
/** `nfq_snprintf_xml`: the user. */
export const NFQ_XML_UID = 64;
/** `nfq_snprintf_xml`: the group. */
export const NFQ_XML_GID = 128;
/** `nfq_snprintf_xml`: the security context, for which 1.0.5 writes nothing. */
export const NFQ_XML_SECCTX = 256;
/** `nfq_snprintf_xml`: everything. */
export const NFQ_XML_ALL = 0xffffffff;
