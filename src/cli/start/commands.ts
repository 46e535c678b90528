import type { CommandTable } from "../command.ts";

/** The commands, in the order of the overview. Each is loaded when it is asked for. */
export const COMMANDS: CommandTable = {
  init: async () => (await import("../init/command.ts")).init,
  doctor: async () => (await import("../doctor.ts")).doctor,
};
