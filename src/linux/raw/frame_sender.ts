/**
 * Whole frames through a packet socket: packet(7).
 *
 * @module
 */

import { libc } from "../../../ffi/libraries/libc.ts";
import { ERRNO, failedCall, prepareErrno, threadErrno } from "../errno.ts";
import { isPassing } from "../netlink_socket.ts";
import { adviseOpen } from "./raw_sender.ts";

const AF_PACKET = 17;
const SOCK_RAW = 3;
const CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const SOL_SOCKET = 1;
const SO_MARK = 36;
/** struct sockaddr_ll; the address itself is in the frame. */
const ADDRESS_SIZE = 20;
const INDEX_OFFSET = 4;

/** Sends frames by a device. It receives nothing. */
export class FrameSender implements Disposable {
  readonly #mark: number;
  readonly #libc = libc();
  #descriptor: number | undefined;

  /** @param mark of its frames, 32 bits */
  constructor(mark: number) {
    prepareErrno();
    this.#mark = mark;
  }

  /**
   * Opens the socket, if it is not open yet.
   *
   * @throws {SystemError} without CAP_NET_RAW, or where no descriptor is left
   */
  prepare(): number {
    return this.#descriptor ??= this.#open();
  }

  /**
   * Sends a frame.
   *
   * @param header the link layer's header
   * @param bytes what follows it
   * @param device index of the device by which it leaves
   * @throws {RangeError} when it is larger than the device takes
   * @throws {SystemError}
   */
  send(header: Uint8Array, bytes: Uint8Array, device: number): void {
    const descriptor = this.prepare();
    const frame = new Uint8Array(new ArrayBuffer(header.length + bytes.length));
    frame.set(header);
    frame.set(bytes, header.length);
    const address = new Uint8Array(new ArrayBuffer(ADDRESS_SIZE));
    const view = new DataView(address.buffer);
    view.setUint16(0, AF_PACKET, true);
    view.setInt32(INDEX_OFFSET, device, true);
    const size = BigInt(frame.length);
    for (let tries = 1;; tries++) {
      const sent = this.#libc.sendto(
        ...[descriptor, frame, size, MSG_DONTWAIT, address, address.length] as const,
      );
      if (sent >= 0) return;
      const errno = threadErrno();
      if (errno === ERRNO.EMSGSIZE) {
        throw new RangeError(
          `the packet has ${bytes.length} bytes, which is more than a frame of its bridge takes`,
        );
      }
      if (!isPassing(errno, tries)) throw failedCall("sendto", errno);
    }
  }

  /** Closes the socket. Idempotent. */
  close(): void {
    if (this.#descriptor !== undefined) this.#libc.close(this.#descriptor);
    this.#descriptor = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #open(): number {
    const { socket, setsockopt, close } = this.#libc;
    const descriptor = socket(AF_PACKET, SOCK_RAW | CLOEXEC, 0);
    if (descriptor < 0) {
      const errno = threadErrno();
      throw failedCall("socket", errno, adviseOpen(errno, "packet sockets"));
    }
    const mark = new Uint8Array(new ArrayBuffer(4));
    new DataView(mark.buffer).setUint32(0, this.#mark, true);
    if (setsockopt(descriptor, SOL_SOCKET, SO_MARK, mark, mark.length) < 0) {
      const errno = threadErrno();
      close(descriptor);
      throw failedCall("setsockopt", errno, "A mark needs CAP_NET_ADMIN, or CAP_NET_RAW");
    }
    return descriptor;
  }
}
