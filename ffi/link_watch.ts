/**
 * Hears what changes under the packets that wait: network interfaces (rtnetlink(7), group
 * RTMGRP_LINK) and nftables' rules (nfnetlink, group NFNLGRP_NFTABLES). Either may make the kernel let
 * packets go.
 *
 * @module
 */

import { ERRNO, prepareErrno, threadErrno } from "./errno.ts";
import { libc } from "./libc.ts";

const AF_NETLINK = 16;
const NETLINK_ROUTE = 0;
const NETLINK_NETFILTER = 12;
/** SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK */
const SOCKET_TYPE = 3 | 0o2000000 | 0o4000;
/** struct sockaddr_nl: family, padding, port id, groups. */
const SOCKADDR_NL = { size: 12, groups: 8 } as const;
const RTMGRP_LINK = 1;
/** The bit of the group NFNLGRP_NFTABLES, which is 7. */
const NFTABLES = 1 << 6;

/** Only whether something came matters, so messages may be cut. */
const buffer = new Uint8Array(new ArrayBuffer(64));
const LENGTH = BigInt(buffer.length);

/** One group of messages, of which only the coming counts. */
class Subscription {
  readonly #protocol: number;
  readonly #group: number;
  /** The socket; −1 where there can be none. */
  #descriptor: number | undefined;
  #generation = 0;

  constructor(protocol: number, group: number) {
    this.#protocol = protocol;
    this.#group = group;
  }

  /** A number that grows whenever something changed, and at every call where that cannot be known. */
  generation(): number {
    if (users === 0 || this.#changed()) this.#generation++;
    return this.#generation;
  }

  close(): void {
    if (this.#descriptor !== undefined && this.#descriptor >= 0) libc().close(this.#descriptor);
    this.#descriptor = undefined;
  }

  #changed(): boolean {
    if (this.#descriptor === undefined) {
      this.#descriptor = this.#open();
      return true;
    }
    if (this.#descriptor < 0) return true;
    const { read } = libc();
    let changed = false;
    for (;;) {
      const count = read(this.#descriptor, buffer, LENGTH);
      const errno = threadErrno();
      if (count > 0) changed = true;
      else if (count < 0 && errno === ERRNO.EAGAIN) return changed;
      else {
        // Too many changes for the socket's buffer; anything else, the end of a file among it, means
        // that it is no longer ours.
        const ours = count < 0 && (errno === ERRNO.ENOBUFS || errno === ERRNO.EINTR);
        if (!ours) this.#descriptor = -1;
        return true;
      }
    }
  }

  #open(): number {
    prepareErrno();
    const { socket, bind, close } = libc();
    const address = new Uint8Array(new ArrayBuffer(SOCKADDR_NL.size));
    address[0] = AF_NETLINK;
    address[SOCKADDR_NL.groups] = this.#group;
    const opened = socket(AF_NETLINK, SOCKET_TYPE, this.#protocol);
    if (opened < 0) return -1;
    if (bind(opened, address, address.length) >= 0) return opened;
    close(opened);
    return -1;
  }
}

const links = new Subscription(NETLINK_ROUTE, RTMGRP_LINK);
const rules = new Subscription(NETLINK_NETFILTER, NFTABLES);
/** Queues of this thread: the sockets are there while one is open. */
let users = 0;

/** Has changes listened to, from the first question on, until `unwatchLinks`. */
export function watchLinks(): void {
  users++;
}

/** Ends that; nobody else would close the sockets of a worker that ends. */
export function unwatchLinks(): void {
  if (--users > 0) return;
  links.close();
  rules.close();
}

/** Another number than before when an interface may have changed since. */
export function linkGeneration(): number {
  return links.generation();
}

/** Another number than before when an interface or a rule of nftables may have changed since. */
export function changeGeneration(): number {
  return links.generation() + rules.generation();
}
