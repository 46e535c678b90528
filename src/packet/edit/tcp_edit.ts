// The options of a TCP header in place: where one stands, and how they are put in and out.
import { replacePart, writeUpperBytes } from "./edit.ts";
import {
  encodeOptions,
  findOption,
  type RawOption,
  readOptions,
  requireReadable,
} from "../structure/header_options.ts";
import type { Outline } from "../structure/outline.ts";
import { updateUpper } from "../structure/sums.ts";
import { TCP_HEADER_SIZE, TCP_OFFSET } from "../structure/upper_layouts.ts";

/** Where the data of a TCP segment begins, or its captured part ends. */
export function tcpHeaderEnd({ packet, upperOffset, end }: Outline): number {
  return Math.min(upperOffset + (packet.u8(upperOffset + TCP_OFFSET.dataOffset) >> 4) * 4, end);
}

/** Where an option of this kind and length (0: any) begins, −1 when there is none. */
export function findTcpOption(outline: Outline, kind: number, length: number): number {
  const { packet, upperOffset } = outline;
  const at = findOption(packet, upperOffset + TCP_HEADER_SIZE, tcpHeaderEnd(outline), kind);
  return at >= 0 && (length === 0 || packet.u8(at + 1) === length) ? at : -1;
}

/** Changes an option in place if its length stays, else puts it in or out. */
export function setTcpOption(
  outline: Outline,
  kind: number,
  data: readonly number[] | undefined,
): void {
  const at = data === undefined ? -1 : findTcpOption(outline, kind, data.length + 2);
  if (data !== undefined && at >= 0) {
    writeUpperBytes(outline, at + 2, Uint8Array.from(data));
    return;
  }
  const to = tcpHeaderEnd(outline);
  const list = readOptions(outline.packet, outline.upperOffset + TCP_HEADER_SIZE, to);
  const option: RawOption | undefined = data && [kind, Uint8Array.from(data)];
  const place = list.options.findIndex(([other]) => other === kind);
  outline.packet.requireWritable();
  if (option === undefined && place < 0) return;
  requireReadable("tcp option", list, to);
  const others = list.options.filter(([other]) => other !== kind);
  if (option !== undefined) others.splice(place < 0 ? others.length : place, 0, option);
  setTcpOptions(outline, encodeOptions("options", others));
}

/** Puts other options, of whole words, in the place of all. */
export function setTcpOptions(outline: Outline, bytes: Uint8Array): void {
  const { packet, upperOffset } = outline;
  const from = upperOffset + TCP_HEADER_SIZE;
  const offset = packet.u16(upperOffset + TCP_OFFSET.dataOffset);
  // Options that were not captured are there all the same.
  const to = upperOffset + (offset >> 12) * 4;
  // The segment's length is part of the pseudo-header.
  const before = packet.sum(from, tcpHeaderEnd(outline), offset + outline.end - upperOffset);
  replacePart(outline, { field: "options", from, to }, bytes);
  const word = (offset & 0x0fff) | ((TCP_HEADER_SIZE + bytes.length) << 10);
  packet.setU16(upperOffset + TCP_OFFSET.dataOffset, word);
  outline.refresh();
  const after = packet.sum(from, from + bytes.length, word + outline.end - upperOffset);
  updateUpper(outline, before, after);
}
