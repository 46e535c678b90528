/**
 * The command `nfqueue`, as a person starts it from a checkout.
 *
 * @module
 */

import { spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { runtimeWords } from "../runtime/child.ts";
import { deferred, within } from "../runtime/waiting.ts";

const MAIN = new URL("../../../src/cli/main.ts", import.meta.url);

/** All that the command needs under Deno. */
const PERMISSIONS = ["--allow-ffi", "--allow-read", "--allow-env"] as const;

/**
 * The words that start `nfqueue` under this runtime.
 *
 * @param words `["rules", "list"]`
 */
export function commandWords(
  words: readonly string[],
  { permissions = [], script = MAIN }: {
    /** More of them under Deno, such as `--allow-write`. */
    readonly permissions?: readonly string[];
    /** Another script in the place of the command. */
    readonly script?: URL;
  } = {},
): string[] {
  const flags = runtimeWords([...PERMISSIONS, ...permissions]);
  return [process.execPath, ...flags, fileURLToPath(script), ...words];
}

/** How a command ended, and what it wrote to its two outputs. */
export interface CommandEnd {
  readonly status: number | null;
  readonly output: string;
  readonly errors: string;
}

/** Runs a command to its end, without a terminal. */
export async function runCommand(
  words: readonly string[],
  { input = "", environment = {}, folder }: {
    readonly input?: string | Uint8Array;
    readonly environment?: Readonly<Record<string, string>>;
    readonly folder?: string;
  } = {},
): Promise<CommandEnd> {
  // Where Deno sees its own path in a command it adds --allow-all.
  const child = spawn("sh", ["-c", 'exec "$@"', "sh", ...words], {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, ...environment },
    ...(folder === undefined ? {} : { cwd: folder }),
  });
  let [output, errors] = ["", ""];
  const [decodeOutput, decodeErrors] = [new TextDecoder(), new TextDecoder()];
  child.stdout.on("data", (chunk: Uint8Array) => {
    output += decodeOutput.decode(chunk, { stream: true });
  });
  child.stderr.on("data", (chunk: Uint8Array) => {
    errors += decodeErrors.decode(chunk, { stream: true });
  });
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const ended = deferred<number | null>();
  child.once("error", ended.reject);
  child.once("close", ended.resolve);
  try {
    const status = await within(ended.promise, {
      what: `the end of ${words.join(" ")}`,
      timeout: 30_000,
    });
    return { status, output, errors };
  } finally {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
  }
}
