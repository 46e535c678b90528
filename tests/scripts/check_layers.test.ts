import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { check, checkTree } from "../../scripts/check_layers.ts";
import { blank } from "../../scripts/layers/source.ts";

const timeout = 10_000;

/** file, source, what is reported (empty: nothing). */
const cases: readonly (readonly [string, string, string])[] = [
  ["ffi/a.ts", 'import { b } from "./b.ts";', ""],
  ["ffi/a.ts", 'import { b } from "../src/packet/b.ts";', "ffi/ may not import src/packet/b.ts"],
  ["ffi/a.ts", 'import fs from "node:fs"; Deno.open; process.pid; Bun.gc;', ""],
  ["src/packet/a.ts", 'export * from "../../ffi/b.ts";', "src/packet/ may not import ffi/b.ts"],
  ["src/packet/a.ts", 'const b = await import("../queue/b.ts");', "may not import src/queue/b.ts"],
  ["src/packet/a.ts", 'type B = import("../../mod.ts").B;', "may not import mod.ts"],
  ["src/packet/a.ts", 'import "../queue/b.ts";', "may not import src/queue/b.ts"],
  ["src/queue/a.ts", 'import { b } from "../packet/b.ts";\nimport "../../ffi/c.ts";', ""],
  ["src/queue/a.ts", 'import {\n  b,\n} from "../rules/b.ts";', "may not import src/rules/b.ts"],
  ["src/queue/a.ts", 'new Worker(new URL("../cli/b.ts", import.meta.url));', "may not import"],
  ["src/queue/a.ts", 'import fc from "fast-check";', "no run-time dependencies: fast-check"],
  ["src/queue/a.ts", 'import { open } from "node:fs";', "only ffi/ may import node:fs"],
  ["src/queue/a.ts", 'x.getBuiltinModule("bun:ffi");', "only ffi/ may import bun:ffi"],
  ["src/queue/a.ts", "const pid = Deno.pid;", "only ffi/ may name Deno"],
  ["src/queue/a.ts", "if (globalThis.process) {}", "only ffi/ may name globalThis.process"],
  ["src/queue/a.ts", 'if ("Bun" in globalThis) {}', "only ffi/ may name Bun"],
  ["src/queue/a.ts", "const s = `${process.pid}`;", "only ffi/ may name process"],
  ["src/queue/a.ts", "const o = { process: 1 }; o.process; this.#process; process(1);", ""],
  ["src/queue/a.ts", "let a: any;", "any: give it a type"],
  ["src/queue/a.ts", "const a = b as any;", "any: give it a type"],
  ["src/queue/a.ts", "await Promise.any([]); const a = { any: 1 };", ""],
  ["ffi/deno.ts", "let a: any; // @ts-ignore: here it may", ""],
  ["ffi/load.ts", "// @ts-ignore: here it may not", "@ts-ignore: fix the type"],
  ["src/queue/a.ts", "export default 1;", "default export"],
  ["examples/a.ts", "export default 1;", ""],
  ["tests/a.test.ts", "const a = 1;\nexport { a as default };", "default export"],
  ["tests/a.test.ts", 'import "../src/queue/a.ts"; Deno.pid; let a: any;', ""],
  ["src/identify/a.ts", 'import "../../ffi/crypto.ts";', ""],
  ["src/identify/a.ts", 'import "../../ffi/load.ts";', "may not import ffi/load.ts"],
  ["src/other/a.ts", "", "belongs to no floor"],
  ["src/cli/a.ts", 'import { parseArgs } from "node:util"; import "../../mod.ts";', ""],
  ["src/cli/a.ts", 'import { dlopen } from "bun:ffi";', "only ffi/ may import bun:ffi"],
  ["mod.ts", 'export { a } from "./src/queue/a.ts";', ""],
  ["mod.ts", 'export { a } from "./tests/a.ts";', "mod.ts may not import tests/a.ts"],
  ["src/queue/a.ts", "\n".repeat(400), ""],
  ["src/queue/a.ts", "\n".repeat(401), "401 lines"],
  [
    "src/queue/a.ts",
    '// Deno, any, import "x"\n/* export default Bun */ const a = "any Deno";',
    "",
  ],
  ["src/queue/a.ts", "const a = b / c; const d = /[/'\"]/; let e: any; // '", "any: give it"],
];

test("every rule is reported, and nothing else", { timeout }, () => {
  for (const [file, source, expected] of cases) {
    const messages = check(file, source).map((violation) => violation.message);
    assert.equal(messages.length, expected === "" ? 0 : 1, `${file}: ${source}: ${messages}`);
    if (expected) assert.ok(messages[0]?.includes(expected), `${messages[0]}: ${expected}`);
  }
});

test("violations carry their line", { timeout }, () => {
  assert.equal(check("ffi/a.ts", "\n/*\n*/\nexport default 1;\n")[0]?.line, 4);
});

test("blanking keeps offsets and code inside templates", { timeout }, () => {
  const source = "a`b${ c({ d: `e${f}` }) }g` // h\n'\\'i' / 2";
  const code = blank(source);
  assert.equal(code.length, source.length);
  assert.equal(code, "a` ${ c({ d: ` ${f}` }) } `     \n'   ' / 2");
});

test("a tree is walked", { timeout }, () => {
  const root = mkdtempSync(join(tmpdir(), "nfqueue-layers-"));
  try {
    const write = (file: string, source: string) => {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      writeFileSync(join(root, file), source);
    };
    write("mod.ts", 'export * from "./src/packet/mod.ts";');
    write("src/packet/mod.ts", 'import "../queue/mod.ts";');
    write("src/queue/deep/er.ts", "export default 1;");
    write("src/queue/note.md", "export default 1;");
    assert.deepEqual(checkTree(root).map(({ file }) => file), [
      "src/packet/mod.ts",
      "src/queue/deep/er.ts",
    ]);
  } finally {
    rmSync(root, { recursive: true });
  }
});
