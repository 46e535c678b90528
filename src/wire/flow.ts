// The five-tuple of a packet: cheap to make, and a key to look its connection up by.
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from "./address.ts";
import { INSPECT, shown } from "./json.ts";
import type { Outline } from "./outline.ts";
import { checkInteger, checkText, checkU16 } from "./range.ts";

/** Protocols that begin with a source and a destination port: TCP, UDP, DCCP, SCTP, UDP-Lite. */
function hasPorts(protocol: number): boolean {
  return protocol === 6 || protocol === 17 || protocol === 132 || protocol === 33 ||
    protocol === 136;
}

/** What {@link Flow.of} makes a flow of. */
export interface FlowFields {
  /** Upper-layer protocol number: 6 TCP, 17 UDP, … */
  readonly protocol: number;
  /** IPv4 or IPv6, as text; both of one version. */
  readonly source: string;
  readonly destination: string;
  /** Default 0. */
  readonly sourcePort?: number;
  /** Default 0. */
  readonly destinationPort?: number;
}

/** @ignore The flow of the packet that was parsed; for `Layers`. */
export let flowOf: (outline: Outline) => Flow | undefined;

/**
 * Who talks to whom: addresses, ports, protocol. The values are its own: they stay when the packet
 * is edited, and after its verdict.
 *
 * Of an ICMP error these are its own: `icmp.quotedFlow` is that of the packet it is about. Ports are 0
 * where there are none: in ICMP, in fragments other than the first, and where they were
 * not captured.
 *
 * @example Count the packets of each connection
 * ```ts no-eval
 * import { type Packet, Verdict } from "@nfqueue/nfqueue";
 *
 * const counts = new Map<string, number>();
 * export function handler({ flow }: Packet): Verdict {
 *   if (flow !== undefined) counts.set(flow.key, (counts.get(flow.key) ?? 0) + 1);
 *   return Verdict.Accept;
 * }
 * ```
 */
export class Flow {
  /** IP version. */
  readonly version: 4 | 6;
  /** Upper-layer protocol number, after IPv6 extension headers. */
  readonly protocol: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  // The words of the addresses, of IPv4 the last ones alone. Signed: engines keep such numbers
  // without allocating.
  readonly #s0: number;
  readonly #s1: number;
  readonly #s2: number;
  readonly #s3: number;
  readonly #d0: number;
  readonly #d1: number;
  readonly #d2: number;
  readonly #d3: number;

  private constructor(
    version: 4 | 6,
    protocol: number,
    sourcePort: number,
    destinationPort: number,
    s0: number,
    s1: number,
    s2: number,
    s3: number,
    d0: number,
    d1: number,
    d2: number,
    d3: number,
  ) {
    this.version = version;
    this.protocol = protocol;
    this.sourcePort = sourcePort;
    this.destinationPort = destinationPort;
    this.#s0 = s0 | 0;
    this.#s1 = s1 | 0;
    this.#s2 = s2 | 0;
    this.#s3 = s3 | 0;
    this.#d0 = d0 | 0;
    this.#d1 = d1 | 0;
    this.#d2 = d2 | 0;
    this.#d3 = d3 | 0;
  }

  /**
   * A flow from its parts, to look one up.
   *
   * @throws {TypeError | RangeError} when one of them is none.
   */
  static of(fields: FlowFields): Flow {
    const { protocol, source, destination, sourcePort = 0, destinationPort = 0 } = fields;
    checkInteger("protocol", protocol, 0, 255);
    checkU16("sourcePort", sourcePort);
    checkU16("destinationPort", destinationPort);
    const version = checkText("source", source).includes(":") ? 6 : 4;
    const words = (text: string, field: string): [number, number, number, number] => {
      if (version === 4) return [0, 0, 0, parseIpv4(text, field)];
      const { buffer } = parseIpv6(text, field);
      const view = new DataView(buffer);
      return [view.getUint32(0), view.getUint32(4), view.getUint32(8), view.getUint32(12)];
    };
    const [d0, d1, d2, d3] = words(checkText("destination", destination), "destination");
    const [s0, s1, s2, s3] = words(source, "source");
    const ports = [sourcePort, destinationPort] as const;
    return new Flow(version, protocol, ...ports, s0, s1, s2, s3, d0, d1, d2, d3);
  }

