/**
 * Sockets, processes, and what is remembered of both.
 *
 * @module
 */

import { readLink } from "../linux/directories.ts";
import type { SocketHolder } from "../linux/proc/open_sockets.ts";
import { DiagSocket } from "./diag_socket.ts";
import { exactSocket, localSockets } from "./local_sockets.ts";
import { isUnchanged, type SeenProcess, seeProcess } from "./process_details.ts";
import { type Look, ProcessSearch } from "./process_search.ts";
import type { LocalSocket, PacketProcesses, SocketProcess, Unseen } from "./result.ts";
import type { FoundSocket, LocalEnds } from "./socket_ends.ts";
import { unseen } from "./unseen.ts";

/** Connections that are remembered. */
export const MOST_REMEMBERED = 4096;

/** What is known of one connection. */
interface Entry {
  readonly sockets: readonly FoundSocket[];
  readonly seen: readonly SeenProcess[];
  /** When it was found last that nobody else has the sockets: `performance.now()`. */
  checked: number;
  readonly result: PacketProcesses;
  /** The same once the socket is closed. */
  closed: PacketProcesses | undefined;
}

/** Finds processes by the ends of their sockets. For one thread, and its network namespace. */
export class ProcessFinder implements Disposable {
  readonly #search = new ProcessSearch();
  readonly #entries = new Map<string, Entry>();
  #diag: DiagSocket | undefined;
  #namespace: string | undefined;

  /**
   * @param key the same for the same ends
   * @throws {SystemError | LibraryLoadError} where the system cannot tell
   */
  find(key: string, ends: LocalEnds, search: "all" | "likely"): PacketProcesses {
    const diag = this.#open();
    const entry = this.#entries.get(key);
    if (entry !== undefined) {
      this.#entries.delete(key);
      const known = this.#ask(diag, entry, ends);
      if (known !== undefined) {
        // Behind all others: the first one is the one that was not asked for longest.
        this.#entries.set(key, entry);
        return known;
      }
    }
    // A thread may go to another namespace; that costs too much to look at for each packet.
    const namespace = readLink("/proc/thread-self/ns/net");
    if (namespace !== this.#namespace) {
      this[Symbol.dispose]();
      this.#namespace = namespace;
    }
    const sockets = localSockets(this.#open(), ends);
    if (sockets.length === 0) return unseen("no-socket");
    if (sockets.every(({ inode }) => inode === 0)) return unseen("closed", sockets.map(plain));
    const made = this.#look(sockets, search);
    this.#keep(key, made);
    return made.result;
  }

  /** How many connections are remembered. */
  get remembered(): number {
    return this.#entries.size;
  }

  /** Forgets everything, and closes its socket. */
  [Symbol.dispose](): void {
    this.#diag?.[Symbol.dispose]();
    this.#diag = undefined;
    this.#entries.clear();
  }

  #open(): DiagSocket {
    return this.#diag ??= new DiagSocket();
  }

  #keep(key: string, entry: Entry): void {
    const [oldest] = this.#entries.keys();
    if (this.#entries.size >= MOST_REMEMBERED) this.#entries.delete(oldest!);
    this.#entries.set(key, entry);
  }

  /** What an entry says, if it still is true. */
  #ask(diag: DiagSocket, entry: Entry, ends: LocalEnds): PacketProcesses | undefined {
    const { sockets } = entry;
    const [first] = sockets;
    const asked = first?.far === undefined ? ends : { ...ends, ...first.far };
    const exact = sockets.length === 1 ? exactSocket(diag, asked) : undefined;
    if (exact !== undefined && first !== undefined && isSame(exact, first) && exact.inode === 0) {
      return entry.closed ??= closedResult(entry.result);
    }
    const now = exact === undefined ? localSockets(diag, ends) : [exact];
    const same = now.length === sockets.length &&
      now.every((socket, at) =>
        isSame(socket, sockets[at]!) && socket.inode === sockets[at]!.inode
      );
    if (!same || !entry.seen.every(isUnchanged)) return undefined;
    const look = this.#search.current();
    if (look.at > entry.checked) {
      const ids = holdersOf(look, sockets).map(({ id }) => id).sort();
      const known = entry.seen.map(({ told }) => told.id).sort();
      if (String(ids) !== String(known)) return undefined;
      entry.checked = look.at;
    }
    return entry.result;
  }

  #look(sockets: readonly FoundSocket[], search: "all" | "likely"): Entry {
    let look: Look | undefined;
    let holders: readonly SocketHolder[] = [];
    const [first] = sockets;
    if (search === "likely" && sockets.length === 1 && first !== undefined) {
      holders = this.#search.lookAtLikely(first.inode);
    }
    if (holders.length === 0) {
      look = this.#search.lookAtAll();
      holders = holdersOf(look, sockets);
    }
    this.#search.remember(holders);
    const seen: SeenProcess[] = [];
    for (const holder of holders) {
      const found = seeProcess(holder, inodeOf(holder, sockets, look, first!));
      if (found !== undefined) seen.push(found);
    }
    seen.sort((a, b) => a.told.started - b.told.started || a.told.id - b.told.id);
    const hidden = (look ?? this.#search.current()).hidden;
    const result = resultOf(sockets, seen.map(({ told }) => told), hidden);
    return { sockets, seen, checked: look?.at ?? performance.now(), result, closed: undefined };
  }
}

function isSame(a: FoundSocket, b: FoundSocket): boolean {
  return a.kind === b.kind && a.cookie[0] === b.cookie[0] && a.cookie[1] === b.cookie[1];
}

/** Each process that has one of the sockets, once. */
function holdersOf(look: Look, sockets: readonly FoundSocket[]): readonly SocketHolder[] {
  const holders = new Map<number, SocketHolder>();
  for (const { inode } of sockets) {
    for (const holder of look.holders.get(inode) ?? []) {
      if (!holders.has(holder.id)) holders.set(holder.id, holder);
    }
  }
  return [...holders.values()];
}

function inodeOf(
  holder: SocketHolder,
  sockets: readonly FoundSocket[],
  look: Look | undefined,
  first: FoundSocket,
): number {
  const has = ({ inode }: FoundSocket) => look?.holders.get(inode)?.includes(holder) ?? false;
  return (sockets.find(has) ?? first).inode;
}

/** What everybody may know of a socket. */
function plain({ kind, state, inode, user }: FoundSocket): LocalSocket {
  return Object.freeze({ kind, state, inode, user });
}

function resultOf(
  found: readonly FoundSocket[],
  processes: readonly SocketProcess[],
  hidden: number,
): PacketProcesses {
  const sockets = Object.freeze(found.map(plain));
  const wanting: Unseen | undefined = processes.length > 0
    ? undefined
    : unseen("hidden", sockets, hidden).unseen;
  return Object.freeze({
    processes: Object.freeze([...processes]),
    user: sockets[0]?.user,
    ...{ sockets, unseen: wanting, hiddenProcesses: hidden },
  });
}

function closedResult(open: PacketProcesses): PacketProcesses {
  const sockets = open.sockets.map((socket) =>
    Object.freeze({ ...socket, state: "closed" as const, inode: 0 })
  );
  return Object.freeze({
    ...unseen("closed", sockets),
    processes: open.processes,
    user: open.user,
  });
}
