// Classes over pointers are not made by programs: no pointer of theirs reaches C.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as library from "../../src/libnetfilter_queue/mod.ts";

const makers = {
  NfqHandle: "NfqHandle.nfq_open",
  NfnlHandle: "NfnlHandle.nfnl_open",
  NlifHandle: "NlifHandle.nlif_open",
} as const;

for (const [name, maker] of Object.entries(makers)) {
  test(`new ${name}() names ${maker}`, { timeout: 20_000 }, () => {
    const Class = library[name as keyof typeof makers] as unknown as new (
      value?: unknown,
    ) => object;
    for (const value of [undefined, null, 0, 5, 5n, {}, Symbol("libnetfilter_queue")]) {
      assert.throws(() => new Class(value), { name: "TypeError", message: `call ${maker}` });
    }
  });
}

test("the other classes refuse it, or what they make reaches nothing", { timeout: 20_000 }, () => {
  for (const [name, Class] of Object.entries(library)) {
    if (typeof Class !== "function" || name in makers || Class.prototype === undefined) continue;
    if (Class === library.NlmsgBuilder || Class.prototype instanceof Error) continue;
    let made: object;
    try {
      made = new (Class as unknown as new () => object)();
    } catch (error) {
      assert.ok(error instanceof TypeError || error instanceof RangeError, `${name}: ${error}`);
      continue;
    }
    for (
      const [key, { value }] of Object.entries(Object.getOwnPropertyDescriptors(Class.prototype))
    ) {
      if (key === "constructor" || typeof value !== "function") continue;
      assert.throws(() => value.call(made), Error, `${name}.${key}`);
    }
  }
});
