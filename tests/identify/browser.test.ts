// Where there is no node:crypto.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Child } from "../support/runtime/child.ts";

test("without node:crypto everything but QUIC works", { timeout: 30_000 }, async () => {
  await using child = new Child(new URL("fixtures/no_crypto.ts", import.meta.url));
  const { code } = await child.end(20_000);
  const lines = child.output.trim().split("\n");
  const error = "Error: QUIC needs node:crypto: Deno, Bun and Node have it, this runtime has not";
  assert.deepEqual(lines, ["more", "other", error], child.errors);
  assert.equal(code, 0);
});
