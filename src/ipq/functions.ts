/**
 * The eleven functions of libipq(3): C's names, C's order of arguments, C's results.
 *
 * A failure of the system is −1 or null and never throws; its error is the handle's, and until the
 * next one also the module's. What would be undefined behaviour in C throws: a null handle TypeError,
 * arguments that are none TypeError or RangeError, a message that does not fit its buffer WireError.
 *
 * @module
 */

import type { IpqPacketMessage } from "../netlink/ip_queue/packet.ts";
import { checkBytes, checkInteger, checkSize, show } from "../base/checks.ts";
import { IpqError, moduleError } from "./errors.ts";
import { IpqHandle } from "./handle.ts";
import type { IpqOptions } from "./transport.ts";

/** The range of a C int. */
const INT = { min: -0x80000000, max: 0x7fffffff } as const;

/**
 * `struct ipq_handle *ipq_create_handle(uint32_t flags, uint32_t protocol)`
 *
 * @param flags ignored
 * @param protocol `NFPROTO_IPV4` or `NFPROTO_IPV6`
 * @returns null when it fails: `ipq_errstr()` and `ipq_perror(prefix)` without a handle say why
 * @throws {TypeError | RangeError} for options that are none
 * @throws {LibraryLoadError} where the transport's library is not installed
 */
export function ipq_create_handle(
  flags: number,
  protocol: number,
  options?: IpqOptions,
): IpqHandle | null {
  try {
    return IpqHandle.create(flags, protocol, options);
  } catch (error) {
    if (error instanceof IpqError) return null;
    throw error;
  }
}

/**
 * `int ipq_destroy_handle(struct ipq_handle *h)`
 *
 * @returns 0, also for null and for a handle that is destroyed already
 */
export function ipq_destroy_handle(h: IpqHandle | null): number {
  if (h !== null) handleOf(h).destroy();
  return 0;
}

/**
 * `int ipq_set_mode(const struct ipq_handle *h, uint8_t mode, size_t range)`
 *
 * @returns bytes sent: 56; −1 with errno 12
 */
export function ipq_set_mode(h: IpqHandle | null, mode: number, range: number | bigint): number {
  const handle = handleOf(h);
  checkSize("range", range);
  try {
    return handle.setMode(mode, range);
  } catch (error) {
    return failed(error);
  }
}

/**
 * `ssize_t ipq_read(const struct ipq_handle *h, unsigned char *buf, size_t len, int timeout)`
 *
 * @param length bytes of the buffer to use, at most all
 * @param timeout microseconds; 0 waits for ever, less than 0 not at all
 * @returns bytes of the message; 0 for a timeout (errno 15) or a signal; −1 with errno 6, 7, 10, 14
 */
export function ipq_read(
  h: IpqHandle | null,
  buffer: Uint8Array,
  length: number,
  timeout: number,
): number {
  const handle = handleOf(h);
  const part = partOf("buffer", buffer, length);
  // Left out it would be the method's default, and wait for ever.
  checkInteger("timeout", timeout, INT.min, INT.max);
  try {
    return handle.read(part, timeout);
  } catch (error) {
    return failed(error);
  }
}

/** `int ipq_message_type(const unsigned char *buf)`: `NLMSG_ERROR` or `IPQM_PACKET`. */
export function ipq_message_type(buffer: Uint8Array): number {
  return IpqHandle.messageType(buffer);
}

/**
 * `ipq_packet_msg_t *ipq_get_packet(const unsigned char *buf)`
 *
 * @returns null where the message is no packet. `payload` and `hwAddress` are borrowed from the
 *   buffer
 * @throws {WireError} when the message does not fit into the buffer
 */
export function ipq_get_packet(buffer: Uint8Array): IpqPacketMessage | null {
  return IpqHandle.getPacket(buffer);
}

/** `int ipq_get_msgerr(const unsigned char *buf)`: the positive errno of an `NLMSG_ERROR`. */
export function ipq_get_msgerr(buffer: Uint8Array): number {
  return IpqHandle.getMsgerr(buffer);
}

/**
 * `int ipq_set_verdict(const struct ipq_handle *h, ipq_id_t id, unsigned int verdict, size_t data_len,
 * unsigned char *buf)`
 *
 * @param dataLength bytes of `data` that replace the packet; 0 leaves it as it is
 * @returns bytes sent: 40 and the data's; −1 with errno 12
 */
export function ipq_set_verdict(
  h: IpqHandle | null,
  id: number | bigint,
  verdict: number,
  dataLength: number,
  data: Uint8Array | null,
): number {
  const handle = handleOf(h);
  if (data === null) checkInteger("dataLength", dataLength, 0, Number.MAX_SAFE_INTEGER);
  const part = data === null ? null : partOf("data", data, dataLength);
  try {
    return handle.setVerdict(id, verdict, part);
  } catch (error) {
    return failed(error);
  }
}

/** `int ipq_ctl(const struct ipq_handle *h, int request, ...)`: 1, always, as in the C library. */
export function ipq_ctl(h: IpqHandle | null, request: number): number {
  handleOf(h);
  checkInteger("request", request, INT.min, INT.max);
  return 1;
}

/**
 * `char *ipq_errstr(void)`
 *
 * @param h whose last error; without it the last one of any call in this thread, which is what the C
 *   library keeps
 */
export function ipq_errstr(h?: IpqHandle | null): string {
  return h ? handleOf(h).errstr() : moduleError.text();
}

/**
 * `void ipq_perror(const char *s)`
 *
 * @param prefix null is `ERROR`
 * @param h whose last error; without it the last one of any call in this thread
 */
export function ipq_perror(prefix: string | null, h?: IpqHandle | null): void {
  if (h) handleOf(h).perror(prefix);
  else console.error("%s", moduleError.line(prefix));
}

function handleOf(h: IpqHandle | null): IpqHandle {
  if (h instanceof IpqHandle) return h;
  const advice = h === null ? " (ipq_create_handle has failed: ipq_perror says why)" : "";
  throw new TypeError(`the handle must be an IpqHandle, got ${show(h)}${advice}`);
}

function partOf(name: string, given: Uint8Array, length: number): Uint8Array {
  const bytes = checkBytes(name, given);
  checkInteger(`the length of ${name}`, length, 0, bytes.length);
  return length === bytes.length ? bytes : bytes.subarray(0, length);
}

function failed(error: unknown): number {
  if (error instanceof IpqError) return -1;
  throw error;
}
