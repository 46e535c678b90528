/**
 * A fence behind every block that libnetfilter_queue allocates: the first byte read or written
 * behind it ends the process. Compiled on the spot and preloaded into a child.
 *
 * @module
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLibrary } from "../../ffi/load.ts";
import { command } from "../support/runtime/command.ts";

/** glibc only: its allocator has names of its own. */
const SOURCE = `
#define _GNU_SOURCE
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

extern void *__libc_calloc(size_t, size_t);
extern void __libc_free(void *);

static const size_t page = 4096;
static uintptr_t first, last; /* libnetfilter_queue's code */
static struct { void *block, *map; size_t size; } fenced[64];

static int look(struct dl_phdr_info *info, size_t size, void *unused) {
  (void)size; (void)unused;
  if (!strstr(info->dlpi_name, "libnetfilter_queue")) return 0;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *part = &info->dlpi_phdr[i];
    if (part->p_type != PT_LOAD || !(part->p_flags & PF_X)) continue;
    first = info->dlpi_addr + part->p_vaddr;
    last = first + part->p_memsz;
  }
  return 1;
}

/* Called once the library is open. */
void fence_up(void) { dl_iterate_phdr(look, NULL); }

void *calloc(size_t count, size_t size) {
  uintptr_t caller = (uintptr_t)__builtin_return_address(0);
  if (caller < first || caller >= last) return __libc_calloc(count, size);
  for (int i = 0; i < 64; i++) {
    if (fenced[i].block) continue;
    size_t pages = (count * size + page - 1) / page * page;
    char *map = mmap(NULL, pages + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) return NULL;
    mprotect(map + pages, page, PROT_NONE);
    fenced[i].map = map;
    fenced[i].size = pages + page;
    return fenced[i].block = map + pages - count * size;
  }
  return __libc_calloc(count, size);
}

void free(void *block) {
  /* Whoever calls: pktb_free jumps here. */
  for (int i = 0; block && i < 64; i++) {
    if (fenced[i].block != block) continue;
    fenced[i].block = NULL;
    munmap(fenced[i].map, fenced[i].size);
    return;
  }
  __libc_free(block);
}
`;

/** The compiled fence; its folder goes away when disposed. */
export class Fence implements Disposable {
  readonly path: string;
  readonly #folder: string;

  constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), "nfqueue-fence-"));
    this.path = join(this.#folder, "libfence.so");
    const source = join(this.#folder, "fence.c");
    writeFileSync(source, SOURCE);
    command("cc", ["-shared", "-fPIC", "-O1", "-o", this.path, source]);
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** In the child that has it preloaded: from here on every block has its fence. */
export function raiseFence(path: string): void {
  const symbols = { fence_up: { parameters: [], result: "void" } } as const;
  openLibrary({ name: "the fence", sonames: [path], packages: {}, symbols }).fence_up();
}
