// `nfqueue init`: a filter to start from.
import { existsSync, writeFileSync } from "node:fs";
import { basename, dirname, relative, resolve } from "node:path";
import process from "node:process";
import {
  type Command,
  STATUS,
  type Surroundings,
  UsageError,
  type Words,
} from "../frame/command.ts";
import { commandName, PLACE, shellWord } from "../package/own_place.ts";
import { visible } from "../words/point.ts";
import { missingName } from "./known_name.ts";
import { template } from "./template.ts";

const DEFAULT = "filter.ts";

/** The command. */
export const init: Command = {
  summary: "writes a filter to start from",
  usage: "init [FILE] [--force]",
  help:
    `Writes a filter to FILE (${DEFAULT} by default), and says what to type next. FILE ends in .ts, .mts,
.js or .mjs. With - for FILE the filter goes to standard output, and nothing else is written.

Under Deno it also writes a deno.json beside FILE where no folder above has one, so that an editor
finds the types. It needs --allow-write there.

  --force   writes over a file that exists`,
  options: { force: { type: "boolean" } },
  positionals: { least: 0, most: 1 },
  run: (words, around) => Promise.resolve(writeFilter(words, around)),
};

function writeFilter({ values, positionals }: Words, { write, complain }: Surroundings): number {
  const [file = DEFAULT] = positionals;
  if (file === "-") {
    write(template(DEFAULT, PLACE));
    return STATUS.done;
  }
  if (!/[^/]\.m?[jt]s$/.test(file) || file.endsWith(".d.ts")) {
    throw new UsageError(`FILE must end in .ts, .mts, .js or .mjs, got ${JSON.stringify(file)}`);
  }
  const path = resolve(file);
  const folder = dirname(path);
  const force = values["force"] === true;
  if (!writeNew(path, template(file, PLACE), force)) {
    complain(
      `nfqueue init: ${file} exists, and is left as it is; --force writes over it, another name ` +
        `leaves it\n`,
    );
    return STATUS.failed;
  }
  write(`${visible(file)} is written: a filter that shows pings and lets them pass.\n`);
  const missing = missingName(folder, PLACE);
  if (missing?.file !== undefined && writeNew(missing.file.path, missing.file.text, false)) {
    write(`${relative(".", missing.file.path)} is written too: an editor finds the types by it.\n`);
  } else if (missing !== undefined) {
    const where = folder === process.cwd() ? "" : `, in ${folder}`;
    write(`For types in an editor type${where}:\n\n    ${missing.command}\n\n`);
  }
  write(`Run it as root, or with CAP_NET_ADMIN:\n\n    ${commandName()} run ${shellWord(file)}\n`);
  return STATUS.done;
}

/**
 * Writes a file that is not there yet.
 *
 * @returns false where it is there, and `force` is not given
 */
function writeNew(path: string, text: string, force: boolean): boolean {
  try {
    writeFileSync(path, text, { flag: force ? "w" : "wx" });
    return true;
  } catch (error) {
    const { code, name } = error as { readonly code?: string; readonly name?: string };
    if (code === "EEXIST") return false;
    if (name === "NotCapable" || name === "PermissionDenied" && code !== "EACCES") {
      throw new Error(
        `Deno needs --allow-write to write ${path}; without it \`nfqueue init - > ${
          shellWord(basename(path))
        }\` does the same`,
        { cause: error },
      );
    }
    if (code === "ENOENT" && !existsSync(dirname(path))) {
      throw new Error(`there is no folder ${dirname(path)}`, { cause: error });
    }
    throw error;
  }
}
