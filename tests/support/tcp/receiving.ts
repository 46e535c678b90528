/**
 * The half of a TCP endpoint that receives: RFC 9293 §3.8.6, RFC 2018 §4, RFC 2883. It keeps all that it
 * ever received, and compares.
 *
 * @module
 */

import type { Clock } from "./clock.ts";
import { type Range, Ranges } from "./ranges.ts";

/** How an endpoint receives. */
export interface ReceivingOptions {
  /** Bytes that wait for the program at most. */
  readonly buffer: number;
  /** Bytes that the program reads at a time, and the milliseconds between; pause 0: all, at once. */
  readonly read: { readonly bytes: number; readonly pause: number };
  /** The shift of its windows. */
  readonly scale: number;
  /** Whether what came twice is told (RFC 2883). */
  readonly tellsDuplicates: boolean;
  /** Bytes that it has acknowledged may come again as others: it drops them unseen. */
  readonly ignoresOld?: boolean | undefined;
}

/** What the half needs of its endpoint. */
export interface ReceivingPorts {
  readonly clock: Clock;
  readonly complain: (text: string) => void;
  /** The window has opened. */
  readonly opened: () => void;
}

/** What a segment did. */
export type Taken = "next" | "other";

/** Receives a stream. */
export class Receiving {
  /** The position that comes next; 0 before the SYN. */
  next = 0;
  /** How far the other end was let send. */
  promised = 0;
  /** Where the FIN stands; −1 while it is not known. */
  fin = -1;

  readonly #options: ReceivingOptions;
  readonly #ports: ReceivingPorts;
  readonly #ranges = new Ranges();
  #bytes = new Uint8Array(4096);
  #read = 1;
  #newest: number | undefined;
  #duplicate: Range | undefined;
  #reading = false;

  constructor(options: ReceivingOptions, ports: ReceivingPorts) {
    this.#options = options;
    this.#ports = ports;
  }

  /** What came in order. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, Math.max(0, this.#dataNext - 1));
  }

  /** Whether the FIN came, and all before it. */
  get done(): boolean {
    return this.fin >= 0 && this.next > this.fin;
  }

  get #dataNext(): number {
    return this.done ? this.fin : this.next;
  }

  /** The field that tells the window, and the promise in it. */
  window(shift: number): number {
    const { buffer } = this.#options;
    const free = Math.max(0, this.#read + buffer - Math.max(1, this.#dataNext));
    const next = Math.max(1, this.next);
    const wanted = Math.max(this.promised, next + free);
    const field = Math.min(0xffff, Math.ceil((wanted - next) / 2 ** shift));
    this.promised = Math.max(this.promised, next + field * 2 ** shift);
    return field;
  }

  /** Blocks for a selective acknowledgment, the newest first. */
  blocks(most: number): Range[] {
    const out = this.#ranges.list.filter(([from]) => from > this.next);
    const newest = out.findIndex(([from, to]) =>
      this.#newest !== undefined && from <= this.#newest && this.#newest < to
    );
    if (newest > 0) out.unshift(...out.splice(newest, 1));
    const { tellsDuplicates } = this.#options;
    if (tellsDuplicates && this.#duplicate !== undefined) out.unshift(this.#duplicate);
    this.#duplicate = undefined;
    return out.slice(0, most);
  }

  /** Takes the SYN. */
  open(): void {
    this.next = 1;
  }

  /** Takes data, and the FIN behind it. */
  take(position: number, given: Uint8Array, fin: boolean): Taken {
    const { complain } = this.#ports;
    let data = given;
    let end = position + data.length;
    if (fin) {
      if (this.fin >= 0 && this.fin !== end) complain(`FIN at ${end}, and before at ${this.fin}`);
      const known = this.#ranges.list.at(-1)?.[1] ?? 1;
      if (this.fin < 0 && known > end) complain(`FIN at ${end}, and data up to ${known}`);
    }
    if (this.fin >= 0 && end > this.fin) {
      complain(`data up to ${end} behind the FIN at ${this.fin}`);
    }
    if (end > this.promised) {
      const probe = data.length === 1 && position === this.promised && this.next === position;
      if (!probe) complain(`data up to ${end}, ${end - this.promised} beyond the window`);
      data = data.subarray(0, Math.max(0, this.promised - position));
      if (data.length < given.length) fin = false;
      end = position + data.length;
    }
    const first = Math.max(position, 1);
    const before = this.next;
    if (data.length > 0) this.#store(first, data.subarray(first - position));
    if (fin && this.fin < 0) this.fin = end;
    const row = this.#ranges.at(this.next);
    if (row !== undefined) this.next = row[1];
    if (this.fin === this.next) this.next++;
    this.#readSome();
    const ahead = this.#ranges.list.some(([from]) => from > this.next);
    return this.next > before && !ahead && position === before ? "next" : "other";
  }

  #store(from: number, data: Uint8Array): void {
    const end = from + data.length;
    if (end > this.#bytes.length) {
      const more = new Uint8Array(Math.max(end, 2 * this.#bytes.length));
      more.set(this.#bytes);
      this.#bytes = more;
    }
    let duplicate: Range | undefined;
    for (const [start, stop] of this.#ranges.list) {
      const left = Math.max(start, from);
      const right = Math.min(stop, end);
      if (left >= right) continue;
      duplicate ??= [left, right];
      for (let at = left; at < right; at++) {
        if (this.#bytes[at - 1] === data[at - from]) continue;
        if (this.#options.ignoresOld && at < this.next) continue;
        this.#ports.complain(
          `position ${at}: byte ${data[at - from]} now, and ${this.#bytes[at - 1]} before` +
            (at < this.next ? ", which is acknowledged" : ""),
        );
        return;
      }
    }
    if (duplicate !== undefined) this.#duplicate = duplicate;
    const skipped = this.#options.ignoresOld ? Math.max(0, this.next - from) : 0;
    this.#bytes.set(data.subarray(skipped), from - 1 + Math.min(skipped, data.length));
    this.#ranges.add(from, end);
    this.#newest = from;
  }

  #readSome(): void {
    const { pause } = this.#options.read;
    if (pause === 0) {
      this.#read = this.#dataNext;
      return;
    }
    if (this.#reading || this.#read >= this.#dataNext) return;
    this.#reading = true;
    this.#ports.clock.after(pause, () => {
      this.#reading = false;
      const { buffer, read, scale } = this.#options;
      const room = this.promised - this.next;
      this.#read = Math.min(this.#dataNext, this.#read + read.bytes);
      // Small openings are not told (RFC 9293 §3.8.6.2.2).
      const opens = this.#read + buffer - this.#dataNext - room;
      if (opens >= Math.max(Math.min(buffer / 2, 3000), 2 ** scale)) this.#ports.opened();
      this.#readSome();
    });
  }
}
