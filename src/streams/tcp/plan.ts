// What is to become of the packet at hand.

const NONE = new Uint8Array(new ArrayBuffer(0));

/** One object serves all packets. Numbers are those of the output. */
export class Plan {
  /** The packet's own data goes on, from `sequence` on. */
  own = true;
  /** It is discarded. */
  drop = false;
  /** The number of its first byte. */
  sequence = 0;
  /** Else: kept bytes from here up to there, … */
  from = 0;
  to = 0;
  /** … then these bytes from `tailFrom` up to `tailTo`. */
  tail: Uint8Array = NONE;
  tailFrom = 0;
  tailTo = 0;
  /** It ends the stream. */
  fin = false;
  /** The receiver has no room for it, and is to say whether that is still so. */
  probes = false;

  /** The packet's own data, from this number on. */
  keep(sequence: number): void {
    this.own = true;
    this.drop = this.fin = this.probes = false;
    this.sequence = sequence;
    this.tail = NONE;
    this.tailFrom = this.tailTo = 0;
  }

  /** Kept bytes. */
  replace(from: number, to: number): void {
    this.own =
      this.drop =
      this.fin =
      this.probes =
        false;
    this.sequence = this.from = from;
    this.to = to;
    this.tail = NONE;
    this.tailFrom = this.tailTo = 0;
  }

  /**
   * No data, and a number that the receiver has acknowledged already: it answers with what it has
   * (RFC 9293 §3.10.7.4).
   */
  ask(acknowledged: number): void {
    this.replace((acknowledged - 1) | 0, (acknowledged - 1) | 0);
  }

  /** One byte more, which does not count as sent. */
  probe(): void {
    this.to = (this.from + 1) | 0;
    this.probes = true;
  }

  /** At most so many bytes. */
  shorten(most: number): void {
    const kept = (this.to - this.from) | 0;
    if (kept > most) this.to = (this.from + most) | 0;
    this.tailTo = Math.min(this.tailTo, this.tailFrom + Math.max(most - kept, 0));
  }

  /** Nothing. */
  discard(): void {
    this.own = this.fin = this.probes = false;
    this.drop = true;
    this.tail = NONE;
  }

  /** How many bytes of data go on, of those that are not the packet's own. */
  get length(): number {
    return ((this.to - this.from) | 0) + this.tailTo - this.tailFrom;
  }
}
