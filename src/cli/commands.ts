import type { CommandTable } from "./frame/command.ts";

/** The commands, in the order of the overview. Each is loaded when it is asked for. */
export const COMMANDS: CommandTable = {
  init: async () => (await import("./init/command.ts")).init,
  dump: async () => (await import("./dump/command.ts")).DUMP,
  doctor: async () => (await import("./doctor/command.ts")).doctor,
};
