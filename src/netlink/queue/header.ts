// The headers of every message of nfnetlink_queue: nlmsghdr and nfgenmsg.
import { viewOf } from "../../base/bytes.ts";
import { writeHeader } from "../message.ts";
import { QUEUE_HEADER_SIZE } from "./numbers.ts";

/** Where nfgenmsg has the family, and the queue's number, which is big-endian. */
const FAMILY = 16;
const QUEUE = 18;

/** What the headers say. */
export interface QueueHeader {
  /** `QUEUE_MESSAGE` value. */
  readonly type: number;
  /** `NLM_F` bits. Default 0. */
  readonly flags?: number;
  readonly sequence: number;
  /** NFPROTO_* number. Default 0, unspecified. */
  readonly family?: number;
  readonly queue: number;
}

/** A whole message: the headers, and attributes that are written already. Nothing is checked. */
export function queueMessage(
  { type, flags = 0, sequence, family = 0, queue }: QueueHeader,
  attributes: Uint8Array,
): Uint8Array {
  const length = QUEUE_HEADER_SIZE + attributes.length;
  const bytes = new Uint8Array(new ArrayBuffer(length));
  const view = viewOf(bytes);
  writeHeader(view, 0, length, type, flags, sequence);
  view.setUint8(FAMILY, family);
  view.setUint16(QUEUE, queue, false);
  bytes.set(attributes, QUEUE_HEADER_SIZE);
  return bytes;
}

/** The family of the message at `start`. */
export function familyAt(view: DataView, start: number): number {
  return view.getUint8(start + FAMILY);
}

/** The queue's number of the message at `start`. */
export function queueAt(view: DataView, start: number): number {
  return view.getUint16(start + QUEUE, false);
}
