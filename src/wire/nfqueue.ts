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

/** Slots of one record that {@link indexPacketMessage} fills; slot n belongs to attribute n. */
export const ATTRIBUTE_STRIDE = 24;

/** The message is whole and well formed. */
export const MESSAGE_OK = 0;
/** The datagram ends before the message does (it was cut by a short receive buffer). */
export const MESSAGE_CUT = -1;
/** It is not an NFQNL_MSG_PACKET: an answer (NLMSG_ERROR), or something unknown. */
export const MESSAGE_OTHER = -2;
/** A length is impossible, or an attribute is shorter than its type demands. */
export const MESSAGE_MALFORMED = -3;
/** It is whole, but has no NFQA_PACKET_HDR, so no verdict can be given. */
export const MESSAGE_WITHOUT_ID = -4;

/** Bytes of nlmsghdr and nfgenmsg, before the first attribute. */
export const QUEUE_HEADER_SIZE = 20;

/** Least payload, in bytes, of each attribute of a packet message, by type. */
export const MINIMUM_LENGTH: Uint8Array = new Uint8Array(ATTRIBUTE_STRIDE);
MINIMUM_LENGTH[NFQA.PACKET_HDR] = 7;
MINIMUM_LENGTH[NFQA.VERDICT_HDR] = 8;
MINIMUM_LENGTH[NFQA.MARK] = 4;
MINIMUM_LENGTH[NFQA.TIMESTAMP] = 16;
MINIMUM_LENGTH[NFQA.IFINDEX_INDEV] = 4;
MINIMUM_LENGTH[NFQA.IFINDEX_OUTDEV] = 4;
MINIMUM_LENGTH[NFQA.IFINDEX_PHYSINDEV] = 4;
MINIMUM_LENGTH[NFQA.IFINDEX_PHYSOUTDEV] = 4;
MINIMUM_LENGTH[NFQA.HWADDR] = 12;
MINIMUM_LENGTH[NFQA.CT_INFO] = 4;
MINIMUM_LENGTH[NFQA.CAP_LEN] = 4;
MINIMUM_LENGTH[NFQA.SKB_INFO] = 4;
MINIMUM_LENGTH[NFQA.UID] = 4;
MINIMUM_LENGTH[NFQA.GID] = 4;
MINIMUM_LENGTH[NFQA.PRIORITY] = 4;
MINIMUM_LENGTH[NFQA.CGROUP_CLASSID] = 4;

const PACKET_HDR: number = NFQA.PACKET_HDR;
const LAST_ATTRIBUTE: number = NFQA.CGROUP_CLASSID;

/**
 * Finds every attribute of the NFQNL_MSG_PACKET that begins at `start`. Allocates nothing and does
 * not throw as long as `0 <= start <= end <= view.byteLength` and the table has room.
 *
 * `table[base + type]` becomes the absolute offset in `view` of that attribute's payload, 0 when it
 * is absent; {@link attributeLength} gives its length. `table[base]` becomes the packet id as an
 * int32 (`>>> 0` makes it unsigned). Unknown types are skipped; of a repeated one the last counts.
 *
 * Whatever the code returned, every offset in the table belongs to an attribute that was wholly
 * there and long enough. So when `table[base + NFQA.PACKET_HDR]` is not 0, a packet whose message
 * was cut or is malformed can still be given a verdict.
 *
 * @returns MESSAGE_OK, or one of MESSAGE_CUT, MESSAGE_OTHER, MESSAGE_MALFORMED, MESSAGE_WITHOUT_ID.
 */
export function indexPacketMessage(
  view: DataView,
  start: number,
  end: number,
  table: Int32Array,
  base: number,
): number {
  const stop = base + ATTRIBUTE_STRIDE;
  for (let slot = base; slot < stop; slot++) table[slot] = 0;

  const have = end - start;
  if (have < QUEUE_HEADER_SIZE) {
    return have >= 6 && view.getUint16(start + 4, true) !== QUEUE_MESSAGE.PACKET
      ? MESSAGE_OTHER
      : MESSAGE_CUT;
  }
  if (view.getUint16(start + 4, true) !== QUEUE_MESSAGE.PACKET) return MESSAGE_OTHER;
  const length = view.getUint32(start, true);
  if (length < QUEUE_HEADER_SIZE) return MESSAGE_MALFORMED;

  const cut = length > have;
  const limit = cut ? end : start + length;
  // Every step is at least the 4 bytes of an attribute's header, so the loop ends.
  for (let at = start + QUEUE_HEADER_SIZE; limit - at >= 4;) {
    const size = view.getUint16(at, true);
    if (size < 4) return MESSAGE_MALFORMED;
    if (size > limit - at) return cut ? MESSAGE_CUT : MESSAGE_MALFORMED;
    const type = view.getUint16(at + 2, true) & 0x3fff;
    if (type !== 0 && type <= LAST_ATTRIBUTE) {
      if (size - 4 < MINIMUM_LENGTH[type]!) return MESSAGE_MALFORMED;
      table[base + type] = at + 4;
      if (type === PACKET_HDR) table[base] = view.getInt32(at + 4, false);
    }
    at += (size + 3) & ~3;
  }
  if (cut) return MESSAGE_CUT;
  return table[base + PACKET_HDR] === 0 ? MESSAGE_WITHOUT_ID : MESSAGE_OK;
}

/** Bytes of the attribute payload at `offset` (an offset that {@link indexPacketMessage} stored). */
export function attributeLength(view: DataView, offset: number): number {
  return view.getUint16(offset - 4, true) - 4;
}
