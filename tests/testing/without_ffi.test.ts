// The test kit calls no C: it works where the runtime lets nobody do that.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Child, runtime } from "../support/runtime/child.ts";

const timeout = 20_000;
const fixture = (name: string) => new URL(`fixtures/${name}`, import.meta.url);

test("without any permission, without bun:ffi, without node:ffi", { timeout }, async () => {
  const preload = ["--preload", fileURLToPath(fixture("no_bun_ffi.ts"))];
  await using child = new Child(fixture("without_ffi.ts"), {
    permissions: ["--no-check"],
    flags: { bun: preload, deno: [], node: ["--no-experimental-ffi"] }[runtime],
  });
  const { code } = await child.end();
  assert.equal(code, 0, child.errors);
  const refused = {
    bun: /^system: \w*Error: .*no FFI in this test/m,
    deno: /^system: .*--allow-ffi/m,
    node: /^system: LibraryLoadError: .*Node was started with --no-experimental-ffi/m,
  };
  assert.match(child.output, refused[runtime]);
  assert.match(child.output, /all done/);
  assert.equal(child.errors, "");
});
