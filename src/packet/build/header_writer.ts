import { parseIpv4 } from "../../base/address.ts";
import { checkInteger, checkU16, checkU32 } from "../../base/checks.ts";

/** A header that is being written, field by field; errors name header and field. */
export class Header {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView<ArrayBuffer>;
  readonly #name: string;

  constructor(name: string, size: number) {
    this.#name = name;
    this.bytes = new Uint8Array(new ArrayBuffer(size));
    this.#view = new DataView(this.bytes.buffer);
  }

  u8(offset: number, field: string, value: number): void {
    this.#view.setUint8(offset, checkInteger(`${this.#name}.${field}`, value, 0, 0xff));
  }

  u16(offset: number, field: string, value: number): void {
    this.#view.setUint16(offset, checkU16(`${this.#name}.${field}`, value));
  }

  u32(offset: number, field: string, value: number): void {
    this.#view.setUint32(offset, checkU32(`${this.#name}.${field}`, value));
  }

  ipv4(offset: number, field: string, value: string): void {
    this.#view.setUint32(offset, parseIpv4(value, `${this.#name}.${field}`));
  }
}

/** Throws unless `value` is a header's length that its four bits can hold. */
export function checkWords(field: string, value: number): void {
  checkInteger(field, value, 0, 60);
  if (value % 4 !== 0) throw new RangeError(`${field} must be a multiple of 4, got ${value}`);
}
