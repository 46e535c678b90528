// NFQNL_MSG_VERDICT and NFQNL_MSG_VERDICT_BATCH: writers for the fast path, and an object form.
import { WireError } from "../../base/errors.ts";
import { need, readU32 } from "../attribute_reader.ts";
import { put, viewOf } from "../../base/bytes.ts";
import {
  align4,
  ATTRIBUTE_HEADER_SIZE,
  expectMessage,
  MAX_ATTRIBUTE_PAYLOAD,
  netlinkAttributes,
  NLM_F,
  writeAttributeHeader,
  writeHeader,
} from "../message.ts";
import { checkObject } from "../../base/objects.ts";
import { queueAt } from "./header.ts";
import { NFQA, QUEUE_HEADER_SIZE, QUEUE_MESSAGE } from "./numbers.ts";
import { encodeVerdictChanges, type QueueVerdictChanges, readVerdictChange } from "./changes.ts";
import { checkBytes, checkedLength, checkU16, checkU32 } from "../../base/checks.ts";

/** Bytes of a verdict that sets nothing else: headers and NFQA_VERDICT_HDR. */
export const VERDICT_SIZE = 32;
/** Where a netlink header has its port id. */
const PORT_ID = 12;
/** Bytes that {@link appendMark} adds. */
export const MARK_SIZE = 8;

/** Bytes that {@link appendPayload} adds for a payload of `length` bytes. */
export function payloadSize(length: number): number {
  return ATTRIBUTE_HEADER_SIZE + align4(length);
}

/** A packet's new bytes that lie in several pieces. */
export interface Payload {
  /** Bytes, at most 65531. */
  readonly length: number;
  /** Writes all of them at `at`. `bytes` and `view` cover the same memory. */
  copyTo(bytes: Uint8Array, view: DataView, at: number): void;
}

function isPayload(payload: Uint8Array | Payload): payload is Payload {
  return !(payload instanceof Uint8Array) && typeof payload?.copyTo === "function";
}

/** @ignore How long a payload is. */
export function payloadLength(payload: Uint8Array | Payload): number {
  return isPayload(payload)
    ? payload.length
    : checkedLength("payload", payload, MAX_ATTRIBUTE_PAYLOAD);
}

/**
 * Writes a verdict on one packet at `offset` (a multiple of 4) and returns the offset after it.
 * Nothing is checked but the view's bounds: numbers wrap to the width of their field.
 */
export function beginVerdict(
  view: DataView,
  offset: number,
  queue: number,
  sequence: number,
  id: number,
  verdict: number,
): number {
  return begin(view, offset, QUEUE_MESSAGE.VERDICT, queue, sequence, id, verdict);
}

/** Like {@link beginVerdict}, for every undecided packet whose id is not after `id`. */
export function beginVerdictBatch(
  view: DataView,
  offset: number,
  queue: number,
  sequence: number,
  id: number,
  verdict: number,
): number {
  return begin(view, offset, QUEUE_MESSAGE.VERDICT_BATCH, queue, sequence, id, verdict);
}

function begin(
  view: DataView,
  offset: number,
  type: number,
  queue: number,
  sequence: number,
  id: number,
  verdict: number,
): number {
  writeHeader(view, offset, VERDICT_SIZE, type, NLM_F.REQUEST, sequence);
  // nfgenmsg: family AF_UNSPEC, version 0, res_id = the queue's number, big-endian.
  view.setUint16(offset + 16, 0, true);
  view.setUint16(offset + 18, queue, false);
  writeAttributeHeader(view, offset + QUEUE_HEADER_SIZE, NFQA.VERDICT_HDR, 8);
  view.setUint32(offset + 24, verdict, false);
  view.setUint32(offset + 28, id, false);
  return offset + VERDICT_SIZE;
}

/** @ignore Whether the message at `start` is for many packets. */
export function isVerdictBatch(view: DataView, start: number): boolean {
  return view.getUint16(start + 4, true) === QUEUE_MESSAGE.VERDICT_BATCH;
}

