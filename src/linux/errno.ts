/**
 * errno of this thread, and the error that carries it.
 *
 * @module
 */

import { backend } from "../../ffi/backend.ts";
import { libc } from "../../ffi/libraries/libc.ts";
import { textOf } from "../../ffi/memory.ts";

/** Linux errno values (asm-generic/errno*.h) that decide something here. */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EBUSY: 16,
  EEXIST: 17,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  EMSGSIZE: 90,
  EPROTONOSUPPORT: 93,
  EAFNOSUPPORT: 97,
  EADDRINUSE: 98,
  ENETUNREACH: 101,
  ENOBUFS: 105,
  EHOSTUNREACH: 113,
} as const;

/** What sockets, netlink and files can give. */
const TEXTS: Readonly<Record<number, readonly [code: string, text: string]>> = {
  1: ["EPERM", "operation not permitted"],
  2: ["ENOENT", "no such file or entry"],
  3: ["ESRCH", "no such process"],
  4: ["EINTR", "interrupted by a signal"],
  5: ["EIO", "input/output error"],
  9: ["EBADF", "bad file descriptor"],
  11: ["EAGAIN", "try again"],
  12: ["ENOMEM", "out of memory"],
  13: ["EACCES", "permission denied"],
  14: ["EFAULT", "bad address"],
  16: ["EBUSY", "busy"],
  17: ["EEXIST", "exists already"],
  19: ["ENODEV", "no such device"],
  22: ["EINVAL", "invalid argument"],
  23: ["ENFILE", "too many open files in the system"],
  24: ["EMFILE", "too many open files"],
  28: ["ENOSPC", "no space left"],
  32: ["EPIPE", "nobody reads any more"],
  34: ["ERANGE", "out of range"],
  38: ["ENOSYS", "not implemented by this kernel"],
  88: ["ENOTSOCK", "not a socket"],
  90: ["EMSGSIZE", "message too long"],
  92: ["ENOPROTOOPT", "option not available"],
  93: ["EPROTONOSUPPORT", "protocol not supported"],
  95: ["EOPNOTSUPP", "operation not supported"],
  97: ["EAFNOSUPPORT", "address family not supported"],
  98: ["EADDRINUSE", "address already in use"],
  99: ["EADDRNOTAVAIL", "address not available"],
  100: ["ENETDOWN", "network is down"],
  101: ["ENETUNREACH", "network is unreachable"],
  105: ["ENOBUFS", "no buffer space available"],
  107: ["ENOTCONN", "not connected"],
  111: ["ECONNREFUSED", "connection refused"],
  113: ["EHOSTUNREACH", "host is unreachable"],
};

let location: Int32Array | undefined;

/** Makes `threadErrno` ready; call it before the call whose errno is wanted. */
export function prepareErrno(): void {
  location ??= new Int32Array(backend().viewOf(libc().__errno_location()!, 4));
}

/**
 * This thread's errno. Right only as the very first thing after the call: an allocation in between
 * may overwrite it.
 */
export function threadErrno(): number {
  return location![0]!;
}

/** Sets this thread's errno to 0, for calls that tell a failure by errno alone. */
export function clearErrno(): void {
  location![0] = 0;
}

const sentences = new Map<number, string>();

/** What strerror(3) says: `"Connection refused"`. */
export function errnoText(errno: number): string {
  let sentence = sentences.get(errno);
  if (sentence === undefined) {
    const text = new Uint8Array(new ArrayBuffer(128));
    libc().__xpg_strerror_r(errno, text, BigInt(text.length));
    sentences.set(errno, sentence = textOf(text));
  }
  return sentence;
}

/** The error of a failed call. Give it `threadErrno()` itself: that is read before any object is made. */
export function failedCall(syscall: string, errno: number, advice?: string): SystemError {
  return new SystemError(syscall, advice === undefined ? { errno } : { errno, advice });
}

/** A call to the system failed. */
export class SystemError extends Error {
  /** Always `"SystemError"`. */
  override readonly name = "SystemError";
  /** The symbolic errno: `"EPERM"`. */
  readonly code: string;
  /** The positive errno. */
  readonly errno: number;
  /** The C function or the request that failed. */
  readonly syscall: string;

  /**
   * The message is the call, the errno in words, and `advice`: a sentence that says what to do about it.
   *
   * @param syscall the C function or the request that failed
   */
  constructor(syscall: string, { errno, advice }: { errno: number; advice?: string }) {
    const [code, text] = TEXTS[errno] ?? [`errno ${errno}`, "unknown error"];
    super(`${syscall}: ${code} (${text})${advice === undefined ? "" : `. ${advice}`}`);
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
  }
}
