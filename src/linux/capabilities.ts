/**
 * Capabilities of this thread: capabilities(7).
 *
 * @module
 */

import { libc } from "../../ffi/libraries/libc.ts";

/** struct __user_cap_header_struct: version, pid (0: this thread); version 3 has two data blocks. */
const VERSION_3 = 0x20080522;
/** struct __user_cap_data_struct: effective, permitted, inheritable, 32 bits each, twice. */
const DATA_SIZE = 24;

/** Numbers of <linux/capability.h>. */
export const CAPABILITY = { NET_ADMIN: 12, NET_RAW: 13 } as const;

/** Whether a capability is in effect; undefined where the system does not tell. */
export function hasCapability(capability: number): boolean | undefined {
  const header = new DataView(new ArrayBuffer(8));
  header.setUint32(0, VERSION_3, true);
  const data = new DataView(new ArrayBuffer(DATA_SIZE));
  const bytes = ({ buffer }: DataView<ArrayBuffer>) => new Uint8Array(buffer);
  if (libc().capget(bytes(header), bytes(data)) < 0) return undefined;
  return (data.getUint32(0, true) >> capability & 1) === 1;
}
