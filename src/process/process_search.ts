/**
 * Which processes have sockets open, with a memory of the last look at all of them.
 *
 * @module
 */

import {
  type OpenSockets,
  scanSockets,
  type SocketHolder,
  visitSockets,
} from "../linux/proc/open_sockets.ts";
import { processIds } from "../linux/proc/processes.ts";

/** A look at all processes is good for so long (ms), and for so many times what it took. */
const GOOD_FOR = 1000;
const GOOD_FOR_TIMES = 50;
/** Processes that had the last sockets. */
const MOST_LIKELY = 16;

/** A look at all processes. */
export interface Look extends OpenSockets {
  /** `performance.now()` of its end. */
  readonly at: number;
  readonly milliseconds: number;
  /** The processes that there were. */
  readonly processes: ReadonlySet<number>;
}

/** Looks for the processes of sockets. */
export class ProcessSearch {
  #look: Look | undefined;
  #likely: number[] = [];

  /** The last look at all processes; a new one where that is too old. */
  current(): Look {
    const look = this.#look;
    if (look === undefined) return this.lookAtAll();
    const age = performance.now() - look.at;
    return age > Math.max(GOOD_FOR, GOOD_FOR_TIMES * look.milliseconds) ? this.lookAtAll() : look;
  }

  lookAtAll(): Look {
    const start = performance.now();
    const processes = new Set(processIds());
    const scan = scanSockets(processes);
    const at = performance.now();
    return this.#look = { ...scan, at, milliseconds: at - start, processes };
  }

  /**
   * Looks at the processes that are likely to have a socket: those that had the last ones, and those that
   * are new since the last look at all.
   */
  lookAtLikely(inode: number): readonly SocketHolder[] {
    const look = this.#look;
    if (look === undefined) return [];
    const likely = new Set(this.#likely);
    for (const id of processIds()) if (!look.processes.has(id)) likely.add(id);
    const holders: SocketHolder[] = [];
    for (const id of likely) {
      visitSockets(id, (found, descriptor) => {
        if (found === inode && holders.at(-1)?.id !== id) {
          holders.push({ id, descriptor });
        }
      });
    }
    return holders;
  }

  /** Remembers who had a socket. */
  remember(holders: readonly SocketHolder[]): void {
    for (const { id } of holders.slice(0, MOST_LIKELY)) {
      this.#likely = [id, ...this.#likely.filter((other) => other !== id)];
    }
    this.#likely.length = Math.min(this.#likely.length, MOST_LIKELY);
  }
}
