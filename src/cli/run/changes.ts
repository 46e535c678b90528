// Tells when files have changed, however they are written: in place, or by another one that takes the name.
import { stampOf } from "./module_files.ts";

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
 */
export async function* changesOf(
  files: () => readonly string[],
  signal: AbortSignal,
): AsyncGenerator<readonly string[], void, void> {
  const look = (paths: readonly string[]) => new Map(paths.map((path) => [path, stampOf(path)]));
  let paths = files();
  let [known, last] = [look(paths), look(paths)];
  for (;;) {
    await pause(signal);
    if (signal.aborted) return;
    const now = look(paths);
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
