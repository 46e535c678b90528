// The nfnetlink_queue protocol: its numbers, and the reader of the fast path.
// Source: <linux/netfilter/nfnetlink_queue.h>, <linux/netfilter.h>. Unless it is said otherwise,
// what is inside an attribute is big-endian; attribute and message headers are little-endian.

/** Netlink message types carry the subsystem in their upper byte. */
export const NFNL_SUBSYS_QUEUE = 3;

/** `enum nfqnl_msg_types`. */
export const NFQNL_MSG = { PACKET: 0, VERDICT: 1, CONFIG: 2, VERDICT_BATCH: 3 } as const;

/** `nlmsg_type` of each message: subsystem and `NFQNL_MSG_*`. */
export const QUEUE_MESSAGE = {
  PACKET: 0x0300,
  VERDICT: 0x0301,
  CONFIG: 0x0302,
  VERDICT_BATCH: 0x0303,
} as const;

/** `enum nfqnl_attr_type`: attributes of packets and verdicts. */
export const NFQA = {
  UNSPEC: 0,
  PACKET_HDR: 1,
  VERDICT_HDR: 2,
  MARK: 3,
  TIMESTAMP: 4,
  IFINDEX_INDEV: 5,
  IFINDEX_OUTDEV: 6,
  IFINDEX_PHYSINDEV: 7,
  IFINDEX_PHYSOUTDEV: 8,
  HWADDR: 9,
  PAYLOAD: 10,
  CT: 11,
  CT_INFO: 12,
  CAP_LEN: 13,
  SKB_INFO: 14,
  EXP: 15,
  UID: 16,
  GID: 17,
  SECCTX: 18,
  VLAN: 19,
  L2HDR: 20,
  PRIORITY: 21,
  /** Linux 6.10 and later; not yet in every distribution's header. */
  CGROUP_CLASSID: 22,
} as const;

/** `enum nfqnl_vlan_attr`, inside NFQA.VLAN. */
export const NFQA_VLAN = { UNSPEC: 0, PROTO: 1, TCI: 2 } as const;

/** `enum nfqnl_msg_config_cmds`. PF_BIND and PF_UNBIND do nothing since Linux 3.8. */
export const NFQNL_CFG_CMD = { NONE: 0, BIND: 1, UNBIND: 2, PF_BIND: 3, PF_UNBIND: 4 } as const;

/** `enum nfqnl_config_mode`: how much of a packet is copied. */
export const NFQNL_COPY = { NONE: 0, META: 1, PACKET: 2 } as const;

/** `enum nfqnl_attr_config`: attributes of configuration messages. */
export const NFQA_CFG = {
  UNSPEC: 0,
  CMD: 1,
  PARAMS: 2,
  QUEUE_MAXLEN: 3,
  MASK: 4,
  FLAGS: 5,
} as const;

/** Values of NFQA_CFG.FLAGS and NFQA_CFG.MASK. */
export const NFQA_CFG_F = {
  FAIL_OPEN: 0x01,
  CONNTRACK: 0x02,
  GSO: 0x04,
  UID_GID: 0x08,
  SECCTX: 0x10,
  MAX: 0x20,
} as const;

/** Values of NFQA.SKB_INFO. */
export const NFQA_SKB = {
  /** The checksums are not computed yet: they look wrong, and are not. */
  CSUMNOTREADY: 0x01,
  /** The packet is bigger than the device's MTU and will be cut later. */
  GSO: 0x02,
  /** Nobody has validated the checksums. */
  CSUM_NOTVERIFIED: 0x04,
} as const;

/** Verdicts. The kernel refuses STOLEN; QUEUE takes the queue's number in its upper 16 bits. */
export const NF_VERDICT = {
  DROP: 0,
  ACCEPT: 1,
  STOLEN: 2,
  QUEUE: 3,
  REPEAT: 4,
  STOP: 5,
} as const;

/** Added to NF_VERDICT.QUEUE: accept when nobody listens on that queue. */
export const NF_VERDICT_FLAG_QUEUE_BYPASS = 0x8000;

/** The most bytes of a packet the kernel copies: one attribute's payload. */
export const MAX_COPY_RANGE = 65531;

/** Bytes of nlmsghdr and nfgenmsg, before the first attribute. */
export const QUEUE_HEADER_SIZE = 20;
