/**
 * Reads what protocols are made of, in network order, from a part of some bytes. It never throws: what
 * lies behind the end reads as 0, and `broken` tells of it afterwards.
 */
export class Cursor {
  readonly bytes: Uint8Array;
  readonly end: number;
  at: number;
  /** Whether something behind the end was asked for, or a reader found the content wrong. */
  broken = false;

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  /** How many bytes are left. */
  get left(): number {
    return this.end - this.at;
  }

  /** Whether all of it was read, and nothing behind it. */
  get done(): boolean {
    return this.at === this.end && !this.broken;
  }

  u8(): number {
    if (this.at < this.end) return this.bytes[this.at++]!;
    this.broken = true;
    return 0;
  }

  u16(): number {
    return (this.u8() << 8) | this.u8();
  }

  u24(): number {
    return (this.u16() << 8) | this.u8();
  }

  u32(): number {
    return this.u16() * 0x10000 + this.u16();
  }

  /** QUIC's integer of 1, 2, 4 or 8 bytes (RFC 9000, 16); inexact above 2⁵³. */
  variable(): number {
    const first = this.u8();
    let value = first & 0x3f;
    for (let more = (1 << (first >> 6)) - 1; more > 0; more--) value = value * 0x100 + this.u8();
    return value;
  }

  skip(count: number): void {
    if (count <= this.left) this.at += count;
    else {
      this.at = this.end;
      this.broken = true;
    }
  }

  /** The next `count` bytes by themselves; where there are fewer, both are broken. */
  part(count: number): Cursor {
    const from = this.at;
    this.skip(count);
    const part = new Cursor(this.bytes, from, this.at);
    part.broken = this.broken;
    return part;
  }
}
