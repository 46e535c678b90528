// From words to a command.
import { nearNames } from "../base/names.ts";
import {
  type Command,
  type CommandTable,
  STATUS,
  type Surroundings,
  UsageError,
} from "./frame/command.ts";
import { messageOf } from "./frame/message.ts";
import { COMMANDS } from "./commands.ts";
import { parseWords } from "./words/parse_words.ts";
import { VERSION } from "./package/version.ts";

const HELP = ["--help", "-h", "help"];

async function overview(commands: CommandTable): Promise<string> {
  const lines = ["usage: nfqueue COMMAND …", "", "commands:"];
  for (const [name, load] of Object.entries(commands)) {
    lines.push(`  ${name.padEnd(8)}${(await load()).summary}`);
  }
  return [
    ...lines,
    "",
    "nfqueue COMMAND --help tells more about one.",
    "nfqueue --version prints the version.",
    "",
  ].join("\n");
}

/**
 * Finds the command, reads its words and runs it. Errors become text.
 *
 * @returns the exit status
 */
export async function main(
  words: readonly string[],
  around: Surroundings,
  commands: CommandTable = COMMANDS,
): Promise<number> {
  const [name, ...rest] = words;
  if (name === undefined) {
    around.complain(await overview(commands));
    return STATUS.wrongWords;
  }
  // `nfqueue help run` is `nfqueue run --help`.
  if (name === "help" && rest.length > 0) return main([rest[0]!, "--help"], around, commands);
  if (HELP.includes(name)) {
    around.write(await overview(commands));
    return STATUS.done;
  }
  if (name === "--version") {
    around.write(`nfqueue ${VERSION}\n`);
    return STATUS.done;
  }
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (load === undefined) {
    around.complain(`nfqueue: ${noCommand(name, Object.keys(commands))}\n`);
    return STATUS.wrongWords;
  }
  let command: Command | undefined;
  try {
    command = await load();
    return await start(command, rest, around);
  } catch (error) {
    around.complain(`nfqueue ${name}: ${messageOf(error)}\n`);
    if (!(error instanceof UsageError) || command === undefined) return STATUS.failed;
    around.complain(`usage: nfqueue ${command.usage}\nnfqueue ${name} --help tells more.\n`);
    return STATUS.wrongWords;
  }
}

function noCommand(name: string, names: readonly string[]): string {
  if (name.startsWith("-")) {
    return `the first word is a command (${names.join(", ")}), and no option such as ${name}`;
  }
  const near = nearNames(name, names);
  const advice = near.length > 0
    ? `did you mean ${near.join(" or ")}?`
    : `there are ${names.join(", ")}`;
  return `there is no command ${JSON.stringify(name)}: ${advice}`;
}

async function start(
  command: Command,
  words: readonly string[],
  around: Surroundings,
): Promise<number> {
  const parsed = parseWords(words, {
    ...command.options,
    help: { type: "boolean", short: "h" },
    version: { type: "boolean" },
  });
  if (parsed.values["help"]) {
    around.write(`usage: nfqueue ${command.usage}\n\n${command.help}\n`);
    return STATUS.done;
  }
  if (parsed.values["version"]) {
    around.write(`nfqueue ${VERSION}\n`);
    return STATUS.done;
  }
  const { least, most } = command.positionals;
  const count = parsed.positionals.length;
  if (count < least) {
    const expected = command.usage.split(" ").slice(1).filter((word) => !/[[\]]/.test(word));
    throw new UsageError(`${expected[count] ?? "a word"} is missing`);
  }
  if (count > most) {
    throw new UsageError(`${JSON.stringify(parsed.positionals[most])} is one word too many`);
  }
  return await command.run(parsed, around);
}
