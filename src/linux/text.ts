/**
 * Strings that C owns.
 *
 * @module
 */

import { libc } from "../../ffi/libraries/libc.ts";
import { textOf } from "../../ffi/memory.ts";
import type { Pointer } from "../../ffi/types.ts";

/** The NUL-terminated string at `pointer`, at most 255 bytes of it. */
export function textAt(pointer: Pointer): string {
  const bytes = new Uint8Array(new ArrayBuffer(256));
  libc().strncpy(bytes, pointer, 255n);
  return textOf(bytes);
}
