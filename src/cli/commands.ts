import type { CommandTable } from "./command.ts";

/** The commands, in the order of the overview. */
export const COMMANDS: CommandTable = {
  dump: async () => (await import("./dump/command.ts")).DUMP,
};
