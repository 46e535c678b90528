import type { CommandTable } from "./command.ts";

/** The commands, in the order of the overview. Each is loaded when it is asked for. */
export const COMMANDS: CommandTable = {
  init: async () => (await import("./init.ts")).init,
  dump: async () => (await import("./dump.ts")).dump,
  top: async () => (await import("./top.ts")).top,
  doctor: async () => (await import("./doctor.ts")).doctor,
};
