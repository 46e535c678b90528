// Kernels before 3.8 queue the packets of no protocol family before it is asked for, and ip_queue may
// have one. Later kernels ignore the request, so that a library with other answers stands in for them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { Child } from "../support/runtime/child.ts";
import { StubLibrary } from "../support/stand_ins/stub_library.ts";

requireIsolation();

const timeout = 30_000;

/** What the kernel answers: 0, or the errno, by family. */
type Answers = Readonly<Record<number, number>>;

/** A library whose kernel answers so, and which says what it is asked for. */
function stub(answers: Answers): StubLibrary {
  const cases = Object.entries(answers).map(([family, errno]) => `case ${family}: e = ${errno};`);
  return new StubLibrary({
    nfq_bind_pf: `#include <stdio.h>
      int nfq_bind_pf(void *h, uint16_t pf) {
        (void)h;
        int e = 0;
        fprintf(stderr, "family %d\\n", pf);
        switch (pf) { ${cases.join(" break; ")} }
        errno = e;
        return e ? -1 : 0;
      }`,
    nfq_create_queue: `
      void *nfq_create_queue(void *h, uint16_t number, void *callback, void *data) {
        fprintf(stderr, "queue\\n");
        void *(*call)(void *, uint16_t, void *, void *) = real("nfq_create_queue");
        return call(h, number, callback, data);
      }`,
  });
}

async function open(
  library: StubLibrary,
): Promise<{ readonly lines: readonly string[]; readonly calls: string }> {
  await using child = new Child(new URL("fixtures/families.ts", import.meta.url), {
    parameters: [nextQueue()],
    environment: { NFQUEUE_LIBRARY: library.path },
  });
  assert.deepEqual(
    await child.end(timeout),
    { code: 0, signal: null },
    child.output + child.errors,
  );
  return { lines: child.output.trim().split("\n"), calls: child.errors.replaceAll("\n", " ") };
}

const opened = ["PacketQueue: opened", "IPv4: opened, 0", "IPv6: opened, 0"];

test("stand-in for Linux before 3.8: the families are bound before the queue", {
  timeout,
}, async () => {
  using library = stub({});
  const { lines, calls } = await open(library);
  assert.deepEqual(lines, opened);
  const ipq = "family 2 family 10 queue ";
  // A bridge's packets can only be a PacketQueue's.
  assert.equal(calls, `family 2 family 7 family 10 queue ${ipq}${ipq}`);
});

test("stand-in for a kernel that refuses families: only EBUSY keeps from opening", {
  timeout,
}, async () => {
  // EEXIST: bound already. EINVAL: no such family. EPERM: the queue's own refusal tells.
  using library = stub({ 2: 17, 7: 22, 10: 1 });
  assert.deepEqual((await open(library)).lines, opened);
});

/** The sentence about a module. */
function advice(module: string, packets: string): string {
  return `The kernel's module ${module} has all queued packets of ${packets}, and NFQUEUE gets none: ` +
    `end the program that uses it and remove it (modprobe -r ${module})`;
}

test("stand-in for Linux before 3.5 with ip_queue or ip6_queue loaded: it is named", {
  timeout,
}, async () => {
  const failed = (text: string): RegExp =>
    RegExp(text.replaceAll(/[().]/g, "\\$&").replaceAll("~", ".*"));
  const refused = "IpqError 4: Unable to bind netlink socket: Device or resource busy. ";
  const other = ", or use the transport libipq";
  for (
    const [family, module, packets] of [[2, "ip_queue", "IPv4"], [10, "ip6_queue", "IPv6"]] as const
  ) {
    using library = stub({ [family]: 16 });
    const { lines: [queue = "", ...handles], calls } = await open(library);
    const sentence = advice(module, packets);
    assert.match(queue, failed(`^PacketQueue: SystemError EBUSY: nfq_bind_pf~${sentence}`));
    for (const [index, name] of ["IPv4", "IPv6"].entries()) {
      // The family that is left can be had.
      const expected = name === packets
        ? `${name}: ${refused}${sentence}${other}`
        : opened[index + 1];
      assert.equal(handles[index], expected);
    }
    assert.equal(calls.match(/queue/g)?.length, 1, calls);
  }
});
