// Netlink framing: netlink(7), <linux/netlink.h>. Headers are in host order, and the hosts this
// library runs on are 64-bit and little-endian, so host order is little-endian here.
import { viewOf } from "../base/bytes.ts";
import { WireError } from "../base/errors.ts";
import { checkBytes } from "../base/checks.ts";

/** Reserved message types, `NLMSG_*`. */
export const NLMSG = { NOOP: 1, ERROR: 2, DONE: 3, OVERRUN: 4, MIN_TYPE: 0x10 } as const;

/** Message flags, `NLM_F_*`. CAPPED and ACK_TLVS are set on NLMSG_ERROR answers only. */
export const NLM_F = {
  REQUEST: 0x01,
  MULTI: 0x02,
  ACK: 0x04,
  ECHO: 0x08,
  DUMP_INTR: 0x10,
  DUMP_FILTERED: 0x20,
  CAPPED: 0x100,
  ACK_TLVS: 0x200,
} as const;

/** Attribute type flags, `NLA_F_*`, and the mask that leaves the type. */
export const NLA = { F_NESTED: 0x8000, F_NET_BYTEORDER: 0x4000, TYPE_MASK: 0x3fff } as const;

/** Size of `struct nlmsghdr`, in bytes. */
export const NETLINK_HEADER_SIZE = 16;
/** Size of `struct nfgenmsg`, in bytes: family, version, res_id (big-endian). */
export const NFGENMSG_SIZE = 4;
/** Size of `struct nlattr`, in bytes. */
export const ATTRIBUTE_HEADER_SIZE = 4;
/** Size of the fixed part of NLMSG_ERROR: header, errno, header of the failed request. */
export const ERROR_MESSAGE_SIZE = 36;
/** The longest payload of one attribute, in bytes: its length field has 16 bits. */
export const MAX_ATTRIBUTE_PAYLOAD = 65531;

const ERROR_MESSAGE = { layer: "NLMSG_ERROR", type: NLMSG.ERROR, least: ERROR_MESSAGE_SIZE };

/** Offsets inside `struct nlmsghdr`. */
const HEADER = { length: 0, type: 4, flags: 6, sequence: 8, portId: 12 } as const;

/** Rounds a length up to a multiple of 4 bytes (`NLMSG_ALIGN`, `NLA_ALIGN`). */
export function align4(length: number): number {
  return (length + 3) & ~3;
}

/** One netlink message inside a datagram. Offsets count from the start of the bytes given. */
export interface NetlinkMessage {
  /** Where its header begins. */
  readonly offset: number;
  /** `nlmsg_len`: bytes of header and payload, without the padding after it. */
  readonly length: number;
  /** `nlmsg_type`: what the message is. */
  readonly type: number;
  /** `nlmsg_flags`: bits of `NLM_F`. */
  readonly flags: number;
  /** `nlmsg_seq`, 0 to 0xffffffff; an answer has its request's. */
  readonly sequence: number;
  /** `nlmsg_pid`: the socket's port id; 0 is the kernel. */
  readonly portId: number;
}

/** One attribute of a message. */
export interface NetlinkAttribute {
  /** Type without the two flags. */
  readonly type: number;
  /** The sender set NLA_F_NESTED: the payload holds attributes. */
  readonly nested: boolean;
  /** The sender set NLA_F_NET_BYTEORDER. */
  readonly netByteOrder: boolean;
  /** Where the payload begins, in bytes from the start of the view. */
  readonly offset: number;
  /** Bytes of payload. */
  readonly length: number;
}

/** What an NLMSG_ERROR says. */
export interface NetlinkAnswer {
  /** A positive errno, or 0 for an acknowledgement. */
  readonly error: number;
  /** `nlmsg_type` of the request that it answers. */
  readonly originalType: number;
  /** `nlmsg_seq` of the request that it answers. */
  readonly originalSequence: number;
  /** `nlmsg_pid` as the request had it; the kernel does not look at it. */
  readonly originalPortId: number;
}

/**
 * The header of the message at `offset`.
 *
 * @throws {WireError} when the header, or the message it announces, does not fit before `end`.
 */
export function decodeHeader(
  view: DataView,
  offset: number,
  end: number = view.byteLength,
): NetlinkMessage {
  const have = end - offset;
  if (have < NETLINK_HEADER_SIZE) {
    throw new WireError({ layer: "netlink header", offset, need: NETLINK_HEADER_SIZE, have });
  }
  const length = view.getUint32(offset + HEADER.length, true);
  if (length < NETLINK_HEADER_SIZE) {
    const need = NETLINK_HEADER_SIZE;
    throw new WireError({ layer: "netlink message", offset, need, have: length });
  }
  if (length > have) {
    throw new WireError({ layer: "netlink message", offset, need: length, have });
  }
  return {
    offset,
    length,
    type: view.getUint16(offset + HEADER.type, true),
    flags: view.getUint16(offset + HEADER.flags, true),
    sequence: view.getUint32(offset + HEADER.sequence, true),
    portId: view.getUint32(offset + HEADER.portId, true),
  };
}

/** What a message must be for its reader. */
export interface Expected {
  /** What to call it in an error. */
  readonly layer: string;
  /** Its `nlmsg_type`. */
  readonly type: number;
  /** Its least `nlmsg_len`, in bytes. */
  readonly least: number;
}

/**
 * The header of the message at `offset`, which must be of one type and so long at least.
 *
 * @throws {WireError} when it is not, or does not fit before `end`
 */
