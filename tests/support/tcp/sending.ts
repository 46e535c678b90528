/**
 * The half of a TCP endpoint that sends: RFC 9293 §3.8, RFC 5681 §3.2, RFC 2018 §5. Positions count from
 * the SYN, which is 0; the first byte is 1, and the FIN stands behind the last byte.
 *
 * @module
 */

import type { Clock, Timer } from "./clock.ts";
import type { Random } from "./random.ts";
import { Ranges } from "./ranges.ts";

/** How an endpoint sends. */
export interface SendingOptions {
  readonly data: Uint8Array;
  /** Most segments in one packet; 1 without segmentation offload. */
  readonly gso: number;
  /** How likely a segment is shorter than it could be. */
  readonly cuts: number;
  /** Most bytes on the way. */
  readonly flight: number;
  /** What asks about a window of 0: the next byte, or no data and an old number. */
  readonly probe: "byte" | "empty";
  /** Bytes that the program writes at a time, and the milliseconds between. */
  readonly write: { readonly bytes: number; readonly pause: number };
}

/** What is to be sent. */
export interface Sent {
  readonly position: number;
  readonly data: Uint8Array;
  readonly fin: boolean;
  /** Bytes of data in each segment, if there are several; else 0. */
  readonly gso: number;
}

/** What the half needs of its endpoint. */
export interface SendingPorts {
  readonly clock: Clock;
  readonly random: Random;
  /** Bytes of data that a segment has room for now. */
  readonly room: () => number;
  readonly emit: (sent: Sent) => void;
}

const NOTHING = new Uint8Array(0);
const FIRST_TIMEOUT = 200;
const LAST_TIMEOUT = 6_400;
/** Retransmissions at each acknowledgment. */
const BURST = 2;

/** Sends a stream. */
export class Sending {
  /** What the other end has acknowledged. */
  acknowledged = 0;
  /** Behind the last position that was ever sent. */
  highest = 0;
  /** How far the other end lets it send. */
  edge = 1;
  /** The program will write nothing more. */
  closed = false;
  /** How often something was sent again. */
  retransmissions = 0;

