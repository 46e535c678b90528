/**
 * A client's socket, of which the system's own errno is seen.
 *
 * @module
 */

import { errnoText, prepareErrno, threadErrno } from "../../../src/linux/errno.ts";
import { socketAddress } from "../../../src/linux/raw/socket_address.ts";
import { parseIpv4, parseIpv6 } from "../../../src/packet/mod.ts";
import { libc } from "../../../ffi/libraries/libc.ts";
import { until } from "../runtime/waiting.ts";
import { check } from "./raw.ts";

const FAMILY = { 4: 2, 6: 10 } as const;
const TYPE = { tcp: 1, udp: 2 } as const;
const NONBLOCK_CLOEXEC = 0o2004000;
const SOL_SOCKET = 1;
const SO_ERROR = 4;
const EINPROGRESS = 115;
/** IP_RECVERR and IPV6_RECVERR: without it UDP tells nothing of errors that may pass. */
const RECEIVE_ERRORS = { 4: [0, 11], 6: [41, 25] } as const;

/** Where to. */
export interface Asked {
  readonly family: 4 | 6;
  readonly protocol: "tcp" | "udp";
  readonly address: string;
  readonly port: number;
  /** Index of the device by which a link-local address is reached. Default: none. */
  readonly device?: number;
}

/** Connects; over UDP it sends a datagram. */
export class AskingSocket implements Disposable {
  readonly #descriptor: number;
  readonly #asked: Asked;

  constructor(asked: Asked) {
    prepareErrno();
    this.#asked = asked;
    const { family, protocol } = asked;
    const { socket } = libc();
    const type = TYPE[protocol] | NONBLOCK_CLOEXEC;
    this.#descriptor = check("socket", socket(FAMILY[family], type, 0));
    if (protocol === "tcp") return;
    const [level, name] = RECEIVE_ERRORS[family];
    const on = Uint8Array.of(1, 0, 0, 0);
    check("setsockopt", libc().setsockopt(this.#descriptor, level, name, on, 4));
  }

  /** Begins, and does not wait. */
  ask(): void {
    const { family, protocol, address, port, device = 0 } = this.#asked;
    const to = socketAddress(family, { address: addressBytes(family, address), device, port });
    const result = libc().connect(this.#descriptor, to, to.length);
    const errno = threadErrno();
    if (result < 0 && errno !== EINPROGRESS) throw new Error(`connect: ${errnoText(errno)}`);
    if (protocol === "tcp") return;
    check("send", libc().send(this.#descriptor, Uint8Array.of(1, 2, 3), 3n, 0));
  }

  /** The error that came, in the system's words. */
  async refusal(): Promise<string> {
    let errno = 0;
    await until(() => (errno = this.#takeError()) !== 0, {
      what: `${JSON.stringify(this.#asked)} is refused`,
    });
    return errnoText(errno);
  }

  #takeError(): number {
    const value = new Uint8Array(new ArrayBuffer(4));
    const length = Uint8Array.of(4, 0, 0, 0);
    libc().getsockopt(this.#descriptor, SOL_SOCKET, SO_ERROR, value, length);
    return value[0]!;
  }

  [Symbol.dispose](): void {
    libc().close(this.#descriptor);
  }
}

/** The bytes of an address. */
export function addressBytes(family: 4 | 6, address: string): Uint8Array {
  if (family === 6) return parseIpv6(address);
  const number = parseIpv4(address);
  return Uint8Array.of(number >>> 24, number >>> 16, number >>> 8, number);
}
