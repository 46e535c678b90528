// The words behind a command's name: options and the rest. node:util reads them; what is wrong is said
// here, the same way under every runtime.
import { parseArgs, type ParseArgsConfig } from "node:util";
import { nearNames } from "../../base/names.ts";
import { UsageError, type Words } from "../frame/command.ts";

type Options = NonNullable<ParseArgsConfig["options"]>;

/** @throws {UsageError} for an option that is not known, has no value, or has one and takes none */
export function parseWords(words: readonly string[], options: Options): Words {
  const { tokens, values, positionals } = parseArgs({
    ...{ args: [...words], options, allowPositionals: true, strict: false, tokens: true },
  });
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    const { name, rawName, value, inlineValue } = token;
    if (!Object.hasOwn(options, name)) unknown(rawName, words[token.index] ?? "", options);
    if (options[name]!.type === "boolean") {
      if (value !== undefined) throw new UsageError(`${rawName} takes no value`);
    } else if (value === undefined || value === "") {
      throw new UsageError(`${rawName} needs a value`);
    } else if (!inlineValue && value.startsWith("-") && value !== "-") {
      const inline = rawName.startsWith("--") ? `${rawName}=${value}` : `${rawName}${value}`;
      throw new UsageError(
        `${rawName} needs a value, and ${JSON.stringify(value)} looks like an option; ` +
          `if it is the value, write ${JSON.stringify(inline)}`,
      );
    }
  }
  return { values: values as Words["values"], positionals };
}

function unknown(rawName: string, word: string, options: Options): never {
  const names = Object.keys(options);
  const letters = Object.values(options).flatMap(({ short }) => short ?? []);
  // One dash before a whole name.
  const whole = rawName.startsWith("--") ? word.slice(2) : word.slice(1);
  const [name = ""] = whole.split("=");
  const near = name.length < 2 ? [] : nearNames(name, names);
  const advice = near.length > 0
    ? `did you mean ${near.map((one) => `--${one}`).join(" or ")}?`
    : `there are ${
      [...names.map((one) => `--${one}`), ...letters.map((one) => `-${one}`)].join(", ")
    }`;
  const shown = near.length > 0 ? word.split("=")[0]! : rawName;
  throw new UsageError(`there is no option ${JSON.stringify(shown)}: ${advice}`);
}
