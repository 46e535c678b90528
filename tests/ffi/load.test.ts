// Finding and opening libraries; what older ones lack.

import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { libc } from "../../ffi/libraries/libc.ts";
import {
  lazyLibrary,
  lazyVariable,
  libcFile,
  LibraryLoadError,
  openLibrary,
} from "../../ffi/load.ts";
import { MissingSymbolError } from "../../mod.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { Child } from "../support/runtime/child.ts";
import { StubLibrary } from "../support/stand_ins/stub_library.ts";

requireIsolation();

const getpid = { getpid: { parameters: [], result: "i32" } } as const;
const packages = { "Debian, Ubuntu": "apt-get install it", "Alpine": "apk add it" };

/** What opening a queue with a stub in the library's place prints. */
async function openWith(stub: StubLibrary): Promise<string> {
  const script = new URL("../nfqueue/fixtures/open.ts", import.meta.url);
  await using child = new Child(script, {
    parameters: [nextQueue()],
    environment: { NFQUEUE_LIBRARY: stub.path },
  });
  await child.end();
  return child.output + child.errors;
}

test(
  "the error names every path tried, why each failed, and the packages",
  { timeout: 20_000 },
  () => {
    const sonames = ["libabsent.so.7", "libabsent.so"];
    const open = () => openLibrary({ name: "libabsent", sonames, packages, symbols: getpid });
    assert.throws(open, (error) => {
      assert.ok(error instanceof LibraryLoadError);
      assert.equal(error.library, "libabsent");
      const paths = error.tried.map(({ path }) => path);
      const folders = [
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/usr/lib64",
        "/usr/lib",
      ];
      for (const soname of sonames) {
        for (const path of [soname, ...folders.map((folder) => `${folder}/${soname}`)]) {
          assert.ok(paths.includes(path), `${path} was not tried`);
          assert.ok(error.message.includes(`${path}: `), `${path} is not in the message`);
        }
      }
      for (const command of Object.values(packages)) assert.ok(error.message.includes(command));
      for (const { reason } of error.tried) assert.match(reason, /cannot open|No such file/);
      return true;
    });
  },
);

test("a failed open is not remembered, a successful one is", { timeout: 20_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "nfqueue-load-"));
  try {
    const path = join(folder, "liblate.so");
    const library = lazyLibrary({
      ...{ name: "liblate", sonames: [path], packages },
      symbols: { nfq_close: { parameters: ["pointer"], result: "i32" } },
    });
    assert.throws(library, LibraryLoadError);
    using stub = new StubLibrary({});
    copyFileSync(stub.path, path);
    const opened = library();
    assert.equal(library(), opened);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test(
  "a symbol that is missing without leave fails the open and is named",
  { timeout: 20_000 },
  () => {
    const symbols = { no_such_function: { parameters: [], result: "i32" } } as const;
    const open = () => openLibrary({ name: "libc", sonames: ["libc.so.6"], packages: {}, symbols });
    assert.throws(open, /no_such_function/);
  },
);

test("an optional symbol that is missing fails only when it is called", { timeout: 20_000 }, () => {
  const { getpid: call, no_such_function: missing } = openLibrary({
    ...{ name: "libc", sonames: ["libc.so.6"], packages: {} },
    symbols: { ...getpid, no_such_function: { parameters: [], result: "i32", since: "9.9.9" } },
  });
  assert.equal(call(), process.pid);
  assert.throws(missing, (error) => {
    assert.ok(error instanceof MissingSymbolError);
    assert.match(error.message, /no_such_function needs version 9\.9\.9 or later/);
    return true;
  });
});

test("a variable is read where it lies; one that is missing is named", { timeout: 20_000 }, () => {
  // The C library keeps the number of the next option that getopt looks at: 1 at first.
  assert.equal(lazyVariable(libcFile, { name: "optind", since: "1" })(), 1);
  const missing = lazyVariable(libcFile, { name: "no_such_variable", since: "9.9.9" });
  assert.throws(missing, /no_such_variable needs version 9\.9\.9 or later/);
  const absent = { name: "libabsent", sonames: ["libabsent.so.7"], packages };
  assert.throws(lazyVariable(absent, { name: "optind", since: "1" }), LibraryLoadError);
});

test("the C library opens once", { timeout: 20_000 }, () => {
  assert.equal(libc(), libc());
});

test("stand-in library that hands everything on: a queue opens", { timeout: 20_000 }, async () => {
  using stub = new StubLibrary({});
  assert.match(await openWith(stub), /^opened/);
});

test("stand-in for an old library without nfq_set_queue_flags: the version needed is named", {
  timeout: 20_000,
}, async () => {
  using stub = new StubLibrary({ nfq_set_queue_flags: null });
  assert.match(await openWith(stub), /nfq_set_queue_flags needs version 1\.0\.2 or later/);
});

test("stand-in for a kernel without nfnetlink: what to load is named", {
  timeout: 20_000,
}, async () => {
  using stub = new StubLibrary({
    nfq_open: "void *nfq_open(void) { errno = EPROTONOSUPPORT; return 0; }",
  });
  const output = await openWith(stub);
  assert.match(output, /"code":"EPROTONOSUPPORT"/);
  assert.match(output, /modprobe nfnetlink_queue/);
});

test("stand-in for a kernel that refuses the flags: the option is named", {
  timeout: 20_000,
}, async () => {
  using stub = new StubLibrary({
    nfq_set_queue_flags: `int nfq_set_queue_flags(void *q, uint32_t m, uint32_t f) {
      (void)q; (void)m; (void)f; errno = EOPNOTSUPP; return -1; }`,
  });
  const output = await openWith(stub);
  assert.match(output, /"code":"EOPNOTSUPP"/);
  assert.match(output, /refuses the option gso/);
});
