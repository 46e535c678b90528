/**
 * The errors of libipq(3): their numbers, their texts, and where the last one is kept.
 *
 * @module
 */

import { errnoText } from "../linux/errno.ts";

/** What `ipq_errno` can be. The C library itself never sets 1, 5, 8, 9, 11 and 13. */
export const IPQ_ERROR = {
  NONE: 0,
  IMPLEMENTATION: 1,
  HANDLE: 2,
  SOCKET: 3,
  BIND: 4,
  BUFFER: 5,
  RECEIVE: 6,
  EOF: 7,
  ADDRESS_LENGTH: 8,
  SENT_TRUNCATED: 9,
  RECEIVED_TRUNCATED: 10,
  NETLINK: 11,
  SEND: 12,
  UNSUPPORTED: 13,
  BUFFER_SIZE: 14,
  TIMEOUT: 15,
  PROTOCOL: 16,
} as const;

/** The C library's sentences, by number. */
export const IPQ_ERROR_TEXTS: readonly string[] = [
  "Unknown error",
  "Implementation error",
  "Unable to create netlink handle",
  "Unable to create netlink socket",
  "Unable to bind netlink socket",
  "Unable to allocate buffer",
  "Failed to receive netlink message",
  "Received EOF on netlink socket",
  "Invalid peer address length",
  "Sent message truncated",
  "Received message truncated",
  "Received error from netlink",
  "Failed to send netlink message",
  "Operation not supported",
  "Receive buffer size invalid",
  "Timeout",
  "Invalid protocol specified",
];

/** Thrown by `IpqHandle` where the functions of libipq(3) give −1 or NULL. */
export class IpqError extends Error {
  /** Always `"IpqError"`. */
  override readonly name = "IpqError";
  /** `ipq_errno`: 1 to 16. */
  readonly code: number;
  /** The system's errno behind it; 0 where no system call failed. */
  readonly errno: number;

  /**
   * The message is what `ipq_perror` prints, and the advice behind it.
   *
   * @param code `ipq_errno`, 1 to 16
   * @param about the errno, and a sentence that says what to do
   */
  constructor(code: number, about: { readonly errno?: number; readonly advice?: string } = {}) {
    const { errno = 0, advice } = about;
    const sentence = describe(code, errno);
    super(advice === undefined ? sentence : `${sentence}. ${advice}`);
    this.code = code;
    this.errno = errno;
  }
}

/** The last error of a handle, or of the module. Success never clears it, as in the C library. */
export class LastError {
  /** `ipq_errno`: 0 to 16. */
  code: number = IPQ_ERROR.NONE;
  /** The system's errno that came with it, or 0. */
  errno = 0;

  /** Keeps an error. */
  record({ code, errno }: { readonly code: number; readonly errno: number }): void {
    this.code = code;
    this.errno = errno;
  }

  /** What `ipq_errstr()` gives. */
  text(): string {
    return IPQ_ERROR_TEXTS[this.code]!;
  }

  /** The line that `ipq_perror(prefix)` prints, without its newline. */
  line(prefix: string | null | undefined): string {
    const { code, errno } = this;
    const text = code === IPQ_ERROR.NONE && errno === 0 ? "" : `: ${describe(code, errno)}`;
    return `${prefix ?? "ERROR"}${text}`;
  }
}

/** The last error of all calls of this thread: what the C library keeps for the whole process. */
export const moduleError: LastError = new LastError();

function describe(code: number, errno: number): string {
  const parts = code === IPQ_ERROR.NONE ? [] : [IPQ_ERROR_TEXTS[code]];
  return (errno === 0 ? parts : [...parts, errnoText(errno)]).join(": ");
}
