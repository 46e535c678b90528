/**
 * Hears when network interfaces come, go or change their name: rtnetlink(7), group RTMGRP_LINK.
 *
 * @module
 */

import { ERRNO, prepareErrno, threadErrno } from "./errno.ts";
import { libc } from "./libc.ts";

const AF_NETLINK = 16;
const NETLINK_ROUTE = 0;
/** SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK */
const SOCKET_TYPE = 3 | 0o2000000 | 0o4000;
/** struct sockaddr_nl: family, padding, port id, groups. */
const SOCKADDR_NL = { size: 12, groups: 8 } as const;
const RTMGRP_LINK = 1;

/** Only whether something came matters, so messages may be cut. */
const buffer = new Uint8Array(new ArrayBuffer(64));
const LENGTH = BigInt(buffer.length);

/** The socket; −1 where there can be none. It lives as long as the thread. */
let descriptor: number | undefined;

/** Whether an interface may have changed since the last call; true where that cannot be known. */
export function linksChanged(): boolean {
  if (descriptor === undefined) {
    descriptor = open();
    return true;
  }
  if (descriptor < 0) return true;
  const { read } = libc();
  let changed = false;
  while (read(descriptor, buffer, LENGTH) >= 0) changed = true;
  const errno = threadErrno();
  if (errno === ERRNO.EAGAIN) return changed;
  // Too many changes for the socket's buffer; anything else means that it is no longer ours.
  if (errno !== ERRNO.ENOBUFS && errno !== ERRNO.EINTR) descriptor = -1;
  return true;
}

function open(): number {
  prepareErrno();
  const { socket, bind, close } = libc();
  const address = new Uint8Array(new ArrayBuffer(SOCKADDR_NL.size));
  address[0] = AF_NETLINK;
  address[SOCKADDR_NL.groups] = RTMGRP_LINK;
  const opened = socket(AF_NETLINK, SOCKET_TYPE, NETLINK_ROUTE);
  if (opened < 0) return -1;
  if (bind(opened, address, address.length) >= 0) return opened;
  close(opened);
  return -1;
}
