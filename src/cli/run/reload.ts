// `--watch`: the changed file takes the place of the one that runs, between two packets.
import type { Filter, FilterHandler } from "../../filter/filter.ts";
import type { FilterHost, Replacement } from "../../filter/host.ts";
import { messageOf } from "../frame/message.ts";
import { changesOf } from "./changes.ts";
import { isNode } from "../package/own_place.ts";
import { type FilterFile, FilterFileError } from "./filter_file.ts";
import type { Message } from "./report.ts";

/** What a reload works on. */
export interface Reloading {
  readonly file: FilterFile;
  readonly host: Pick<FilterHost, "swap">;
  readonly wrap: (filter: Filter | FilterHandler) => Filter | FilterHandler;
  readonly tell: (message: Message) => void;
}

function loaded(name: string, changed: readonly string[], replacement: Replacement): Message {
  const { rulesReplaced, options } = replacement;
  const parts = [`${name} is loaded anew`];
  if (rulesReplaced) parts.push("the rules are replaced");
  if (options.changed.length > 0) parts.push(`changed: ${options.changed.join(", ")}`);
  if (options.needRestart.length > 0) {
    parts.push(`restart for ${options.needRestart.join(", ")}`);
  }
  return {
    type: "loaded",
    text: parts.join("; "),
    facts: { files: changed, rulesReplaced, ...options },
  };
}

/** Tells of files that are as they were when the command began. */
function tellStale({ file, tell }: Reloading): void {
  const stale = file.stale.map((path) => file.nameOf(path));
  if (stale.length === 0) return;
  const are = stale.length === 1 ? "is" : "are";
  tell({
    type: "stale",
    text:
      `${stale.join(", ")} ${are} not loaded anew: under ${
        isNode ? "Node" : "Deno"
      } only ${file.name} itself can be. ` +
      "Restart for what has changed there",
    facts: { files: stale },
  });
}

async function reload(reloading: Reloading, changed: readonly string[]): Promise<void> {
  const { file, host, wrap, tell } = reloading;
  const names = changed.map((path) => file.nameOf(path));
  try {
    const replacement = await host.swap(wrap(await file.load()));
    tell(loaded(file.name, names, replacement));
  } catch (error) {
    const text = error instanceof FilterFileError
      ? error.message
      : `${file.name}: ${messageOf(error)}`;
    tell({
      type: "kept",
      text: `${text}\nThe filter that was loaded before goes on`,
      facts: { files: names },
    });
  }
}

/** Loads the file again each time that it, or a file that it imports, has changed. */
export async function reloadOnChange(reloading: Reloading, signal: AbortSignal): Promise<void> {
  const { file } = reloading;
  for await (const changed of changesOf(() => file.files, { stamps: file.stamps, signal })) {
    if (file.isNews(changed)) await reload(reloading, changed);
    tellStale(reloading);
  }
}
