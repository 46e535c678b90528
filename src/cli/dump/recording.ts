// Packets out of a recording.
import { createReadStream } from "node:fs";
import process from "node:process";
import { CaptureError, CaptureReader } from "../../capture/mod.ts";
import type { BoundedOutput } from "../output/bounded_output.ts";
import { fileProblem } from "../output/file_writer.ts";
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
  const input: NodeJS.ReadableStream = path === "-" ? process.stdin : createReadStream(path);
  const stop = () => (input as Partial<{ destroy(): void }>).destroy?.();
  const chunks = (input as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  const aborted = Promise.withResolvers<undefined>();
  const abort = () => aborted.resolve(undefined);
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  try {
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
    stop();
  }
}
