/**
 * Whole IP packets through raw sockets: raw(7), and IPPROTO_RAW of ipv6(7).
 *
 * @module
 */

import { libc } from "../../../ffi/libraries/libc.ts";
import { cString } from "../../../ffi/memory.ts";
import { formatIpv4, formatIpv6 } from "../../base/address.ts";
import { write } from "../../base/bytes.ts";
import { ERRNO, failedCall, prepareErrno, threadErrno } from "../errno.ts";
import { isPassing } from "../netlink_socket.ts";
import { ADDRESS_FAMILY, addressIn, socketAddress } from "./socket_address.ts";

const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const CLOEXEC = 0o2000000;
const IPPROTO_RAW = 255;
const MSG_DONTWAIT = 0x40;
const SOL_SOCKET = 1;
const SO_BROADCAST = 6;
const SO_BINDTODEVICE = 25;
const SO_SNDBUFFORCE = 32;
const SO_MARK = 36;
/** Level and name of IP_MTU and IPV6_MTU. */
const MTU = { 4: [0, 14], 6: [41, 24] } as const;
const SEND_BUFFER = 4 << 20;
/** An IPv6 header, and as much as its length can say. */
const LONGEST = 40 + 0xffff;
/** Where the destination is in an IP header. */
const DESTINATION = { 4: [16, 20], 6: [24, 40] } as const;
/** Any: nothing is sent. */
const PORT = 9;

/** The way to an address. */
export interface Route {
  /** The address of this host that packets take there: 4 bytes or 16. Absent where there is no way. */
  readonly source: Uint8Array | undefined;
  /** Why there is no way; EACCES for a broadcast address. 0 where there is one. */
  readonly errno: number;
  /** Bytes of the largest packet that goes there; 0 where that is not known. */
  readonly mtu: number;
}

/** Sends packets that begin with their own IP header. */
export class RawSender implements Disposable {
  readonly mark: number;
  readonly #device: string | undefined;
  readonly #sockets: { 4?: number; 6?: number } = {};
  readonly #bytes = new Uint8Array(new ArrayBuffer(LONGEST));
  readonly #libc = libc();

  /**
   * @param mark of its packets, 32 bits
   * @param device name of the only device by which they leave; the routes choose without it
   */
  constructor(mark: number, device?: string) {
    prepareErrno();
    this.mark = mark;
    this.#device = device;
  }

  /** Index of the device that it was given; 0 where it has none, or there is none of that name now. */
  get deviceIndex(): number {
    return this.#device === undefined ? 0 : this.#libc.if_nametoindex(cString(this.#device));
  }

  /**
   * Opens the socket of an IP version, if it is not open yet.
   *
   * @throws {SystemError} without CAP_NET_RAW, or where no descriptor is left
   */
  prepare(version: 4 | 6): number {
    return this.#sockets[version] ??= this.#open(version);
  }

