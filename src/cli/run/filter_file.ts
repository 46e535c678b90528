// A file with a filter, which can be loaded again.
import { realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { show } from "../../base/checks.ts";
import { textOf } from "../../filter/failures.ts";
import { checkFilter, type Filter, type FilterHandler } from "../../filter/filter.ts";
import { messageOf } from "../frame/message.ts";
import { missingName } from "../init/known_name.ts";
import { isBun, PACKAGE, PLACE, shellWord } from "../package/own_place.ts";
import type { Stamps } from "./changes.ts";
import { filesOf, isFile, stampOf } from "./module_files.ts";
import { MODULES } from "./package_modules.ts";

/** What a file holds is no filter, or cannot be loaded. The message is for people. */
export class FilterFileError extends Error {
  override readonly name = "FilterFileError";
}

/** The file of a filter. */
export class FilterFile {
  /** As the person wrote it. */
  readonly name: string;
  readonly #path: string;
  /** What was loaded: the first time under Deno and Node, the last time under Bun. */
  readonly #loaded = new Map<string, string | undefined>();
  #stamps: Stamps = new Map();
  #version = 0;

  /** @throws {FilterFileError} where there is no such file */
  constructor(name: string) {
    this.name = name;
    try {
      this.#path = realpathSync(name);
    } catch (error) {
      throw new FilterFileError(problemOf(name, error));
    }
    // What is no file may have no end, and a pipe may have no writer.
    if (!isFile(this.#path)) {
      throw new FilterFileError(`${show(name)} cannot be loaded: a filter is a regular file`);
    }
  }

  /** The file and those that it imports from beside it, as they are now. */
  get files(): readonly string[] {
    return filesOf(this.#path);
  }

  /** What the files were like when they were loaded last. */
  get stamps(): Stamps {
    return this.#stamps;
  }

  /** How a person calls one of them. */
  nameOf(path: string): string {
    if (path === this.#path) return this.name;
    return join(dirname(this.name), relative(dirname(this.#path), path));
  }

  /**
   * Files that have changed and cannot be loaded again: under Deno and Node a module that another one imports
   * stays as it was first loaded, until the process ends.
   */
  get stale(): readonly string[] {
    if (isBun) return [];
    return this.files.filter((file) => {
      if (file === this.#path || !this.#loaded.has(file)) return false;
      return this.#loaded.get(file) !== stampOf(file);
    });
  }

  /** Whether one of these is a reason to load the file again. */
  isNews(changed: readonly string[]): boolean {
    const stale = this.stale;
    return changed.some((file) => !stale.includes(file));
  }

  /**
   * Loads it as it is now.
   *
   * @throws {FilterFileError}
   */
  async load(): Promise<Filter | FilterHandler> {
    const files = this.files;
    const url = pathToFileURL(this.#path);
    this.#forget(files);
    // Another address is another module; Bun looks at the path alone.
    if (this.#version++ > 0 && !isBun) url.search = `version=${this.#version}`;
    this.#stamps = new Map(files.map((file) => [file, stampOf(file)]));
    let module: { readonly default?: unknown };
    try {
      // A template that begins so tells publishing that no import map matters.
      module = await import(`file://${url.pathname}${url.search}`);
    } catch (error) {
      throw new FilterFileError(this.#describe(error));
    }
    for (const [file, stamp] of this.#stamps) {
      if (isBun || !this.#loaded.has(file)) this.#loaded.set(file, stamp);
    }
    return this.#filterOf(module);
  }

  /** Bun loads a module anew that its cache has no more; in the others' there are only those of require. */
  #forget(files: readonly string[]): void {
    const { cache } = createRequire(import.meta.url);
    for (const file of files) {
      delete cache[realOf(file)];
    }
  }

  #filterOf(module: { readonly default?: unknown }): Filter | FilterHandler {
    const { default: given } = module;
    // For Node a file without import and export is CommonJS, which exports an empty object.
    const nothing = "module.exports" in module && Object.keys(given ?? {}).length === 0 &&
      typeof given === "object";
    if (given === undefined || nothing) {
      throw new FilterFileError(
        `${this.name} exports no filter by default: \`export default defineFilter({ … })\``,
      );
    }
    try {
      checkFilter(given as Filter);
    } catch (error) {
      throw new FilterFileError(`${this.name}: ${messageOf(error)}`);
    }
    return given as Filter;
  }

  #describe(error: unknown): string {
    const text = stripVTControlCharacters(textOf(error) + placeOf(error)).split("\n")
      .filter((line) => !line.includes(OWN_FILES) && !line.includes("node:internal/")).join("\n")
      .trim();
    const unknown = /not a dependency|Cannot find (?:package|module)|not prefixed with/.test(text);
    const specifier = specifierOf(error) ?? NAMED.exec(text)?.[1];
    if (!unknown || !specifier?.startsWith(PACKAGE)) {
      return `${this.name} cannot be loaded: ${text}`;
    }
    if (!Object.hasOwn(MODULES, specifier)) {
      const names = Object.keys(MODULES).join(", ");
      return `${this.name} imports ${specifier}, which does not exist; there are ${names}`;
    }
    const missing = missingName(dirname(this.#path), PLACE);
    const advice = missing === undefined
      ? `import it by its whole name, jsr:${specifier}`
      : `type in ${dirname(this.#path)}: ${missing.command}`;
    return `${this.name} imports ${specifier}, which is not known there; ${advice}`;
  }
}

/** Lines of a stack that name these, or the inside of Node, are no news. */
const OWN_FILES = new URL("../", import.meta.url).pathname;

/** The path behind all links; the path itself where the file is not there any more. */
function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** Why there is no such file. */
function problemOf(name: string, error: unknown): string {
  const { code, message } = error as { readonly code?: string; readonly message: string };
  if (code !== "ENOENT") return `${show(name)} cannot be read: ${message}`;
  const none = `there is no file ${show(name)}`;
  if (name === "-") return `${none}; a filter is not read from standard input`;
  if (/^[a-z]{2,}:/.test(name)) {
    return `${none}; a filter is a file on this machine, and no address`;
  }
  return `${none}; nfqueue init ${shellWord(name)} writes one to start from`;
}

/** This package, or one of its entries, in a runtime's error. */
const NAMED = new RegExp(`["'](${PACKAGE}(?:/[^"']*)?)["']`);

/** What Bun did not find; its message has the package alone. */
function specifierOf(error: unknown): string | undefined {
  try {
    const { specifier } = error as { readonly specifier?: unknown };
    return typeof specifier === "string" ? specifier : undefined;
  } catch {
    return undefined;
  }
}

/** Where the text of a file is wrong, as Bun tells it. Whatever was thrown may itself throw. */
function placeOf(error: unknown): string {
  try {
    const { position, errors } = error as {
      readonly position?: { readonly file: string; readonly line: number; readonly column: number };
      readonly errors?: readonly unknown[];
    };
    if (Array.isArray(errors)) {
      return errors.map((one) => `\n${textOf(one)}${placeOf(one)}`).join("");
    }
    if (position?.file === undefined) return "";
    return `\n    at ${position.file}:${position.line}:${position.column}`;
  } catch {
    return "";
  }
}
