import type { CommandTable } from "./frame/command.ts";

/** The commands, in the order of the overview. Each is loaded when it is asked for. */
export const COMMANDS: CommandTable = {
  init: async () => (await import("./init/command.ts")).init,
  run: async () => (await import("./run/command.ts")).RUN,
  rules: async () => (await import("./rules/command.ts")).RULES,
  replay: async () => (await import("./replay/command.ts")).REPLAY,
  dump: async () => (await import("./dump/command.ts")).DUMP,
  doctor: async () => (await import("./doctor/command.ts")).doctor,
};
