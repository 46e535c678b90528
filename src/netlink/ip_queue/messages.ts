// The ip_queue protocol: its numbers, its layout, and every message but the packet.
// Source: <linux/netfilter_ipv4/ip_queue.h> of Linux 3.4, libipq(3). The structures hold C longs;
// these are their offsets on 64-bit machines. All is in host order, that is little-endian, but
// hw_protocol.
import { WireError } from "../../base/errors.ts";
import { type GivenBytes, viewOf } from "../../base/bytes.ts";
import {
  encodeAnswer,
  type Expected,
  expectMessage,
  NETLINK_HEADER_SIZE,
  NLM_F,
  NLMSG,
  writeHeader,
} from "../message.ts";
import { checkObject } from "../../base/objects.ts";
import {
  checkBytes,
  checkedLength,
  checkInteger,
  checkSize,
  checkU32,
  checkU64,
} from "../../base/checks.ts";

/** Message types, `IPQM_*`. Types up to BASE are netlink's own, MAX and above are nobody's. */
export const IPQM = { BASE: 0x10, MODE: 0x11, VERDICT: 0x12, PACKET: 0x13, MAX: 0x14 } as const;

/** Modes, `IPQ_COPY_*`: nothing (packets are dropped), metadata, metadata and payload. */
export const IPQ_COPY = { NONE: 0, META: 1, PACKET: 2 } as const;

/** Bytes of nlmsghdr and `struct ipq_packet_msg`, before the payload. */
export const IPQ_PACKET_SIZE = 112;
/** Bytes of nlmsghdr and `struct ipq_peer_msg`, the least the kernel takes from a program. */
export const IPQ_PEER_SIZE = 40;
/** Bytes that libipq sends for a mode: its structure, and 16 bytes too many. */
export const IPQ_MODE_SIZE = 56;
/** Bytes of a device name and the NULs after it, `IFNAMSIZ`. */
export const IPQ_NAME_SIZE = 16;
/** The most bytes of a packet the kernel copies. */
export const IPQ_MAX_RANGE = 65535;

/** The longest message the encoders make: what `align4` can round. */
export const IPQ_MAX_LENGTH = 0x7ffffffc;

/** Offsets in an IPQM_PACKET, from the start of the message. */
export const IPQ_PACKET_OFFSET = {
  packetId: 16,
  mark: 24,
  timestampSeconds: 32,
  timestampMicroseconds: 40,
  hook: 48,
  indevName: 52,
  outdevName: 68,
  /** The one field in network order. */
  hwProtocol: 84,
  hwType: 86,
  hwAddressLength: 88,
  hwAddress: 89,
  dataLength: 104,
  payload: 112,
} as const;

/** Offsets in an IPQM_MODE, from the start of the message. */
export const IPQ_MODE_OFFSET = { mode: 16, range: 24 } as const;

/** Offsets in an IPQM_VERDICT, from the start of the message. */
export const IPQ_VERDICT_OFFSET = { verdict: 16, id: 24, dataLength: 32, payload: 40 } as const;

const TYPE_OFFSET = 4;
const PORT_ID_OFFSET = 12;
const ERROR_OFFSET = NETLINK_HEADER_SIZE;
/** Where the answered request begins in an NLMSG_ERROR. */
const REQUEST_OFFSET = 20;
/** MAX_ERRNO of the kernel. */
const MAX_ERRNO = 4095;

const ERROR = { layer: "NLMSG_ERROR", type: NLMSG.ERROR, least: REQUEST_OFFSET };
const MODE = { layer: "IPQM_MODE", type: IPQM.MODE, least: IPQ_PEER_SIZE };
const VERDICT = { layer: "IPQM_VERDICT", type: IPQM.VERDICT, least: IPQ_PEER_SIZE };

/** The u16 at `offset`. */
export function u16At(bytes: GivenBytes, offset: number): number {
  return bytes[offset]! | bytes[offset + 1]! << 8;
}

