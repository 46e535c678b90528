// Connections in the order in which they were seen last, to find those that are idle.
import type { Connection } from "./connection.ts";

/** A list of connections, the one first that was not seen for longest. */
export class SeenList {
  #first: Connection | undefined;
  #last: Connection | undefined;

  /** The one that was not seen for longest. */
  get first(): Connection | undefined {
    return this.#first;
  }

  /** Puts a connection at the end, out of the list that it was in. */
  push(connection: Connection): void {
    (connection.list as SeenList | undefined)?.remove(connection);
    connection.list = this;
    connection.before = this.#last;
    if (this.#last === undefined) this.#first = connection;
    else this.#last.behind = connection;
    this.#last = connection;
  }

  /** Takes it out. */
  remove(connection: Connection): void {
    if (connection.list !== this) return;
    const { before, behind } = connection;
    if (before === undefined) this.#first = behind;
    else before.behind = behind;
    if (behind === undefined) this.#last = before;
    else behind.before = before;
    connection.list = connection.before = connection.behind = undefined;
  }
}
