import type { WireProblem } from "./errors.ts";
import type { Frame } from "./frame.ts";

/** Where the fields of an ICMP header begin (RFC 792), in bytes. */
const FIELD = { type: 0, code: 1, checksum: 2, identifier: 4, sequenceNumber: 6, data: 8 } as const;

/** Names of ICMP types, after IANA's registry. */
const TYPE_NAMES: Readonly<Record<number, string>> = {
  0: "echo reply",
  3: "destination unreachable",
  4: "source quench",
  5: "redirect",
  8: "echo request",
  9: "router advertisement",
  10: "router solicitation",
  11: "time exceeded",
  12: "parameter problem",
  13: "timestamp request",
  14: "timestamp reply",
  15: "information request",
  16: "information reply",
  17: "address mask request",
  18: "address mask reply",
  42: "extended echo request",
  43: "extended echo reply",
};

/** Types whose header has an identifier and a sequence number. */
const QUERIES: ReadonlySet<number> = new Set([0, 8, 13, 14, 15, 16, 17, 18]);

/** What keeps an ICMP header at `start` from being read, if anything. */
export function checkIcmp(start: number, end: number): WireProblem | undefined {
  const have = end - start;
  if (have >= FIELD.data) return undefined;
  return { layer: "icmp header", offset: start, need: FIELD.data, have };
}

/**
 * An ICMP header (RFC 792) and what follows it. Made by `Layers`, which has checked that the header
 * is there. Numbers are in host order. Borrows the frame: every read throws PacketReleasedError
 * once the frame was released.
 */
export class IcmpView {
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

  /** Identifier of an echo, timestamp, information or address mask message; else absent. */
  get identifier(): number | undefined {
    if (!QUERIES.has(this.type)) return undefined;
    return this.#frame.u16(this.#start + FIELD.identifier);
  }

  /** Sequence number of an echo, timestamp, information or address mask message; else absent. */
  get sequenceNumber(): number | undefined {
    if (!QUERIES.has(this.type)) return undefined;
    return this.#frame.u16(this.#start + FIELD.sequenceNumber);
  }

  /** Bytes 4 to 7 as one number: what they mean depends on the type. */
  get restOfHeader(): number {
    return this.#frame.u32(this.#start + FIELD.identifier);
  }

  /** The captured bytes after the 8 of the header, borrowed. */
  get payload(): Uint8Array {
    return this.#frame.subarray(this.#start + FIELD.data, this.#end);
  }
}
