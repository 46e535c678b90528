/**
 * Why a library cannot be opened, and what to do about it.
 *
 * @module
 */

/** Where the loader looks for a library. */
export interface LibraryFile {
  /** What it is called in messages. */
  readonly name: string;
  /** Sonames, best first; each is tried bare and in every known directory. */
  readonly sonames: readonly string[];
  /** Environment variable that names another file; then nothing else is tried. */
  readonly override?: string;
  /** Package by distribution. */
  readonly packages: Readonly<Record<string, string>>;
}

/** No candidate for a library could be opened, or the runtime does not allow it. */
export class LibraryLoadError extends Error {
  /** Always `"LibraryLoadError"`. */
  override readonly name = "LibraryLoadError";
  /** What was looked for. */
  readonly library: string;
  /** Every path tried, with what the dynamic linker answered. */
  readonly tried: readonly {
    /** The file's path or bare name. */
    readonly path: string;
    /** The dynamic linker's answer. */
    readonly reason: string;
  }[];

  /**
   * The message begins with `cannot open` and the library; `advice` follows.
   *
   * @param library what was looked for
   */
  constructor(
    library: string,
    { advice, tried = [], cause }: {
      readonly advice: string;
      readonly tried?: readonly Attempt[];
      readonly cause?: unknown;
    },
  ) {
    super(`cannot open ${library}${advice}`, cause === undefined ? undefined : { cause });
    this.library = library;
    this.tried = tried;
  }
}

/** A path, and what the dynamic linker answered. */
export type Attempt = LibraryLoadError["tried"][number];

/** What glibc and musl say when this process or the system has no descriptor left. */
const NO_DESCRIPTOR = /Too many open files|No file descriptors available/;
const ABSENT = /No such file or directory/;

/** @param chosen the override names the only file that was tried */
export function loadError(
  file: LibraryFile,
  { tried, chosen }: { readonly tried: readonly Attempt[]; readonly chosen: boolean },
): LibraryLoadError {
  return new LibraryLoadError(file.name, { advice: adviseLoad(file, tried, chosen), tried });
}

function adviseLoad(
  { packages, override }: LibraryFile,
  tried: readonly Attempt[],
  chosen: boolean,
): string {
  if (tried.some(({ reason }) => NO_DESCRIPTOR.test(reason))) {
    return ": too many files are open. Close some or raise the limit with ulimit -n";
  }
  const install = Object.entries(packages)
    .map(([distribution, command]) => `  ${distribution}: ${command}`).join("\n");
  if (chosen) {
    return `: the environment variable ${override} names a file that cannot be used.\n` +
      `${lines(tried)}\nName another one there, or take the variable away: then the system's own ` +
      `library is looked for, which comes with:\n${install}`;
  }
  const name = override === undefined
    ? ""
    : `\nor name the file in the environment variable ${override}`;
  const unusable = tried.filter(({ reason }) => !ABSENT.test(reason));
  if (unusable.length === 0) return `. Install it:\n${install}${name}.\nTried:\n${lines(tried)}`;
  return `: what is here by its name cannot be used.\n${lines(unusable)}\n` +
    `Install it anew, for this processor:\n${install}${name}.`;
}

const lines = (tried: readonly Attempt[]): string =>
  tried.map(({ path, reason }) => `  ${path}: ${reason}`).join("\n");

/** For a runtime that asks for leave before anything native. */
export function permissionError(cause: unknown): LibraryLoadError {
  const advice = ": Deno was started without --allow-ffi, or with a path behind it. " +
    "Give it --allow-ffi without a path: the library also hands memory to the kernel";
  return new LibraryLoadError("the system's libraries", { advice, cause });
}

/** The least version of Node that calls C without a flag. */
export const LEAST_NODE = "26.9";

/** For a Node that cannot call C, or may not. */
export function nodeRefusal(
  version: string,
  { permitted }: { readonly permitted: boolean },
): LibraryLoadError {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [leastMajor = 0, leastMinor = 0] = LEAST_NODE.split(".").map(Number);
  const old = major < leastMajor || (major === leastMajor && minor < leastMinor);
  const advice = old
    ? `Node ${LEAST_NODE} or later is needed to open a queue; this is ${version}`
    : permitted
    ? "Node was started with --no-experimental-ffi. Leave that out"
    : "Node was started with --permission and without --allow-ffi. Give it --allow-ffi too";
  return new LibraryLoadError("the system's libraries", { advice: `: ${advice}` });
}

/** Deno's refusal, whichever of its names it has. */
export function isPermissionError(error: unknown): boolean {
  return error instanceof Error && ["NotCapable", "PermissionDenied"].includes(error.name);
}
