// What every command of `nfqueue` is.
import type { ParseArgsConfig } from "node:util";

/** Exit statuses. After a signal: 128 and its number. */
export const STATUS = { done: 0, failed: 1, wrongWords: 2 } as const;

/** Words that mean nothing: the command was not begun. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The words of a command, as node:util's parseArgs reads them. */
export interface Words {
  readonly values: Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;
  readonly positionals: readonly string[];
}

/** What a command has of the world around it. Tests give their own. */
export interface Surroundings {
  /** Writes to standard output; a line has its own line feed. */
  write(text: string): void;
  /** Writes to standard error. */
  complain(text: string): void;
  /** Aborts at SIGINT, SIGTERM and SIGHUP. The command then comes to an end in order. */
  readonly signal: AbortSignal;
  /** Whether standard output is a terminal. */
  readonly terminal: boolean;
  /** Whether the cursor may be moved: a terminal, and TERM is not `dumb`. */
  readonly screen: boolean;
  /** Whether colours may be written: the same, and no NO_COLOR. */
  readonly colors: boolean;
}

/** One command. */
export interface Command {
  /** One line, for the list of commands. */
  readonly summary: string;
  /** What comes behind the command's name: `run FILE [--rule RULE]…`. */
  readonly usage: string;
  /** The whole help, below the usage. */
  readonly help: string;
  /** For parseArgs. `help` is added to all. */
  readonly options: NonNullable<ParseArgsConfig["options"]>;
  /** How many positional words it takes. */
  readonly positionals: { readonly least: number; readonly most: number };
  /**
   * Does it.
   *
   * @returns the exit status
   * @throws {UsageError} for words that do not fit
   */
  run(words: Words, around: Surroundings): Promise<number>;
}

/** Commands by name. Each is loaded when it is asked for: `rules explain` needs no packet code. */
export type CommandTable = Readonly<Record<string, () => Promise<Command>>>;