/** The i32 at `offset`; what lies beyond the end counts as 0. */
export function i32At(bytes: GivenBytes, offset: number): number {
  return bytes[offset]! | bytes[offset + 1]! << 8 | bytes[offset + 2]! << 16 |
    bytes[offset + 3]! << 24;
}

/**
 * The message's type (`nlmsg_type`): an `IPQM` number, or `NLMSG.ERROR`. Like `ipq_message_type`
 * it looks at nothing else.
 *
 * @throws {WireError} when there are fewer bytes than the 16 of a header.
 */
export function ipqMessageType(bytes: Uint8Array): number {
  const have = checkedLength("bytes", bytes);
  const need = NETLINK_HEADER_SIZE;
  if (have < need) throw new WireError({ layer: "netlink header", offset: 0, need, have });
  return u16At(bytes, TYPE_OFFSET);
}

/**
 * What an NLMSG_ERROR says: a positive errno, 0 for an acknowledgement (which ip_queue does not
 * send unasked).
 *
 * @throws {WireError} when it is another message, or does not fit its bytes.
 */
export function ipqMessageError(bytes: Uint8Array): number {
  const view = open(bytes, ERROR).view;
  // |0 keeps a nonsensical INT_MIN an int32, and turns -0 into 0.
  return -view.getInt32(ERROR_OFFSET, true) | 0;
}

/** A program's wish to get packets. */
export interface IpqModeMessage {
  /** `IPQ_COPY` value, 0 to 255; the kernel refuses what it does not know. */
  readonly mode: number;
  /** Bytes of each packet to copy, a size_t: 0 to 2⁶⁴−1. 0 means all; used with PACKET only. */
  readonly range: number | bigint;
  /** `nlmsg_pid`, by which the kernel knows the program: 0 to 2³²−1. */
  readonly portId: number;
}

/** A verdict on one packet. */
export interface IpqVerdictMessage {
  /** Packet id, 0 to 2⁶⁴−1. */
  readonly id: bigint;
  /** `NF_VERDICT` value, 0 to 2³²−1. */
  readonly verdict: number;
  /** The payload's length as the message states it, a size_t. Default: the payload's. */
  readonly dataLength?: number | bigint;
  /** `nlmsg_pid`, 0 to 2³²−1. */
  readonly portId: number;
  /** The packet's new bytes. Absent or empty: unchanged. */
  readonly payload?: Uint8Array;
}

/** What the kernel answers to a message that it refuses. */
export interface IpqErrorMessage {
  /** Positive errno, 1 to 4095. */
  readonly error: number;
  /** `nlmsg_pid`: the port id of the program that is answered. */
  readonly portId: number;
  /** The whole message that was refused. */
  readonly request: Uint8Array;
}

/**
 * The bytes of an IPQM_MODE as libipq sends it: 56, with zeros where libipq sends what is on its
 * stack.
 *
 * @throws {TypeError | RangeError} naming the field that is out of its range.
 */
export function encodeIpqMode(message: IpqModeMessage): Uint8Array {
  checkObject("message", message);
  const mode = checkInteger("mode", message.mode, 0, 0xff);
  const range = checkSize("range", message.range);
  const { bytes, view } = request(IPQ_MODE_SIZE, IPQM.MODE, message.portId);
  view.setUint8(IPQ_MODE_OFFSET.mode, mode);
  view.setBigUint64(IPQ_MODE_OFFSET.range, range, true);
  return bytes;
}

/**
 * The bytes of an IPQM_VERDICT: 40, and the payload's. `dataLength` is only stated: the kernel
 * ignores a payload whose length it does not tell.
 *
 * @throws {TypeError | RangeError} naming the field that is out of its range.
 */
