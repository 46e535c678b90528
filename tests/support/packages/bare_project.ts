/**
 * Projects of users: folders outside this repository that know nothing of its settings.
 *
 * @module
 */

import { execFile } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** This repository. */
export const repository: string = fileURLToPath(new URL("../../..", import.meta.url));

/** The longest that a compiler may take (ms): a loaded machine has taken 40 s. */
const LONGEST = 150_000;

/** How a command ended, and all that it wrote. */
export interface Ending {
  readonly status: number | string | null;
  readonly text: string;
}

/** A folder with a few files; it goes away when disposed. */
export class BareProject implements Disposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), "nfqueue-project-"));

  /** @param files their text by path; what is no text is written as JSON */
  constructor(files: Readonly<Record<string, unknown>>) {
    for (const [path, content] of Object.entries(files)) this.write(path, content);
  }

  write(path: string, content: unknown): void {
    const file = join(this.folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content, null, 2));
  }

  /** Copies packages that this repository has installed. */
  copyModules(names: readonly string[]): void {
    for (const name of names) {
      const path = join("node_modules", name);
      cpSync(join(repository, path), join(this.folder, path), { recursive: true });
    }
  }

  /** Moves one of its files or folders. */
  move(from: string, to: string): void {
    renameSync(join(this.folder, from), join(this.folder, to));
  }

  /** Runs a runtime in the folder, with caches and global folders of its own. */
  run(
    runtime: "deno" | "bun" | "node",
    words: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<Ending> {
    return execute(runtime, words, { folder: this.folder, environment });
  }

  /** The same, for what must go well; gives all that was written. */
  async must(
    runtime: "deno" | "bun" | "node",
    words: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const { status, text } = await this.run(runtime, words, environment);
    if (status !== 0) throw new Error(`${runtime} ${words.join(" ")}: ${status} ${text}`);
    return text;
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The tarball that would be published, and what is in it. */
export async function pack(folder: string): Promise<{ path: string; text: string }> {
  const words = ["pm", "pack", "--ignore-scripts", "--destination", folder];
  const { status, text } = await execute("bun", words, { folder: repository });
  const name = readdirSync(folder).find((file) => file.endsWith(".tgz"));
  if (status !== 0 || name === undefined) throw new Error(`bun pm pack: ${text}`);
  return { path: join(folder, name), text };
}

function execute(
  runtime: "deno" | "bun" | "node",
  words: readonly string[],
  { folder, environment = {} }: {
    readonly folder: string;
    readonly environment?: Readonly<Record<string, string>>;
  },
): Promise<Ending> {
  const program = process.env[runtime.toUpperCase()];
  if (program === undefined) throw new Error("run through scripts/test, which finds the runtimes");
  const env = {
    ...process.env,
    NO_COLOR: "1",
    // A program that depends on what was fetched before works on no other machine.
    DENO_DIR: join(folder, ".deno"),
    BUN_INSTALL: join(folder, ".bun"),
    BUN_INSTALL_CACHE_DIR: join(folder, ".bun/cache"),
    ...environment,
  };
  const options = { cwd: folder, env, encoding: "utf8", timeout: LONGEST } as const;
  return new Promise((resolve) => {
    execFile(program, [...words], options, (error, out, errors) => {
      resolve({
        status: error === null ? 0 : error.code ?? error.signal ?? null,
        text: out + errors,
      });
    });
  });
}