  /**
   * Sends a packet to the destination that its header names.
   *
   * @param bytes a whole packet: its version and its lengths are right
   * @param options `device` is the index of that by which it leaves where the address does not tell: a
   * link-local one of IPv6; 0 for none
   * @throws {RangeError} when it is larger than its way takes
   * @throws {SystemError} with advice: a rule dropped it, there is no way to the destination, …
   */
  send(bytes: Uint8Array, { device }: { readonly device: number }): void {
    const version = bytes[0]! >> 4 as 4 | 6;
    const descriptor = this.prepare(version);
    const { length } = bytes;
    write(this.#bytes, 0, bytes);
    const address = this.#bytes.slice(...DESTINATION[version]);
    const to = socketAddress(version, { address, device });
    const size = BigInt(length);
    for (let tries = 1;; tries++) {
      const sent = this.#libc.sendto(
        ...[descriptor, this.#bytes, size, MSG_DONTWAIT, to, to.length] as const,
      );
      if (sent >= 0) return;
      const errno = threadErrno();
      if (!isPassing(errno, tries)) {
        throw this.#sendError(errno, { version, address, device, length });
      }
    }
  }

  /** The way that packets of this host take to an address. */
  routeTo(version: 4 | 6, address: Uint8Array, device: number): Route {
    const { socket, connect, getsockname, getsockopt, close } = this.#libc;
    const descriptor = socket(ADDRESS_FAMILY[version], SOCK_DGRAM | CLOEXEC, 0);
    if (descriptor < 0) return { source: undefined, errno: threadErrno(), mtu: 0 };
    try {
      this.#set(descriptor, SO_MARK, this.mark);
      this.#bind(descriptor);
      const to = socketAddress(version, { address, device, port: PORT });
      if (connect(descriptor, to, to.length) < 0) {
        return { source: undefined, errno: threadErrno(), mtu: 0 };
      }
      const own = new Uint8Array(new ArrayBuffer(to.length));
      getsockname(descriptor, own, words(own.length));
      const mtu = words(0);
      const [level, name] = MTU[version];
      const known = getsockopt(descriptor, level, name, mtu, words(mtu.length)) >= 0;
      const source = addressIn(version, own);
      return { source, errno: 0, mtu: known ? new DataView(mtu.buffer).getInt32(0, true) : 0 };
    } finally {
      close(descriptor);
    }
  }

  /** Closes the sockets. Idempotent. */
  close(): void {
    for (const version of [4, 6] as const) {
      const descriptor = this.#sockets[version];
      if (descriptor !== undefined) this.#libc.close(descriptor);
      delete this.#sockets[version];
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #open(version: 4 | 6): number {
    const { socket, close } = this.#libc;
    const descriptor = socket(ADDRESS_FAMILY[version], SOCK_RAW | CLOEXEC, IPPROTO_RAW);
    if (descriptor < 0) {
      const errno = threadErrno();
      throw failedCall("socket", errno, adviseOpen(errno, `IPv${version}`));
    }
    const marked = this.#set(descriptor, SO_MARK, this.mark);
    if (marked !== 0) {
      close(descriptor);
      throw failedCall("setsockopt", marked, "A mark needs CAP_NET_ADMIN, or CAP_NET_RAW");
    }
    const bound = this.#bind(descriptor);
    if (bound !== 0) {
      close(descriptor);
      throw failedCall(
        "setsockopt",
        bound,
        `There is no device ${JSON.stringify(this.#device)} here`,
      );
    }
    this.#set(descriptor, SO_BROADCAST, 1);
    this.#set(descriptor, SO_SNDBUFFORCE, SEND_BUFFER);
    return descriptor;
  }

  /** Binds a socket to the device, if there is one; the errno. */
  #bind(descriptor: number): number {
    if (this.#device === undefined) return 0;
    const name = cString(this.#device);
    const { setsockopt } = this.#libc;
    const result = setsockopt(descriptor, SOL_SOCKET, SO_BINDTODEVICE, name, name.length);
    return result < 0 ? threadErrno() : 0;
  }

  /** Sets an option of the socket level; the errno. */
  #set(descriptor: number, name: number, value: number): number {
    const bytes = words(value);
    const result = this.#libc.setsockopt(descriptor, SOL_SOCKET, name, bytes, bytes.length);
    return result < 0 ? threadErrno() : 0;
  }

  #sendError(
    errno: number,
    { version, address, device, length }: {
      readonly version: 4 | 6;
      readonly address: Uint8Array;
      readonly device: number;
      readonly length: number;
    },
  ): Error {
    const name = addressText(version, address);
    if (errno !== ERRNO.EMSGSIZE) return failedCall("sendto", errno, this.#adviseSend(errno, name));
    const { mtu } = this.routeTo(version, address, device);
    const most = mtu > 0 ? `packets of at most ${mtu} bytes` : "no packet of that size";
    return new RangeError(
      `the packet has ${length} bytes, and its way to ${name} takes ${most}: raw sockets split nothing`,
    );
  }

  #adviseSend(errno: number, name: string): string | undefined {
    switch (errno) {
      case ERRNO.EPERM:
        return `A rule of this host drops the packet, at output or postrouting: let packets with ` +
          `the mark 0x${this.mark.toString(16)} pass there`;
      case ERRNO.ENETUNREACH:
      case ERRNO.EHOSTUNREACH:
        return `This host has no route to ${name}`;
      case ERRNO.EACCES:
        return `A route of this host prohibits ${name}`;
      case ERRNO.EINVAL:
        return `The system sends no such packet to ${name}`;
      default:
        return undefined;
    }
  }
}

/** What to do where a socket for packets of one's own cannot be opened; `what` is what such a kernel lacks. */
export function adviseOpen(errno: number, what: string): string | undefined {
  switch (errno) {
    case ERRNO.EPERM:
    case ERRNO.EACCES:
      return "This process lacks CAP_NET_RAW, which packets of one's own need beside CAP_NET_ADMIN: " +
        "run it as root, or give the capability (systemd: AmbientCapabilities=CAP_NET_ADMIN " +
        "CAP_NET_RAW; docker: --cap-add=NET_RAW)";
    case ERRNO.EMFILE:
    case ERRNO.ENFILE:
      return "Too many files are open: close some or raise the limit with ulimit -n";
    case ERRNO.EAFNOSUPPORT:
      return `This kernel has no ${what}`;
    default:
      return undefined;
  }
}

/** An int as the kernel reads and writes it. */
function words(value: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(new ArrayBuffer(4));
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

function addressText(version: 4 | 6, address: Uint8Array): string {
  if (version === 6) return formatIpv6(address);
  return formatIpv4(new DataView(address.buffer, address.byteOffset).getUint32(0, false));
}
