import { closeSync, openSync, writeSync } from "node:fs";
import type { ByteWriter } from "./bounded_output.ts";

/** A file that is written from its beginning. */
export class FileWriter implements ByteWriter {
  readonly #descriptor: number;

  /** @throws {Error} that says what to do, where it cannot be written */
  constructor(path: string) {
    try {
      this.#descriptor = openSync(path, "w");
    } catch (error) {
      throw new Error(`${JSON.stringify(path)} cannot be written: ${fileProblem(error, "write")}`);
    }
  }

  write(bytes: Uint8Array): number {
    return writeSync(this.#descriptor, bytes);
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }
}

/** What is wrong with a file, for people. */
export function fileProblem(error: unknown, access: "read" | "write"): string {
  const { name, message, code } = error as Partial<Error & { readonly code: string }>;
  // Deno's own refusal, which comes before the system's.
  if (name === "NotCapable") return `Deno was started without --allow-${access}`;
  return message ?? code ?? String(error);
}
