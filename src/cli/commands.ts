import type { Command } from "./command.ts";

/** Each command is loaded when it is asked for: `rules explain` needs no packet code. */
export const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  doctor: async () => (await import("./doctor.ts")).doctor,
};
