// What is written alike in messages of ICMP and ICMPv6; `layout` tells which of them it is. Functions,
// not a class to inherit from: each view has a guard of its own at the end of its chain
// (base/name_guard.ts).
import { checkedLength, checkInteger, checkU16, checkU32 } from "../../base/checks.ts";
import { replaceData, requireUpper, writeUpper16, writeUpper32 } from "../edit/edit.ts";
import type { Outline } from "../structure/outline.ts";
import { ICMP_HEADER_SIZE, ICMP_OFFSET, type UpperLayout } from "../structure/upper_layouts.ts";

const FIELD = ICMP_OFFSET;

/** Writes a word, at an even offset of the header. */
export function writeMessage16(
  layout: UpperLayout,
  outline: Outline,
  offset: number,
  word: number,
): void {
  requireUpper(outline, layout);
  writeUpper16(outline, offset, word);
}

export function writeType(layout: UpperLayout, outline: Outline, value: number): void {
  checkInteger("type", value, 0, 255);
  const code = outline.packet.u8(outline.upperOffset + FIELD.code);
  writeMessage16(layout, outline, FIELD.type, (value << 8) | code);
}

export function writeCode(layout: UpperLayout, outline: Outline, value: number): void {
  checkInteger("code", value, 0, 255);
  const type = outline.packet.u8(outline.upperOffset + FIELD.type);
  writeMessage16(layout, outline, FIELD.type, (type << 8) | value);
}

export function writeChecksum(layout: UpperLayout, outline: Outline, value: number): void {
  checkU16("checksum", value);
  requireUpper(outline, layout);
  outline.packet.setU16(outline.upperOffset + FIELD.checksum, value);
}

export function writeRestOfHeader(layout: UpperLayout, outline: Outline, value: number): void {
  checkU32("restOfHeader", value);
  requireUpper(outline, layout);
  writeUpper32(outline, FIELD.restOfHeader, value);
}

/** @param extended it is an extended echo, whose sequence number has 8 bits (RFC 8335 §2). */
export function sequenceNumberOf(outline: Outline, extended: boolean): number {
  const word = outline.packet.u16(outline.upperOffset + FIELD.sequenceNumber);
  return extended ? word >> 8 : word;
}

/** The reverse; what else an extended echo has in the word stays. */
export function writeSequenceNumber(
  layout: UpperLayout,
  outline: Outline,
  value: number,
  extended: boolean,
): void {
  if (extended) checkInteger("sequenceNumber", value, 0, 0xff);
  const low = outline.packet.u8(outline.upperOffset + FIELD.sequenceNumber + 1);
  writeMessage16(layout, outline, FIELD.sequenceNumber, extended ? (value << 8) | low : value);
}

/** What follows the header, in place. */
export function messageData({ packet, upperOffset, end }: Outline): Uint8Array {
  return packet.subarray(upperOffset + ICMP_HEADER_SIZE, end);
}

export function writePayload(layout: UpperLayout, outline: Outline, value: Uint8Array): void {
  const length = checkedLength("payload", value);
  requireUpper(outline, layout);
  const from = outline.upperOffset + ICMP_HEADER_SIZE;
  replaceData(outline, { field: "payload", from, to: outline.end }, value, length);
}
