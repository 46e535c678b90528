/**
 * Sockets that only /proc lists: ping sockets, and raw ones (many kernels have no raw_diag).
 *
 * @module
 */

import { readNetFile } from "../linux/proc/net_files.ts";
import type { LocalSocket } from "./result.ts";
import type { FoundSocket, LocalEnds } from "./socket_ends.ts";

/** `IPPROTO_RAW`: its sockets send any protocol, with headers of their own. */
const ANY_PROTOCOL = 255;

/** A line of /proc/net/raw or /proc/net/icmp. */
interface Line {
  readonly local: Uint8Array;
  /** Of a raw socket its protocol, of a ping socket its identifier. */
  readonly number: number;
  readonly remote: Uint8Array;
  readonly user: number;
  readonly inode: number;
}

const PING_FILES = { 4: "icmp", 6: "icmp6" } as const;
const RAW_FILES = { 4: "raw", 6: "raw6" } as const;

/** The ping socket with this identifier. */
export function pingSockets(ends: LocalEnds): readonly FoundSocket[] {
  const found = linesOf(PING_FILES[ends.version]).filter((line) =>
    line.number === ends.echo && fits(line.local, ends.local)
  );
  return ofUser(found, ends).map((line) => socketOf("ping", line));
}

/** Raw sockets that may have sent the packet, or get a copy of it. */
export function rawSockets(ends: LocalEnds): readonly FoundSocket[] {
  const { protocol, side, local, remote } = ends;
  const found = linesOf(RAW_FILES[ends.version]).filter((line) =>
    (line.number === protocol || (side === "output" && line.number === ANY_PROTOCOL)) &&
    fits(line.local, local) && fits(line.remote, remote)
  );
  return (side === "output" ? ofUser(found, ends) : found).map((line) => socketOf("raw", line));
}

/** Those of the user that the kernel named, if there are any. */
function ofUser(lines: readonly Line[], { user }: LocalEnds): readonly Line[] {
  const owned = lines.filter((line) => line.user === user);
  return owned.length > 0 ? owned : lines;
}

function socketOf(kind: LocalSocket["kind"], { user, inode }: Line): FoundSocket {
  return { kind, state: inode === 0 ? "closed" : "open", inode, user, cookie: [0, 0] };
}

/** Whether an address is the socket's, or the socket has none. */
function fits(own: Uint8Array, address: Uint8Array): boolean {
  return own.every((byte) => byte === 0) || own.every((byte, at) => byte === address[at]);
}

function linesOf(file: string): readonly Line[] {
  const lines: Line[] = [];
  for (const text of readNetFile(file).text?.split("\n").slice(1) ?? []) {
    // sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode …
    const [, local, remote, , , , , user, , inode] = text.trim().split(/\s+/);
    if (local === undefined || remote === undefined || inode === undefined) continue;
    const [address = "", number = ""] = local.split(":");
    const [far = ""] = remote.split(":");
    lines.push({
      ...{ local: addressOf(address), number: parseInt(number, 16), remote: addressOf(far) },
      ...{ user: Number(user), inode: Number(inode) },
    });
  }
  return lines;
}

/** Words in host order, and so with the bytes turned round. */
function addressOf(digits: string): Uint8Array {
  const bytes = new Uint8Array(digits.length / 2);
  for (let at = 0; at < bytes.length; at++) {
    const word = at & ~3;
    const byte = word + 3 - (at & 3);
    bytes[at] = parseInt(digits.slice(2 * byte, 2 * byte + 2), 16);
  }
  return bytes;
}
