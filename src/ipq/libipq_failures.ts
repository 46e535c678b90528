/**
 * Which of libipq's errors a failed call had. It follows from the call and errno: the library's own
 * variable belongs to the whole process, and another thread may have changed it by now.
 *
 * @module
 */

import { AF_NETLINK } from "../linux/netlink_address.ts";
import { ERRNO } from "../linux/errno.ts";
import { libc } from "../../ffi/libraries/libc.ts";
import { NFPROTO_IPV6 } from "./constants.ts";
import { IPQ_ERROR, IPQ_ERROR_TEXTS, IpqError } from "./errors.ts";

const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const NETLINK = { FIREWALL: 3, IP6_FW: 13 } as const;
/** The library refuses less at once: an errno and its netlink header. */
export const LEAST_BUFFER = 20;
/** In nlmsg_flags: what the library takes for a message that was cut. */
const MSG_TRUNC = 0x20;

/** The codes that only one step of a creation can have. */
const CREATION: Readonly<Record<number, number>> = {
  [ERRNO.ENOMEM]: IPQ_ERROR.HANDLE,
  [ERRNO.ENFILE]: IPQ_ERROR.SOCKET,
  [ERRNO.EMFILE]: IPQ_ERROR.SOCKET,
  [ERRNO.EPROTONOSUPPORT]: IPQ_ERROR.SOCKET,
  [ERRNO.EAFNOSUPPORT]: IPQ_ERROR.SOCKET,
  [ERRNO.ENOBUFS]: IPQ_ERROR.SOCKET,
  [ERRNO.EADDRINUSE]: IPQ_ERROR.BIND,
};

/** The error of `ipq_create_handle`. */
export function creationFailure(protocol: number, errno: number): IpqError {
  const code = CREATION[errno] ?? (opensSocket(protocol) ? IPQ_ERROR.BIND : IPQ_ERROR.SOCKET);
  const advice = isAbsent(errno)
    ? "This kernel has no ip_queue (it left Linux in 3.5): use the transport nfqueue"
    : undefined;
  return new IpqError(code, { errno, ...(advice !== undefined && { advice }) });
}

/** Whether it says that this kernel has no ip_queue: socket(2) alone can say so. */
export function isAbsent(errno: number): boolean {
  return errno === ERRNO.EPROTONOSUPPORT || errno === ERRNO.EAFNOSUPPORT;
}

/** A call of `ipq_read` that gave −1. */
export interface FailedRead {
  /** Bytes of the buffer. */
  readonly length: number;
  /** 0 before the call. */
  readonly errno: number;
  /** nl_pid of whom the library heard from last. */
  readonly sender: number;
  /** The buffer. {@link markUnread} has marked it before the call. */
  readonly message: DataView;
  /** The library's variable, looked at only where nothing else tells. */
  readonly text: () => string;
}

/** Makes a buffer tell afterwards whether anything was received. */
export function markUnread(message: DataView): void {
  message.setUint32(0, 0, true);
  message.setUint32(4, 0, true);
}

/** The code of a failed `ipq_read`, in the library's order. */
export function readFailure({ length, errno, sender, message, text }: FailedRead): number {
  if (length < LEAST_BUFFER) return IPQ_ERROR.BUFFER_SIZE;
  if (errno !== 0 || sender !== 0) return IPQ_ERROR.RECEIVE;
  const says = message.getUint32(0, true);
  const cut = (message.getUint16(6, true) & MSG_TRUNC) !== 0;
  if (cut || says > length) return IPQ_ERROR.RECEIVED_TRUNCATED;
  if (says === 0) return IPQ_ERROR.EOF;
  // No kernel sends what is left: a length that lies, or an address of another size.
  return text() === IPQ_ERROR_TEXTS[IPQ_ERROR.RECEIVED_TRUNCATED]
    ? IPQ_ERROR.RECEIVED_TRUNCATED
    : IPQ_ERROR.RECEIVE;
}

function opensSocket(protocol: number): boolean {
  const { socket, close } = libc();
  const number = protocol === NFPROTO_IPV6 ? NETLINK.IP6_FW : NETLINK.FIREWALL;
  const descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, number);
  if (descriptor >= 0) close(descriptor);
  return descriptor >= 0;
}
