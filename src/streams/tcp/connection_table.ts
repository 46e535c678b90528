// Connections by their addresses and ports, whichever direction a packet has. A look-up makes no object.
import { Connection, type Words } from "./connection.ts";
import type { MemoryAccount } from "./bytes/kept_bytes.ts";
import { FLAG, type Segment } from "./segment.ts";
import { advance } from "./bytes/sequence.ts";

const LEAST = 64;
const FACTOR_A = 0x85ebca6b;
const FACTOR_B = 0xc2b2ae35;

/** Where the addresses begin in an IP header. */
const SOURCE = { 4: 12, 6: 8 } as const;
const DESTINATION = { 4: 16, 6: 24 } as const;

/** A table of connections. */
export class ConnectionTable {
  // Nobody outside can make connections that share a bucket.
  readonly #seed = (Math.random() * 0x100000000) | 0;
  #buckets: (Connection | undefined)[] = new Array(LEAST).fill(undefined);
  #count = 0;

  /** How many there are. */
  get size(): number {
    return this.#count;
  }

  /** The connection of a segment, and into the segment which direction it has. */
  find(segment: Segment): Connection | undefined {
    const hash = this.#hash(segment);
    const buckets = this.#buckets;
    let entry = buckets[hash & (buckets.length - 1)];
    for (; entry !== undefined; entry = entry.chain) {
      if (entry.hash !== hash || entry.version !== segment.version) continue;
      if (matches(segment, entry, true)) {
        segment.fromClient = true;
        return entry;
      }
      if (matches(segment, entry, false)) {
        segment.fromClient = false;
        return entry;
      }
    }
    return undefined;
  }

  /** Adds a connection that is not there. */
  add(connection: Connection): void {
    if (this.#count >= this.#buckets.length) this.#grow();
    this.#put(connection);
    this.#count++;
  }

  /** The connection of a segment, not in the table; `segment.fromClient` says which end is the client. */
  make(segment: Segment, account: MemoryAccount): Connection {
    const { view, start, version, tcp, fromClient } = segment;
    const source = wordsAt(view, start + SOURCE[version], version);
    const destination = wordsAt(view, start + DESTINATION[version], version);
    const from = view.getUint16(tcp, false);
    const to = view.getUint16(tcp + 2, false);
    return new Connection({
      ...{ version, account, hash: this.#hash(segment) },
      ...(fromClient
        ? { clientAddress: source, serverAddress: destination, clientPort: from, serverPort: to }
        : { clientAddress: destination, serverAddress: source, clientPort: to, serverPort: from }),
    });
  }

  /** Whether a segment answers the SYN of a connection that is not in the table. */
  answerTo(proposed: Connection, segment: Segment): "taken" | "refused" | undefined {
    const { flags, acknowledgment } = segment;
    const answers = (flags & FLAG.ACK) !== 0 && (flags & (FLAG.SYN | FLAG.RST)) !== 0 &&
      acknowledgment === advance(proposed.fromClient.initial, 1) &&
      matches(segment, proposed, false);
    if (!answers) return undefined;
    return (flags & FLAG.RST) === 0 ? "taken" : "refused";
  }

  /** Takes a connection out; harmless when it is not there. */
  remove(connection: Connection): void {
    const at = connection.hash & (this.#buckets.length - 1);
    let before: Connection | undefined;
    for (let entry = this.#buckets[at]; entry !== undefined; entry = entry.chain) {
      if (entry === connection) {
        if (before === undefined) this.#buckets[at] = entry.chain;
        else before.chain = entry.chain;
        entry.chain = undefined;
        this.#count--;
        return;
      }
      before = entry;
    }
  }

  #put(connection: Connection): void {
    const at = connection.hash & (this.#buckets.length - 1);
    connection.chain = this.#buckets[at];
    this.#buckets[at] = connection;
  }

  #grow(): void {
    const old = this.#buckets;
    this.#buckets = new Array(old.length * 2).fill(undefined);
    for (let entry of old) {
      while (entry !== undefined) {
        const next: Connection | undefined = entry.chain;
        this.#put(entry);
        entry = next;
      }
    }
  }

  /** The same for both directions. */
  #hash({ view, start, version, tcp }: Segment): number {
    let source = Math.imul(this.#seed ^ view.getUint16(tcp, false), FACTOR_A);
    let destination = Math.imul(this.#seed ^ view.getUint16(tcp + 2, false), FACTOR_A);
    const size = version === 4 ? 4 : 16;
    for (let at = 0; at < size; at += 4) {
      source = mix(source, view.getInt32(start + SOURCE[version] + at, false));
      destination = mix(destination, view.getInt32(start + DESTINATION[version] + at, false));
    }
    let hash = (source + destination) ^ Math.imul(source ^ destination, FACTOR_B);
    hash = Math.imul(hash ^ (hash >>> 16), FACTOR_A);
    return (hash ^ (hash >>> 13)) | 0;
  }
}

function mix(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, FACTOR_B);
  return mixed ^ (mixed >>> 15);
}

function matches(segment: Segment, connection: Connection, fromClient: boolean): boolean {
  const { view, start, version, tcp } = segment;
  const sourcePort = fromClient ? connection.clientPort : connection.serverPort;
  const destinationPort = fromClient ? connection.serverPort : connection.clientPort;
  if (view.getUint16(tcp, false) !== sourcePort) return false;
  if (view.getUint16(tcp + 2, false) !== destinationPort) return false;
  const source = fromClient ? connection.clientAddress : connection.serverAddress;
  const destination = fromClient ? connection.serverAddress : connection.clientAddress;
  const from = start + SOURCE[version];
  const to = start + DESTINATION[version];
  if (version === 4) {
    return view.getInt32(from, false) === source[3] && view.getInt32(to, false) === destination[3];
  }
  for (let index = 0; index < 4; index++) {
    if (view.getInt32(from + 4 * index, false) !== source[index]) return false;
    if (view.getInt32(to + 4 * index, false) !== destination[index]) return false;
  }
  return true;
}

function wordsAt(view: DataView, at: number, version: 4 | 6): Words {
  if (version === 4) return [0, 0, 0, view.getInt32(at, false)];
  const word = (index: number): number => view.getInt32(at + 4 * index, false);
  return [word(0), word(1), word(2), word(3)];
}
