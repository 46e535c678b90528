/**
 * Memory that the kernel reads and writes. Its address never changes, and it lives as long as the
 * object: whoever stores an address in other memory keeps the object in a field.
 *
 * @module
 */

import { backend } from "./backend.ts";
import type { Pointer } from "./types.ts";

/** A zeroed block of memory with a fixed address. */
export class NativeMemory {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
  /** Address of the first byte. */
  readonly address: number;
  readonly pointer: Pointer;

  /** @param byteLength size in bytes, at least 1 */
  constructor(byteLength: number) {
    // Always through an ArrayBuffer: Bun moves small typed arrays that were made without one.
    const buffer = new ArrayBuffer(byteLength);
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.address = backend().addressOf(buffer);
    this.pointer = this.pointerAt(0);
  }

  /** A pointer into the block, good for as long as the block is. */
  pointerAt(offset: number): Pointer {
    return backend().pointerTo(this.address + offset)!;
  }

  /** Stores the address of `offset` in `target`, as a 64-bit pointer at `position`. */
  storeAddress(offset: number, target: { view: DataView; position: number }): void {
    target.view.setBigUint64(target.position, BigInt(this.address + offset), true);
  }
}

/** struct msghdr: the fields that a send needs. */
const MSGHDR = { size: 56, name: 0, namelen: 8, iov: 16, iovlen: 24 } as const;

/** Memory that leaves through `sendmsg` as one datagram; its header is made once. */
export class OutgoingMessage {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
  // The header holds the vector's address, the vector the memory's: all stay in fields.
  readonly #memory: NativeMemory;
  readonly #vector = new NativeMemory(16);
  readonly #header = new NativeMemory(MSGHDR.size);
  readonly #address: NativeMemory | undefined;

  /**
   * @param capacity in bytes, at least 1
   * @param address where it goes; the other end of a connected socket without one
   */
  constructor(capacity: number, address?: Uint8Array) {
    this.#memory = new NativeMemory(capacity);
    this.bytes = this.#memory.bytes;
    this.view = this.#memory.view;
    this.#memory.storeAddress(0, { view: this.#vector.view, position: 0 });
    this.#vector.storeAddress(0, { view: this.#header.view, position: MSGHDR.iov });
    this.#header.view.setUint32(MSGHDR.iovlen, 1, true);
    if (address === undefined) return;
    this.#address = new NativeMemory(address.length);
    this.#address.bytes.set(address);
    this.#address.storeAddress(0, { view: this.#header.view, position: MSGHDR.name });
  }

  /** The `struct msghdr` that sends the first `length` bytes. */
  prepare(length: number): Pointer {
    this.#vector.view.setUint32(8, length, true);
    if (this.#address !== undefined) this.#setAddressLength(this.#address.bytes.length);
    return this.#header.pointer;
  }

  /** The same to the other end of a connected socket, whatever the address. */
  prepareUnaddressed(length: number): Pointer {
    const header = this.prepare(length);
    this.#setAddressLength(0);
    return header;
  }

  #setAddressLength(length: number): void {
    this.#header.view.setUint32(MSGHDR.namelen, length, true);
  }
}

/** A NUL-terminated string for a `buffer` parameter. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  const encoded = new TextEncoder().encode(text);
  const bytes = new Uint8Array(new ArrayBuffer(encoded.length + 1));
  bytes.set(encoded);
  return bytes;
}

/** The text before the first NUL. */
export function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}
