import type { WireProblem } from "./errors.ts";
import type { Frame } from "./frame.ts";

/** Where the fields of a UDP header begin (RFC 768), in bytes. */
const FIELD = { sourcePort: 0, destinationPort: 2, length: 4, checksum: 6, data: 8 } as const;

/**
 * What keeps a UDP header at `start` from being read, if anything. A length of 0 stands for "as
 * long as the packet" (RFC 2675).
 */
export function checkUdp(frame: Frame, start: number, end: number): WireProblem | undefined {
  const layer = "udp header";
  const have = end - start;
  if (have < FIELD.data) return { layer, offset: start, need: FIELD.data, have };
  const length = frame.u16(start + FIELD.length);
  if (length !== 0 && length < FIELD.data) {
    return { layer, offset: start, need: FIELD.data, have: length };
  }
  return undefined;
}

/**
 * A UDP header (RFC 768) and its data. Made by `Layers`, which has checked that the header is
 * there. Numbers are in host order. Borrows the frame: every read throws PacketReleasedError once
 * the frame was released.
 */
export class UdpView {
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

  /** Bytes of header and data as the header says. */
  get length(): number {
    return this.#frame.u16(this.#start + FIELD.length);
  }

  /** The checksum as it stands; 0 over IPv4 means that there is none. */
  get checksum(): number {
    return this.#frame.u16(this.#start + FIELD.checksum);
  }

  /** The captured bytes of the data, borrowed; never more than `length` says. */
  get payload(): Uint8Array {
    const { length } = this;
    const end = length === 0 ? this.#end : Math.min(this.#start + length, this.#end);
    return this.#frame.subarray(this.#start + FIELD.data, end);
  }
}
