// The packet that an expression looks at.

/** A packet as far as expressions look at it. */
export interface FilteredPacket {
  /** As captured, from the link header on. */
  readonly bytes: Uint8Array;
  /** Bytes on the wire, from there on. */
  readonly length: number;
  /** Where the network header begins; VLAN tags stand before it. */
  readonly networkOffset: number;
  /** What the network header is; −1 where that is not known. */
  readonly etherType: number;
  /** Whether it begins with an Ethernet header. */
  readonly ethernet: boolean;
  readonly direction?: "inbound" | "outbound" | undefined;
}

const NOTHING: FilteredPacket = {
  bytes: new Uint8Array(0),
  ...{ length: 0, networkOffset: 0, etherType: -1, ethernet: false },
};

/**
 * Reads one packet after another. What was not captured is read as 0 and noted in `beyond`: as in
 * libpcap, a packet that does not have what the expression looks at is not shown, `not` or no `not`.
 */
export class PacketReader {
  packet: FilteredPacket = NOTHING;
  beyond = false;

  /** Turns to a packet. */
  open(packet: FilteredPacket): this {
    this.packet = packet;
    this.beyond = false;
    return this;
  }

  /** So many bytes at a place, counted from the network header, as a number. */
  network(at: number, size: 1 | 2 | 4 = 1): number {
    return this.#number(this.packet.networkOffset + at, size);
  }

  /** The same, counted from the link header. */
  link(at: number, size: 1 | 2 | 4 = 1): number {
    return this.#number(at, size);
  }

  #number(at: number, size: 1 | 2 | 4): number {
    const { bytes } = this.packet;
    if (at < 0 || at + size > bytes.length) {
      this.beyond = true;
      return 0;
    }
    if (size === 1) return bytes[at]!;
    const high = (bytes[at]! << 8) | bytes[at + 1]!;
    return size === 2 ? high : ((high << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
  }
}

/** Whether a packet fits. */
export type Predicate = (reader: PacketReader) => boolean;
/** A number that depends on the packet: 0 to 2**32-1. */
export type Value = (reader: PacketReader) => number;

/** Whether all fit, in their order. */
export const every = (...parts: readonly Predicate[]): Predicate => (reader) => {
  for (const part of parts) if (!part(reader)) return false;
  return true;
};

/** Whether one fits. */
export const some = (...parts: readonly Predicate[]): Predicate => (reader) => {
  for (const part of parts) if (part(reader)) return true;
  return false;
};
