/** CAP_NET_ADMIN of the calling thread: taken out of use, and back. */
import { prepareErrno, SystemError, threadErrno } from "../../src/linux/errno.ts";
import { lazyLibrary, libcFile } from "../../ffi/load.ts";
import type { NativeFunctions, SymbolTable } from "../../ffi/types.ts";

const symbols = {
  /** `int capget(cap_user_header_t header, cap_user_data_t data)` */
  capget: { parameters: ["buffer", "buffer"], result: "i32" },
  /** `int capset(cap_user_header_t header, const cap_user_data_t data)` */
  capset: { parameters: ["buffer", "buffer"], result: "i32" },
} as const satisfies SymbolTable;

const libc: () => NativeFunctions<typeof symbols> = lazyLibrary({ ...libcFile, symbols });

/** _LINUX_CAPABILITY_VERSION_3 */
const VERSION = 0x20080522;
const CAP_NET_ADMIN = 12;

/** It stays permitted, so that it can be used again. */
export function useNetAdmin(used: boolean): void {
  // struct { u32 version; int pid; }, then twice struct { u32 effective, permitted, inheritable; }
  const header = new Uint8Array(new ArrayBuffer(8));
  new DataView(header.buffer).setUint32(0, VERSION, true);
  const data = new Uint8Array(new ArrayBuffer(24));
  const view = new DataView(data.buffer);
  prepareErrno();
  check("capget", libc().capget(header, data));
  const bit = 1 << CAP_NET_ADMIN;
  const effective = view.getUint32(0, true);
  view.setUint32(0, used ? effective | bit : effective & ~bit, true);
  check("capset", libc().capset(header, data));
}

function check(call: string, result: number): void {
  const errno = threadErrno();
  if (result < 0) throw new SystemError(call, { errno });
}
