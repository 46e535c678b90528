import type { WireProblem } from "./errors.ts";
import type { Frame } from "./frame.ts";

/** Where the fields of an ICMPv6 header begin (RFC 4443 §2.1, §4.1), in bytes. */
const FIELD = { type: 0, code: 1, checksum: 2, identifier: 4, sequenceNumber: 6, data: 8 } as const;

/** Names of ICMPv6 types, after IANA's registry. */
const TYPE_NAMES: Readonly<Record<number, string>> = {
  1: "destination unreachable",
  2: "packet too big",
  3: "time exceeded",
  4: "parameter problem",
  128: "echo request",
  129: "echo reply",
  130: "multicast listener query",
  131: "multicast listener report",
  132: "multicast listener done",
  133: "router solicitation",
  134: "router advertisement",
  135: "neighbor solicitation",
  136: "neighbor advertisement",
  137: "redirect",
  143: "multicast listener report v2",
};

const ECHO_REQUEST = 128;
const ECHO_REPLY = 129;

/** What keeps an ICMPv6 header at `start` from being read, if anything. */
export function checkIcmpv6(start: number, end: number): WireProblem | undefined {
  const have = end - start;
  if (have >= FIELD.data) return undefined;
  return { layer: "icmpv6 header", offset: start, need: FIELD.data, have };
}

/**
 * An ICMPv6 header (RFC 4443) and what follows it. Made by `Layers`, which has checked that the
 * header is there. Numbers are in host order. Borrows the frame: every read throws
 * PacketReleasedError once the frame was released.
 */
export class Icmpv6View {
  readonly #frame: Frame;
  readonly #start: number;
  readonly #end: number;

  constructor(frame: Frame, start: number, end: number) {
    this.#frame = frame;
    this.#start = start;
    this.#end = end;
  }

  get type(): number {
    return this.#frame.u8(this.#start + FIELD.type);
  }

  /** The type in words, `type 200` when it has none. */
  get typeName(): string {
    const { type } = this;
    return TYPE_NAMES[type] ?? `type ${type}`;
  }

  get code(): number {
    return this.#frame.u8(this.#start + FIELD.code);
  }

  /** The checksum as it stands; nobody has verified it. */
  get checksum(): number {
    return this.#frame.u16(this.#start + FIELD.checksum);
  }

  /** Identifier of an echo message; else absent. */
  get identifier(): number | undefined {
    if (!this.#isEcho()) return undefined;
    return this.#frame.u16(this.#start + FIELD.identifier);
  }

  /** Sequence number of an echo message; else absent. */
  get sequenceNumber(): number | undefined {
    if (!this.#isEcho()) return undefined;
    return this.#frame.u16(this.#start + FIELD.sequenceNumber);
  }

  /** Bytes 4 to 7 as one number: what they mean depends on the type (the MTU of type 2). */
  get restOfHeader(): number {
    return this.#frame.u32(this.#start + FIELD.identifier);
  }

  /** The captured bytes after the first 8, borrowed. */
  get payload(): Uint8Array {
    return this.#frame.subarray(this.#start + FIELD.data, this.#end);
  }

  #isEcho(): boolean {
    const { type } = this;
    return type === ECHO_REQUEST || type === ECHO_REPLY;
  }
}
