import type { CommandTable } from "./command.ts";

/** The commands, in the order of the overview. Each is loaded when it is asked for. */
export const COMMANDS: CommandTable = {
  doctor: async () => (await import("./doctor.ts")).doctor,
};
