/**
 * Modules that are evaluated anew.
 *
 * @module
 */

import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { isBun } from "./child.ts";

let loaded = 0;

/** Loads a module as if nobody had before. */
export async function freshModule(url: URL): Promise<unknown> {
  // Another address is another module; Bun looks at the path alone.
  if (!isBun) return await import(`${url}?${++loaded}`);
  delete createRequire(import.meta.url).cache[fileURLToPath(url)];
  return await import(url.href);
}
