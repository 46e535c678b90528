/**
 * Prints every public name: what each entry of deno.json exports, and the public members of its
 * classes and interfaces, inherited ones included. One a line, sorted, so that `diff` tells what
 * differs between two trees.
 *
 *     deno run --allow-read --allow-run scripts/list_exports.ts [TREE] > names.txt
 *
 * A line is entry, name, kind: `./packet TcpView.toJSON method`. A getter and a property are the
 * same to a program, so both are a `property`, and a `readonly` one where nothing can be assigned.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";

interface Member {
  readonly name: string;
  /** Only classes say what a member is. */
  readonly kind?: "method" | "getter" | "setter";
  readonly isStatic?: boolean;
  readonly readonly?: boolean;
  readonly optional?: boolean;
  readonly accessibility?: "private" | "protected";
}

interface Definition {
  /** A class has one name, an interface a list of types. */
  readonly extends?: string | readonly { readonly repr: string }[];
  readonly constructors?: readonly { readonly accessibility?: string }[];
  readonly methods?: readonly Member[];
  readonly properties?: readonly Member[];
}

interface Declaration {
  readonly kind: string;
  readonly declarationKind: string;
  readonly location: { readonly filename: string };
  readonly def: Definition;
}

interface ModuleDocs {
  readonly symbols: readonly {
    readonly name: string;
    readonly declarations: readonly Declaration[];
  }[];
}

/** `deno doc --json` of these files, by their addresses. */
function documented(tree: string, files: readonly string[]): Map<string, ModuleDocs> {
  const { status, stdout, stderr, error } = spawnSync(
    process.execPath,
    ["doc", "--json", "--private", ...files],
    { cwd: tree, encoding: "utf8", env: { ...process.env, NO_COLOR: "1" }, maxBuffer: 1 << 27 },
  );
  if (error) throw error;
  if (status !== 0) throw new Error(`deno doc: ${stderr}`);
  return new Map(
    Object.entries((JSON.parse(stdout) as { nodes: Record<string, ModuleDocs> }).nodes),
  );
}

/** Classes and interfaces that are declared, not passed on, anywhere in the tree. */
class Declared {
  readonly #all = new Map<string, Declaration[]>();

  constructor(modules: Iterable<ModuleDocs>) {
    for (const { symbols } of modules) {
      for (const { name, declarations } of symbols) {
        const types = declarations.filter(({ kind }) => kind === "class" || kind === "interface");
        this.#all.set(name, [...this.#all.get(name) ?? [], ...types]);
      }
    }
  }

  /** What a class or interface names as its base. Of several of that name, the one in the same file. */
  basesOf({ def, location }: Declaration): Declaration[] {
    const names = typeof def.extends === "string"
      ? [def.extends]
      : (def.extends ?? []).map(({ repr }) => repr.replace(/<.*/s, ""));
    return names.flatMap((name) => {
      const found = this.#all.get(name) ?? [];
      const near = found.filter((other) => other.location.filename === location.filename);
      return near.length > 0 ? near : found;
    });
  }
}

/** The kind of each public member, by its name. */
function membersOf(declarations: readonly Declaration[], declared: Declared): Map<string, string> {
  const kinds = new Map<string, string>();
  for (const declaration of declarations) {
    const { methods = [], properties = [] } = declaration.def;
    const inherited = membersOf(declared.basesOf(declaration), declared);
    const own = new Map<string, string>();
    for (const { name, kind = "method", isStatic, accessibility } of methods) {
      if (accessibility === undefined) note(own, name, kind, isStatic);
    }
    for (const { name, readonly, optional, isStatic, accessibility } of properties) {
      const kind = `${readonly ? "readonly " : ""}property${optional ? "?" : ""}`;
      if (accessibility === undefined) note(own, name, kind, isStatic);
    }
    for (const [name, kind] of [...inherited, ...own]) kinds.set(name, kind);
  }
  return kinds;
}

/** A setter beside a getter makes one property that can be assigned. */
function note(kinds: Map<string, string>, name: string, kind: string, isStatic = false): void {
  const readable = kind === "getter" ? "readonly property" : kind === "setter" ? "property" : kind;
  const full = isStatic ? `static ${readable}` : readable;
  if (!(kind === "getter" && kinds.has(name))) kinds.set(name, full);
}

/** The lines of a tree, sorted. */
export function exportsOf(tree: string): string[] {
  const { exports } = JSON.parse(readFileSync(join(tree, "deno.json"), "utf8")) as {
    exports: Record<string, string>;
  };
  const sources = ["ffi", "src"].flatMap((folder) =>
    readdirSync(join(tree, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts")).map((name) => join(folder, name))
  );
  const declared = new Declared(documented(tree, sources).values());
  const lines = new Set<string>();
  for (const [entry, file] of Object.entries(exports)) {
    // One entry at a time: beside the file itself, `deno doc` says only that a name is passed on.
    const module = documented(tree, [file]).get(pathToFileURL(resolve(tree, file)).href);
    if (module === undefined) throw new Error(`${entry}: deno doc says nothing of ${file}`);
    for (const { name, declarations } of module.symbols) {
      const shown = declarations.filter(({ declarationKind }) => declarationKind === "export");
      for (const { kind } of shown) lines.add(`${entry} ${name} ${kind}`);
      for (const { def } of shown) {
        const open = def.constructors?.some(({ accessibility }) => accessibility === undefined);
        if (open) lines.add(`${entry} ${name} constructor`);
      }
      for (const [member, kind] of membersOf(shown, declared)) {
        lines.add(`${entry} ${name}.${member} ${kind}`);
      }
    }
  }
  return [...lines].sort();
}

if (import.meta.main) {
  const tree = process.argv[2] ?? fileURLToPath(new URL("..", import.meta.url));
  console.log(exportsOf(tree).join("\n"));
}
