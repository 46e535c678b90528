/**
 * A C header struct inside a packet buffer, field by field.
 *
 * @module
 */

import { checkInteger } from "../../base/checks.ts";
import { checkBytes } from "../guards/arguments.ts";
import type { PacketMemory } from "./memory.ts";

/**
 * A header inside a {@link PacketBuffer}, as the C pointer that it stands for: it stays where it is
 * when bytes are inserted or taken out before it, and reads and writes the packet itself. It never
 * reaches outside the buffer's memory; once the buffer is freed every use throws
 * {@link HandleClosedError}.
 *
 * Numbers are in host order (C gives multi-byte fields in network order), addresses are copies.
 * Writing a field changes no checksum.
 */
export abstract class BufferHeader {
  readonly #memory: PacketMemory;
  readonly #position: number;
  /** Bytes of the C struct. */
  readonly size: number;

  /** @internal */
  constructor(memory: PacketMemory, position: number, size: number) {
    if (!(position >= 0 && position + size <= memory.capacity)) {
      throw new RangeError(`a header of ${size} bytes at byte ${position} is outside the buffer`);
    }
    this.#memory = memory;
    this.#position = position;
    this.size = size;
  }

  /** A copy of the header's bytes. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.read(0, this.size);
  }

  /** The byte at `offset`. */
  protected u8(offset: number): number {
    return this.#memory.view.getUint8(this.#position + offset);
  }

  /** The two bytes at `offset` as a number, host order. */
  protected u16(offset: number): number {
    return this.#memory.view.getUint16(this.#position + offset);
  }

  /** The four bytes at `offset` as a number, host order. */
  protected u32(offset: number): number {
    return this.#memory.view.getUint32(this.#position + offset);
  }

  /** `width` bits of the byte at `offset`, from bit `shift` on. */
  protected bits(offset: number, shift: number, width: number): number {
    return this.u8(offset) >> shift & (1 << width) - 1;
  }

  /** Writes a byte; `name` is the field in errors. */
  protected setU8(name: string, offset: number, value: number): void {
    checkInteger(name, value, 0, 0xff);
    this.#memory.view.setUint8(this.#position + offset, value);
  }

  /** Writes two bytes; `value` is in host order, `name` the field in errors. */
  protected setU16(name: string, offset: number, value: number): void {
    checkInteger(name, value, 0, 0xffff);
    this.#memory.view.setUint16(this.#position + offset, value);
  }

  /** Writes four bytes; `value` is in host order, `name` the field in errors. */
  protected setU32(name: string, offset: number, value: number): void {
    checkInteger(name, value, 0, 0xffffffff);
    this.#memory.view.setUint32(this.#position + offset, value);
  }

  /** Writes `width` bits of the byte at `offset`, from bit `shift` on; `name` is the field in errors. */
  protected setBits(
    name: string,
    offset: number,
    field: { readonly shift: number; readonly width: number; readonly value: number },
  ): void {
    const { shift, width, value } = field;
    const most = (1 << width) - 1;
    checkInteger(name, value, 0, most);
    const rest = this.u8(offset) & ~(most << shift);
    this.#memory.view.setUint8(this.#position + offset, rest | value << shift);
  }

  /** A copy of `length` bytes from `offset` on. */
  protected read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    const { buffer } = this.#memory.view;
    const bytes = new Uint8Array(new ArrayBuffer(length));
    bytes.set(new Uint8Array(buffer, this.#position + offset, length));
    return bytes;
  }

  /** Writes exactly `length` bytes at `offset`; `name` is the field in errors. */
  protected write(
    name: string,
    offset: number,
    { value, length }: { readonly value: Uint8Array; readonly length: number },
  ): void {
    const bytes = checkBytes(name, value, { min: length, max: length });
    const { buffer } = this.#memory.view;
    new Uint8Array(buffer, this.#position + offset, length).set(bytes);
  }
}
