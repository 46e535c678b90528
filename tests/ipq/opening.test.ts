// libipq over NFQUEUE: what a creation says that the system refuses.

import assert from "node:assert/strict";
import { test } from "node:test";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { Child } from "../support/runtime/child.ts";
import { StubLibrary } from "../support/stand_ins/stub_library.ts";

requireIsolation();

const timeout = 60_000;

const cases = [
  [24, "Too many open files. Close some files or raise the limit with ulimit -n"],
  [
    23,
    "Too many open files in system. " +
    "The system's limit of open files is reached: close some (sysctl fs.file-max)",
  ],
  [
    93,
    "Protocol not supported. " +
    "This kernel has no nfnetlink_queue: load it with modprobe nfnetlink_queue",
  ],
  [12, "Cannot allocate memory"],
  [13, "Permission denied"],
] as const;

test("stand-in library that opens no socket: advice only where it is true", {
  timeout,
}, async () => {
  const code = `void *nfq_open(void) { errno = atoi(getenv("REFUSAL")); return 0; }`;
  using library = new StubLibrary({ nfq_open: `#include <stdlib.h>\n${code}` });
  for (const [errno, expected] of cases) {
    await using child = new Child(new URL("fixtures/families.ts", import.meta.url), {
      parameters: [nextQueue()],
      environment: { NFQUEUE_LIBRARY: library.path, REFUSAL: String(errno) },
    });
    assert.deepEqual(await child.end(timeout), { code: 0, signal: null }, child.errors);
    const [, ...lines] = child.output.trim().split("\n");
    const text = `IpqError 3: Unable to create netlink socket: ${expected}`;
    assert.deepEqual(lines, [`IPv4: ${text}`, `IPv6: ${text}`]);
  }
});
