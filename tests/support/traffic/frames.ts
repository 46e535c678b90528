/**
 * Whole Ethernet frames in and out of a device, also of another network namespace.
 *
 * @module
 */

import { prepareErrno } from "../../../src/linux/errno.ts";
import { libc } from "../../../ffi/libraries/libc.ts";
import { lazyLibrary } from "../../../ffi/load.ts";
import { cString, NativeMemory } from "../../../ffi/memory.ts";
import type { NativeFunctions, SymbolTable } from "../../../ffi/types.ts";
import { check, Inbox, owned } from "./raw.ts";

const symbols = {
  /** `int setns(int fd, int kind)` */
  setns: { parameters: ["i32", "i32"], result: "i32" },
  /** `ssize_t recvmsg(int fd, struct msghdr *message, int flags)`: the result fits an int */
  recvmsg: { parameters: ["i32", "pointer", "i32"], result: "i32" },
} as const satisfies SymbolTable;

const more: () => NativeFunctions<typeof symbols> = lazyLibrary({
  ...{ name: "the C library", sonames: ["libc.so.6"], packages: {}, symbols },
});

const CLOEXEC = 0o2000000;
const NEW_NETWORK = 0x40000000;
const AF_PACKET = 17;
const SOCK_RAW_NONBLOCK = 3 | 0o4000;
const ETH_P_ALL = 3;
const SOL_PACKET = 263;
const PACKET_AUXDATA = 8;
/** struct tpacket_auxdata behind its struct cmsghdr; the bit of `status` says that there is a tag. */
const AUXDATA = { size: 36, status: 16, control: 32, protocol: 34, tagged: 1 << 4 } as const;
/** struct msghdr. */
const MSGHDR = { size: 56, iov: 16, iovlen: 24, control: 32, controllen: 40 } as const;
/** Where a VLAN tag stands in a frame. */
const TAG = 12;

/** Runs something in the network namespace of this name: a socket belongs to where it was made. */
function within<Result>(namespace: string, run: () => Result): Result {
  const { open, close } = libc();
  prepareErrno();
  const own = check("open", open(cString("/proc/thread-self/ns/net"), CLOEXEC));
  const other = check("open", open(cString(`/run/netns/${namespace}`), CLOEXEC));
  const { setns } = more();
  try {
    check("setns", setns(other, NEW_NETWORK));
    try {
      return run();
    } finally {
      check("setns", setns(own, NEW_NETWORK));
    }
  } finally {
    close(own);
    close(other);
  }
}

/** Sends frames by a device, and sees all that pass there; VLAN tags are in their place. */
export class FrameSocket extends Inbox implements Disposable {
  readonly #descriptor: number;
  readonly #data = new NativeMemory(70_000);
  readonly #vector = new NativeMemory(16);
  readonly #control = new NativeMemory(64);
  readonly #message = new NativeMemory(MSGHDR.size);

  constructor(namespace: string, index: number) {
    super();
    this.#data.storeAddress(0, { view: this.#vector.view, position: 0 });
    this.#vector.view.setUint32(8, this.#data.bytes.length, true);
    this.#vector.storeAddress(0, { view: this.#message.view, position: MSGHDR.iov });
    this.#message.view.setUint32(MSGHDR.iovlen, 1, true);
    this.#control.storeAddress(0, { view: this.#message.view, position: MSGHDR.control });
    const { socket, bind, setsockopt } = libc();
    prepareErrno();
    // Protocol 0 until it is bound, or it would hear all devices.
    const type = SOCK_RAW_NONBLOCK | CLOEXEC;
    this.#descriptor = within(namespace, () => check("socket", socket(AF_PACKET, type, 0)));
    const one = owned(Uint8Array.of(1, 0, 0, 0));
    check("setsockopt", setsockopt(this.#descriptor, SOL_PACKET, PACKET_AUXDATA, one, 4));
    const address = new Uint8Array(new ArrayBuffer(20));
    const view = new DataView(address.buffer);
    view.setUint16(0, AF_PACKET, true);
    view.setUint16(2, ETH_P_ALL);
    view.setInt32(4, index, true);
    check("bind", bind(this.#descriptor, address, address.length));
  }

  /** Sends a frame, from the destination address on. */
  send(frame: Uint8Array): void {
    prepareErrno();
    check("send", libc().send(this.#descriptor, owned(frame), BigInt(frame.length), 0));
  }

  protected override receive(): Uint8Array | undefined {
    this.#message.view.setUint32(MSGHDR.controllen, this.#control.bytes.length, true);
    const count = more().recvmsg(this.#descriptor, this.#message.pointer, 0);
    if (count <= 0) return undefined;
    const frame = this.#data.bytes.slice(0, count);
    const { view, bytes } = this.#control;
    const told = this.#message.view.getUint32(MSGHDR.controllen, true) >= AUXDATA.size;
    if (!told || (view.getUint32(AUXDATA.status, true) & AUXDATA.tagged) === 0) return frame;
    // The kernel took the tag out, and tells it in host order.
    const tagged = new Uint8Array(count + 4);
    tagged.set(frame.subarray(0, TAG));
    tagged.set([bytes[AUXDATA.protocol + 1]!, bytes[AUXDATA.protocol]!], TAG);
    tagged.set([bytes[AUXDATA.control + 1]!, bytes[AUXDATA.control]!], TAG + 2);
    tagged.set(frame.subarray(TAG), TAG + 4);
    return tagged;
  }

  [Symbol.dispose](): void {
    libc().close(this.#descriptor);
  }
}
