// Data of a followed direction: put in order, shown to its callback, and what goes on in its place.
import type { Calls } from "./calls.ts";
import type { Connection } from "./connection.ts";
import { type Direction, NOTHING } from "./direction.ts";
import type { Plan } from "./plan.ts";
import { FLAG, type Segment } from "./segment.ts";
import { advance, distance, later } from "./bytes/sequence.ts";
import type { Settings } from "./settings.ts";

/** What became of a segment's data. */
export type Taken =
  /** The plan says what goes on. */
  | "planned"
  /** It came out of order, and was stored: the sender is to be told. */
  | "stored"
  /** A limit of bytes was reached, or bytes went by that were never seen. */
  | "limit"
  /** A limit of held bytes was reached. */
  | "held";

/** Windows are rounded up, so that honest senders may go a little beyond the limit. */
const SLACK = 0x10000;

/** Puts data in order. */
export class Assembly {
  readonly #settings: Settings;
  readonly #calls: Calls;
  #lent = NOTHING;

  constructor(settings: Settings, calls: Calls) {
    this.#settings = settings;
    this.#calls = calls;
  }

  /** Takes in the data of a segment, and plans what goes on. `now` is in milliseconds. */
  take(
    connection: Connection,
    direction: Direction,
    { segment, plan, now }: {
      readonly segment: Segment;
      readonly plan: Plan;
      readonly now: number;
    },
  ): Taken {
    const { sequence, length } = segment;
    const fin = (segment.flags & FLAG.FIN) !== 0;
    const end = advance(sequence, length);
    if (length === 0 && !fin) {
      plan.keep(this.#place(direction, sequence));
      return "planned";
    }
    if (!segment.gso && length > direction.largest) direction.largest = length;
    const fresh = distance(end, direction.next);
    const gap = distance(sequence, direction.next);
    if (gap > 0) return this.#takeAhead(direction, { segment, plan, fin });
    const finHere = fin && !direction.finMapped && fresh >= 0;
    if (fresh <= 0 && !finHere) {
      this.#planAgain(direction, { segment, plan, fin });
      return "planned";
    }
    return this.#takeNext(connection, direction, { segment, plan, now, finHere });
  }

  /** Memory for one call. What the program did to the last one is no matter, unless it took it away. */
  #lend(length: number): Uint8Array {
    if (this.#lent.length < length) {
      this.#lent = new Uint8Array(new ArrayBuffer(Math.max(length, 0x10000)));
    }
    return this.#lent.subarray(0, length);
  }

  /** The last call: what is held goes on, as the callback says, or as it is. */
  last(connection: Connection, direction: Direction): void {
    if (!direction.followed) return;
    const data = direction.held;
    const done = this.#calls.call(connection, direction, new Uint8Array(data), true);
    // A receiver that has not taken the connection yet takes nothing.
    if (done && direction.settled) this.#apply(direction, data, true);
  }

  /** Makes a plan go on with all that there is now. */
  extend(direction: Direction, plan: Plan): void {
    if (plan.own || plan.drop) return;
    this.#limit(direction, plan);
    plan.fin = direction.finMapped && plan.to === direction.dataEnd && direction.finFits;
  }

  /** What is held goes on as it is. */
  release(direction: Direction): void {
    const { held, prefix } = direction;
    if (held.length === 0 && prefix.length === 0) return;
    const bytes = prefix.length === 0 ? held : joined(prefix, held);
    direction.put(held.length, bytes, 0, bytes.length);
    direction.keepHeld(NOTHING);
    direction.keepPrefix(NOTHING);
  }