/** @ignore Makes the message at `start` one for a single packet. */
export function narrowVerdict(view: DataView, start: number, id: number): void {
  view.setUint16(start + 4, QUEUE_MESSAGE.VERDICT, true);
  view.setUint32(start + 8, id, true);
  view.setUint32(start + 28, id, false);
}

/** @ignore What {@link tagMessage} wrote. */
export function taggedWith(view: DataView, start: number): number {
  return view.getUint32(start + PORT_ID, true);
}

/** @ignore Writes a number of the sender's own into a message's header (`nlmsg_pid`), which answers echo. */
export function tagMessage(view: DataView, start: number, tag: number): void {
  view.setUint32(start + PORT_ID, tag, true);
}

/**
 * Adds the packet's new mark to the message that spans `start` to `end`; returns its new end.
 * `mark` is a number in host order (it goes out big-endian, as the kernel wants it).
 */
export function appendMark(view: DataView, start: number, end: number, mark: number): number {
  view.setUint32(writeAttributeHeader(view, end, NFQA.MARK, 4), mark, false);
  const newEnd = end + MARK_SIZE;
  view.setUint32(start, newEnd - start, true);
  return newEnd;
}

/**
 * Adds the packet's new bytes to the message that spans `start` to `end`; returns its new end.
 * `view` and `bytes` must cover the same memory. `payload` has at most 65531 bytes; it may not
 * overlap what is written here.
 */
export function appendPayload(
  view: DataView,
  bytes: Uint8Array,
  start: number,
  end: number,
  payload: Uint8Array | Payload,
): number {
  const length = payloadLength(payload);
  const at = writeAttributeHeader(view, end, NFQA.PAYLOAD, length);
  if (isPayload(payload)) payload.copyTo(bytes, view, at);
  else put(bytes, at, payload, length);
  const newEnd = at + align4(length);
  for (let padding = at + length; padding < newEnd; padding++) view.setUint8(padding, 0);
  view.setUint32(start, newEnd - start, true);
  return newEnd;
}

/**
 * Adds attributes that are written already (`encodeVerdictChanges`) to the message that spans `start`
 * to `end`; returns its new end. `view` and `bytes` must cover the same memory.
 */
export function appendAttributes(
  view: DataView,
  bytes: Uint8Array,
  start: number,
  end: number,
  attributes: Uint8Array,
): number {
  const length = checkedLength("attributes", attributes);
  put(bytes, end, attributes, length);
  const newEnd = end + length;
  view.setUint32(start, newEnd - start, true);
  return newEnd;
}

/** A verdict on every undecided packet of a queue up to one id. */
export interface QueueVerdictBatch {
  /** Queue number, 0 to 65535. */
  readonly queue: number;
  /** Packet id, 0 to 2³²−1. */
  readonly id: number;
  /** `NF_VERDICT` value, 0 to 2³²−1: a queue number to go to sits in the upper 16 bits. */
  readonly verdict: number;
  /** The mark to set, host order, 0 to 2³²−1. Absent: the mark stays. */
  readonly mark?: number;
  /** `nlmsg_seq`, by which an error answer is told apart. Default 0. */
  readonly sequence?: number;
}

/** A verdict on one packet. */
export interface QueueVerdict extends QueueVerdictBatch, QueueVerdictChanges {
  /** The packet's new bytes from the network header on, at most 65531. Absent: unchanged. */
  readonly payload?: Uint8Array;
}

/**
 * The bytes of an NFQNL_MSG_VERDICT.
 *
 * @throws {TypeError | RangeError} naming the field that is out of its range.
 */
export function encodeVerdict(message: QueueVerdict): Uint8Array {
  return encode(message, QUEUE_MESSAGE.VERDICT, message);
}

/**
 * The bytes of an NFQNL_MSG_VERDICT_BATCH.
 *
 * @throws {TypeError | RangeError} naming the field that is out of its range.
 */
export function encodeVerdictBatch(message: QueueVerdictBatch): Uint8Array {
  return encode(message, QUEUE_MESSAGE.VERDICT_BATCH, {});
}

