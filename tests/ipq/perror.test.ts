// ipq_perror and IpqHandle.perror: exactly what stands on standard error.

import assert from "node:assert/strict";
import { test } from "node:test";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { Child } from "../support/runtime/child.ts";

requireIsolation();

const timeout = 30_000;
const inUse = "myapp: Unable to bind netlink socket: Address already in use\n";

const lines: Readonly<Record<string, string>> = {
  "no error": "myapp\n",
  "no error, of a handle": "myapp\n",
  "no error, method": "myapp\n",
  "code only": "myapp: Timeout\n",
  "code only, of a handle": "myapp: Timeout\n",
  "code only, method": "myapp: Timeout\n",
  "null": "ERROR: Timeout\n",
  "null, of a handle": "ERROR: Timeout\n",
  "null, method": "ERROR: Timeout\n",
  "no prefix, method": "ERROR: Timeout\n",
  "null, no error": "ERROR\n",
  "empty": ": Timeout\n",
  "format": "100%s %d%%\t%n: Timeout\n",
  "unicode": "größer ✓: Timeout\n",
  "creation": inUse,
  "creation, null handle": inUse,
  "protocol": "myapp: Invalid protocol specified\n",
  "send": "myapp: Failed to send netlink message: Message too long\n",
  "destroyed": "myapp: Failed to send netlink message: Bad file descriptor\n",
  "another handle's error": "myapp\n",
};

test("each shape of the line", { timeout }, async () => {
  const ends = Object.entries(lines).map(async ([name, line]) => {
    await using child = new Child(new URL("fixtures/perror.ts", import.meta.url), {
      parameters: [name, nextQueue()],
    });
    const end = await child.end(20_000);
    assert.deepEqual(
      { name, ...end, output: child.output, errors: child.errors },
      { name, code: 0, signal: null, output: "", errors: line },
    );
  });
  await Promise.all(ends);
});