export function expectMessage(
  view: DataView,
  { layer, type, least: need }: Expected,
  offset: number = 0,
  end: number = view.byteLength,
): NetlinkMessage {
  const message = decodeHeader(view, offset, end);
  const have = message.length;
  if (message.type !== type) {
    const reason = `message type is 0x${message.type.toString(16)}`;
    throw new WireError({ layer, offset, need, have, reason });
  }
  if (have < need) throw new WireError({ layer, offset, need, have });
  return message;
}

/**
 * Every message of a datagram, in order.
 *
 * @throws {WireError} at the first message that does not fit.
 */
export function* netlinkMessages(bytes: Uint8Array): Generator<NetlinkMessage, void, undefined> {
  const view = viewOf(checkBytes("bytes", bytes));
  for (let offset = 0; offset < view.byteLength;) {
    const message = decodeHeader(view, offset);
    yield message;
    offset += align4(message.length);
  }
}

/**
 * Every attribute from `start` to `end`. One to three bytes left over at the end are padding.
 *
 * @param layer what to call these attributes in an error.
 * @throws {WireError} at the first attribute that does not fit.
 */
export function* netlinkAttributes(
  view: DataView,
  start: number,
  end: number,
  layer: string = "netlink attribute",
): Generator<NetlinkAttribute, void, undefined> {
  // Every step is at least the 4 bytes of a header, so the loop ends.
  for (let at = start; end - at >= ATTRIBUTE_HEADER_SIZE;) {
    const length = view.getUint16(at, true);
    const type = view.getUint16(at + 2, true);
    if (length < ATTRIBUTE_HEADER_SIZE) {
      throw new WireError({ layer, offset: at, need: ATTRIBUTE_HEADER_SIZE, have: length });
    }
    if (length > end - at) throw new WireError({ layer, offset: at, need: length, have: end - at });
    yield {
      type: type & NLA.TYPE_MASK,
      nested: (type & NLA.F_NESTED) !== 0,
      netByteOrder: (type & NLA.F_NET_BYTEORDER) !== 0,
      offset: at + ATTRIBUTE_HEADER_SIZE,
      length: length - ATTRIBUTE_HEADER_SIZE,
    };
    at += align4(length);
  }
}

/**
 * Reads the NLMSG_ERROR whose header is at `offset`.
 *
 * The request may follow it whole, or as its header alone (NLM_F_CAPPED); only the header is read.
 *
 * @throws {WireError} when it is another message or does not fit before `end`.
 */
export function decodeError(
  view: DataView,
  offset: number,
  end: number = view.byteLength,
): NetlinkAnswer {
  expectMessage(view, ERROR_MESSAGE, offset, end);
  // |0 keeps a nonsensical INT_MIN an int32, and turns -0 into 0.
  const error = -view.getInt32(offset + NETLINK_HEADER_SIZE, true) | 0;
  const original = offset + NETLINK_HEADER_SIZE + 4;
  return {
    error,
    originalType: view.getUint16(original + HEADER.type, true),
    originalSequence: view.getUint32(original + HEADER.sequence, true),
    originalPortId: view.getUint32(original + HEADER.portId, true),
  };
}

/** What an NLMSG_ERROR is made of. */
export interface AnswerFields {
  /** A positive errno, or 0 for an acknowledgement. */
  readonly error: number;
  /** The request, or its header alone (`NLM_F.CAPPED`). */
  readonly request: Uint8Array;
  /** Default 0. */
  readonly flags?: number;
  /** `nlmsg_seq`; default 0. */
  readonly sequence?: number;
  /** `nlmsg_pid`: who is answered. */
  readonly portId: number;
}

/**
 * The bytes of an NLMSG_ERROR. Its `nlmsg_len` is 20 + the request's length; the datagram, as every
 * one that the kernel sends, is padded with zeros to a multiple of 4. Nothing is checked.
 */
export function encodeAnswer(
  { error, request, flags = 0, sequence = 0, portId }: AnswerFields,
): Uint8Array {
  const start = NETLINK_HEADER_SIZE + 4;
  const length = start + request.length;
  const bytes = new Uint8Array(new ArrayBuffer(align4(length)));
  const view = viewOf(bytes);
  writeHeader(view, 0, length, NLMSG.ERROR, flags, sequence);
  view.setUint32(HEADER.portId, portId, true);
  view.setInt32(NETLINK_HEADER_SIZE, -error, true);
  bytes.set(request, start);
  return bytes;
}

/**
 * Writes a `struct nlattr` at `offset` and returns where its payload begins.
 *
 * @param type with its flags
 * @param length bytes of payload, at most 65531
 */
export function writeAttributeHeader(
  view: DataView,
  offset: number,
  type: number,
  length: number,
): number {
  view.setUint16(offset, ATTRIBUTE_HEADER_SIZE + length, true);
  view.setUint16(offset + 2, type, true);
  return offset + ATTRIBUTE_HEADER_SIZE;
}

/** Writes a `struct nlmsghdr` (port id 0: the kernel) and returns the offset after it. */
export function writeHeader(
  view: DataView,
  offset: number,
  length: number,
  type: number,
  flags: number,
  sequence: number,
): number {
  view.setUint32(offset + HEADER.length, length, true);
  view.setUint16(offset + HEADER.type, type, true);
  view.setUint16(offset + HEADER.flags, flags, true);
  view.setUint32(offset + HEADER.sequence, sequence, true);
  view.setUint32(offset + HEADER.portId, 0, true);
  return offset + NETLINK_HEADER_SIZE;
}
