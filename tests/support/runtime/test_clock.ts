/**
 * A clock of a test's own.
 *
 * @module
 */

interface Task {
  at: number;
  /** Of an interval. */
  readonly every: number | undefined;
  readonly run: () => void;
}

const BEGIN = 1_800_000_000_000;

/**
 * `setTimeout`, `setInterval` and `Date.now` stand still in its scope, but for what `tick` lets pass. Timers
 * that began before it are real, and can be cleared in it. What was asked of it and is not due by its end
 * never comes.
 */
export class TestClock implements Disposable {
  readonly #real = {
    ...{ setTimeout, setInterval, clearTimeout, clearInterval },
    now: Date.now,
  };
  readonly #tasks = new Map<object, Task>();
  #now = BEGIN;

  constructor() {
    const begin = (interval: boolean) => (run: () => void, milliseconds = 0) => {
      // Node's and Bun's timers can do that.
      const timer = { ref: () => timer, unref: () => timer };
      const every = interval ? Math.max(1, milliseconds) : undefined;
      this.#tasks.set(timer, { at: this.#now + milliseconds, every, run });
      return timer;
    };
    const end = (name: "clearTimeout" | "clearInterval") => (timer: unknown) => {
      if (!this.#tasks.delete(timer as object)) Reflect.apply(this.#real[name], undefined, [timer]);
    };
    Object.assign(globalThis, {
      ...{ setTimeout: begin(false), setInterval: begin(true) },
      ...{ clearTimeout: end("clearTimeout"), clearInterval: end("clearInterval") },
    });
    Date.now = () => this.#now;
  }

  /** Lets so much time pass. */
  tick(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (;;) {
      const due = [...this.#tasks].filter(([, { at }]) => at <= end)
        .sort(([, one], [, other]) => one.at - other.at)[0];
      if (due === undefined) break;
      const [timer, task] = due;
      this.#now = Math.max(this.#now, task.at);
      if (task.every === undefined) this.#tasks.delete(timer);
      else task.at += task.every;
      task.run();
    }
    this.#now = end;
  }

  [Symbol.dispose](): void {
    const { now, ...timers } = this.#real;
    Object.assign(globalThis, timers);
    Date.now = now;
  }
}
