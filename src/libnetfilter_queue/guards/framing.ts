/**
 * Looks through a datagram before C does: libnfnetlink trusts the lengths of attributes with a fixed
 * size and of hardware addresses.
 *
 * Its numbers are its own, as are the offsets of session.ts and receiver.ts: src/netlink has the same,
 * and what one gets wrong the tests that compare the two find.
 *
 * @module
 */

const MESSAGE_HEADER = 16;
/** nlmsghdr and nfgenmsg. */
const QUEUE_HEADER = 20;
const ATTRIBUTE_HEADER = 4;
const PACKET_MESSAGE = 3 << 8;
const TYPE_MASK = 0x7fff;
const NFQA_HWADDR = 9;
/** sizeof nfqnl_msg_packet_hw.hw_addr */
const HARDWARE_ADDRESS_SIZE = 8;

/** Bytes that C reads of an attribute whatever its length says (linux_nfnetlink_queue.h). */
const SIZES: Readonly<Record<number, number>> = {
  1: 7, // NFQA_PACKET_HDR
  3: 4, // NFQA_MARK
  4: 16, // NFQA_TIMESTAMP
  5: 4, // NFQA_IFINDEX_INDEV
  6: 4, // NFQA_IFINDEX_OUTDEV
  7: 4, // NFQA_IFINDEX_PHYSINDEV
  8: 4, // NFQA_IFINDEX_PHYSOUTDEV
  9: 12, // NFQA_HWADDR
  13: 4, // NFQA_CAP_LEN
  14: 4, // NFQA_SKB_INFO
  16: 4, // NFQA_UID
  17: 4, // NFQA_GID
};

/** Whether every message, and every attribute of a packet message, keeps to its bounds. */
export function isWellFramed(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at < bytes.length) {
    if (bytes.length - at < MESSAGE_HEADER) return false;
    const length = view.getUint32(at, true);
    if (length < MESSAGE_HEADER || length > bytes.length - at) return false;
    const isPacket = view.getUint16(at + 4, true) === PACKET_MESSAGE;
    if (isPacket && !attributesFit(view, at + QUEUE_HEADER, at + length)) return false;
    at += align(length);
  }
  return true;
}

function attributesFit(view: DataView, start: number, end: number): boolean {
  let at = start;
  if (at > end) return false;
  while (at < end) {
    if (end - at < ATTRIBUTE_HEADER) return false;
    const length = view.getUint16(at, true);
    if (length < ATTRIBUTE_HEADER || length > end - at) return false;
    const type = view.getUint16(at + 2, true) & TYPE_MASK;
    if (length - ATTRIBUTE_HEADER < (SIZES[type] ?? 0)) return false;
    if (type === NFQA_HWADDR && view.getUint16(at + ATTRIBUTE_HEADER) > HARDWARE_ADDRESS_SIZE) {
      return false;
    }
    at += align(length);
  }
  return true;
}

function align(length: number): number {
  return (length + 3) & ~3;
}