  /** Source address as text. */
  get source(): string {
    return this.version === 4
      ? formatIpv4(this.#s3)
      : formatWords(this.#s0, this.#s1, this.#s2, this.#s3);
  }

  /** Destination address as text. */
  get destination(): string {
    return this.version === 4
      ? formatIpv4(this.#d3)
      : formatWords(this.#d0, this.#d1, this.#d2, this.#d3);
  }

  /** The last 32 bits of the source address, which are all of an IPv4 address. */
  get sourceNumber(): number {
    return this.#s3 >>> 0;
  }

  /** The last 32 bits of the destination address, which are all of an IPv4 address. */
  get destinationNumber(): number {
    return this.#d3 >>> 0;
  }

  /**
   * 32 bits, the same for both directions, on every run and machine: to spread connections over
   * workers, say. Others can make connections with equal hashes: as a key use {@link key}.
   */
  get hash(): number {
    const source = mixEnd(this.#s0, this.#s1, this.#s2, this.#s3, this.sourcePort);
    const destination = mixEnd(this.#d0, this.#d1, this.#d2, this.#d3, this.destinationPort);
    // Both operations are symmetrical; one alone would map equal ends to one value.
    return finishMix(
      (source + destination) ^ Math.imul(source ^ destination, FACTOR_B) ^
        (this.protocol << 3) ^ this.version,
    );
  }

  /**
   * A string that is the same for both directions of a connection and for no other connection: the
   * key for a Map. Short and quick to make; not for reading, {@link toString} is.
   */
  get key(): string {
    return this.#isOrdered() ? this.directedKey : this.#key(
      this.destinationPort,
      this.sourcePort,
      this.#d0,
      this.#d1,
      this.#d2,
      this.#d3,
      this.#s0,
      this.#s1,
      this.#s2,
      this.#s3,
    );
  }

  /** The same for this direction alone. */
  get directedKey(): string {
    return this.#key(
      this.sourcePort,
      this.destinationPort,
      this.#s0,
      this.#s1,
      this.#s2,
      this.#s3,
      this.#d0,
      this.#d1,
      this.#d2,
      this.#d3,
    );
  }

  /** The other direction. */
  reversed(): Flow {
    return new Flow(
      this.version,
      this.protocol,
      this.destinationPort,
      this.sourcePort,
      this.#d0,
      this.#d1,
      this.#d2,
      this.#d3,
      this.#s0,
      this.#s1,
      this.#s2,
      this.#s3,
    );
  }

  /** Whether both are the same direction of the same connection. */
  equals(other: Flow): boolean {
    return this.version === other.version && this.protocol === other.protocol &&
      this.sourcePort === other.sourcePort && this.destinationPort === other.destinationPort &&
      this.#s3 === other.#s3 && this.#d3 === other.#d3 && this.#s2 === other.#s2 &&
      this.#d2 === other.#d2 && this.#s1 === other.#s1 && this.#d1 === other.#d1 &&
      this.#s0 === other.#s0 && this.#d0 === other.#d0;
  }

  /** `17 10.0.0.1:5000 > 10.0.0.2:53`; IPv6 addresses in brackets. */
  toString(): string {
    const [open, close] = this.version === 4 ? ["", ""] : ["[", "]"];
    return `${this.protocol} ${open}${this.source}${close}:${this.sourcePort} > ` +
      `${open}${this.destination}${close}:${this.destinationPort}`;
  }

  /** What `Flow.of` takes. */
  toJSON(): Required<FlowFields> {
    const { protocol, source, sourcePort, destination, destinationPort } = this;
    return { protocol, source, sourcePort, destination, destinationPort };
  }

  /** @ignore For console.log. */
  [INSPECT](): unknown {
    return shown(this);
  }

  /** Whether the source is the lower end, which a key of both directions begins with. */
  #isOrdered(): boolean {
    if (this.#s0 !== this.#d0) return this.#s0 < this.#d0;
    if (this.#s1 !== this.#d1) return this.#s1 < this.#d1;
    if (this.#s2 !== this.#d2) return this.#s2 < this.#d2;
    if (this.#s3 !== this.#d3) return this.#s3 < this.#d3;
    return this.sourcePort <= this.destinationPort;
  }

  #key(
    portA: number,
    portB: number,
    a0: number,
    a1: number,
    a2: number,
    a3: number,
    b0: number,
    b1: number,
    b2: number,
    b3: number,
  ): string {
    // fromCharCode takes the lowest 16 bits. The length tells the versions apart.
    const { fromCharCode } = String;
    if (this.version === 4) {
      return fromCharCode(this.protocol, portA, portB, a3 >>> 16, a3, b3 >>> 16, b3);
    }
    // deno-fmt-ignore
    return fromCharCode(
      this.protocol, portA, portB,
      a0 >>> 16, a0, a1 >>> 16, a1, a2 >>> 16, a2, a3 >>> 16, a3,
      b0 >>> 16, b0, b1 >>> 16, b1, b2 >>> 16, b2, b3 >>> 16, b3,
    );
  }

  static {
    flowOf = (outline) => {
      const { frame, network, version, protocol, upper } = outline;
      if (version === 0) return undefined;
      let ports = 0;
      if (hasPorts(protocol) && !outline.laterFragment && outline.end - upper >= 4) {
        ports = frame.u32(upper);
      }
      const from = ports >>> 16;
      const to = ports & 0xffff;
      if (version === 4) {
        const source = frame.u32(network + 12);
        return new Flow(4, protocol, from, to, 0, 0, 0, source, 0, 0, 0, frame.u32(network + 16));
      }
      return new Flow(
        6,
        protocol,
        from,
        to,
        frame.u32(network + 8),
        frame.u32(network + 12),
        frame.u32(network + 16),
        frame.u32(network + 20),
        frame.u32(network + 24),
        frame.u32(network + 28),
        frame.u32(network + 32),
        frame.u32(network + 36),
      );
    };
  }
}

const FACTOR_A = 0x85ebca6b;
const FACTOR_B = 0xc2b2ae35;

function mix(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, FACTOR_A);
  return mixed ^ (mixed >>> 15);
}

function mixEnd(a: number, b: number, c: number, d: number, port: number): number {
  return mix(mix(mix(mix(mix(0x9e3779b9, a), b), c), d), port);
}

/** The finish of MurmurHash3: every bit of the result hangs on every bit before. */
function finishMix(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), FACTOR_A);
  mixed = Math.imul(mixed ^ (mixed >>> 13), FACTOR_B);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

function formatWords(...words: readonly number[]): string {
  const bytes = new Uint8Array(new ArrayBuffer(16));
  const view = new DataView(bytes.buffer);
  for (const [index, word] of words.entries()) view.setInt32(4 * index, word);
  return formatIpv6(bytes);
}
