// The numbers of connection tracking, and the kernel's names for them:
// <linux/netfilter/nfnetlink_conntrack.h>, nf_conntrack_common.h, nf_conntrack_tcp.h, _sctp.h.

/** `enum ctattr_type`. */
export const CTA = {
  TUPLE_ORIG: 1,
  TUPLE_REPLY: 2,
  STATUS: 3,
  PROTOINFO: 4,
  HELP: 5,
  NAT_SRC: 6,
  TIMEOUT: 7,
  MARK: 8,
  COUNTERS_ORIG: 9,
  COUNTERS_REPLY: 10,
  USE: 11,
  ID: 12,
  NAT_DST: 13,
  TUPLE_MASTER: 14,
  SEQ_ADJ_ORIG: 15,
  SEQ_ADJ_REPLY: 16,
  SECMARK: 17,
  ZONE: 18,
  SECCTX: 19,
  TIMESTAMP: 20,
  MARK_MASK: 21,
  LABELS: 22,
  LABELS_MASK: 23,
  SYNPROXY: 24,
  FILTER: 25,
  STATUS_MASK: 26,
} as const;

/** `enum ctattr_tuple`. */
export const CTA_TUPLE = { IP: 1, PROTO: 2, ZONE: 3 } as const;

/** `enum ctattr_ip`. */
export const CTA_IP = { V4_SRC: 1, V4_DST: 2, V6_SRC: 3, V6_DST: 4 } as const;

/** `enum ctattr_l4proto`. */
export const CTA_PROTO = {
  NUM: 1,
  SRC_PORT: 2,
  DST_PORT: 3,
  ICMP_ID: 4,
  ICMP_TYPE: 5,
  ICMP_CODE: 6,
  ICMPV6_ID: 7,
  ICMPV6_TYPE: 8,
  ICMPV6_CODE: 9,
} as const;

/** `enum ctattr_protoinfo`. */
export const CTA_PROTOINFO = { TCP: 1, DCCP: 2, SCTP: 3 } as const;

/** `enum ctattr_protoinfo_tcp`. */
export const CTA_PROTOINFO_TCP = {
  STATE: 1,
  WSCALE_ORIGINAL: 2,
  WSCALE_REPLY: 3,
  FLAGS_ORIGINAL: 4,
  FLAGS_REPLY: 5,
} as const;

/** `enum ctattr_protoinfo_sctp`. */
export const CTA_PROTOINFO_SCTP = { STATE: 1, VTAG_ORIGINAL: 2, VTAG_REPLY: 3 } as const;

/** `enum ctattr_counters`, `ctattr_tstamp`, `ctattr_secctx`, `ctattr_help`, as far as they are read. */
export const CTA_COUNTERS = { PACKETS: 1, BYTES: 2 } as const;
/** Nanoseconds since 1970. */
export const CTA_TIMESTAMP = { START: 1, STOP: 2 } as const;
/** The security context's text. */
export const CTA_SECCTX = { NAME: 1 } as const;
/** The helper's name. */
export const CTA_HELP = { NAME: 1 } as const;

/** `enum ctattr_expect`. */
export const CTA_EXPECT = {
  MASTER: 1,
  TUPLE: 2,
  MASK: 3,
  TIMEOUT: 4,
  ID: 5,
  HELP_NAME: 6,
  ZONE: 7,
  FLAGS: 8,
  CLASS: 9,
  NAT: 10,
  FN: 11,
} as const;

/** Values of CTA_EXPECT.FLAGS. */
export const EXPECTATION_FLAG = { PERMANENT: 1, INACTIVE: 2, USERSPACE: 4 } as const;

/** Bits of `Conntrack.status`: `enum ip_conntrack_status`. */
export const CONNTRACK_STATUS = {
  EXPECTED: 0x0001,
  SEEN_REPLY: 0x0002,
  ASSURED: 0x0004,
  CONFIRMED: 0x0008,
  SRC_NAT: 0x0010,
  DST_NAT: 0x0020,
  SEQ_ADJUST: 0x0040,
  SRC_NAT_DONE: 0x0080,
  DST_NAT_DONE: 0x0100,
  DYING: 0x0200,
  FIXED_TIMEOUT: 0x0400,
  TEMPLATE: 0x0800,
  UNTRACKED: 0x1000,
  HELPER: 0x2000,
  OFFLOAD: 0x4000,
  HW_OFFLOAD: 0x8000,
} as const;

/** Name of a bit of `Conntrack.status`. */
export type ConntrackFlag = keyof typeof CONNTRACK_STATUS;

/** `enum ip_conntrack_info`: how a packet relates to its entry (NFQA_CT_INFO). */
export const CONNTRACK_INFO = {
  ESTABLISHED: 0,
  RELATED: 1,
  NEW: 2,
  ESTABLISHED_REPLY: 3,
  RELATED_REPLY: 4,
  UNTRACKED: 7,
} as const;

/** Labels that an entry can carry, numbered from 0 (XT_CONNLABEL_MAXBIT is 127). */
export const CONNTRACK_LABELS = 128;

/** `enum tcp_conntrack` by number, as /proc/net/nf_conntrack names the states. */
export const TCP_STATES: readonly string[] = [
  "NONE",
  "SYN_SENT",
  "SYN_RECV",
  "ESTABLISHED",
  "FIN_WAIT",
  "CLOSE_WAIT",
  "LAST_ACK",
  "TIME_WAIT",
  "CLOSE",
  "SYN_SENT2",
];

/** `enum sctp_conntrack` by number, likewise. */
export const SCTP_STATES: readonly string[] = [
  "NONE",
  "CLOSED",
  "COOKIE_WAIT",
  "COOKIE_ECHOED",
  "ESTABLISHED",
  "SHUTDOWN_SENT",
  "SHUTDOWN_RECD",
  "SHUTDOWN_ACK_SENT",
  "HEARTBEAT_SENT",
];
