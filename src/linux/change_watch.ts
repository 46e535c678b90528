/**
 * Hears what changes under the packets that wait: network interfaces (rtnetlink(7), group
 * RTMGRP_LINK) and nftables' rules (nfnetlink, group NFNLGRP_NFTABLES). Either may make the kernel let
 * packets go.
 *
 * @module
 */

import { ERRNO, prepareErrno, threadErrno } from "./errno.ts";
import { AF_NETLINK, NetlinkAddress } from "./netlink_address.ts";
import { libc } from "../../ffi/libraries/libc.ts";
import { NativeMemory } from "../../ffi/memory.ts";

const NETLINK_ROUTE = 0;
const NETLINK_NETFILTER = 12;
/** SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK */
const SOCKET_TYPE = 3 | 0o2000000 | 0o4000;
const RTMGRP_LINK = 1;
/** The bit of the group NFNLGRP_NFTABLES, which is 7. */
const NFTABLES = 1 << 6;

/** Only whether something came matters, so messages may be cut. */
const buffer = new Uint8Array(new ArrayBuffer(64));
const LENGTH = BigInt(buffer.length);

/** struct pollfd: int fd; short events; short revents. */
const POLLFD = { size: 8, events: 4, returned: 6 } as const;
const POLLIN = 1;
const TWO = 2n;
const TIMESPEC_SIZE = 16;

/** One group of messages, of which only the coming counts. */
class Subscription {
  /** Where its pollfd is. */
  readonly #at: number;
  readonly #protocol: number;
  readonly #group: number;
  /** The socket; −1 where there can be none. */
  #descriptor: number | undefined;
  #generation = 0;

  constructor(place: number, protocol: number, group: number) {
    this.#at = place * POLLFD.size;
    this.#protocol = protocol;
    this.#group = group;
  }

  /**
   * A number that grows whenever something changed, and at every call where that cannot be known, as
   * far as the last `look` tells.
   */
  generation(): number {
    if (users === 0 || this.#changed()) this.#generation++;
    return this.#generation;
  }

  close(): void {
    if (this.#descriptor === undefined) return;
    if (this.#descriptor >= 0) libc().close(this.#descriptor);
    this.#watch(undefined);
  }

  #watch(descriptor: number | undefined): void {
    this.#descriptor = descriptor;
    const { view } = poll!.descriptors;
    // poll(2) passes over what is negative.
    view.setInt32(this.#at, descriptor ?? -1, true);
    view.setInt16(this.#at + POLLFD.events, POLLIN, true);
  }

  #changed(): boolean {
    if (this.#descriptor === undefined) {
      this.#watch(this.#open());
      return true;
    }
    if (this.#descriptor < 0) return true;
    if (poll!.descriptors.view.getInt16(this.#at + POLLFD.returned, true) === 0) return false;
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
        if (!ours) this.#watch(-1);
        return true;
      }
    }
  }

  #open(): number {
    prepareErrno();
    const { socket, bind, close } = libc();
    const address = new NetlinkAddress(this.#group).bytes;
    const opened = socket(AF_NETLINK, SOCKET_TYPE, this.#protocol);
    if (opened < 0) return -1;
    if (bind(opened, address, address.length) >= 0) return opened;
    close(opened);
    return -1;
  }
}

const links = new Subscription(0, NETLINK_ROUTE, RTMGRP_LINK);
const rules = new Subscription(1, NETLINK_NETFILTER, NFTABLES);

/** Both sockets, for one system call instead of a read of each. Made late: importing calls nothing. */
class Poll {
  readonly descriptors = new NativeMemory(2 * POLLFD.size);
  readonly #atOnce = new NativeMemory(TIMESPEC_SIZE);
  readonly #libc = libc();

  look(): void {
    const { pointer, view } = this.descriptors;
    if (this.#libc.ppoll(pointer, TWO, this.#atOnce.pointer, null) >= 0) return;
    // Not known: a read will tell.
    for (const at of [0, POLLFD.size]) view.setInt16(at + POLLFD.returned, POLLIN, true);
  }
}

let poll: Poll | undefined;

function look(): void {
  if (users > 0) (poll ??= new Poll()).look();
}

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
  look();
  return links.generation();
}

/** Another number than before when an interface or a rule of nftables may have changed since. */
export function changeGeneration(): number {
  look();
  return links.generation() + rules.generation();
}
