// Where this package lies, and how a person starts the command from there.
import { statSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** The name that programs import. */
export const PACKAGE = "@nfqueue/nfqueue";

/** How the command came here. */
export type Place =
  /** A folder with the source: a clone. */
  | { readonly kind: "folder"; readonly path: string }
  /** Below node_modules. */
  | { readonly kind: "installed"; readonly path: string }
  /** From a registry, by its address. */
  | { readonly kind: "address" }
  /** In one file with a runtime. */
  | { readonly kind: "compiled"; readonly path: string };

/** @param module the address of a module in src/cli/package */
export function placeOf(module: string): Place {
  if (!module.startsWith("file:")) return { kind: "address" };
  // Bun's own file system in a compiled program.
  if (module.startsWith("file:///$bunfs/")) return { kind: "compiled", path: process.execPath };
  const path = fileURLToPath(new URL("../../..", module)).replace(/\/$/, "");
  return { kind: /\/node_modules(\/|$)/.test(path) ? "installed" : "folder", path };
}

/** This package's. */
export const PLACE: Place = placeOf(import.meta.url);

/** Whether this is Bun: commands that a person is told to type differ. */
export const isBun: boolean = "bun" in process.versions;
/** Whether this is Node itself. */
export const isNode: boolean = !isBun && !("deno" in process.versions);

/** The words that start the command, for a person to type. */
export function commandName(): string {
  if (PLACE.kind === "compiled") return shellWord(PLACE.path);
  // What is in PATH is run by Bun.
  if (isNode && "path" in PLACE) {
    const extension = PLACE.kind === "installed" ? "js" : "ts";
    return `node ${shellWord(`${PLACE.path}/src/cli/main.${extension}`)}`;
  }
  if (inPath("nfqueue")) return "nfqueue";
  if (PLACE.kind === "installed") return isBun ? "bunx nfqueue" : "nfqueue";
  if (PLACE.kind === "address") return "nfqueue";
  const main = shellWord(`${PLACE.path}/src/cli/main.ts`);
  return isBun ? `bun ${main}` : `deno run --allow-ffi --allow-read --allow-env ${main}`;
}

function inPath(name: string): boolean {
  return (process.env["PATH"] ?? "").split(":").some((folder) => {
    try {
      const file = statSync(`${folder || "."}/${name}`);
      return file.isFile() && (file.mode & 0o111) !== 0;
    } catch {
      return false;
    }
  });
}

/** A word as a person types it in a shell: in quotes where it needs them. */
export function shellWord(word: string): string {
  if (/^[\p{L}\p{N}_@%+=:,./-]+$/u.test(word) && !word.startsWith("-")) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
