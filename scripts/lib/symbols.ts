/**
 * The C symbols that the library binds: what the tables of ffi/ say of them, prototypes included,
 * and what the installed library has.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { queueSymbols } from "../../ffi/libraries/libnetfilter_queue.ts";
import { messageSymbols } from "../../ffi/libraries/libnetfilter_queue_messages.ts";
import { packetSymbols } from "../../ffi/libraries/libnetfilter_queue_packets.ts";
import { netlinkSymbols } from "../../ffi/libraries/libnfnetlink.ts";
import type { SymbolTable } from "../../ffi/types.ts";

/** One symbol of a C library. */
export interface LibrarySymbol {
  readonly name: string;
  /** As the header declares it, without semicolon. */
  readonly prototype: string;
  readonly library: "libnetfilter_queue" | "libnfnetlink";
  /** The first version that has it. */
  readonly since: string;
  readonly kind: "function" | "variable";
}

const tables: readonly (readonly [string, LibrarySymbol["library"], SymbolTable])[] = [
  ["libnetfilter_queue.ts", "libnetfilter_queue", queueSymbols],
  ["libnetfilter_queue_messages.ts", "libnetfilter_queue", messageSymbols],
  ["libnetfilter_queue_packets.ts", "libnetfilter_queue", packetSymbols],
  ["libnfnetlink.ts", "libnfnetlink", netlinkSymbols],
];

/** Every symbol of the tables, in their order. Throws where an entry has no prototype beside it. */
export function boundSymbols(): readonly LibrarySymbol[] {
  const functions = tables.flatMap(([file, library, table]) => {
    const source = readFileSync(new URL(`../../ffi/libraries/${file}`, import.meta.url), "utf8");
    return Object.entries(table).map(([name, { since }]): LibrarySymbol => {
      const prototype = new RegExp(`/\\*\\* \`([^\`]*)\` \\*/\\n  ${name}: `).exec(source)?.[1];
      if (prototype === undefined || !new RegExp(`\\b${name}\\(`).test(prototype)) {
        throw new Error(
          `ffi/libraries/${file}: ${name} has no C prototype in the comment before it`,
        );
      }
      return { name, prototype, library, since: since ?? "1.0.0", kind: "function" };
    });
  });
  return [...functions, {
    ...{ name: "nfq_errno", prototype: "extern int nfq_errno", kind: "variable" },
    ...{ library: "libnetfilter_queue", since: "1.0.0" },
  }];
}

/** What `nm -D --defined-only` lists: every symbol that a library offers. */
export function offeredSymbols(path: string): readonly string[] {
  const { status, stdout, stderr, error } = spawnSync("nm", ["-D", "--defined-only", path], {
    encoding: "utf8",
    timeout: 10_000,
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`nm ${path}: ${stderr.trim()}`);
  return stdout.trim().split("\n").map((line) => line.split(/\s+/)[2] ?? "").filter(Boolean);
}
