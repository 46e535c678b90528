/**
 * `for await (const packet of queue)`.
 *
 * @module
 */

import { setImmediate } from "../../../ffi/turn.ts";
import { deferred } from "../../base/deferred.ts";
import type { Engine } from "./engine.ts";
import type { Packet } from "../packet/packet.ts";
import { SLICE } from "./run.ts";
import type { Waiter } from "./waiter.ts";

type Step = IteratorResult<Packet, undefined>;

/** Hands out packets one by one; asking for the next ends the turn of the one before. */
export class PacketIterator implements AsyncIterableIterator<Packet, undefined, undefined> {
  readonly #engine: Engine;
  readonly #waiter: Waiter;
  #claimed = false;
  #finished = false;
  #current: Packet | undefined;
  #budget = SLICE;
  #pending: { resolve: (step: Step) => void; reject: (error: unknown) => void } | undefined;

  constructor({ engine, waiter }: { engine: Engine; waiter: Waiter }) {
    this.#engine = engine;
    this.#waiter = waiter;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /**
   * The next packet; the queue's end ends the iteration.
   *
   * @throws {Error} while another reader is at work, or a `next()` is still waiting
   */
  next(): Promise<Step> {
    if (this.#finished) return Promise.resolve(END);
    if (this.#pending !== undefined) {
      return Promise.reject(new Error("next() is still waiting for a packet"));
    }
    try {
      if (!this.#claimed) this.#claim();
      this.#endTurn();
      const packet = this.#take();
      if (packet !== undefined) return Promise.resolve({ done: false, value: packet });
      if (this.#engine.closed) return this.return();
      const { promise, resolve, reject } = deferred<Step>();
      this.#pending = { resolve, reject };
      this.#wait();
      return promise;
    } catch (error) {
      this.#fail();
      return Promise.reject(error);
    }
  }

  /** Ends the iteration; the queue stays open. */
  return(): Promise<Step> {
    this.#finished = true;
    if (this.#claimed) {
      this.#endTurn();
      this.#unclaim();
      this.#engine.flush();
      this.#pending?.resolve(END);
      this.#pending = undefined;
    }
    return Promise.resolve(END);
  }

  #unclaim(): void {
    this.#claimed = false;
    this.#waiter.rest();
    this.#engine.release();
  }

  /** A loop does not call `return` when `next` rejects. */
  #fail(): void {
    this.#finished = true;
    this.#pending = undefined;
    if (this.#claimed) this.#unclaim();
  }

  #claim(): void {
    this.#engine.claim("for await");
    this.#claimed = true;
    this.#engine.onClose = () => void this.return();
  }

  #endTurn(): void {
    const packet = this.#current;
    this.#current = undefined;
    if (packet !== undefined) this.#engine.leave(packet);
  }

  /** A packet that is there now, within the slice; verdicts go out before the socket is asked. */
  #take(): Packet | undefined {
    const engine = this.#engine;
    let received = 0;
    while (this.#budget > 0 && !engine.room.full && !engine.closed) {
      const packet = engine.next();
      if (packet !== undefined) {
        this.#budget--;
        return this.#current = packet;
      }
      // What came and was not for the program (another family) counts too.
      this.#budget -= received;
      engine.flush();
      received = engine.receive();
      if (received === 0) break;
    }
    return undefined;
  }

  #wait(): void {
    const engine = this.#engine;
    engine.flush();
    const exhausted = this.#budget <= 0;
    this.#budget = SLICE;
    if (engine.room.full) {
      this.#waiter.rest();
      engine.room.when(this.#pull);
    } else if (exhausted) setImmediate(this.#pull);
    else this.#waiter.wait(this.#pull);
  }

  readonly #pull = (): void => {
    const pending = this.#pending;
    if (pending === undefined) return;
    try {
      const packet = this.#take();
      if (packet === undefined) {
        if (!this.#engine.closed) this.#wait();
        return;
      }
      this.#pending = undefined;
      pending.resolve({ done: false, value: packet });
    } catch (error) {
      this.#fail();
      pending.reject(error);
    }
  };
}

const END: IteratorReturnResult<undefined> = { done: true, value: undefined };
