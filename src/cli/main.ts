/**
 * The command `nfqueue`. It runs only as the main module: `deno run src/cli/main.ts`,
 * `bun src/cli/main.ts`.
 *
 * @module
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { type Command, STATUS, type Surroundings, UsageError } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { VERSION } from "./version.ts";

/** Signals that end the command in order, and the exit status behind each. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

async function overview(): Promise<string> {
  const lines = ["usage: nfqueue COMMAND …", "", "commands:"];
  for (const [name, load] of Object.entries(COMMANDS)) {
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

/** Finds the command, reads its words and runs it. */
export async function main(words: readonly string[], around: Surroundings): Promise<number> {
  const [name, ...rest] = words;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    const text = await overview();
    if (name !== undefined) around.write(text);
    else around.complain(text);
    return name === undefined ? STATUS.wrongWords : STATUS.done;
  }
  if (name === "--version") {
    around.write(`nfqueue ${VERSION}\n`);
    return STATUS.done;
  }
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load === undefined) {
    const names = Object.keys(COMMANDS).join(", ");
    around.complain(`nfqueue: there is no command ${JSON.stringify(name)}; there are ${names}\n`);
    return STATUS.wrongWords;
  }
  const command = await load();
  try {
    return await start(command, rest, around);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    around.complain(`nfqueue ${name}: ${text}\n`);
    if (!(error instanceof UsageError)) return STATUS.failed;
    around.complain(`usage: nfqueue ${command.usage}\n`);
    return STATUS.wrongWords;
  }
}

async function start(
  command: Command,
  words: readonly string[],
  around: Surroundings,
): Promise<number> {
  const options = {
    ...command.options,
    help: { type: "boolean", short: "h" },
    version: { type: "boolean" },
  } as const;
  let parsed;
  try {
    parsed = parseArgs({ args: [...words], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  if (parsed.values.help) {
    around.write(`usage: nfqueue ${command.usage}\n\n${command.help}\n`);
    return STATUS.done;
  }
  if (parsed.values.version) {
    around.write(`nfqueue ${VERSION}\n`);
    return STATUS.done;
  }
  const { least, most } = command.positionals;
  const count = parsed.positionals.length;
  if (count < least) throw new UsageError("a word is missing");
  if (count > most) {
    throw new UsageError(`${JSON.stringify(parsed.positionals[most])} is one word too many`);
  }
  return await command.run(parsed as Parameters<Command["run"]>[0], around);
}

/** Runs the command of this process's words, and leaves its exit status. */
async function runProcess(): Promise<void> {
  const ending = new AbortController();
  let status: number | undefined;
  for (const [signal, code] of Object.entries(SIGNALS)) {
    process.on(signal as keyof typeof SIGNALS, () => {
      // The second time somebody is in a hurry.
      if (status !== undefined) process.exit(code);
      status = code;
      ending.abort();
    });
  }
  const terminal = process.stdout.isTTY === true;
  const result = await main(process.argv.slice(2), {
    write: (text) => process.stdout.write(text),
    complain: (text) => process.stderr.write(text),
    signal: ending.signal,
    terminal,
    colors: terminal && !process.env["NO_COLOR"],
  });
  // Listeners for signals would keep the process alive.
  process.exit(status ?? result);
}

if (import.meta.main) await runProcess();
