import type { CommandTable } from "./frame/command.ts";

/** The commands, in the order of the overview. Each is loaded when it is asked for. */
export const COMMANDS: CommandTable = {
  init: async () => (await import("./init/command.ts")).init,
  run: async () => (await import("./run/command.ts")).run,
  dump: async () => (await import("./dump/command.ts")).dump,
  replay: async () => (await import("./replay/command.ts")).replay,
  top: async () => (await import("./top/command.ts")).top,
  doctor: async () => (await import("./doctor/command.ts")).doctor,
  rules: async () => (await import("./rules/command.ts")).rules,
};
