/**
 * Netlink sockets by their port.
 *
 * @module
 */

import { libc } from "../../../ffi/libraries/libc.ts";
import { readNetFile } from "./net_files.ts";
import { AF_NETLINK, NetlinkAddress } from "../netlink_address.ts";

const NETLINK_NETFILTER = 12;
const SOL_SOCKET = 1;
const SO_PROTOCOL = 38;
/** A descriptor above is not looked at: the search takes a millisecond, on the way to an error. */
const DESCRIPTORS = 4096;

/**
 * Whether a netfilter socket of this process has that port. Each of its descriptors is asked: neither
 * /proc nor anybody's book-keeping is needed, so those of workers that are gone are found too.
 */
export function hasPort(portId: number): boolean {
  const { getsockname, getsockopt } = libc();
  const address = new NetlinkAddress();
  const name = address.bytes;
  const value = new Uint8Array(new ArrayBuffer(4));
  const length = new Uint8Array(new ArrayBuffer(4));
  for (let descriptor = 0; descriptor < DESCRIPTORS; descriptor++) {
    length[0] = name.length;
    if (getsockname(descriptor, name, length) < 0) continue;
    if (address.family !== AF_NETLINK || address.portId !== portId) continue;
    length[0] = value.length;
    if (getsockopt(descriptor, SOL_SOCKET, SO_PROTOCOL, value, length) < 0) continue;
    if (value[0] === NETLINK_NETFILTER) return true;
  }
  return false;
}

/**
 * The inode of the netfilter socket with that port, of whichever process in this network namespace;
 * undefined where there is none, or no /proc to tell.
 */
export function netfilterSocket(portId: number): number | undefined {
  const { text } = readNetFile("netlink");
  for (const line of text?.split("\n") ?? []) {
    // sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode
    const columns = line.trim().split(/\s+/);
    if (Number(columns[1]) !== NETLINK_NETFILTER) continue;
    // Some kernels print the port as a signed number.
    if (Number(columns[2]) >>> 0 === portId) return Number(columns[9]);
  }
  return undefined;
}
