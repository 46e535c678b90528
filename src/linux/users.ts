// Users of this system, by name.
import { backend } from "../../ffi/backend.ts";
import { libc } from "../../ffi/libraries/libc.ts";
import { cString } from "../../ffi/memory.ts";

/** struct passwd: char *pw_name; char *pw_passwd; uid_t pw_uid; … */
const UID = 16;

/** The number of a user; undefined where nobody has that name. */
export function userNumber(name: string): number | undefined {
  const entry = libc().getpwnam(cString(name));
  if (entry === null) return undefined;
  return new DataView(backend().viewOf(entry, UID + 4)).getUint32(UID, true);
}
