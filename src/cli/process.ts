// The command as a process: its words, outputs, signals and exit status.
import process from "node:process";
import { backend } from "../../ffi/backend.ts";
import { type CommandTable, STATUS, type Surroundings } from "./frame/command.ts";
import { messageOf } from "./frame/message.ts";
import { main } from "./dispatch.ts";
import { visible } from "./words/point.ts";

/** Signals that end the command in order, and the exit status behind each. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Nobody reads the output any more: what a shell tells of a program that SIGPIPE ended. */
const UNREAD = 141;

/** Runs the command of this process's words, and ends the process with its exit status. */
export async function runProcess(commands?: CommandTable): Promise<never> {
  const ending = new AbortController();
  let status: number | undefined;
  for (const [signal, code] of Object.entries(SIGNALS)) {
    process.on(signal as keyof typeof SIGNALS, () => {
      // The second time somebody is in a hurry.
      if (ending.signal.aborted) process.exit(code);
      status = code;
      ending.abort();
    });
  }
  let unread = false;
  process.stdout.on("error", () => {
    unread = true;
    status ??= UNREAD;
    ending.abort();
  });
  process.stderr.on("error", () => {});
  const terminal = process.stdout.isTTY === true;
  const screen = terminal && environment("TERM") !== "dumb";
  const around: Surroundings = {
    write: (text) => {
      if (!unread) process.stdout.write(text);
    },
    complain: (text) => {
      process.stderr.write(visible(text));
    },
    signal: ending.signal,
    terminal,
    screen,
    colors: screen && !environment("NO_COLOR"),
  };
  let result: number = STATUS.failed;
  try {
    result = await main(process.argv.slice(2), around, commands);
  } catch (error) {
    around.complain(`nfqueue: ${messageOf(error)}\n`);
  }
  await Promise.all([process.stdout, process.stderr].map(written));
  // Listeners for signals would keep the process alive.
  process.exit(status ?? result);
}

/** doctor tells what is missing where there is no backend. */
function environment(name: string): string | undefined {
  try {
    return backend().environment(name);
  } catch {
    return undefined;
  }
}

/** Waits until all that was written has gone to the system, or nobody reads it. */
function written(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.destroyed || !stream.writable) return Promise.resolve();
  return new Promise((resolve) => {
    stream.once("error", () => resolve());
    stream.write("", () => resolve());
  });
}
