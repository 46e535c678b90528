// Whether an editor and a runtime find this package by its name, from the folder of a filter.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { isBun, isNode, PACKAGE, type Place, shellWord } from "../package/own_place.ts";
import { VERSION } from "../package/version.ts";

/** What is to be done so that the name is known. */
export interface Missing {
  /** The command that does it, in the folder of the filter. */
  readonly command: string;
  /** A file that does it where there is none yet, and its text. */
  readonly file?: { readonly path: string; readonly text: string };
}

/** @returns undefined where the name is known in that folder */
export function missingName(folder: string, place: Place): Missing | undefined {
  // The filter names the registry itself.
  if (place.kind === "address") return undefined;
  return isBun || isNode ? missingModule(folder, place) : missingImport(folder, place);
}

function* upwards(folder: string): Generator<string> {
  for (let at = folder;; at = dirname(at)) {
    yield at;
    if (dirname(at) === at) return;
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Bun and Node look in node_modules; a package also knows its own name. */
function missingModule(folder: string, place: Place): Missing | undefined {
  for (const at of upwards(folder)) {
    if (existsSync(join(at, "node_modules", PACKAGE, "package.json"))) return undefined;
    if (new RegExp(`"name":\\s*"${PACKAGE}"`).test(textOf(join(at, "package.json")))) {
      return undefined;
    }
  }
  if (place.kind === "compiled") return { command: "bun add link:CLONE, with the clone's folder" };
  if (isNode) return { command: `npm install ${shellWord(pathOf(place) ?? PACKAGE)}` };
  const source = place.kind === "folder" ? `link:${place.path}` : PACKAGE;
  return { command: `bun add ${shellWord(source)}` };
}

const pathOf = (place: Place): string | undefined =>
  place.kind === "folder" ? place.path : undefined;

/** Deno takes the nearest deno.json. */
function missingImport(folder: string, place: Place): Missing | undefined {
  for (const at of upwards(folder)) {
    const config = ["deno.json", "deno.jsonc"].map((name) => join(at, name)).find(existsSync);
    if (config === undefined) continue;
    const text = textOf(config);
    const linked = place.kind === "folder" &&
      [place.path, relative(at, place.path)].some((path) => text.includes(JSON.stringify(path)));
    return linked || text.includes(`"${PACKAGE}"`) ? undefined : { command: commandOf(place) };
  }
  const entries = place.kind === "folder"
    ? { links: [place.path] }
    : { imports: { [PACKAGE]: `jsr:${PACKAGE}@^${VERSION}` } };
  const text = `${JSON.stringify(entries, null, 2)}\n`;
  return { command: commandOf(place), file: { path: join(folder, "deno.json"), text } };
}

function commandOf(place: Place): string {
  if (place.kind === "folder") return `deno link ${shellWord(place.path)}`;
  return `deno add jsr:${PACKAGE}`;
}
