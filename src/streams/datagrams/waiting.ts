/**
 * Datagrams of which not all is there, within limits.
 *
 * @module
 */

import { Assembly } from "./assembly.ts";
import type { Fragment } from "./fragment.ts";
import type { DatagramSettings, FragmentPacket, IncompleteReason } from "./options.ts";

/** A datagram that waits for more. */
export class Waiting<Packet> {
  readonly key: string;
  readonly assembly: Assembly = new Assembly();
  /** Its fragments, in the order in which they came. */
  readonly packets: Packet[] = [];
  readonly identification: number;
  /** `performance.now()` of its first fragment. */
  readonly since: number;
  /** The one with the headers. */
  first: Packet | undefined;
  /** Bytes of the packets. */
  size = 0;

  constructor(key: string, { identification }: Fragment, since: number) {
    this.key = key;
    this.identification = identification;
    this.since = since;
  }
}

/** Called for a datagram that must go. */
type GiveUp<Packet> = (given: Waiting<Packet>, reason: IncompleteReason) => void;

/** Keeps them, the oldest first, and the keys of those that were given up. */
export class WaitingTable<Packet extends FragmentPacket> {
  readonly #limits: DatagramSettings<Packet>["limits"];
  readonly #giveUp: GiveUp<Packet>;
  readonly #entries = new Map<string, Waiting<Packet>>();
  /** What becomes of the rest of datagrams that were given up, and until when. */
  readonly #rests = new Map<string, { readonly then: "drop" | "pass"; readonly until: number }>();
  #fragments = 0;
  #bytes = 0;

  constructor(limits: DatagramSettings<Packet>["limits"], giveUp: GiveUp<Packet>) {
    this.#limits = limits;
    this.#giveUp = giveUp;
  }

  get datagrams(): number {
    return this.#entries.size;
  }

  get fragments(): number {
    return this.#fragments;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The datagram of a key; a new one where none waits. */
  of(key: string, fragment: Fragment, now: number): Waiting<Packet> {
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    if (this.#entries.size >= this.#limits.datagrams) this.#giveUpOldest("datagrams");
    const made = new Waiting<Packet>(key, fragment, now);
    this.#entries.set(key, made);
    return made;
  }

  /** Counts one more fragment of a datagram. Others may have to go for it; in the end the datagram itself. */
  count(entry: Waiting<Packet>, packet: Packet, size: number): void {
    entry.packets.push(packet);
    entry.size += size;
    this.#fragments++;
    this.#bytes += size;
    while (this.#fragments > this.#limits.fragments) this.#giveUpOldest("fragments");
    while (this.#bytes > this.#limits.bytes) this.#giveUpOldest("bytes");
  }

  /** Whether a datagram still waits. */
  has(entry: Waiting<Packet>): boolean {
    return this.#entries.get(entry.key) === entry;
  }

  /** Takes a datagram out. */
  take(entry: Waiting<Packet>): void {
    if (!this.has(entry)) return;
    this.#entries.delete(entry.key);
    this.#fragments -= entry.packets.length;
    this.#bytes -= entry.size;
  }

  /** Remembers what becomes of the rest of a datagram, as long as that might have waited. */
  remember({ key, since }: Waiting<Packet>, then: "drop" | "pass"): void {
    const [oldest] = this.#rests.keys();
    if (this.#rests.size >= this.#limits.datagrams) this.#rests.delete(oldest!);
    this.#rests.set(key, { then, until: since + this.#limits.milliseconds });
  }

  /** What becomes of a fragment whose datagram was given up; undefined for another. */
  restOf(key: string, now: number): "drop" | "pass" | undefined {
    const rest = this.#rests.get(key);
    if (rest === undefined) return undefined;
    if (rest.until > now) return rest.then;
    this.#rests.delete(key);
    return undefined;
  }

  /** Gives up what waits too long. */
  expire(now: number): void {
    for (const entry of this.#entries.values()) {
      if (now - entry.since < this.#limits.milliseconds) return;
      this.#giveUp(entry, "time");
    }
  }

  /** Forgets what somebody else has decided: a deadline, or the end of the queue. */
  forgetDecided(): void {
    for (const entry of this.#entries.values()) {
      if (entry.packets.every(({ verdict }) => verdict !== undefined)) this.take(entry);
    }
  }

  /** Gives up everything. */
  clear(): void {
    for (const entry of [...this.#entries.values()]) this.#giveUp(entry, "closed");
    this.#rests.clear();
  }

  #giveUpOldest(reason: IncompleteReason): void {
    for (const entry of this.#entries.values()) return this.#giveUp(entry, reason);
  }
}
