// Packets out of a recording.
import { constants, createReadStream, openSync, statSync } from "node:fs";
import { Socket } from "node:net";
import process from "node:process";
import { CaptureError, CaptureReader } from "../../capture/mod.ts";
import type { BoundedOutput } from "../output/bounded_output.ts";
import { fileProblem } from "../output/file_writer.ts";
import { isNode } from "../package/own_place.ts";
import type { Selection } from "./selection.ts";
import { ShownPacket } from "./shown_packet.ts";

/**
 * Reads a capture to its end, or until the signal aborts. Here the reader of the output is waited for.
 *
 * @param path `-` for standard input
 * @throws {Error} naming the file, after all packets that are whole
 */
export async function readRecording(
  path: string,
  { selection, output, signal }: {
    readonly selection: Selection;
    readonly output: BoundedOutput;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const name = path === "-" ? "standard input" : JSON.stringify(path);
  const reader = new CaptureReader();
  let input: Partial<{ destroy(): void }> | undefined;
  const aborted = Promise.withResolvers<undefined>();
  const abort = () => aborted.resolve(undefined);
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  try {
    const stream = streamOf(path);
    input = stream;
    const chunks = stream[Symbol.asyncIterator]();
    for (;;) {
      // A named pipe that nobody writes to cannot be opened, and its stream not be destroyed.
      const next = await Promise.race([chunks.next(), aborted.promise]);
      if (next === undefined || next.done) break;
      for (const record of reader.read(new Uint8Array(next.value))) {
        if (!output.hasRoom) await output.room(signal);
        if (signal.aborted) return;
        selection.take(new ShownPacket(record));
      }
    }
    if (!signal.aborted) reader.end();
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof CaptureError) throw new Error(`${name}: ${error.message}`);
    throw new Error(`${name} cannot be read: ${fileProblem(error, "read")}`);
  } finally {
    signal.removeEventListener("abort", abort);
    input?.destroy?.();
  }
}

function streamOf(path: string): AsyncIterable<Uint8Array> & Partial<{ destroy(): void }> {
  if (path === "-") return process.stdin;
  // Node opens and reads files in threads, and its exit waits for them: for a silent pipe without end.
  if (isNode && statSync(path).isFIFO()) {
    const { O_RDONLY, O_NONBLOCK } = constants;
    return new Socket({ fd: openSync(path, O_RDONLY | O_NONBLOCK), writable: false });
  }
  return createReadStream(path);
}
