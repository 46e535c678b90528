/**
 * The choice of the runtime. The rest of the library speaks only to the contract in types.ts.
 *
 * @module
 */

import { bunBackend } from "./bun.ts";
import { denoBackend } from "./deno.ts";
import { nodeBackend } from "./node.ts";
import type { Backend } from "./types.ts";

const candidates: readonly (() => Backend | undefined)[] = [
  denoBackend,
  bunBackend,
  nodeBackend,
];

let chosen: Backend | undefined;

/**
 * The backend of the runtime that runs this module.
 *
 * @throws {Error} where the runtime has no foreign function interface that we know
 * @throws {LibraryLoadError} where it may not be used
 */
export function backend(): Backend {
  return chosen ??= choose();
}

function choose(): Backend {
  for (const candidate of candidates) {
    const found = candidate();
    if (found !== undefined) return found;
  }
  throw new Error(
    "nfqueue needs Deno (with --allow-ffi), Bun, or Node 26.9: this runtime cannot call C",
  );
}
