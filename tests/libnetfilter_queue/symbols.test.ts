// Every symbol of the installed library is bound, with the prototype that its header has. That the
// tests call every one is checked by scripts/test, which counts their calls.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { libnetfilterQueue } from "../../ffi/libraries/libnetfilter_queue.ts";
import { boundSymbols, offeredSymbols } from "../../scripts/lib/symbols.ts";
import { command } from "../support/runtime/command.ts";

const timeout = 30_000;

/** The file that the runtime has opened. */
function installed(): string {
  libnetfilterQueue();
  const maps = readFileSync("/proc/self/maps", "utf8");
  const path = /\/\S*libnetfilter_queue\.so\S*/.exec(maps)?.[0];
  assert.ok(path, "the library is open under its own name");
  return path;
}

test("every symbol that the installed library offers is bound, and no other", { timeout }, () => {
  const offered = offeredSymbols(installed());
  assert.ok(offered.includes("nfq_open"), `nm lists ${offered}`);
  const bound = boundSymbols().filter(({ library }) => library === "libnetfilter_queue");
  const names = new Set(bound.map(({ name }) => name));
  assert.deepEqual(offered.filter((name) => !names.has(name)), [], "not bound");
  const lacking = bound.filter(({ name }) => !offered.includes(name));
  // One release after the other: an older library lacks all that is newer than something it lacks.
  const [oldest] = lacking.map(({ since }) => since).sort();
  assert.notEqual(oldest, "1.0.0", `${lacking.map(({ name }) => name)}`);
  const newer = bound.filter(({ since }) => oldest !== undefined && since >= oldest);
  assert.deepEqual(lacking, newer, "not in the library, though others of their version are");
});

test("prototypes are those of the headers", { timeout }, () => {
  const folder = mkdtempSync(join(tmpdir(), "nfqueue-prototypes-"));
  try {
    const source = join(folder, "prototypes.c");
    const headers = ["", "_ipv4", "_ipv6", "_tcp", "_udp"]
      .map((part) => `#include <libnetfilter_queue/libnetfilter_queue${part}.h>`);
    // The first line fails where the header has no such function, the second where it has another.
    const lines = boundSymbols().map(({ name, prototype }, index) =>
      `__typeof__(${name}) *known_${index};\n${prototype};`
    );
    writeFileSync(
      source,
      [
        ...["#include <stdbool.h>", "#include <stdint.h>", "#include <linux/types.h>"],
        ...["#include <netinet/ip6.h>", "#include <libmnl/libmnl.h>"],
        ...[...headers, "#include <libnetfilter_queue/pktbuff.h>", ...lines, ""],
      ].join("\n"),
    );
    command("cc", ["-fsyntax-only", "-Werror", "-Wno-deprecated-declarations", source]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
