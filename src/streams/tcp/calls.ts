// Calls of a program's callbacks.
import type { Connection } from "./connection.ts";
import { END, type TcpStream } from "./connection.ts";
import { type StreamCallback, Wish } from "./callbacks.ts";
import type { Direction } from "./direction.ts";

/** Calls callbacks, and keeps what they threw. */
export class Calls {
  readonly wish: Wish = new Wish();
  /** What a callback threw, until it is reported. */
  failures: unknown[] = [];

  /**
   * Calls the callback of a direction; its wish is in `wish`.
   *
   * @returns false where it threw, or returned what it may not: its connection is to be reset
   */
  call(connection: Connection, direction: Direction, data: Uint8Array, ended: boolean): boolean {
    const { readOnly, name } = direction;
    const stream = direction.stream as TcpStream;
    const callback = direction.callback as StreamCallback<TcpStream>;
    const { wish } = this;
    const { length } = data;
    connection.busy = true;
    try {
      if (ended) stream[END]();
      wish.read(name, callback(data, stream), { length, readOnly });
      return true;
    } catch (error) {
      wish.bytes = undefined;
      wish.hold = length;
      connection.wantsReset = true;
      this.failures.push(error);
      return false;
    } finally {
      connection.busy = false;
    }
  }

  /** Calls something else of the program. */
  run(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.failures.push(error);
    }
  }
}
