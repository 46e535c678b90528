// What a verdict can change of a packet's conntrack entry: the payloads of NFQA_CT and NFQA_EXP on
// their way to the kernel. Source: ctnetlink_glue_parse and ctnetlink_glue_attach_expect in
// net/netfilter/nf_conntrack_netlink.c; what else NFQA_CT holds the kernel ignores, NAT above all.
import { readText, readU32 } from "../attribute_reader.ts";
import { AttributeWriter } from "../attribute_writer.ts";
import { readLabels } from "./entry.ts";
import { checkObject } from "../../base/objects.ts";
import { CONNTRACK_LABELS, CTA, CTA_EXPECT } from "./numbers.ts";
import { type ConntrackTuple, readTuple, writeTuple } from "./tuple.ts";
import { viewOf } from "../../base/bytes.ts";
import { netlinkAttributes } from "../message.ts";
import { checkBytes, checkInteger, checkU32, show } from "../../base/checks.ts";

/** NF_CT_HELPER_NAME_LEN without the NUL. */
const HELPER_LENGTH = 15;

/** Changes of a conntrack entry; what is absent stays as it is. */
export interface ConntrackChange {
  /** The new mark: `(old & ~markMask) ^ mark`, so its bits belong into the mask. */
  readonly mark?: number;
  /** Which bits of the mark change; absent: all. */
  readonly markMask?: number;
  /** Numbers of the labels to set, 0 to 127; they belong into `labelsMask` too. */
  readonly labels?: readonly number[];
  /** Numbers of the labels that change; absent: all. */
  readonly labelsMask?: readonly number[];
  /** Seconds until the entry expires. */
  readonly timeout?: number;
  /** `CONNTRACK_STATUS` bits; the kernel ignores those that are not for users. */
  readonly status?: number;
}

/** A connection to be expected because of this one. */
export interface ConntrackExpectation {
  /** The connection's original direction. */
  readonly tuple: Readonly<ConntrackTuple>;
  /** Which bits of the source address and the source port count; 0 bits match anything. */
  readonly mask: Readonly<ConntrackTuple>;
  /** Name of the helper that the new connection gets, 1 to 15 bytes. */
  readonly helper?: string;
  /** Class of the helper's expectations, 0 to 2³²−1. */
  readonly class?: number;
  /** `EXPECTATION_FLAG` bits. */
  readonly flags?: number;
}

/**
 * The payload of NFQA_CT.
 *
 * @throws {TypeError | RangeError} naming the field that is out of its range
 */
export function encodeConntrackChange(change: ConntrackChange): Uint8Array<ArrayBuffer> {
  checkObject("conntrack", change);
  const { mark, markMask, labels, labelsMask, timeout, status } = change;
  const writer = new AttributeWriter();
  if (timeout !== undefined) writer.u32(CTA.TIMEOUT, checkU32("timeout", timeout));
  if (status !== undefined) writer.u32(CTA.STATUS, checkU32("status", status));
  if (labels !== undefined) writer.bytes(CTA.LABELS, labelBits("labels", labels));
  if (labelsMask !== undefined) {
    writer.bytes(CTA.LABELS_MASK, labelBits("labelsMask", labelsMask));
  }
  if (mark !== undefined) writer.u32(CTA.MARK, checkU32("mark", mark));
  if (markMask !== undefined) writer.u32(CTA.MARK_MASK, checkU32("markMask", markMask));
  return writer.written;
}

/** All labels, because the kernel clears those that are not sent. */
function labelBits(field: string, labels: unknown): Uint8Array {
  if (!Array.isArray(labels)) {
    throw new TypeError(`${field} must be an array of label numbers, got ${show(labels)}`);
  }
  const bits = new Uint8Array(new ArrayBuffer(CONNTRACK_LABELS / 8));
  for (const label of labels) {
    checkInteger(`each of ${field}`, label, 0, CONNTRACK_LABELS - 1);
    bits[label >> 3]! |= 1 << (label & 7);
  }
  return bits;
}

