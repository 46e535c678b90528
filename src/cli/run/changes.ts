// Tells when files have changed, however they are written: in place, or by another one that takes the name.
import { stampOf } from "./module_files.ts";

/** What tells each file from the same file before a change. */
export type Stamps = ReadonlyMap<string, string | undefined>;

const LOOK_MILLISECONDS = 100;

const pause = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, LOOK_MILLISECONDS);
    signal.addEventListener("abort", done);
  });

/**
 * Gives the paths of files that have changed, until the signal aborts. A change counts when the file was
 * the same twice: an editor may still be writing.
 *
 * @param files asked anew after each change
 * @param options.stamps what the files were like when they were read
 */
export async function* changesOf(
  files: () => readonly string[],
  { stamps, signal }: { readonly stamps: Stamps; readonly signal: AbortSignal },
): AsyncGenerator<readonly string[], void, void> {
  let paths = files();
  let [known, last] = [stamps, stamps];
  for (;;) {
    await pause(signal);
    if (signal.aborted) return;
    const now: Stamps = new Map(paths.map((path) => [path, stampOf(path)]));
    const changed = paths.filter((path) => now.get(path) !== known.get(path));
    const settled = changed.every((path) => now.get(path) === last.get(path));
    last = now;
    if (changed.length === 0 || !settled) continue;
    yield changed;
    // What changed while it was loaded is a change again.
    paths = files();
    known = new Map(paths.map((path) => [path, now.has(path) ? now.get(path) : stampOf(path)]));
    last = known;
  }
}
