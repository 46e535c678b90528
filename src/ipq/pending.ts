/**
 * Messages that a handle has not read yet and that are in the kernel's socket no longer.
 *
 * @module
 */

/** The kernel's queue bounds the packets; this bounds the answers to wrong calls. */
const MOST = 4096;

/** A handle's own messages, oldest first. */
export class Pending {
  /** Hears whether there are any, when that changes. */
  readonly #onChange: (some: boolean) => void;
  readonly #messages: Uint8Array[] = [];
  #overrun = false;

  constructor(onChange: (some: boolean) => void) {
    this.#onChange = onChange;
  }

  /** Whether there is none. */
  get empty(): boolean {
    return this.#messages.length === 0;
  }

  /** Adds the message of a packet. */
  addPacket(message: Uint8Array): void {
    if (this.#messages.push(message) === 1) this.#onChange(true);
  }

  /** Adds an error answer; who never reads them loses some, as with a full socket. */
  addError(message: Uint8Array): void {
    if (this.#messages.length < MOST) this.addPacket(message);
    else this.noteOverrun();
  }

  /** Messages were lost: the next read says so. */
  noteOverrun(): void {
    this.#overrun = true;
  }

  /** The oldest message. */
  take(): Uint8Array | undefined {
    const message = this.#messages.shift();
    if (message !== undefined && this.#messages.length === 0) this.#onChange(false);
    return message;
  }

  /** Whether messages were lost since the last call. */
  takeOverrun(): boolean {
    const overrun = this.#overrun;
    this.#overrun = false;
    return overrun;
  }
}
