// What is known of one direction of a connection.
import type { StreamCallback } from "./callbacks.ts";
import { KeptBytes, type MemoryAccount } from "./bytes/kept_bytes.ts";
import { OutOfOrder } from "./bytes/out_of_order.ts";
import { later } from "./bytes/sequence.ts";
import { Translation } from "./bytes/translation.ts";

/** No bytes. */
export const NOTHING: Uint8Array = new Uint8Array(new ArrayBuffer(0));

/**
 * One direction. "Input" is what its sender sends, "output" what its receiver gets; `…Field` is what
 * stands in headers.
 */
export class Direction {
  readonly name: "fromClient" | "fromServer";
  readonly translation: Translation = new Translation();
  readonly kept: KeptBytes;
  readonly ahead: OutOfOrder;
  readonly #account: MemoryAccount;
  /** Undefined where it is not followed. */
  callback: StreamCallback<never> | undefined = undefined;
  /** What the callback gets: a TcpStream. */
  stream: object | undefined = undefined;
  readOnly = false;
  /** Its callback gets memory that the next call overwrites. */
  borrowed = false;
  /** Other bytes went on than those that came. */
  changed = false;
  /** Its first number is known. */
  started = false;
  /** The number of its SYN. */
  initial = 0;
  /** The receiver has acknowledged the SYN: its number does not change any more. */
  settled = false;
  /** The next byte of input. */
  next = 0;
  /** Bytes of input in order that have not gone on. */
  held: Uint8Array = NOTHING;
  heldPackets = 0;
  heldSince = 0;
  /** Output that goes before the next. */
  prefix: Uint8Array = NOTHING;
  /** A FIN was seen; its number. */
  finSeen = false;
  finAt = 0;
  /** The FIN is part of the translation. */
  finMapped = false;
  /** The end of output that the receiver has acknowledged, and of input that the sender was told. */
  acknowledgedOutput = 0;
  acknowledgedInput = 0;
  /** The end of output that was sent. */
  sent = 0;
  /** The receiver has acknowledged output up to here, which was never seen. */
  beyond = 0;
  beyondKnown = false;
  /** One byte more was sent, to ask whether there is room. */
  probed = false;
  /** The end of output that the receiver has room for. */
  edge = 0;
  edgeKnown = false;
  /** The same of input, as the sender was told. */
  promised = 0;
  /** Bits by which the receiver's windows are shifted; −1 where that is not known. */
  scale = -1;
  /** How much longer output is than input, 1 at least. */
  growth = 1;
  /** The sender understands selective acknowledgments. */
  sackPermitted = false;
  /** The receiver's maximum segment size; 0 where it is not known. */
  segmentSize = 0;
  /** Most data that came in one segment. */
  largest = 0;
  /** Of the packets of this direction: what their sender told last, translated. */
  told = false;
  acknowledgmentField = 0;
  windowField = 0;
  /** That window is of a SYN, and so it is not shifted. */
  windowOfSyn = false;
  timestamps = false;
  timestamp = 0;
  /** Its packets are caught behind connection tracking; undefined until there is one. */
  behind: boolean | undefined;

  constructor(name: "fromClient" | "fromServer", account: MemoryAccount) {
    this.name = name;
    this.#account = account;
    this.kept = new KeptBytes(account);
    this.ahead = new OutOfOrder(account);
  }

  /** Whether a callback sees it. */
  get followed(): boolean {
    return this.callback !== undefined;
  }

  /** Whether the end of it was told. */
  get over(): boolean {
    return this.finSeen && this.started &&
      ((this.acknowledgedInput - this.finAt - 1) | 0) >= 0;
  }

  /** Whether what came once has to be what went on then. */
  get original(): boolean {
    return !this.changed && this.translation.same;
  }

  /** Whether there is output that was not sent. */
  get pending(): boolean {
    return ((this.translation.outputEnd - this.sent) | 0) > 0;
  }

  /** The number of a packet without data: behind all that was sent, as far as the receiver has room. */
  get place(): number {
    const { sent, edge, edgeKnown, acknowledgedOutput } = this;
    if (!edgeKnown || ((sent - edge) | 0) <= 0) return sent;
    return later(edge, acknowledgedOutput);
  }

  /** Whether the receiver has room for the FIN, which counts as a byte. */
  get finFits(): boolean {
    return !this.edgeKnown || ((this.edge - this.dataEnd) | 0) > 0;
  }

  /** Whether the sender knows how far the receiver has room: it was told so, in the same numbers. */
  get informed(): boolean {
    return this.translation.same && (!this.edgeKnown || ((this.promised - this.edge) | 0) <= 0);
  }

  /** Whether the receiver has room up to here, as far as the sender cannot know it. */
  fits(end: number): boolean {
    return !this.edgeKnown || ((end - this.edge) | 0) <= 0 || this.informed;
  }

  /** The end of output that is data. */
  get dataEnd(): number {
    const { outputEnd } = this.translation;
    return this.finMapped ? (outputEnd - 1) | 0 : outputEnd;
  }

  /** Bytes that are kept for it. */
  get bytes(): number {
    return this.kept.length + this.ahead.bytes + this.held.length + this.prefix.length;
  }

  /** Begins with this number of input and output. */
  start(number: number): void {
    this.translation.start(number, number);
    this.kept.start(number);
    this.ahead.clear();
    this.next = number;
    this.acknowledgedInput =
      this.acknowledgedOutput =
      this.sent =
      this.promised =
        number;
    this.edgeKnown = false;
    this.started = true;
  }

  /** Keeps these bytes until more come. */
  keepHeld(bytes: Uint8Array): void {
    this.#account.bytes += bytes.length - this.held.length;
    this.held = bytes;
  }

  /** Puts these bytes before the next output. */
  keepPrefix(bytes: Uint8Array): void {
    this.#account.bytes += bytes.length - this.prefix.length;
    this.prefix = bytes;
  }

  /** Makes output of input: `bytes` from `from` up to `to` in place of the next so many bytes. */
  put(inputLength: number, bytes: Uint8Array, from: number, to: number): void {
    this.kept.append(bytes, from, to);
    this.translation.append(inputLength, to - from);
  }

  /** Whether its receiver has bytes that were never seen, before those that are stored. */
  get gap(): boolean {
    const [first] = this.ahead.stretches;
    if (!this.beyondKnown || first === undefined) return false;
    const input = this.translation.toInput(this.beyond);
    return ((input - first.start) | 0) >= 0 && ((input - this.ahead.end) | 0) <= 0;
  }

  /** Notes what its sender tells. A packet that another one has overtaken tells nothing new. */
  noteTold(acknowledgment: number, window: number): void {
    if (this.told && ((acknowledgment - this.acknowledgmentField) | 0) < 0) return;
    this.told = true;
    this.acknowledgmentField = acknowledgment;
    this.windowField = window;
    this.windowOfSyn = false;
  }

  /** Notes that output up to here was sent. */
  noteSent(end: number): void {
    this.sent = later(this.sent, end);
  }

  /** Ends it for the callback: bytes go on as they come. What is not acknowledged stays. */
  leave(): void {
    this.callback = undefined;
    this.ahead.clear();
    this.keepHeld(NOTHING);
    this.keepPrefix(NOTHING);
    this.heldPackets = 0;
  }

  /** Lets go of all memory. */
  free(): void {
    this.leave();
    this.kept.start(this.translation.outputEnd);
  }
}
