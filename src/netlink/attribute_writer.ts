// Netlink attributes from nothing, for messages that are not written a million times a second.
import { viewOf } from "../base/bytes.ts";
import { align4, ATTRIBUTE_HEADER_SIZE, NLA, writeAttributeHeader } from "./message.ts";

/**
 * Writes attributes one behind the other. Numbers go out big-endian, as netfilter wants them.
 * Nothing is checked: values wrap to the width of their attribute.
 */
export class AttributeWriter {
  #bytes = new Uint8Array(new ArrayBuffer(256));
  #view: DataView = viewOf(this.#bytes);
  #end = 0;

  /** Adds an attribute of one byte. */
  u8(type: number, value: number): void {
    const at = this.#add(type, 1);
    this.#view.setUint8(at, value);
  }

  /** Adds an attribute of two bytes. */
  u16(type: number, value: number): void {
    const at = this.#add(type, 2);
    this.#view.setUint16(at, value, false);
  }

  /** Adds an attribute of four bytes. */
  u32(type: number, value: number): void {
    const at = this.#add(type, 4);
    this.#view.setUint32(at, value, false);
  }

  /** Adds an attribute of so many bytes, which `fill` writes from `at` on; the others stay 0. */
  struct(type: number, length: number, fill: (view: DataView, at: number) => void): void {
    const at = this.#add(type, length);
    fill(this.#view, at);
  }

  /** Adds an attribute that is any bytes, at most 65531. */
  bytes(type: number, payload: Uint8Array): void {
    const at = this.#add(type, payload.length);
    this.#bytes.set(payload, at);
  }

  /** Adds an attribute that is a string with a NUL behind it. */
  text(type: number, text: string): void {
    this.bytes(type, new TextEncoder().encode(`${text}\0`));
  }

  /** Adds an attribute that holds those that `fill` adds. */
  nest(type: number, fill: () => void): void {
    const at = this.#add(type | NLA.F_NESTED, 0);
    fill();
    this.#view.setUint16(at - ATTRIBUTE_HEADER_SIZE, this.#end - at + ATTRIBUTE_HEADER_SIZE, true);
  }

  /** Adds attributes that are written already; their length is a multiple of 4. */
  append(attributes: Uint8Array): void {
    this.#reserve(attributes.length);
    this.#bytes.set(attributes, this.#end);
    this.#end += attributes.length;
  }

  /** What was written, borrowed until the next attribute; its length is a multiple of 4. */
  get written(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#end);
  }

  /** Writes a header, and makes room; where the payload begins. */
  #add(type: number, length: number): number {
    const start = this.#end;
    const size = align4(ATTRIBUTE_HEADER_SIZE + length);
    this.#reserve(size);
    this.#end = start + size;
    return writeAttributeHeader(this.#view, start, type, length);
  }

  #reserve(size: number): void {
    const end = this.#end + size;
    if (end <= this.#bytes.length) return;
    const larger = new Uint8Array(new ArrayBuffer(2 * end));
    larger.set(this.written);
    this.#bytes = larger;
    this.#view = viewOf(larger);
  }
}
