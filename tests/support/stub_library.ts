/**
 * A stand-in for libnetfilter_queue, for what no kernel and no package here can show: it is compiled
 * on the spot and hands calls on to the real library.
 *
 * @module
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { command } from "./command.ts";

/** The real library behind `real(name)`; `queue` and `handle` stay opaque. */
const PRELUDE = `
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
static void *real(const char *name) {
  static void *library;
  if (!library) library = dlopen("libnetfilter_queue.so.1", RTLD_NOW | RTLD_LOCAL);
  return dlsym(library, name);
}
`;

/** One C function of the stub: its declaration and the expression that it returns. */
const FUNCTIONS: Readonly<Record<string, string>> = {
  nfq_open: "void *nfq_open(void) { return ((void *(*)(void))real(__func__))(); }",
  nfq_close: "int nfq_close(void *h) { return ((int (*)(void *))real(__func__))(h); }",
  nfq_fd: "int nfq_fd(void *h) { return ((int (*)(void *))real(__func__))(h); }",
  nfq_create_queue: `void *nfq_create_queue(void *h, uint16_t n, void *f, void *d) {
    return ((void *(*)(void *, uint16_t, void *, void *))real(__func__))(h, n, f, d); }`,
  nfq_destroy_queue:
    "int nfq_destroy_queue(void *q) { return ((int (*)(void *))real(__func__))(q); }",
  nfq_set_queue_flags: `int nfq_set_queue_flags(void *q, uint32_t m, uint32_t f) {
    return ((int (*)(void *, uint32_t, uint32_t))real(__func__))(q, m, f); }`,
  nfq_set_queue_maxlen: `int nfq_set_queue_maxlen(void *q, uint32_t n) {
    return ((int (*)(void *, uint32_t))real(__func__))(q, n); }`,
};

/** A compiled stub; its folder goes away when disposed. */
export class StubLibrary implements Disposable {
  readonly path: string;
  readonly #folder: string;

  /** @param changes other code for a function, or null to leave it out */
  constructor(changes: Readonly<Record<string, string | null>>) {
    this.#folder = mkdtempSync(join(tmpdir(), "nfqueue-stub-"));
    this.path = join(this.#folder, "libstub.so");
    const code = Object.values({ ...FUNCTIONS, ...changes }).filter((part) => part !== null);
    const source = join(this.#folder, "stub.c");
    writeFileSync(source, PRELUDE + code.join("\n") + "\n");
    command("cc", ["-shared", "-fPIC", "-o", this.path, source, "-ldl"]);
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
