// Files that a command writes, and what is wrong with files.
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  statSync,
  writeSync,
} from "node:fs";
import type { ByteWriter } from "./bounded_output.ts";

const { O_WRONLY, O_CREAT, O_NONBLOCK } = constants;
/** A named pipe is neither waited for when it is opened, nor when it is full. Files do not care. */
const FLAGS = O_WRONLY | O_CREAT | O_NONBLOCK;

/** A file that is written from its beginning. What was in it stays until the first byte is written. */
export class FileWriter implements ByteWriter {
  readonly #descriptor: number;
  #begun = false;

  /** @throws {Error} that says what to do, where it cannot be written */
  constructor(path: string) {
    try {
      this.#descriptor = openSync(path, FLAGS);
    } catch (error) {
      throw new Error(`${JSON.stringify(path)} cannot be written: ${fileProblem(error, "write")}`);
    }
  }

  write(bytes: Uint8Array): number {
    if (!this.#begun) {
      // Devices and pipes hold nothing.
      if (fstatSync(this.#descriptor).isFile()) ftruncateSync(this.#descriptor, 0);
      this.#begun = true;
    }
    try {
      return writeSync(this.#descriptor, bytes);
    } catch (error) {
      if ((error as { readonly code?: string }).code === "EAGAIN") return 0;
      throw error;
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }
}

/** What is wrong with a file, for people. */
export function fileProblem(error: unknown, access: "read" | "write"): string {
  const { name, message, code } = error as Partial<Error & { readonly code: string }>;
  if (code === "ENXIO" && access === "write") return "it is a pipe that nobody reads";
  // Deno's own refusal, which comes before the system's.
  if (name === "NotCapable") return `Deno was started without --allow-${access}`;
  return message ?? code ?? String(error);
}

/** Whether two paths lead to one file, by whatever links. */
export function isSameFile(one: string, other: string): boolean {
  try {
    const [first, second] = [one, other].map((path) => statSync(path, { bigint: true }));
    return first!.dev === second!.dev && first!.ino === second!.ino;
  } catch {
    // One of them does not exist, or may not be looked at.
    return false;
  }
}
