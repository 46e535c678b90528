/**
 * The forms that several functions for packet buffers share: replacing bytes, printing a header.
 *
 * @module
 */

import { textOf } from "../../../ffi/memory.ts";
import type { Pointer } from "../../../ffi/types.ts";
import { checkU32 } from "../guards/arguments.ts";
import type { Replacement } from "./ip.ts";
import { lend } from "../guards/lend.ts";
import type { PacketMemory } from "./memory.ts";

const MOST_REPLACEMENT = 1 << 20;
/** Several times what any of the functions prints: they write past a buffer that is too small. */
const TEXT_SIZE = 1024;

/** The last three or four arguments of a mangle function, checked. */
export function replacement(
  match_offset: number,
  match_len: number,
  rep_buffer: Uint8Array,
): Replacement {
  return {
    matchOffset: checkU32("match_offset", match_offset),
    matchLength: checkU32("match_len", match_len),
    ...lend("rep_buffer", rep_buffer, { max: MOST_REPLACEMENT }),
  };
}

/** The same as C takes them. */
export function parameters(
  { matchOffset, matchLength, bytes, length }: Replacement,
): [number, number, Uint8Array<ArrayBuffer>, number] {
  return [matchOffset, matchLength, bytes, length];
}

/** Makes a replacement that was found to be possible; `growth` is null when it was not. */
export function replace(
  memory: PacketMemory,
  growth: number | null,
  call: () => number,
): boolean {
  if (growth === null || call() === 0) return false;
  memory.grew(growth);
  return true;
}

/** What a `snprintf` function of the library says of a header. */
export function print(
  call: (text: Uint8Array<ArrayBuffer>, size: bigint, header: Pointer) => number,
  header: Pointer | null,
): string | null {
  if (header === null) return null;
  const text = new Uint8Array(new ArrayBuffer(TEXT_SIZE));
  // The result is not the length (nfq_tcp_snprintf gives that of its last word): the NUL tells it.
  call(text, BigInt(TEXT_SIZE), header);
  return textOf(text);
}
