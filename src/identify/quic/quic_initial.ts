import { copyOf } from "../../base/bytes.ts";
import { checkBytes } from "../../base/checks.ts";
import { type ClientHello, readHandshake } from "../client_hello.ts";
import { type Identified, MORE, OTHER } from "../result.ts";
import { CryptoStream } from "./crypto_stream.ts";
import { type InitialPacket, isSame, readDatagram } from "./datagram.ts";
import { readFrames } from "./frames.ts";
import { type InitialKeys, initialKeys, openInitial } from "./keys.ts";
import type { QuicVersion } from "./versions.ts";

/** Datagrams that are looked at; a ClientHello of 64 KiB takes half of them. */
const MOST_DATAGRAMS = 128;
/** Connection ids of one client: its own first one, one of a Retry. The oldest gives way. */
const MOST_ATTEMPTS = 4;
/** Packets that wait for the one whose keys they are protected with. */
const MOST_WAITING = 8;
const LONGEST_WAITING = 2048;

/** What a client sends with one set of keys. */
interface Attempt {
  readonly version: QuicVersion;
  readonly destination: Uint8Array;
  readonly keys: InitialKeys;
  readonly stream: CryptoStream;
  /** What the stream has turned out to be. */
  result: Identified<ClientHello>;
}

/**
 * Reads the ClientHello with which a QUIC connection begins (versions 1 and 2: RFC 9000, RFC 9001, RFC
 * 9369), from Initial packets that anybody on the way can open.
 *
 * Give it what one client sends from one port to one server, datagram by datagram, in any order and as
 * often as they come. Coalesced packets, frames in any order, tokens, the second attempt after a Retry
 * and a connection id that the server chose are understood.
 *
 * One object takes 128 datagrams and keeps up to 600 KB, mostly a few.
 *
 * @example
 * ```ts
 * import { QuicInitial } from "@nfqueue/nfqueue/identify";
 *
 * const initial = new QuicInitial();
 * const result = initial.add(new TextEncoder().encode("no QUIC"));
 * console.log(result.status === "found" ? result.serverName : result.status); // other
 * ```
 */
export class QuicInitial {
  #attempts: Attempt[] = [];
  #waiting: InitialPacket[] = [];
  #datagrams = 0;
  #found: Identified<ClientHello> | undefined;

  /**
   * Adds a datagram.
   *
   * @param datagram the payload of a UDP datagram; it is copied
   * @returns `"found"` from the datagram on that completes the ClientHello; `"more"` while it is not
   * complete, also when a packet is not authentic, which a server ignores; `"other"` when the datagram
   * begins no connection of QUIC versions 1 or 2, or this one begins with something else than a
   * ClientHello. After `"other"` more can be added: a client that is told to use another version begins
   * again.
   * @throws {TypeError} when `datagram` is not a Uint8Array; never because of what it holds
   * @throws {Error} in a runtime without node:crypto, at the first Initial packet
   */
  add(datagram: Uint8Array): Identified<ClientHello> {
    const given = checkBytes("datagram", datagram);
    if (this.#found !== undefined) return this.#found;
    if (this.#datagrams === MOST_DATAGRAMS) return OTHER;
    this.#datagrams++;
    // Node's calls do not take every kind of memory, and packets may have to wait.
    const { packets, early } = readDatagram(copyOf(given));
    let keys: InitialKeys | undefined;
    // They are all of one version, and go to one connection id.
    const makeKeys = ({ version, destination }: InitialPacket) =>
      keys ??= initialKeys(version, destination);
    let touched: Attempt | undefined;
    for (const packet of packets) {
      touched = this.#read(packet, makeKeys) ?? touched;
      if (this.#found === undefined) continue;
      this.#attempts = [];
      this.#waiting = [];
      return this.#found;
    }
    if (touched !== undefined) return touched.result;
    return early || this.#attempts.some(({ result }) => result.status === "more") ? MORE : OTHER;
  }

  /** Opens a packet, and reads it. */
  #read(
    packet: InitialPacket,
    makeKeys: (packet: InitialPacket) => InitialKeys,
  ): Attempt | undefined {
    const { version, destination } = packet;
    const isOwn = (attempt: Attempt) =>
      attempt.version === version && isSame(attempt.destination, destination);
    if (!this.#attempts.some(isOwn)) {
      const keys = makeKeys(packet);
      const frames = openInitial(packet, keys);
      if (frames !== undefined) {
        const attempt: Attempt = {
          ...{ version, destination: copyOf(destination), keys },
          ...{ stream: new CryptoStream(), result: MORE },
        };
        if (this.#attempts.push(attempt) > MOST_ATTEMPTS) this.#attempts.shift();
        this.#take(attempt, frames);
        this.#readWaiting(attempt);
        return attempt;
      }
    }
    // Once a server has answered, packets go to its connection id, and the keys stay (RFC 9001, 5.2).
    for (const attempt of this.#attempts) {
      if (this.#tryOpen(packet, attempt)) return attempt;
    }
    if (packet.bytes.length <= LONGEST_WAITING) {
      // Not the whole datagram.
      const bytes = copyOf(packet.bytes);
      this.#waiting.push({ ...packet, bytes, destination: copyOf(destination) });
    }
    if (this.#waiting.length > MOST_WAITING) this.#waiting.shift();
    return undefined;
  }

  #tryOpen(packet: InitialPacket, attempt: Attempt): boolean {
    const frames = openInitial(packet, attempt.keys);
    if (frames === undefined) return false;
    this.#take(attempt, frames);
    return true;
  }

  #readWaiting(attempt: Attempt): void {
    this.#waiting = this.#waiting.filter((packet) => !this.#tryOpen(packet, attempt));
  }

  #take(attempt: Attempt, frames: Uint8Array): void {
    const { stream } = attempt;
    readFrames(frames, stream);
    attempt.result = stream.tooLong ? OTHER : readHandshake(stream.bytes, 0, stream.length);
    if (attempt.result.status === "found") this.#found ??= attempt.result;
  }
}
