import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { exportsOf } from "../../scripts/list_exports.ts";
import { isDeno } from "../support/runtime/child.ts";

const tree = {
  "deno.json": '{ "exports": { ".": "./mod.ts", "./b": "./src/b.ts" } }',
  "mod.ts": 'export { A } from "./src/a.ts";\nexport type { Options } from "./src/b.ts";',
  "ffi/none.ts": "",
  "src/a.ts": `
    import { Base } from "./b.ts";
    export class A extends Base {
      readonly #hidden = 0;
      static open(): A { return new A(); }
      get both(): number { return this.#hidden; }
      set both(_value: number) {}
      get read(): number { return 1; }
      protected inner(): void {}
      /** @ignore */
      friend(): void {}
    }
    export const unlisted = 1;`,
  "src/b.ts": `
    export class Base {
      readonly fixed: number = 1;
      inherited(): void {}
    }
    export interface Options { readonly some?: number; call(): void }
    export function make(): Base { return new Base(); }
    function own(): void { own(); }
    export type Either = "a" | "b";`,
};

test("every export and every public member is listed, inherited ones too", {
  timeout: 60_000,
  ...(isDeno ? {} : { skip: "only Deno has deno doc" }),
}, () => {
  const root = mkdtempSync(join(tmpdir(), "exports-"));
  try {
    for (const [path, source] of Object.entries(tree)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), source);
    }
    assert.deepEqual(exportsOf(root), [
      ". A class",
      ". A.both property",
      ". A.fixed readonly property",
      ". A.inherited method",
      ". A.open static method",
      ". A.read readonly property",
      ". Options interface",
      ". Options.call method",
      ". Options.some readonly property?",
      "./b Base class",
      "./b Base.fixed readonly property",
      "./b Base.inherited method",
      "./b Either typeAlias",
      "./b Options interface",
      "./b Options.call method",
      "./b Options.some readonly property?",
      "./b make function",
    ]);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
