/**
 * Time that passes only when something happens.
 *
 * @module
 */

interface Appointment {
  readonly at: number;
  readonly order: number;
  readonly act: () => void;
  cancelled: boolean;
}

/** What `Clock.after` gives, to be called off. */
export interface Timer {
  cancelled: boolean;
}

/** A virtual clock in milliseconds: a heap of appointments, the earliest first, equals in their order. */
export class Clock {
  now = 0;
  readonly #heap: Appointment[] = [];
  #order = 0;

  /** Does something later. */
  after(milliseconds: number, act: () => void): Timer {
    const made = { at: this.now + milliseconds, order: this.#order++, act, cancelled: false };
    const heap = this.#heap;
    let index = heap.push(made) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(made, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = made;
    return made;
  }

  /** Does what is next. False when nothing is to come. */
  step(): boolean {
    for (;;) {
      const next = this.#take();
      if (next === undefined) return false;
      if (next.cancelled) continue;
      this.now = next.at;
      next.act();
      return true;
    }
  }

  #take(): Appointment | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

function before(a: Appointment, b: Appointment): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