export function encodeIpqVerdict(message: IpqVerdictMessage): Uint8Array {
  checkObject("message", message);
  const id = checkU64("id", message.id);
  const verdict = checkU32("verdict", message.verdict);
  const given = message.payload;
  const most = IPQ_MAX_LENGTH - IPQ_PEER_SIZE;
  const stated = message.dataLength;
  const { portId } = message;
  // Behind the getters of the message, which may run the program's own code.
  const payload = given === undefined ? undefined : checkBytes("payload", given, most);
  const length = payload?.length ?? 0;
  const dataLength = checkSize("dataLength", stated ?? length);
  const { bytes, view } = request(IPQ_PEER_SIZE + length, IPQM.VERDICT, portId);
  view.setUint32(IPQ_VERDICT_OFFSET.verdict, verdict, true);
  view.setBigUint64(IPQ_VERDICT_OFFSET.id, id, true);
  view.setBigUint64(IPQ_VERDICT_OFFSET.dataLength, dataLength, true);
  if (payload !== undefined) bytes.set(payload, IPQ_VERDICT_OFFSET.payload);
  return bytes;
}

/**
 * The bytes of the NLMSG_ERROR that answers `request`. Its `nlmsg_len` is 20 + the request's
 * length; the datagram, as every one the kernel sends, is padded with zeros to a multiple of 4.
 *
 * @throws {TypeError | RangeError} naming the field that is out of its range.
 */
export function encodeIpqError(message: IpqErrorMessage): Uint8Array {
  checkObject("message", message);
  const error = checkInteger("error", message.error, 1, MAX_ERRNO);
  const portId = checkU32("portId", message.portId);
  const answered = checkBytes("request", message.request, IPQ_MAX_LENGTH - REQUEST_OFFSET);
  return encodeAnswer({ error, request: answered, portId });
}

/**
 * Reads an IPQM_MODE, of 40 bytes or more.
 *
 * @throws {WireError} when `bytes` does not begin with a whole mode message.
 */
export function decodeIpqMode(bytes: Uint8Array): IpqModeMessage & { readonly range: bigint } {
  const { view, portId } = open(bytes, MODE);
  return {
    mode: view.getUint8(IPQ_MODE_OFFSET.mode),
    range: view.getBigUint64(IPQ_MODE_OFFSET.range, true),
    portId,
  };
}

/**
 * Reads an IPQM_VERDICT. `payload` is all that follows its first 40 bytes, whatever `dataLength`
 * says, and borrows from `bytes`.
 *
 * @throws {WireError} when `bytes` does not begin with a whole verdict message.
 */
export function decodeIpqVerdict(
  given: Uint8Array,
): Required<IpqVerdictMessage> & { readonly dataLength: bigint } {
  const bytes = checkBytes("bytes", given);
  const { view, portId, length } = open(bytes, VERDICT);
  return {
    id: view.getBigUint64(IPQ_VERDICT_OFFSET.id, true),
    verdict: view.getUint32(IPQ_VERDICT_OFFSET.verdict, true),
    dataLength: view.getBigUint64(IPQ_VERDICT_OFFSET.dataLength, true),
    portId,
    payload: bytes.subarray(IPQ_VERDICT_OFFSET.payload, length),
  };
}

/** A zeroed message from a program with its header written. */
function request(
  length: number,
  type: number,
  portId: number,
): { readonly bytes: Uint8Array; readonly view: DataView } {
  checkU32("portId", portId);
  const bytes = new Uint8Array(new ArrayBuffer(length));
  const view = viewOf(bytes);
  writeHeader(view, 0, length, type, NLM_F.REQUEST, 0);
  view.setUint32(PORT_ID_OFFSET, portId, true);
  return { bytes, view };
}

/** The message at the start of `bytes` once it is known to be of this type and long enough. */
function open(
  bytes: Uint8Array,
  expected: Expected,
): { readonly view: DataView; readonly length: number; readonly portId: number } {
  const view = viewOf(checkBytes("bytes", bytes));
  const header = expectMessage(view, expected);
  return { view, length: header.length, portId: header.portId };
}
