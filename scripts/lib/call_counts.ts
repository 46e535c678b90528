/**
 * Counts which functions of libnetfilter_queue a test run calls, in all its processes, without a
 * line of it in the library: NFQUEUE_LIBRARY names a library that counts and hands on.
 *
 *     call_counts.ts build LIBRARY           compiles it
 *     call_counts.ts check LIBRARY COUNTS    names the functions that were never called; 1 if any
 *
 * The counts go to the file that NFQUEUE_CALLS names. It is mapped into memory, so that those of a
 * process that is killed are there as well.
 *
 * @module
 */

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { forwarder, forwarderTypes } from "./forwarders.ts";
import { boundSymbols, offeredSymbols } from "./symbols.ts";

const COUNTER_SIZE = 8;

/** Where the counters are, from the first call of any function on. */
const COUNTERS = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
static unsigned long unheard[COUNT], *counters = unheard;
__attribute__((constructor)) static void map_counters(void) {
  const char *path = getenv("NFQUEUE_CALLS");
  int file = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666) : -1;
  if (file < 0) return;
  void *map = ftruncate(file, sizeof unheard) < 0 ? MAP_FAILED
    : mmap(NULL, sizeof unheard, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (map != MAP_FAILED) counters = map;
  close(file);
}
`;

/** What the installed library offers and the tables bind, in the order of the counters. */
function counted() {
  const path = execFileSync("gcc", ["-print-file-name=libnetfilter_queue.so"], {
    encoding: "utf8",
  }).trim();
  const offered = new Set(offeredSymbols(path));
  const symbols = boundSymbols().filter(({ kind, name }) =>
    kind === "function" && offered.has(name)
  );
  return { path, symbols };
}

function build(library: string): void {
  const { path, symbols } = counted();
  const functions = symbols.map((symbol, index) =>
    forwarder(symbol, {
      before: `__atomic_fetch_add(&counters[${index}], 1, __ATOMIC_RELAXED);`,
      lookup: `dlsym(RTLD_NEXT, "${symbol.name}")`,
    })
  );
  const head = `#define COUNT ${symbols.length}${COUNTERS}`;
  const source = `${library}.c`;
  writeFileSync(source, [head, forwarderTypes(symbols), ...functions, ""].join("\n"));
  // Linked with the real library, so that its variable is found through this one.
  const flags = ["-shared", "-fPIC", "-O2", "-Wl,--no-as-needed"];
  execFileSync("gcc", [...flags, "-o", library, source, path, "-ldl"], { stdio: "inherit" });
  writeFileSync(`${library}.names`, symbols.map(({ name }) => name).join("\n"));
}

function check(library: string, file: string): void {
  const names = readFileSync(`${library}.names`, "utf8").split("\n");
  const counts = existsSync(file) ? readFileSync(file) : new Uint8Array();
  if (counts.length !== names.length * COUNTER_SIZE) throw new Error(`${file} has no counts`);
  const view = new DataView(counts.buffer, counts.byteOffset, counts.byteLength);
  const never = names.filter((_, index) => view.getBigUint64(index * COUNTER_SIZE, true) === 0n);
  console.log(`${names.length - never.length} of ${names.length} functions were called`);
  for (const name of never) console.error(`no test calls ${name}`);
  process.exitCode = never.length > 0 ? 1 : 0;
}

const [action, library = "", file = ""] = process.argv.slice(2);
if (action === "build") build(library);
else if (action === "check") check(library, file);
else throw new Error(`unknown action ${action}`);
