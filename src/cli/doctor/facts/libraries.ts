// The C libraries, by opening each.
import { libipq } from "../../../../ffi/libraries/libipq.ts";
import { libnetfilterQueue } from "../../../../ffi/libraries/libnetfilter_queue.ts";
import { libnftables } from "../../../../ffi/libraries/libnftables.ts";
import { openLibrary } from "../../../../ffi/load.ts";
import { LibraryLoadError } from "../../../linux/library_errors.ts";
import { readSystemFile } from "../../../linux/files.ts";
import type { Facts, LibraryFact } from "../terms/facts.ts";

const libmnlFile = {
  name: "libmnl",
  sonames: ["libmnl.so.0"],
  packages: { "every distribution": "it comes with libnetfilter_queue" },
  symbols: {},
} as const;

/** All that the library uses, or can use. */
export function libraryFacts(): Facts["libraries"] {
  return {
    netfilterQueue: fact("libnetfilter_queue", libnetfilterQueue),
    nftables: fact("libnftables", libnftables),
    mnl: fact("libmnl", () => openLibrary(libmnlFile)),
    ipq: fact("libipq", libipq),
  };
}

function fact(name: string, open: () => unknown): LibraryFact {
  const before = mapped();
  try {
    open();
  } catch (error) {
    if (!(error instanceof LibraryLoadError)) throw error;
    return { name, problem: error.message };
  }
  const after = mapped();
  const files = after.filter((path) => path.slice(path.lastIndexOf("/") + 1).startsWith(name));
  // One that a person named may be called anything.
  const file = files[0] ?? after.find((path) => !before.includes(path));
  return file === undefined ? { name } : { name, file };
}

/** Files of libraries in this process's memory. */
function mapped(): string[] {
  const { text } = readSystemFile("/proc/self/maps");
  const paths = text?.split("\n").map((line) => line.slice(line.indexOf("/"))) ?? [];
  return [...new Set(paths.filter((path) => path.startsWith("/") && path.includes(".so")))];
}
