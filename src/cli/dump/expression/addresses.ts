// `host`, `net`, `ether host`.
import { parseIpv4, parseIpv6, parseMac } from "../../../base/address.ts";
import { IPV4_OFFSET, IPV6_OFFSET } from "../../../packet/structure/ip_layouts.ts";
import { ETHERTYPE } from "../../../packet/structure/protocols.ts";
import type { Direction } from "./directions.ts";
import { every, type PacketReader, type Predicate, some } from "./packet_reader.ts";
import { etherProtocol, isEthernet, isIpv4, isIpv6 } from "./protocols.ts";

/** An address, or the first of a network. */
export interface Network {
  readonly version: 4 | 6;
  readonly words: readonly number[];
  /** As many as there are words. */
  readonly masks: readonly number[];
}

/** Where protocols have an IPv4 address. */
const PLACES = {
  ip: { is: isIpv4, source: IPV4_OFFSET.source, destination: IPV4_OFFSET.destination },
  arp: { is: etherProtocol(ETHERTYPE.ARP), source: 14, destination: 24 },
  rarp: { is: etherProtocol(ETHERTYPE.RARP), source: 14, destination: 24 },
} as const;

/** The names before `host` and `net` that have addresses of a version. */
export const WITH_ADDRESSES: Readonly<Record<4 | 6, readonly string[]>> = {
  4: Object.keys(PLACES),
  6: ["ip6"],
};

/** An IPv4 or IPv6 address; undefined for any other text. */
export function addressOf(text: string): Network | undefined {
  return networkOf(text, text.includes(":") ? 128 : 32);
}

/** An address and the bits of it that count; undefined for any other text, or more bits than it has. */
export function networkOf(text: string, bits: number): Network | undefined {
  try {
    const version = text.includes(":") ? 6 : 4;
    if (bits > (version === 6 ? 128 : 32)) return undefined;
    const words = version === 4 ? [parseIpv4(text)] : wordsOf(parseIpv6(text));
    return { version, words, masks: words.map((_, at) => maskOf(bits - 32 * at)) };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** `10`, `10.1`, `10.1.2` as networks, for libpcap knows the length of each. */
export function shortNetworkOf(text: string): Network | undefined {
  const parts = text.split(".");
  if (parts.length > 3) return undefined;
  return networkOf([...parts, "0", "0", "0"].slice(0, 4).join("."), 8 * parts.length);
}

/** `net 10.0.0.0 mask 255.0.0.0`. */
export function maskedNetworkOf(text: string, mask: string): Network | undefined {
  const [address, bits] = [networkOf(text, 32), networkOf(mask, 32)];
  if (address?.version !== 4 || bits?.version !== 4) return undefined;
  return { ...address, masks: bits.words };
}

/** Whether the address has bits that the mask leaves out: most likely a slip. */
export function hasHostBits({ words, masks }: Network): boolean {
  return words.some((word, at) => (word & ~masks[at]!) !== 0);
}

const maskOf = (bits: number): number =>
  bits >= 32 ? 0xffffffff : bits <= 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;

function wordsOf(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return [0, 4, 8, 12].map((at) => view.getUint32(at));
}

/** Packets from or to a network; of the protocols named, of all that have such addresses otherwise. */
export function networkPredicate(
  network: Network,
  protocol: string | undefined,
  direction: Direction,
): Predicate {
  const { version, words, masks } = network;
  const at = (place: number): Predicate => {
    const [word, mask] = [words[0]!, masks[0]!];
    if (version === 4) return (reader) => fits(reader, place, word, mask);
    return (reader) =>
      words.every((part, index) => fits(reader, place + 4 * index, part, masks[index]!));
  };
  if (version === 6) {
    return every(isIpv6, direction(at(IPV6_OFFSET.source), at(IPV6_OFFSET.destination)));
  }
  const places = Object.entries(PLACES).filter(([name]) =>
    protocol === undefined || name === protocol
  );
  return some(
    ...places.map(([, { is, source, destination }]) =>
      every(is, direction(at(source), at(destination)))
    ),
  );
}

function fits(reader: PacketReader, at: number, word: number, mask: number): boolean {
  return ((reader.network(at, 4) & mask) >>> 0) === ((word & mask) >>> 0);
}

/** `ether host 02:00:00:00:00:01`; undefined for what is no such address. */
export function etherPredicate(text: string, direction: Direction): Predicate | undefined {
  let bytes: Uint8Array;
  try {
    bytes = parseMac(text);
  } catch {
    return undefined;
  }
  const at = (place: number): Predicate => (reader) =>
    bytes.every((byte, index) => reader.link(place + index) === byte);
  return every(isEthernet, direction(at(6), at(0)));
}
