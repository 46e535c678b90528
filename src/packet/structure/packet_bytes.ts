import { type BytesOwner, type EditTerms, type Memory, OWN_MEMORY } from "./owner.ts";
import { checksumAddView } from "./checksum.ts";
import { PacketReleasedError } from "../../base/errors.ts";
import {
  copyOf,
  type GivenBytes,
  isOver,
  lengthOf,
  moveWithin,
  put,
  viewOf,
  write,
} from "../../base/bytes.ts";
import { checkedLength, checkExactBytes } from "../../base/checks.ts";

const NO_BYTES: Uint8Array = new Uint8Array(new ArrayBuffer(0));
const NO_VIEW: DataView = new DataView(NO_BYTES.buffer);

/** Free bytes kept before and behind a packet that had to move, for the next edits. */
const ROOM = { before: 64, behind: 192 } as const;

/** Shorter copies are quicker word by word than as a view and a call. */
const SHORT = 256;

/** What only a packet that was changed needs. */
interface Room {
  readonly terms: EditTerms;
  /** The bytes from `low` up to `high` of the memory are the packet's to use. */
  low: number;
  high: number;
  touched: boolean;
}

/**
 * The bytes of one packet, lent by whoever owns the memory until {@link PacketBytes.release}.
 *
 * Offsets count from the packet's first byte. Numbers are read and written big-endian, as they
 * are on the network. Reading or writing outside throws RangeError, doing so after the release
 * PacketReleasedError; nothing ever touches memory that is not the packet's.
 *
 * Changes are made in place. A packet that outgrows its memory moves into a buffer of its own; its
 * owner looks at {@link PacketBytes.touched} and takes the bytes from {@link PacketBytes.subarray}.
 */
export class PacketBytes {
  #view: DataView;
  #bytes: Uint8Array;
  #start: number;
  /** How many bytes there are. −1 once they are released, so that one comparison refuses both mistakes. */
  #length: number;
  #room: Room | undefined = undefined;
  /** What `bytes` hands out parts of; forgotten with every change. */
  #copy: Uint8Array | undefined = undefined;
  /** The memory is what `lend` got. */
  #lent = false;
  #owner: BytesOwner<unknown> | undefined;
  readonly #subject: unknown;

  /**
   * Lends `bytes` from `start` up to `end`. Nothing is copied: changes in `bytes` show.
   *
   * @throws {TypeError} when `bytes` is no Uint8Array, or its buffer was transferred.
   * @throws {RangeError} unless `0 <= start <= end <= bytes.length`.
   */
  constructor(bytes: Uint8Array, start?: number, end?: number);
  /**
   * @ignore The same of an owner's memory.
   *
   * @param view over the same memory as `bytes`, where there is one already.
   * @param owner is asked about changes, and told `subject`.
   */
  constructor(
    bytes: Uint8Array,
    start: number,
    end: number,
    view: DataView | undefined,
    owner?: BytesOwner<never>,
    subject?: unknown,
  );
  constructor(
    bytes: Uint8Array,
    start: number = 0,
    end?: number,
    view?: DataView,
    owner?: BytesOwner<never>,
    subject?: unknown,
  ) {
    // Where there is a view already, both are the owner's.
    const have = view === undefined ? checkedLength("bytes", bytes) : bytes.length;
    const stop = end ?? have;
    if (!(start >= 0 && start <= stop && stop <= have)) {
      throw new RangeError(
        `packet bytes need 0 <= start <= end <= ${have}, got start ${start} and end ${stop}`,
      );
    }
    this.#view = view ?? viewOf(bytes);
    this.#bytes = bytes;
    this.#start = start;
    this.#length = stop - start;
    this.#owner = owner as BytesOwner<unknown> | undefined;
    this.#subject = subject;
  }

  /**
   * The same without allocating a DataView: for a receive buffer that has one already. `view` and
   * `bytes` must cover the same memory.
   *
   * @throws {RangeError} unless `0 <= start <= end <= bytes.length`.
   */
  static over(view: DataView, bytes: Uint8Array, start: number, end: number): PacketBytes {
    return new PacketBytes(bytes, start, end, view);
  }

  /**
   * How many bytes there are.
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

  /** Whether anything was written. */
  get touched(): boolean {
    return this.#room !== undefined && this.#room.touched;
  }

