import type { WireProblem } from "./errors.ts";
import type { Frame } from "./frame.ts";

/** Where the fields of a TCP header begin (RFC 9293 §3.1), in bytes. */
const FIELD = {
  sourcePort: 0,
  destinationPort: 2,
  sequenceNumber: 4,
  acknowledgmentNumber: 8,
  dataOffset: 12,
  flags: 13,
  window: 14,
  checksum: 16,
  urgentPointer: 18,
  options: 20,
} as const;

/** Bits of {@link TcpView.flags}. */
export const TCP_FLAG = {
  FIN: 0x01,
  SYN: 0x02,
  RST: 0x04,
  PSH: 0x08,
  ACK: 0x10,
  URG: 0x20,
  ECE: 0x40,
  CWR: 0x80,
} as const;

/**
 * What keeps a TCP header at `start` from being read, if anything. The segment was captured up to
 * `end`; the packet says it goes on to `declaredEnd`, so a header that is merely cut is fine.
 */
export function checkTcp(
  frame: Frame,
  start: number,
  end: number,
  declaredEnd: number,
): WireProblem | undefined {
  const layer = "tcp header";
  const have = end - start;
  if (have < FIELD.options) return { layer, offset: start, need: FIELD.options, have };
  const length = (frame.u8(start + FIELD.dataOffset) >> 4) * 4;
  if (length < FIELD.options) return { layer, offset: start, need: FIELD.options, have: length };
  if (length > declaredEnd - start) {
    return { layer, offset: start, need: length, have: declaredEnd - start };
  }
  return undefined;
}

/**
 * A TCP header (RFC 9293) and its data. Made by `Layers`, which has checked that the fixed header
 * is there. Numbers are in host order. Borrows the frame: every read throws PacketReleasedError
 * once the frame was released.
 */
export class TcpView {
  readonly #frame: Frame;
  readonly #start: number;
  readonly #end: number;

  constructor(frame: Frame, start: number, end: number) {
    this.#frame = frame;
    this.#start = start;
    this.#end = end;
  }

  get sourcePort(): number {
    return this.#frame.u16(this.#start + FIELD.sourcePort);
  }

  get destinationPort(): number {
    return this.#frame.u16(this.#start + FIELD.destinationPort);
  }

  get sequenceNumber(): number {
    return this.#frame.u32(this.#start + FIELD.sequenceNumber);
  }

  /** Meaningful when {@link ack} is set. */
  get acknowledgmentNumber(): number {
    return this.#frame.u32(this.#start + FIELD.acknowledgmentNumber);
  }

  /** Bytes of the header with its options, 20 to 60. */
  get headerLength(): number {
    return (this.#frame.u8(this.#start + FIELD.dataOffset) >> 4) * 4;
  }

  /** The eight control bits as a number: `TCP_FLAG` names them. */
  get flags(): number {
    return this.#frame.u8(this.#start + FIELD.flags);
  }

  get fin(): boolean {
    return (this.flags & TCP_FLAG.FIN) !== 0;
  }

  get syn(): boolean {
    return (this.flags & TCP_FLAG.SYN) !== 0;
  }

  get rst(): boolean {
    return (this.flags & TCP_FLAG.RST) !== 0;
  }

  get psh(): boolean {
    return (this.flags & TCP_FLAG.PSH) !== 0;
  }

  get ack(): boolean {
    return (this.flags & TCP_FLAG.ACK) !== 0;
  }

  get urg(): boolean {
    return (this.flags & TCP_FLAG.URG) !== 0;
  }

  get ece(): boolean {
    return (this.flags & TCP_FLAG.ECE) !== 0;
  }

  get cwr(): boolean {
    return (this.flags & TCP_FLAG.CWR) !== 0;
  }

  /** The window field, unscaled. */
  get windowSize(): number {
    return this.#frame.u16(this.#start + FIELD.window);
  }

  /** The checksum as it stands. In packets that leave this machine it is often unfinished. */
  get checksum(): number {
    return this.#frame.u16(this.#start + FIELD.checksum);
  }

  /** Meaningful when {@link urg} is set. */
  get urgentPointer(): number {
    return this.#frame.u16(this.#start + FIELD.urgentPointer);
  }

  /** The captured bytes of the options, borrowed. */
  get options(): Uint8Array {
    return this.#frame.subarray(this.#start + FIELD.options, this.#headerEnd());
  }

  /** The captured bytes of the data, borrowed. */
  get payload(): Uint8Array {
    return this.#frame.subarray(this.#headerEnd(), this.#end);
  }

  #headerEnd(): number {
    return Math.min(this.#start + this.headerLength, this.#end);
  }
}
