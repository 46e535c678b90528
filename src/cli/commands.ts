import type { CommandTable } from "./command.ts";

/** The commands, in the order of the overview. */
export const COMMANDS: CommandTable = {
  init: async () => (await import("./init/init.ts")).INIT,
};
