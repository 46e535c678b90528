// Where each attribute of a packet message is, without a copy or an allocation.
import { NFQA, QUEUE_HEADER_SIZE, QUEUE_MESSAGE } from "./numbers.ts";

/** Slots of one record that {@link indexPacketMessage} fills; slot n belongs to attribute n. */
export const ATTRIBUTE_STRIDE = 24;

/** The message is whole and well formed. */
export const MESSAGE_OK = 0;
/** The datagram ends before the message does (it was cut by a short receive buffer). */
export const MESSAGE_CUT: -1 = -1;
/** It is not an NFQNL_MSG_PACKET: an answer (NLMSG_ERROR), or something unknown. */
export const MESSAGE_OTHER: -2 = -2;
/** A length is impossible, or an attribute is shorter than its type demands. */
export const MESSAGE_MALFORMED: -3 = -3;
/** It is whole, but has no NFQA_PACKET_HDR, so no verdict can be given. */
export const MESSAGE_WITHOUT_ID: -4 = -4;

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
