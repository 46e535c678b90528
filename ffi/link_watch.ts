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

/** The socket; −1 where there can be none. It is there while some queue of the thread is open. */
let descriptor: number | undefined;
let users = 0;

/** Has the changes of interfaces listened to, from the first question on, until `unwatchLinks`. */
export function watchLinks(): void {
  users++;
}

/** Ends that; nobody else would close the socket of a worker that ends. */
export function unwatchLinks(): void {
  if (--users > 0) return;
  if (descriptor !== undefined && descriptor >= 0) libc().close(descriptor);
  descriptor = undefined;
}

/** Whether an interface may have changed since the last call; true where that cannot be known. */
export function linksChanged(): boolean {
  if (users === 0) return true;
  if (descriptor === undefined) {
    descriptor = open();
    return true;
  }
  if (descriptor < 0) return true;
  const { read } = libc();
  let changed = false;
  for (;;) {
    const count = read(descriptor, buffer, LENGTH);
    const errno = threadErrno();
    if (count > 0) changed = true;
    else if (count < 0 && errno === ERRNO.EAGAIN) return changed;
    else {
      // Too many changes for the socket's buffer; anything else, the end of a file among it, means
      // that it is no longer ours.
      const ours = count < 0 && (errno === ERRNO.ENOBUFS || errno === ERRNO.EINTR);
      if (!ours) descriptor = -1;
      return true;
    }
  }
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
