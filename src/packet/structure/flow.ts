// The five-tuple of a packet as a value: cheap to make, and a key to look its connection up by.
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from "../../base/address.ts";
import { INSPECT, shown } from "../../base/json_value.ts";
import { guardNames } from "../../base/name_guard.ts";
import { checkObject } from "../../base/objects.ts";
import { protocolName } from "./protocol_names.ts";
import { checkInteger, checkText, checkU16, show } from "../../base/checks.ts";

/** What {@link Flow.of} makes a flow of. */
export interface FlowFields {
  /** Upper-layer protocol number: 6 TCP, 17 UDP, … */
  readonly protocol: number;
  /** IPv4 or IPv6, as text; both of one version. */
  readonly source: string;
  /** As text, of the same version as `source`. */
  readonly destination: string;
  /** Default 0. */
  readonly sourcePort?: number;
  /** Default 0. */
  readonly destinationPort?: number;
}

/** Makes a flow of numbers that were read from a packet: see flow_of_packet.ts. */
export const MAKE: unique symbol = Symbol("make a flow");

/** UTF-16 units of a key: kind, two ports, two addresses. */
const IPV4_KEY = 7;
const IPV6_KEY = 19;

/** The upper 96 bits of the two addresses of an IPv6 flow, as words. */
export type High = readonly [
  source: number,
  source: number,
  source: number,
  destination: number,
  destination: number,
  destination: number,
];

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
 * import { Flow, type Packet, Verdict } from "@nfqueue/nfqueue";
 *
 * const counts = new Map<string, number>();
 * export function handler({ flow }: Packet): Verdict {
 *   if (flow !== undefined) counts.set(flow.key, (counts.get(flow.key) ?? 0) + 1);
 *   return Verdict.Accept;
 * }
 * export function print(): void {
 *   for (const [key, count] of counts) console.log(`${Flow.fromKey(key)}: ${count}`);
 * }
 * ```
 */
export class Flow {
  // Few fields, because one is made for each packet, and signed numbers, which engines keep without
  // allocating.
  /** Version, and protocol above its 3 bits. */
  readonly #kind: number;
  /** The source port is the upper half. */
  readonly #ports: number;
  readonly #source: number;
  readonly #destination: number;
  readonly #high: High | undefined;

  private constructor(
    kind: number,
    ports: number,
    source: number,
    destination: number,
    high: High | undefined,
  ) {
    this.#kind = kind;
    this.#ports = ports | 0;
    this.#source = source | 0;
    this.#destination = destination | 0;
    this.#high = high;
  }

  /** @ignore Nothing is checked; addresses and ports may be signed. */
  static [MAKE](
    kind: number,
    ports: number,
    source: number,
    destination: number,
    high: High | undefined,
  ): Flow {
    return new Flow(kind, ports, source, destination, high);
  }

  /**
   * A flow from its parts, to look one up.
   *
   * @throws {TypeError | RangeError} when one of them is none.
   */
  static of(fields: FlowFields): Flow {
    checkObject("fields", fields);
    const { protocol, source, destination, sourcePort = 0, destinationPort = 0 } = fields;
    checkInteger("protocol", protocol, 0, 255);
    checkU16("sourcePort", sourcePort);
    checkU16("destinationPort", destinationPort);
    const version = checkText("source", source).includes(":") ? 6 : 4;
    const ports = (sourcePort << 16) | destinationPort;
    if (version === 4) {
      const [from, to] = [parseIpv4(source, "source"), parseIpv4(destination, "destination")];
      return new Flow((protocol << 3) | 4, ports, from, to, undefined);
    }
    const from = new DataView(parseIpv6(source, "source").buffer);
    const to = new DataView(parseIpv6(destination, "destination").buffer);
    const high: High = [
      ...[from.getInt32(0), from.getInt32(4), from.getInt32(8)] as const,
      ...[to.getInt32(0), to.getInt32(4), to.getInt32(8)] as const,
    ];
    return new Flow((protocol << 3) | 6, ports, from.getInt32(12), to.getInt32(12), high);
  }

  /**
   * The flow that a {@link key} or {@link directedKey} stands for, to show what a Map holds: of a key of
   * both directions the one from the lower end.
   *
   * @throws {TypeError | RangeError} when it is no key.
   */
  static fromKey(key: string): Flow {
    const { length } = checkText("key", key);
    const kind = key.charCodeAt(0);
    const version = kind & 7;
    const size = version === 4 ? IPV4_KEY : version === 6 ? IPV6_KEY : -1;
    if (length !== size || kind >> 3 > 0xff) throw new RangeError("key must be a flow's key");
    const word = (index: number): number =>
      (key.charCodeAt(1 + 2 * index) << 16) | key.charCodeAt(2 + 2 * index);
    if (version === 4) return new Flow(kind, word(0), word(1), word(2), undefined);
    const high: High = [word(1), word(2), word(3), word(5), word(6), word(7)];
    return new Flow(kind, word(0), word(4), word(8), high);
  }

  /** IP version. */
  get version(): 4 | 6 {
    return (this.#kind & 7) as 4 | 6;
  }

  /** Upper-layer protocol number, after IPv6 extension headers. */
  get protocol(): number {
    return this.#kind >> 3;
  }

  /** 0 where there is none. */
  get sourcePort(): number {
    return this.#ports >>> 16;
  }

  /** 0 where there is none. */
  get destinationPort(): number {
    return this.#ports & 0xffff;
  }

  /** Source address as text. */
  get source(): string {
    const high = this.#high;
    return high === undefined
      ? formatIpv4(this.#source)
      : formatWords(high[0], high[1], high[2], this.#source);
  }

  /** Destination address as text. */
  get destination(): string {
    const high = this.#high;
    return high === undefined
      ? formatIpv4(this.#destination)
      : formatWords(high[3], high[4], high[5], this.#destination);
  }

  /** The last 32 bits of the source address, which are all of an IPv4 address. */
  get sourceNumber(): number {
    return this.#source >>> 0;
  }

  /** The last 32 bits of the destination address, which are all of an IPv4 address. */
  get destinationNumber(): number {
    return this.#destination >>> 0;
  }

  /**
   * 32 bits, the same for both directions, on every run and machine: to spread connections over
   * workers, say. Others can make connections with equal hashes: as a key use {@link key}.
   */
  get hash(): number {
    let source = mix(mix(SEED, this.#source), this.sourcePort);
    let destination = mix(mix(SEED, this.#destination), this.destinationPort);
    const high = this.#high;
    if (high !== undefined) {
      source = mix(mix(mix(source, high[0]), high[1]), high[2]);
      destination = mix(mix(mix(destination, high[3]), high[4]), high[5]);
    }
    // Both operations are symmetrical; one alone would map equal ends to one value.
    return finishMix(
      (source + destination) ^ Math.imul(source ^ destination, FACTOR_B) ^ this.#kind,
    );
  }

  /**
   * A string that is the same for both directions of a connection and for no other connection: the
   * key for a Map. Short and quick to make, and no text: to show it, `String(Flow.fromKey(key))`.
   */
  get key(): string {
    return this.#isOrdered()
      ? this.directedKey
      : this.#key(this.destinationPort, this.sourcePort, this.#destination, this.#source, 3);
  }

  /** The same for this direction alone. */
  get directedKey(): string {
    return this.#key(this.sourcePort, this.destinationPort, this.#source, this.#destination, 0);
  }

  /** The other direction. */
  reversed(): Flow {
    const ports = (this.#ports << 16) | (this.#ports >>> 16);
    const high = this.#high;
    return new Flow(
      this.#kind,
      ports,
      this.#destination,
      this.#source,
      high && [high[3], high[4], high[5], high[0], high[1], high[2]],
    );
  }

  /** Whether both are the same direction of the same connection. */
  equals(other: Flow): boolean {
    if (!(other instanceof Flow)) throw new TypeError(`other must be a Flow, got ${show(other)}`);
    const high = this.#high;
    return this.#kind === other.#kind && this.#ports === other.#ports &&
      this.#source === other.#source && this.#destination === other.#destination &&
      (high === undefined || high.every((word, index) => word === other.#high?.[index]));
  }

  /** `UDP 10.0.0.1:5000 > 10.0.0.2:53`; IPv6 addresses in brackets. */
  toString(): string {
    const [open, close] = this.version === 4 ? ["", ""] : ["[", "]"];
    return `${protocolName(this.protocol)} ${open}${this.source}${close}:${this.sourcePort} > ` +
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

  /** @param first where in the upper words those of `a` begin: 0 or 3. */
  #key(portA: number, portB: number, a: number, b: number, first: number): string {
    // fromCharCode takes the lowest 16 bits. The length tells the versions apart.
    const { fromCharCode } = String;
    const kind = this.#kind;
    const high = this.#high;
    if (high === undefined) return fromCharCode(kind, portA, portB, a >>> 16, a, b >>> 16, b);
    const word = (index: number): number => high[(first + index) % 6]!;
    const [a0, a1, a2, b0, b1, b2] = [word(0), word(1), word(2), word(3), word(4), word(5)];
    // deno-fmt-ignore
    return fromCharCode(
      kind, portA, portB,
      a0 >>> 16, a0, a1 >>> 16, a1, a2 >>> 16, a2, a >>> 16, a,
      b0 >>> 16, b0, b1 >>> 16, b1, b2 >>> 16, b2, b >>> 16, b,
    );
  }

  /** Whether the source is the lower end, which a key of both directions begins with. */
  #isOrdered(): boolean {
    if (this.#source !== this.#destination) return this.#source < this.#destination;
    const high = this.#high;
    for (let index = 0; high !== undefined && index < 3; index++) {
      const [a, b] = [high[index]!, high[index + 3]!];
      if (a !== b) return a < b;
    }
    return this.sourcePort <= this.destinationPort;
  }
}

guardNames(Flow, "flow");

/** Reads the two addresses of a {@link Flow.directedKey}: 4 bytes each, or 16. */
export function addressesOfKey(
  key: string,
): { readonly source: Uint8Array; readonly destination: Uint8Array } {
  const units = key.length === IPV4_KEY ? 2 : 8;
  const read = (first: number): Uint8Array => {
    const bytes = new Uint8Array(2 * units);
    for (let unit = 0; unit < units; unit++) {
      const value = key.charCodeAt(first + unit);
      bytes[2 * unit] = value >> 8;
      bytes[2 * unit + 1] = value;
    }
    return bytes;
  };
  return { source: read(3), destination: read(3 + units) };
}

const SEED = 0x9e3779b9;
const FACTOR_A = 0x85ebca6b;
const FACTOR_B = 0xc2b2ae35;

function mix(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, FACTOR_A);
  return mixed ^ (mixed >>> 15);
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
