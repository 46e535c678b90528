/**
 * Wireshark's programs, where they are installed.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { inCi } from "../runtime/ci.ts";

const found = ["tshark", "editcap"].every((name) =>
  spawnSync(name, ["--version"], { timeout: 20_000 }).status === 0
);

// A hard failure of every file that imports this: in CI nothing may be left out unseen.
if (!found && inCi) throw new Error("no tshark in PATH: scripts/setup dev installs it");

/** Options of every test that needs them: `{ timeout, ...needsWireshark }`. */
export const needsWireshark: { readonly skip?: string } = found
  ? {}
  : { skip: "no tshark in PATH: scripts/setup dev installs it" };

/** Runs one of them, and gives what it printed. */
export function wireshark(program: "tshark" | "editcap", ...words: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, words, {
    ...{ encoding: "utf8", timeout: 60_000, maxBuffer: 1 << 28 },
  });
  if (status !== 0) throw new Error(`${program} ${words.join(" ")}: ${stderr}`);
  return stdout;
}

/** Fields of every packet of a file, as tshark shows them: one list a packet. */
export function fieldsOf(file: string, fields: readonly string[]): string[][] {
  const words = fields.flatMap((field) => ["-e", field]);
  const options = ["-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"];
  const text = wireshark("tshark", "-n", ...options, "-r", file, "-T", "fields", ...words);
  return text.split("\n").filter((line) => line !== "").map((line) => line.split("\t"));
}