  /** Whether its sender has more under way than it was told that there is room for. */
  #isFull({ next, acknowledgedInput, ahead }: Direction): boolean {
    const bytes = distance(next, acknowledgedInput) + ahead.bytes;
    return bytes > this.#settings.connectionBytes + SLACK;
  }

  /** The output number of a segment without data. */
  #place(direction: Direction, sequence: number): number {
    const place = this.#unboundedPlace(direction, sequence);
    if (direction.informed && !direction.pending) return place;
    // What was not sent yet is not there for the receiver.
    const last = direction.place;
    return distance(place, last) > 0 ? last : place;
  }

  #unboundedPlace({ translation, held }: Direction, sequence: number): number {
    const behind = distance(sequence, translation.inputEnd);
    // Held bytes have no numbers yet.
    if (behind > 0 && held.length > 0) {
      return advance(translation.outputEnd, Math.max(behind - held.length, 0));
    }
    return translation.toOutput(sequence);
  }

  #takeNext(
    connection: Connection,
    direction: Direction,
    { segment, plan, now, finHere }: {
      readonly segment: Segment;
      readonly plan: Plan;
      readonly now: number;
      readonly finHere: boolean;
    },
  ): Taken {
    const { held, ahead, translation, readOnly } = direction;
    const { bytes } = segment;
    const overlap = -distance(segment.sequence, direction.next);
    const begin = segment.data + overlap;
    const fresh = segment.end - begin;
    const before = translation.outputEnd;
    const inputBefore = translation.inputEnd;
    const row = ahead.bytes === 0 ? 0 : ahead.inRow(advance(direction.next, fresh));
    const came = bytes.subarray(begin, segment.end);
    const data = direction.borrowed
      ? this.#lend(held.length + fresh + row)
      : new Uint8Array(new ArrayBuffer(held.length + fresh + row));
    data.set(held);
    data.set(came, held.length);
    let patched = false;
    if (ahead.bytes > 0) {
      const from = held.length;
      patched = ahead.differs(direction.next, data, { from, to: from + fresh, write: true });
      const end = advance(direction.next, fresh);
      ahead.copyTo(data, from + fresh, { from: end, count: row });
      ahead.release(advance(end, row));
    }
    direction.next = advance(direction.next, fresh + row);
    const ended = finHere || (direction.finSeen && direction.finAt === direction.next);
    if (finHere) {
      direction.finSeen = true;
      // Where the FIN comes before bytes that were stored behind it, those never were the sender's.
      direction.finAt = direction.next;
    }
    // The program may write into what it gets: what is kept is taken from the packet.
    const pristine = patched || row > 0 || held.length > 0 ? new Uint8Array(data) : undefined;
    if (!this.#calls.call(connection, direction, data, ended)) return "planned";
    const { wish } = this.#calls;
    const plain = wish.bytes === undefined && wish.hold === 0 && pristine === undefined &&
      direction.prefix.length === 0;
    if (plain) direction.put(fresh, bytes, begin, segment.end);
    else {
      const source = pristine ?? copyIf(segment, begin, wish.hold > 0 || wish.bytes === undefined);
      this.#apply(direction, source, ended, data.length);
    }
    if (ended) {
      translation.append(1, 1);
      direction.finMapped = true;
      direction.next = advance(direction.next, 1);
    }
    const pending = distance(before, direction.sent) > 0;
    if (
      plain && !pending && (readOnly || ended === finHere) &&
      direction.fits(translation.outputEnd) &&
      this.#agrees(direction, segment, overlap)
    ) {
      plan.keep(translation.toOutput(segment.sequence));
      plan.fin = ended;
    } else if (readOnly) {
      // What was stored has gone on already.
      plan.replace(
        this.#firstOf(direction, segment.sequence),
        advance(translation.toOutput(inputBefore), fresh),
      );
      plan.fin = finHere;
    } else {
      const from = overlap > 0 ? this.#firstOf(direction, segment.sequence) : before;
      plan.replace(pending && distance(direction.sent, from) < 0 ? direction.sent : from, 0);
      this.#limit(direction, plan);
      // Nothing new, and the end is known.
      plan.fin = ended && plan.to === direction.dataEnd && direction.finFits;
    }
    if (direction.held.length > 0) {
      const moved = distance(translation.inputEnd, inputBefore) > 0;
      if (moved || direction.heldPackets === 0) {
        direction.heldPackets = 0;
        direction.heldSince = now;
      }
      direction.heldPackets++;
      const { holdPackets, holdMilliseconds } = this.#settings;
      const long = now - direction.heldSince >= holdMilliseconds && direction.heldPackets > 1;
      if (direction.heldPackets >= holdPackets || long) return "held";
    } else direction.heldPackets = 0;
    return this.#isFull(direction) ? "limit" : "planned";
  }

  /** Whether the part of a segment that was there before is what went on then. */
  #agrees(direction: Direction, segment: Segment, overlap: number): boolean {
    if (overlap === 0) return true;
    const { kept, translation } = direction;
    // What came before had another length.
    if (!translation.same) return false;
    const output = translation.toOutput(segment.sequence);
    const skip = Math.max(distance(kept.low, output), 0);
    const count = overlap - skip;
    if (count <= 0) return true;
    return kept.equals(segment.bytes, segment.data + skip, { from: advance(output, skip), count });
  }

  /** Plans the same output as before for data that was there before. */
  #planAgain(
    direction: Direction,
    { segment, plan, fin }: {
      readonly segment: Segment;
      readonly plan: Plan;
      readonly fin: boolean;
    },
  ): void {
    const { translation, kept } = direction;
    const { sequence, length } = segment;
    const end = advance(sequence, length);
    const first = this.#firstOf(direction, sequence);
    // What was not sent yet is sent as far as there is room.
    const from = direction.pending && distance(first, direction.sent) > 0 ? direction.sent : first;
    const isEnd = distance(end, translation.inputEnd) >= 0 || (fin && direction.finMapped);
    let to = isEnd ? direction.dataEnd : translation.toOutputEnd(end);
    if (distance(to, direction.dataEnd) > 0) to = direction.dataEnd;
    const output = translation.toOutput(sequence);
    const count = distance(to, from);
    const withFin = fin && direction.finMapped;
    if (count <= 0 && (!withFin || direction.over)) {
      // All of it has arrived: the receiver acknowledges it again.
      if (direction.original && distance(end, direction.acknowledgedInput) <= 0) plan.keep(output);
      else if (distance(from, direction.acknowledgedOutput) > 0) plan.replace(from, from);
      else plan.ask(direction.acknowledgedOutput);
      return;
    }
    const wasSent = distance(advance(output, length + Number(fin)), direction.sent) <= 0;
    const same = wasSent && output === from &&
      distance(translation.toOutput(end), output) === length &&
      fin === withFin && distance(end, translation.inputEnd) <= 0;
    if (
      same && count <= length &&
      (count <= 0 || kept.equals(segment.bytes, segment.data, { from, count }))
    ) {
      plan.keep(output);
      return;
    }
    plan.replace(from, count < 0 ? from : to);
    this.#limit(direction, plan, plan.to);
    // Its sender's clock has run out: one byte asks whether there is room now, as its own would have.
    const { edge, acknowledgedOutput } = direction;
    if (count > 0 && from === edge && from === acknowledgedOutput) plan.probe();
    plan.fin = withFin && plan.to === direction.dataEnd && direction.finFits;
  }

  /** The first output byte of an input number that is still to be acknowledged. */
  #firstOf(direction: Direction, input: number): number {
    const { translation, acknowledgedOutput, dataEnd } = direction;
    const from = later(translation.toOutput(input), acknowledgedOutput);
    return distance(from, dataEnd) > 0 ? dataEnd : from;
  }

  /** Ends a plan where the data ends, or where the receiver has no room. */
  #limit(direction: Direction, plan: Plan, most: number = direction.dataEnd): void {
    plan.to = most;
    if (!direction.edgeKnown) return;
    if (distance(plan.to, direction.edge) > 0) plan.to = direction.edge;
    if (distance(plan.to, plan.from) > 0) return;
    const { place } = direction;
    if (distance(plan.from, place) > 0) plan.replace(place, place);
    plan.to = plan.from;
  }

  #takeAhead(
    direction: Direction,
    { segment, plan, fin }: {
      readonly segment: Segment;
      readonly plan: Plan;
      readonly fin: boolean;
    },
  ): Taken {
    const { ahead, readOnly, next } = direction;
    const { sequence, length, bytes, data, end } = segment;
    if (direction.finMapped) {
      // Behind the end there is nothing.
      plan.keep(direction.translation.toOutput(sequence));
      return "planned";
    }
    const far = distance(sequence, next) + length > this.#settings.connectionBytes + SLACK;
    if (far) return "limit";
    const different = ahead.differs(sequence, bytes, { from: data, to: end, write: false });
    ahead.store(sequence, bytes, data, end);
    if (fin) {
      direction.finSeen = true;
      direction.finAt = advance(sequence, length);
    }
    if (this.#isFull(direction)) return "limit";
    if (!readOnly) {
      plan.discard();
      return "stored";
    }
    const output = direction.translation.toOutput(sequence);
    if (!different) plan.keep(output);
    else {
      const copy = new Uint8Array(bytes.subarray(data, end));
      ahead.differs(sequence, copy, { from: 0, to: length, write: true });
      plan.replace(output, output);
      plan.tail = copy;
      plan.tailTo = length;
      plan.fin = fin;
    }
    return "planned";
  }

  /** Makes output of bytes as the callback wished. The first `length` are meant. */
  #apply(direction: Direction, data: Uint8Array, ended: boolean, length = data.length): void {
    const { wish } = this.#calls;
    const { prefix } = direction;
    const all = ended && wish.hold === length && wish.bytes === undefined;
    const hold = all ? 0 : wish.hold;
    const gone = length - hold;
    if (wish.bytes !== undefined) direction.changed = true;
    let output = wish.bytes ?? data.subarray(0, gone);
    if (ended && hold > 0) output = joined(output, data.subarray(gone));
    const consumed = ended ? length : gone;
    if (prefix.length > 0) output = joined(prefix, output);
    if (consumed === 0 && !ended) {
      direction.keepPrefix(output.length === 0 ? NOTHING : new Uint8Array(output));
    } else {
      direction.keepPrefix(NOTHING);
      direction.put(consumed, output, 0, output.length);
      const ratio = consumed === 0 ? 1 : Math.min(output.length / consumed, 64);
      const { growth } = direction;
      direction.growth = Math.max(ratio > growth ? ratio : growth * 0.875 + ratio * 0.125, 1);
    }
    direction.keepHeld(
      ended || hold === 0 ? NOTHING : new Uint8Array(data.subarray(length - hold)),
    );
  }
}

/** The data of a segment from `begin` on, where it is needed. */
function copyIf({ bytes, end }: Segment, begin: number, needed: boolean): Uint8Array {
  return needed ? bytes.subarray(begin, end) : NOTHING;
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(first.length + second.length));
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