  readonly #options: SendingOptions;
  readonly #ports: SendingPorts;
  readonly #selective = new Ranges();
  #written = 1;
  #next = 0;
  #recover = 0;
  #again = 0;
  #duplicates = 0;
  #timeout = FIRST_TIMEOUT;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(options: SendingOptions, ports: SendingPorts) {
    this.#options = options;
    this.#ports = ports;
  }

  /** The position of the FIN. */
  get end(): number {
    return 1 + this.#options.data.length;
  }

  /** Whether all is acknowledged, the FIN too. */
  get done(): boolean {
    return this.acknowledged > this.end;
  }

  /** Whether the FIN was sent. */
  get finSent(): boolean {
    return this.highest > this.end;
  }

  /** Sends the SYN. */
  open(): void {
    this.#ports.emit({ position: 0, data: NOTHING, fin: false, gso: 0 });
    this.#next = this.highest = 1;
    this.#arm();
  }

  /** The program begins to write. */
  write(): void {
    const { data, write } = this.#options;
    if (this.#stopped || this.#written >= this.end) return;
    this.#written = Math.min(this.end, this.#written + write.bytes);
    if (this.#written - 1 < data.length) {
      this.#ports.clock.after(write.pause, () => this.write());
    }
    this.push();
  }

  /** The program closes its half, behind all that it writes. */
  close(): void {
    this.closed = true;
    this.push();
  }

  /** Sends nothing more. */
  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  /** Takes an acknowledgment. @param pure whether its segment could be a duplicate of RFC 5681 §2 */
  take(position: number, { edge, pure }: { readonly edge: number; readonly pure: boolean }): void {
    const opened = edge > this.edge;
    this.edge = Math.max(this.edge, edge);
    if (position > this.acknowledged) {
      this.acknowledged = position;
      this.#next = Math.max(this.#next, position);
      this.#again = Math.max(this.#again, position);
      this.#duplicates = 0;
      this.#timeout = FIRST_TIMEOUT;
      this.#arm();
      if (position < this.#recover) this.#repair(BURST);
      else if (this.#again >= this.#recover) this.#recover = 0;
    } else if (
      pure && !opened && position === this.acknowledged && this.highest > position && position > 0
    ) {
      if (++this.#duplicates === 3) {
        this.#recover = this.highest;
        this.#again = position;
        this.#repair(1);
      } else if (this.#duplicates > 3 && this.#selective.list.length > 0) this.#repair(1);
    }
    this.push();
  }

  /** Notes that the other end has these. */
  noteSelective(from: number, to: number): void {
    this.#selective.add(from, to);
  }

  /** Sends what may be sent. */
  push(): void {
    if (this.#stopped || this.acknowledged === 0) return;
    const { flight, cuts } = this.#options;
    const { random, room } = this.#ports;
    while (this.#next < this.#written) {
      const allowed = Math.min(this.edge, this.acknowledged + flight, this.#written) - this.#next;
      if (allowed <= 0) break;
      const most = room();
      let length = Math.min(allowed, most);
      let gso = 0;
      if (random.chance(cuts)) length = random.integer(1, length);
      else if (this.#options.gso > 1 && allowed > most) {
        length = Math.min(allowed, most * random.integer(2, this.#options.gso), 60_000);
        if (length > most) gso = most;
      }
      this.#emit(this.#next, length, gso);
      this.#next += length;
      if (this.#next > this.end) this.#next = this.end + 1;
    }
    if (this.closed && this.#next === this.end && this.#written === this.end) {
      if (this.edge > this.end && this.highest <= this.end) {
        this.#emit(this.end, 0, 0);
        this.#next = this.end + 1;
      }
    }
    if (this.#timer === undefined || this.#timer.cancelled) this.#arm();
  }

  /** Sends bytes from a position on, and the FIN where it comes next and is due. */
  #emit(position: number, length: number, gso: number): void {
    const { data } = this.#options;
    const stop = position + length;
    const sentBefore = this.highest > this.end;
    const due = this.closed && stop === this.end && (sentBefore || stop < this.edge);
    const fin = due && (length === 0 || sentBefore || this.#ports.random.chance(0.7));
    if (fin && stop === this.end) this.#next = Math.max(this.#next, this.end + 1);
    if (position < this.highest) this.retransmissions++;
    this.highest = Math.max(this.highest, stop + (fin ? 1 : 0));
    this.#ports.emit({ position, data: data.subarray(position - 1, stop - 1), fin, gso });
  }

  /** Sends again what seems lost. */
  #repair(count: number): void {
    const { random, room } = this.#ports;
    for (let sent = 0; sent < count && this.#again < this.#recover;) {
      const known = this.#selective.at(this.#again);
      if (known !== undefined) {
        this.#again = known[1];
        continue;
      }
      if (this.#again === 0) {
        this.#ports.emit({ position: 0, data: NOTHING, fin: false, gso: 0 });
        this.#again = 1;
        return;
      }
      const stop = Math.min(this.#selective.behind(this.#again)?.[0] ?? this.end, this.end);
      let length = Math.min(stop, this.#recover, this.highest) - this.#again;
      length = Math.min(length, room());
      if (length > 1 && random.chance(this.#options.cuts)) length = random.integer(1, length);
      this.#emit(this.#again, Math.max(0, length), 0);
      this.#again += Math.max(1, length);
      sent++;
    }
  }

  #arm(): void {
    this.#cancel();
    if (this.#stopped) return;
    const waits = this.highest > this.acknowledged;
    const blocked = this.#written > this.#next || (this.closed && !this.finSent);
    if (!waits && !blocked) return;
    this.#timer = this.#ports.clock.after(this.#timeout, () => this.#expire());
  }

  #cancel(): void {
    if (this.#timer !== undefined) this.#timer.cancelled = true;
  }

  #expire(): void {
    this.#timeout = Math.min(this.#timeout * 2, LAST_TIMEOUT);
    this.#timer = undefined;
    if (this.highest > this.acknowledged) {
      // The other end may have thrown away what it had out of order (RFC 2018 §8).
      this.#selective.clear();
      this.#recover = this.highest;
      this.#again = this.acknowledged;
      this.#duplicates = 0;
      this.#repair(1);
    } else if (this.acknowledged > 0 && this.edge <= this.#next) this.#probe();
    this.#arm();
    this.push();
  }

  /** Asks about a window of 0 (RFC 9293 §3.8.6.1). */
  #probe(): void {
    if (this.#options.probe === "empty" || this.#next >= this.#written) {
      const position = this.acknowledged - 1;
      this.#ports.emit({ position, data: NOTHING, fin: false, gso: 0 });
      return;
    }
    const position = this.#next;
    this.highest = Math.max(this.highest, position + 1);
    const data = this.#options.data.subarray(position - 1, position);
    this.#ports.emit({ position, data, fin: false, gso: 0 });
  }
}
