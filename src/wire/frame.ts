import { PacketReleasedError } from "./errors.ts";
import { viewOf } from "./netlink.ts";

const NO_BYTES: Uint8Array = new Uint8Array(new ArrayBuffer(0));
const NO_VIEW: DataView = new DataView(NO_BYTES.buffer);

/**
 * The bytes of one packet, lent by whoever owns the memory until {@link Frame.release}.
 *
 * Offsets count from the first byte of the frame. Numbers are read big-endian, as they are on the
 * network. Reading outside throws RangeError, reading after the release PacketReleasedError; nothing
 * ever reads memory that is not the frame's.
 */
export class Frame {
  #view: DataView;
  #bytes: Uint8Array;
  #start: number;
  /** Bytes of the frame. −1 once it is released, so that one comparison refuses both mistakes. */
  #length: number;

  /**
   * Lends `bytes` from `start` up to `end`. The frame does not copy: changes in `bytes` show.
   *
   * @throws {RangeError} unless `0 <= start <= end <= bytes.length`.
   */
  constructor(
    bytes: Uint8Array,
    start: number = 0,
    end: number = bytes.length,
    view: DataView = viewOf(bytes),
  ) {
    if (!(start >= 0 && start <= end && end <= bytes.length)) {
      throw new RangeError(
        `a frame needs 0 <= start <= end <= ${bytes.length}, got start ${start} and end ${end}`,
      );
    }
    this.#view = view;
    this.#bytes = bytes;
    this.#start = start;
    this.#length = end - start;
  }

  /**
   * The same without allocating a DataView: for a receive buffer that has one already. `view` and
   * `bytes` must cover the same memory.
   *
   * @throws {RangeError} unless `0 <= start <= end <= bytes.length`.
   */
  static over(view: DataView, bytes: Uint8Array, start: number, end: number): Frame {
    return new Frame(bytes, start, end, view);
  }

  /**
   * Bytes of the frame.
   *
   * @throws {PacketReleasedError} after the release.
   */
  get length(): number {
    if (this.#length < 0) throw new PacketReleasedError();
    return this.#length;
  }

  /** Whether the memory was given back. */
  get released(): boolean {
    return this.#length < 0;
  }

  /** The byte at `offset`. */
  u8(offset: number): number {
    if (!(offset >= 0 && offset + 1 <= this.#length)) this.#refuse(offset, 1);
    return this.#view.getUint8(this.#start + offset);
  }

  /** The big-endian 16-bit number at `offset`. */
  u16(offset: number): number {
    if (!(offset >= 0 && offset + 2 <= this.#length)) this.#refuse(offset, 2);
    return this.#view.getUint16(this.#start + offset, false);
  }

  /** The big-endian, unsigned 32-bit number at `offset`. */
  u32(offset: number): number {
    if (!(offset >= 0 && offset + 4 <= this.#length)) this.#refuse(offset, 4);
    return this.#view.getUint32(this.#start + offset, false);
  }

  /**
   * The bytes from `start` up to `end`, borrowed: the same memory, which the owner overwrites some
   * time after the release. `slice()` the result to keep it.
   */
  subarray(start: number = 0, end: number = this.#length): Uint8Array {
    if (!(start >= 0 && start <= end && end <= this.#length)) this.#refuse(start, end - start);
    return this.#bytes.subarray(this.#start + start, this.#start + end);
  }

  /** Gives the memory back: every later read throws PacketReleasedError. May be called twice. */
  release(): void {
    this.#length = -1;
    this.#view = NO_VIEW;
    this.#bytes = NO_BYTES;
  }

  #refuse(offset: number, need: number): never {
    if (this.#length < 0) throw new PacketReleasedError();
    throw new RangeError(
      `byte ${offset} and the next ${need} are not all inside a frame of ${this.#length} bytes`,
    );
  }
}
