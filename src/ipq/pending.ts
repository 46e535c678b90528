/**
 * Messages that a handle has not read yet and that are in the kernel's socket no longer.
 *
 * @module
 */

import { NLMSG } from "../netlink/message.ts";

/** The kernel's queue bounds the packets; this bounds the answers to wrong calls, in bytes. */
const MOST_ERRORS = 1 << 18;
/** Where a message has its type. */
const TYPE = 4;

/** A handle's own messages, oldest first. */
export class Pending {
  /** Hears whether there is something to read, when that changes. */
  readonly #onChange: (ready: boolean) => void;
  #messages: Uint8Array[] = [];
  /** The oldest message that is not taken. */
  #first = 0;
  #errorBytes = 0;
  #overrun = false;
  #ready = false;

  constructor(onChange: (ready: boolean) => void) {
    this.#onChange = onChange;
  }

  /** Whether there is nothing to read: no message, and no loss to hear of. */
  get empty(): boolean {
    return !this.#ready;
  }

  /** Adds the message of a packet. */
  addPacket(message: Uint8Array): void {
    this.#messages.push(message);
    this.#update();
  }

  /** Adds an error answer; who never reads them loses some, as with a full socket. */
  addError(message: Uint8Array): void {
    if (this.#errorBytes >= MOST_ERRORS) return this.noteOverrun();
    this.#errorBytes += message.length;
    this.addPacket(message);
  }

  /** Messages were lost: the next read says so. */
  noteOverrun(): void {
    this.#overrun = true;
    this.#update();
  }

  /** The oldest message. */
  take(): Uint8Array | undefined {
    const message = this.#messages[this.#first];
    if (message === undefined) return undefined;
    if (message[TYPE] === NLMSG.ERROR) this.#errorBytes -= message.length;
    // Not shift(), which moves all the others each time.
    if (++this.#first * 2 > this.#messages.length) {
      this.#messages = this.#messages.slice(this.#first);
      this.#first = 0;
    }
    this.#update();
    return message;
  }

  /** Whether messages were lost since the last call. */
  takeOverrun(): boolean {
    const overrun = this.#overrun;
    this.#overrun = false;
    if (overrun) this.#update();
    return overrun;
  }

  #update(): void {
    const ready = this.#overrun || this.#first < this.#messages.length;
    if (ready === this.#ready) return;
    this.#ready = ready;
    this.#onChange(ready);
  }
}
