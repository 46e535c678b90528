/**
 * The real libipq.so.0 that scripts/setup makes, and what to do where there is none.
 *
 * @module
 */

import process from "node:process";
import { inCi } from "../runtime/ci.ts";

const path = process.env["NFQUEUE_TEST_LIBIPQ"] ?? "";

// A hard failure of every file that imports this: in CI nothing may be left out unseen.
if (path === "" && inCi) {
  throw new Error(
    "NFQUEUE_TEST_LIBIPQ names no libipq.so.0: run through scripts/test; if that is what failed, " +
      "scripts/setup dev says why the library could not be made",
  );
}

/** Options of every test that needs the library: `{ timeout, ...needsLibipq }`. */
export const needsLibipq: { readonly skip?: string } = path === ""
  ? { skip: "no libipq.so.0 here: scripts/setup dev makes one, or says why not" }
  : {};

/** The library's path. Only for tests with {@link needsLibipq}. */
export const libipqPath: string = path;
