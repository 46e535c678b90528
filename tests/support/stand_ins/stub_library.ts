/**
 * A stand-in for libnetfilter_queue, for what no kernel and no package here can show: it is compiled
 * on the spot and hands calls on to the real library.
 *
 * @module
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { forwarder, forwarderTypes } from "../../../scripts/lib/forwarders.ts";
import { boundSymbols } from "../../../scripts/lib/symbols.ts";
import { command } from "../runtime/command.ts";

/** The real library behind `real(name)`. */
const PRELUDE = `
#include <dlfcn.h>
#include <errno.h>
static void *real(const char *name) {
  static void *library;
  if (!library) library = dlopen("libnetfilter_queue.so.1", RTLD_NOW | RTLD_LOCAL);
  return dlsym(library, name);
}
`;

/** A compiled stub; its folder goes away when disposed. */
export class StubLibrary implements Disposable {
  readonly path: string;
  readonly #folder: string;
  #links = 0;

  /** @param changes other code for a function, or null to leave it out; the rest is handed on */
  constructor(changes: Readonly<Record<string, string | null>> = {}) {
    this.#folder = mkdtempSync(join(tmpdir(), "nfqueue-stub-"));
    const symbols = boundSymbols()
      .filter(({ library, kind }) => library === "libnetfilter_queue" && kind === "function");
    const functions = Object.fromEntries(
      symbols.map((symbol) => [symbol.name, forwarder(symbol, { lookup: "real(__func__)" })]),
    );
    const code = Object.values({ ...functions, ...changes }).filter((part) => part !== null);
    const source = this.#file("stub.c");
    writeFileSync(source, [forwarderTypes(symbols), PRELUDE, ...code, ""].join("\n"));
    command("cc", ["-c", "-fPIC", "-o", this.#file("stub.o"), source]);
    this.path = this.without([]);
  }

  /** The path of the same library without some of its functions. */
  without(names: readonly string[]): string {
    const path = this.#file(`libstub${this.#links++}.so`);
    const script = this.#file("stub.map");
    writeFileSync(script, `{ local: ${["nothing", ...names].join("; ")}; };\n`);
    const flags = ["-shared", `-Wl,--version-script=${script}`, "-o", path];
    command("cc", [...flags, this.#file("stub.o"), "-ldl"]);
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #file(name: string): string {
    return join(this.#folder, name);
  }
}