/**
 * Reads what {@link encodeConntrackChange} has written; for tests and tools. Label numbers come back
 * ascending.
 *
 * @throws {WireError} when an attribute does not fit, or is too short
 */
export function decodeConntrackChange(given: Uint8Array): ConntrackChange {
  const bytes = checkBytes("bytes", given);
  const view = viewOf(bytes);
  const change: { -readonly [Key in keyof ConntrackChange]: ConntrackChange[Key] } = {};
  for (const attribute of netlinkAttributes(view, 0, bytes.length, "conntrack attribute")) {
    switch (attribute.type) {
      case CTA.MARK:
        change.mark = readU32(view, attribute, "CTA_MARK");
        break;
      case CTA.MARK_MASK:
        change.markMask = readU32(view, attribute, "CTA_MARK_MASK");
        break;
      case CTA.LABELS:
        change.labels = readLabels(bytes, attribute);
        break;
      case CTA.LABELS_MASK:
        change.labelsMask = readLabels(bytes, attribute);
        break;
      case CTA.TIMEOUT:
        change.timeout = readU32(view, attribute, "CTA_TIMEOUT");
        break;
      case CTA.STATUS:
        change.status = readU32(view, attribute, "CTA_STATUS");
        break;
    }
  }
  return change;
}

/**
 * The payload of NFQA_EXP.
 *
 * @throws {TypeError | RangeError} naming the field that is out of its range
 */
export function encodeExpectation(expectation: ConntrackExpectation): Uint8Array<ArrayBuffer> {
  checkObject("expectation", expectation);
  const { tuple, mask, helper, flags } = expectation;
  const writer = new AttributeWriter();
  writeTuple(writer, CTA_EXPECT.TUPLE, { field: "tuple", tuple });
  writeTuple(writer, CTA_EXPECT.MASK, { field: "mask", tuple: mask });
  if (helper !== undefined) {
    if (typeof helper !== "string" || helper.includes("\0")) {
      throw new TypeError(`helper must be a helper's name, got ${show(helper)}`);
    }
    const { length } = new TextEncoder().encode(helper);
    if (length === 0 || length > HELPER_LENGTH) {
      throw new RangeError(`helper must have 1 to ${HELPER_LENGTH} bytes, got ${length}`);
    }
    writer.text(CTA_EXPECT.HELP_NAME, helper);
  }
  if (expectation.class !== undefined) {
    writer.u32(CTA_EXPECT.CLASS, checkU32("class", expectation.class));
  }
  if (flags !== undefined) writer.u32(CTA_EXPECT.FLAGS, checkU32("flags", flags));
  return writer.written;
}

/**
 * Reads an expectation.
 *
 * @throws {WireError} when an attribute does not fit, or is too short
 */
export function decodeExpectation(given: Uint8Array): ConntrackExpectation {
  const bytes = checkBytes("bytes", given);
  const view = viewOf(bytes);
  const expectation: { -readonly [Key in keyof ConntrackExpectation]: ConntrackExpectation[Key] } =
    { tuple: {}, mask: {} };
  for (const attribute of netlinkAttributes(view, 0, bytes.length, "expectation attribute")) {
    switch (attribute.type) {
      case CTA_EXPECT.TUPLE:
        expectation.tuple = readTuple(view, bytes, attribute);
        break;
      case CTA_EXPECT.MASK:
        expectation.mask = readTuple(view, bytes, attribute);
        break;
      case CTA_EXPECT.HELP_NAME:
        expectation.helper = readText(bytes, attribute);
        break;
      case CTA_EXPECT.CLASS:
        expectation.class = readU32(view, attribute, "CTA_EXPECT_CLASS");
        break;
      case CTA_EXPECT.FLAGS:
        expectation.flags = readU32(view, attribute, "CTA_EXPECT_FLAGS");
        break;
    }
  }
  return expectation;
}
