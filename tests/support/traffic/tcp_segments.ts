/**
 * A TCP connection whose segments are as long as the test says: TCP_MAXSEG, tcp(7).
 *
 * @module
 */

import { prepareErrno, SystemError, threadErrno } from "../../../src/linux/errno.ts";
import { libc } from "../../../ffi/libraries/libc.ts";

const AF_INET = 2;
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000;
const IPPROTO_TCP = 6;
const TCP_MAXSEG = 2;

function check(call: string, result: number): void {
  const errno = threadErrno();
  if (result < 0) throw new SystemError(call, { errno });
}

/** A connection to a port of 127.0.0.1. It blocks, so whoever answers is another thread or process. */
export class TcpSegments implements Disposable {
  readonly #descriptor: number;

  /** @param segment bytes of data in a segment; as many as fit if left out */
  constructor(port: number, segment?: number) {
    prepareErrno();
    const { socket, setsockopt, connect } = libc();
    const address = Uint8Array.from([AF_INET, 0, port >> 8, port & 0xff, 127, 0, 0, 1]);
    const sockaddr = new Uint8Array(new ArrayBuffer(16));
    sockaddr.set(address);
    this.#descriptor = socket(AF_INET, SOCK_STREAM_CLOEXEC, 0);
    check("socket", this.#descriptor);
    try {
      if (segment !== undefined) {
        const option = new Uint8Array(new ArrayBuffer(4));
        new DataView(option.buffer).setInt32(0, segment, true);
        check("setsockopt", setsockopt(this.#descriptor, IPPROTO_TCP, TCP_MAXSEG, option, 4));
      }
      // The kernel answers for the listening socket, whoever serves it.
      check("connect", connect(this.#descriptor, sockaddr, sockaddr.length));
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Hands bytes to the socket. */
  send(data: Uint8Array): void {
    const bytes = new Uint8Array(new ArrayBuffer(data.length));
    bytes.set(data);
    check("send", libc().send(this.#descriptor, bytes, BigInt(bytes.length), 0));
  }

  [Symbol.dispose](): void {
    libc().close(this.#descriptor);
  }
}