function encode(
  message: QueueVerdictBatch,
  type: number,
  single: Pick<QueueVerdict, "payload" | keyof QueueVerdictChanges>,
): Uint8Array {
  checkObject("message", message);
  const queue = checkU16("queue", message.queue);
  const id = checkU32("id", message.id);
  const verdict = checkU32("verdict", message.verdict);
  const sequence = checkU32("sequence", message.sequence ?? 0);
  const { mark } = message;
  const { payload: given } = single;
  if (mark !== undefined) checkU32("mark", mark);
  const changes = encodeVerdictChanges(single);
  // Last, because reading the changes may run the program's own code.
  const payload = given && checkBytes("payload", given, MAX_ATTRIBUTE_PAYLOAD);

  const size = VERDICT_SIZE + (mark === undefined ? 0 : MARK_SIZE) + changes.length +
    (payload === undefined ? 0 : payloadSize(payloadLength(payload)));
  const bytes = new Uint8Array(new ArrayBuffer(size));
  const view = viewOf(bytes);
  let end = begin(view, 0, type, queue, sequence, id, verdict);
  if (mark !== undefined) end = appendMark(view, 0, end, mark);
  if (changes.length > 0) end = appendAttributes(view, bytes, 0, end, changes);
  if (payload !== undefined) appendPayload(view, bytes, 0, end, payload);
  return bytes;
}

/**
 * Reads an NFQNL_MSG_VERDICT. Its `payload` and `layer2Header` borrow from `bytes`. Unknown attributes are skipped.
 *
 * @throws {WireError} when `bytes` does not begin with a whole, well-formed verdict.
 */
export function decodeVerdict(bytes: Uint8Array): QueueVerdict & { readonly sequence: number } {
  return decode(bytes, QUEUE_MESSAGE.VERDICT, "NFQNL_MSG_VERDICT");
}

/**
 * Reads an NFQNL_MSG_VERDICT_BATCH.
 *
 * @throws {WireError} when `bytes` does not begin with a whole, well-formed batch verdict.
 */
export function decodeVerdictBatch(
  bytes: Uint8Array,
): QueueVerdictBatch & { readonly sequence: number } {
  const { queue, id, verdict, mark, sequence } = decode(
    bytes,
    QUEUE_MESSAGE.VERDICT_BATCH,
    "NFQNL_MSG_VERDICT_BATCH",
  );
  return { queue, id, verdict, sequence, ...(mark === undefined ? {} : { mark }) };
}

function decode(
  given: Uint8Array,
  type: number,
  layer: string,
): QueueVerdict & { readonly sequence: number } {
  const bytes = checkBytes("bytes", given);
  const view = viewOf(bytes);
  const header = expectMessage(view, { layer, type, least: QUEUE_HEADER_SIZE });
  const have = header.length;
  let verdict: number | undefined;
  let id = 0;
  let mark: number | undefined;
  let payload: Uint8Array | undefined;
  const changes: QueueVerdictChanges = {};
  for (const attribute of netlinkAttributes(view, QUEUE_HEADER_SIZE, have)) {
    const { offset, length } = attribute;
    if (attribute.type === NFQA.VERDICT_HDR) {
      need(attribute, 8, "NFQA_VERDICT_HDR");
      verdict = view.getUint32(offset, false);
      id = view.getUint32(offset + 4, false);
    } else if (attribute.type === NFQA.MARK) {
      mark = readU32(view, attribute, "NFQA_MARK");
    } else if (attribute.type === NFQA.PAYLOAD) {
      payload = bytes.subarray(offset, offset + length);
    } else readVerdictChange(view, bytes, attribute, changes);
  }
  if (verdict === undefined) {
    const reason = "there is no NFQA_VERDICT_HDR";
    throw new WireError({ layer, offset: 0, need: VERDICT_SIZE, have, reason });
  }
  return {
    queue: queueAt(view, 0),
    id,
    verdict,
    sequence: header.sequence,
    ...(mark === undefined ? {} : { mark }),
    ...(payload === undefined ? {} : { payload }),
    ...changes,
  };
}
