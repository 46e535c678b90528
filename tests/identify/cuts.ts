/** Whatever is identified, cut at every byte. */
import assert from "node:assert/strict";
import type { NotFound } from "../../src/identify/mod.ts";

/** An answer. */
export type Answer = { readonly status: "found" } | NotFound;

/** With every beginning of the bytes the answer is the same, or that more are needed. */
export function assertCuts(bytes: Uint8Array, identify: (bytes: Uint8Array) => Answer): void {
  const whole = identify(bytes);
  assert.notEqual(whole.status, "more");
  let found = false;
  for (let length = 0; length <= bytes.length; length++) {
    // By itself, so that nothing can be read behind the end.
    const answer = identify(bytes.slice(0, length));
    if (answer.status === "more") assert.ok(!found, `more is needed again at byte ${length}`);
    else {
      found = true;
      assert.deepEqual(answer, whole, `${length} of ${bytes.length} bytes`);
    }
  }
}
