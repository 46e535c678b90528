/**
 * Whole IP packets in and out: raw sockets that send them as they are, and captures that see what
 * arrives on a device before the kernel's own stack judges it.
 *
 * @module
 */

import { prepareErrno, SystemError, threadErrno } from "../../../src/linux/errno.ts";
import { lazyLibrary } from "../../../ffi/load.ts";
import type { NativeFunctions, SymbolTable } from "../../../ffi/types.ts";
import { command } from "../runtime/command.ts";
import { until } from "../runtime/waiting.ts";

const symbols = {
  /** `int socket(int domain, int type, int protocol)` */
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  /** `int bind(int fd, const struct sockaddr *address, socklen_t length)` */
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  /** `int setsockopt(int fd, int level, int name, const void *value, socklen_t length)` */
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  /** `int connect(int fd, const struct sockaddr *address, socklen_t length)` */
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  /** `ssize_t write(int fd, const void *buffer, size_t count)` */
  write: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  /** `ssize_t read(int fd, void *buffer, size_t count)` */
  read: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  /** `int close(int fd)` */
  close: { parameters: ["i32"], result: "i32" },
} as const satisfies SymbolTable;

const libc: () => NativeFunctions<typeof symbols> = lazyLibrary({
  ...{ name: "the C library", sonames: ["libc.so.6"], packages: {}, symbols },
});

const AF_INET = 2;
const AF_INET6 = 10;
const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_DGRAM = 2;
const NONBLOCK_CLOEXEC = 0o2004000;
const IPPROTO_RAW = 255;
const SOL_SOCKET = 1;
const SO_MARK = 36;
const SO_BROADCAST = 6;
const ETHERTYPES = { 4: 0x0800, 6: 0x86dd } as const;
const ETH_P_ALL = 3;
/** struct sockaddr_in6 and sockaddr_ll are not longer. */
const ADDRESS_SIZE = 28;

/** The result of a call; throws where it is −1. */
export function check(call: string, result: number): number {
  const errno = threadErrno();
  if (result < 0) throw new SystemError(call, { errno });
  return result;
}

/** A copy that a C function may be given. */
export function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(new ArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}

/** Sends packets that begin with their own IP header; the kernel fills in IPv4's header checksum. */
export class RawSender implements Disposable {
  readonly #family: 4 | 6;
  readonly #descriptor: number;

  constructor(family: 4 | 6, { broadcast = false } = {}) {
    this.#family = family;
    prepareErrno();
    const domain = family === 4 ? AF_INET : AF_INET6;
    const type = SOCK_RAW | NONBLOCK_CLOEXEC;
    this.#descriptor = check("socket", libc().socket(domain, type, IPPROTO_RAW));
    if (!broadcast) return;
    const on = Uint8Array.of(1, 0, 0, 0);
    const { setsockopt } = libc();
    check("setsockopt", setsockopt(this.#descriptor, SOL_SOCKET, SO_BROADCAST, on, 4));
  }

  /** Sends it to the destination that its header names, with a mark. */
  send(packet: Uint8Array, mark: number = 0): void {
    const address = new Uint8Array(new ArrayBuffer(ADDRESS_SIZE));
    const isIpv4 = this.#family === 4;
    new DataView(address.buffer).setUint16(0, isIpv4 ? AF_INET : AF_INET6, true);
    address.set(isIpv4 ? packet.subarray(16, 20) : packet.subarray(24, 40), isIpv4 ? 4 : 8);
    const { connect, setsockopt, write } = libc();
    const option = new Uint8Array(new ArrayBuffer(4));
    new DataView(option.buffer).setUint32(0, mark, true);
    check("setsockopt", setsockopt(this.#descriptor, SOL_SOCKET, SO_MARK, option, 4));
    check("connect", connect(this.#descriptor, address, isIpv4 ? 16 : ADDRESS_SIZE));
    check("write", write(this.#descriptor, owned(packet), BigInt(packet.length)));
  }

  [Symbol.dispose](): void {
    libc().close(this.#descriptor);
  }
}

/** What has come in on a socket. */
export abstract class Inbox {
  readonly #seen: Uint8Array[] = [];

  /** The next packet that is there, in memory of its own. */
  protected abstract receive(): Uint8Array | undefined;

  /** Everything that has come, oldest first. */
  get packets(): readonly Uint8Array[] {
    for (let packet = this.receive(); packet !== undefined; packet = this.receive()) {
      this.#seen.push(packet);
    }
    return this.#seen;
  }

  /** Waits for a packet for which the condition holds, and forgets those before it. */
  async find(condition: (packet: Uint8Array) => boolean, what: string): Promise<Uint8Array> {
    let at = -1;
    await until(() => {
      at = this.packets.findIndex(condition);
      return at >= 0;
    }, { what, state: () => this.packets.map((packet) => [...packet.subarray(0, 80)].join(" ")) });
    return this.#seen.splice(0, at + 1).at(-1)!;
  }
}

/** What comes in on a device, from the IP header on. */
export class Capture extends Inbox implements Disposable {
  readonly #family: 4 | 6;
  readonly #descriptor: number;
  readonly #buffer = new Uint8Array(new ArrayBuffer(70_000));

  /** @param leaving what leaves by the device is seen too; on loopback each packet then comes twice */
  constructor(family: 4 | 6, device: string = "lo", { leaving = false } = {}) {
    super();
    this.#family = family;
    prepareErrno();
    const { socket, bind } = libc();
    // Protocol 0 until it is bound, or it would hear all devices.
    this.#descriptor = check("socket", socket(AF_PACKET, SOCK_DGRAM | NONBLOCK_CLOEXEC, 0));
    const address = new Uint8Array(new ArrayBuffer(ADDRESS_SIZE));
    const view = new DataView(address.buffer);
    view.setUint16(0, AF_PACKET, true);
    view.setUint16(2, leaving ? ETH_P_ALL : ETHERTYPES[family]);
    const listing = command("ip", ["-o", "link", "show", device]);
    view.setInt32(4, Number(listing.split(":")[0]), true);
    check("bind", bind(this.#descriptor, address, 20));
  }

  protected override receive(): Uint8Array | undefined {
    for (;;) {
      const count = libc().read(this.#descriptor, this.#buffer, BigInt(this.#buffer.length));
      if (count <= 0) return undefined;
      if (this.#buffer[0]! >> 4 === this.#family) return this.#buffer.slice(0, count);
    }
  }

  [Symbol.dispose](): void {
    libc().close(this.#descriptor);
  }
}