  /** @ignore Whether the owner computes the transport checksum in the end, so that edits need not. */
  get partialChecksum(): boolean {
    return (this.#room ?? this.#prepare()).terms.partialChecksum;
  }

  /** @ignore Throws what a write would throw, for an edit that turns out to change nothing. */
  requireWritable(): void {
    if (this.#room === undefined) this.#prepare();
  }

  /** @ignore Throws where the IP headers may not be changed: see `BytesOwner.checkHeaders`. */
  checkHeaders(had: boolean): void {
    this.requireWritable();
    this.#owner?.checkHeaders(this.#subject, had);
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
   * The bytes from `start` up to `end` for the program. Where the memory has an owner they are of a
   * copy of the packet, which is made once and again after a change: whatever a program does with it
   * (write, transfer, clone, keep), the owner's memory is out of its reach. Memory without an owner,
   * and what the program lent, is its own: it gets that itself.
   */
  bytes(start: number = 0, end: number = this.#length): Uint8Array {
    if (this.#owner === undefined || this.#lent) return this.subarray(start, end);
    if (!(start >= 0 && start <= end && end <= this.#length)) this.#refuse(start, end - start);
    let copy = this.#copy;
    // A program may have transferred it.
    if (copy === undefined || lengthOf(copy) !== this.#length) {
      copy = this.#copy = new Uint8Array(this.subarray());
    }
    return start === 0 && end === this.#length ? copy : copy.subarray(start, end);
  }

  /** @ignore Forgets the copy that was handed out: the program may have written into it. */
  renew(): void {
    this.#copy = undefined;
  }

  /**
   * The bytes from `start` up to `end`, borrowed: the same memory, which the owner overwrites some
   * time after the release, and which a later edit may move. Not for the program: see `bytes`.
   */
  subarray(start: number = 0, end: number = this.#length): Uint8Array {
    if (!(start >= 0 && start <= end && end <= this.#length)) this.#refuse(start, end - start);
    // Of the view: the array's own subarray() may be the program's.
    const { buffer, byteOffset } = this.#view;
    return new Uint8Array(buffer, byteOffset + this.#start + start, end - start);
  }

  /** Copies all of it to where `bytes`, and `view` over the same memory, have room for it. */
  copyTo(bytes: Uint8Array, view: DataView, at: number): void {
    const { length } = this;
    if (length > SHORT) {
      write(bytes, at, this.subarray());
      return;
    }
    const from = this.#view;
    const start = this.#start;
    let done = 0;
    for (; done + 4 <= length; done += 4) view.setInt32(at + done, from.getInt32(start + done));
    for (; done < length; done++) view.setUint8(at + done, from.getUint8(start + done));
  }

  /** The sum for an Internet checksum of the bytes from `start` up to `end`: see `checksumAdd`. */
  sum(start: number, end: number, initial: number = 0): number {
    if (!(start >= 0 && start <= end && end <= this.#length)) this.#refuse(start, end - start);
    return checksumAddView(this.#view, this.#start + start, this.#start + end, initial);
  }

  /** Writes the lowest 8 bits of `value`. */
  setU8(offset: number, value: number): void {
    if (!(offset >= 0 && offset + 1 <= this.#length)) this.#refuse(offset, 1);
    this.#touch();
    this.#view.setUint8(this.#start + offset, value);
  }

  /** Writes the lowest 16 bits of `value`, big-endian. */
  setU16(offset: number, value: number): void {
    if (!(offset >= 0 && offset + 2 <= this.#length)) this.#refuse(offset, 2);
    this.#touch();
    this.#view.setUint16(this.#start + offset, value, false);
  }

  /** Writes the lowest 32 bits of `value`, big-endian. */
  setU32(offset: number, value: number): void {
    if (!(offset >= 0 && offset + 4 <= this.#length)) this.#refuse(offset, 4);
    this.#touch();
    this.#view.setUint32(this.#start + offset, value, false);
  }

  /** Writes bytes, which may be of this packet. */
  setBytes(offset: number, bytes: Uint8Array): void;
  /** @ignore Of bytes that were checked already. */
  setBytes(offset: number, bytes: GivenBytes): void;
  setBytes(offset: number, bytes: GivenBytes): void {
    const count = checkedLength("bytes", bytes);
    this.replace(offset, count, bytes, count);
  }

  /**
   * Puts `bytes`, a Uint8Array, in the place of the `removed` bytes at `offset`; those behind them
   * move. `bytes` may be of this packet.
   *
   * @param inserted how many they are, where that was checked already.
   * @throws {TypeError} when they are no Uint8Array, or their buffer was transferred.
   * @throws {RangeError} when it is not inside, or the packet would become longer or shorter than it
   * may.
   * @throws {PacketReleasedError} after the release.
   */
  replace(offset: number, removed: number, bytes: Uint8Array, inserted?: number): void;
  /** @ignore Of bytes that were checked already. */
  replace(offset: number, removed: number, bytes: GivenBytes, inserted: number): void;
  replace(
    offset: number,
    removed: number,
    bytes: GivenBytes,
    inserted: number = checkedLength("bytes", bytes),
  ): void {
    if (!(offset >= 0 && removed >= 0 && offset + removed <= this.#length)) {
      this.#refuse(offset, removed);
    }
    const room = this.#room ?? this.#prepare();
    let source = bytes;
    if (inserted !== removed) {
      this.#checkLength(room, this.#length + inserted - removed, offset);
      // What is about to move may hold the bytes that are to be written.
      if (isOver(bytes, this.#view.buffer)) source = copyOf(bytes);
      // The owner may have let them go; from here on nothing throws.
      if (lengthOf(source) < inserted) checkExactBytes("bytes", source, inserted);
      this.#move(room, offset, removed, inserted);
    }
    room.touched = true;
    this.#copy = undefined;
    put(this.#bytes, this.#start + offset, source, inserted);
  }

  /** Lends other memory in place of the old, which may be another's; nothing of it is touched yet. */
  lend(bytes: Uint8Array): void;
  /** @ignore The same of another owner's memory. */
  lend(bytes: Uint8Array, owner: BytesOwner<never>): void;
  lend(bytes: Uint8Array, owner: BytesOwner<never> | undefined = this.#owner): void {
    if (this.#length < 0) throw new PacketReleasedError();
    const length = checkedLength("bytes", bytes);
    this.#view = viewOf(bytes);
    this.#bytes = bytes;
    this.#start = 0;
    this.#length = length;
    this.#room = this.#copy = undefined;
    this.#owner = owner as BytesOwner<unknown> | undefined;
    this.#lent = true;
  }

  /** @ignore Where the packet ends in this memory; 0 where it is in another. */
  endIn(memory: Uint8Array): number {
    return this.#bytes === memory ? this.#start + this.#length : 0;
  }

  /** @ignore Goes on in `to`, which holds what was in `from` so many bytes further on. */
  rebase(from: Uint8Array, to: Memory, shift: number): void {
    if (this.#bytes !== from) return;
    this.#bytes = to.bytes;
    this.#view = to.view;
    this.#start += shift;
    const room = this.#room;
    if (room === undefined) return;
    room.low += shift;
    room.high = Math.min(room.high + shift, to.bytes.length);
  }

  /** Gives the memory back: every later use throws PacketReleasedError. May be called twice. */
  release(): void {
    this.#length = -1;
    this.#view = NO_VIEW;
    this.#bytes = NO_BYTES;
    this.#room = this.#copy = undefined;
  }

  #touch(): void {
    (this.#room ?? this.#prepare()).touched = true;
    if (this.#copy !== undefined) this.#copy = undefined;
  }

  #prepare(): Room {
    if (this.#length < 0) throw new PacketReleasedError();
    const terms = this.#owner === undefined ? OWN_MEMORY : this.#owner.terms(this.#subject);
    const low = this.#start;
    const high = low + this.#length + terms.roomBehind;
    const room: Room = { terms, low, high, touched: false };
    if (terms.readOnly) this.#relocate(room, this.#length, 0, 0);
    return this.#room = room;
  }

  #checkLength(room: Room, length: number, at: number): void {
    const { maxLength, minLength } = room.terms;
    if (length > maxLength) {
      throw new RangeError(`the packet would have ${length} bytes, ${maxLength} at most`);
    }
    if (length < minLength) {
      throw new RangeError(
        `the packet would have ${length} bytes: what is shorter than the headers that it came ` +
          `with, ${minLength}, is dropped`,
      );
    }
    this.#owner?.checkLength(this.#subject, length, at);
  }

  /** Opens or closes a gap; the shorter side moves if it can. */
  #move(room: Room, offset: number, removed: number, inserted: number): void {
    const bytes = this.#bytes;
    const start = this.#start;
    const end = start + this.#length;
    const growth = inserted - removed;
    const before = start - growth >= room.low;
    const behind = end + growth <= room.high;
    const tail = start + offset + removed;
    if (before && (!behind || offset < end - tail)) {
      moveWithin(bytes, start - growth, start, start + offset);
      this.#start = start - growth;
    } else if (behind) {
      if (tail < end) moveWithin(bytes, tail + growth, tail, end);
    } else {
      this.#relocate(room, offset, removed, inserted);
      return;
    }
    this.#length += growth;
  }

  /** The same into a new buffer with room on both sides. */
  #relocate(room: Room, offset: number, removed: number, inserted: number): void {
    const length = this.#length + inserted - removed;
    const bytes = new Uint8Array(new ArrayBuffer(ROOM.before + length + ROOM.behind));
    write(bytes, ROOM.before, this.subarray(0, offset));
    write(bytes, ROOM.before + offset + inserted, this.subarray(offset + removed));
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
    this.#start = ROOM.before;
    this.#length = length;
    this.#lent = false;
    room.low = 0;
    room.high = bytes.length;
  }

  #refuse(offset: number, need: number): never {
    if (this.#length < 0) throw new PacketReleasedError();
    throw new RangeError(
      `byte ${offset} and the next ${need} are not all inside a packet of ${this.#length} bytes`,
    );
  }
}
