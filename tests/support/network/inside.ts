/**
 * Sockets of another network namespace, in this process: a socket belongs to the namespace in which it
 * was opened.
 *
 * @module
 */

import { lazyLibrary } from "../../../ffi/load.ts";
import type { NativeFunctions, SymbolTable } from "../../../ffi/types.ts";
import { libc } from "../../../ffi/libraries/libc.ts";
import { cString } from "../../../ffi/memory.ts";
import type { Namespace } from "./namespaces.ts";

const symbols = {
  /** `int setns(int fd, int type)` */
  setns: { parameters: ["i32", "i32"], result: "i32" },
} as const satisfies SymbolTable;

const threads: () => NativeFunctions<typeof symbols> = lazyLibrary({
  ...{ name: "the C library", sonames: ["libc.so.6"], packages: {}, symbols },
});

const CLONE_NEWNET = 0x40000000;

/** Does something with this thread in another namespace. It must not wait for anything. */
export function inside<Value>(namespace: Namespace, act: () => Value): Value {
  const { open, close } = libc();
  const own = open(cString("/proc/thread-self/ns/net"), 0);
  const other = open(cString(`/run/netns/${namespace.name}`), 0);
  if (own < 0 || other < 0) throw new Error(`${namespace.name} cannot be opened`);
  enter(other);
  try {
    return act();
  } finally {
    // Anything else would go on in the wrong namespace.
    enter(own);
    close(own);
    close(other);
  }
}

function enter(descriptor: number): void {
  if (threads().setns(descriptor, CLONE_NEWNET) < 0) throw new Error("setns(2) failed");
}
