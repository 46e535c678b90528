import { partOf } from "../../base/bytes.ts";
import { Cursor } from "../cursor.ts";
import { type PacketType, type QuicVersion, VERSION_NEGOTIATION, VERSIONS } from "./versions.ts";

/** A protected Initial packet. */
export interface InitialPacket {
  readonly version: QuicVersion;
  /** The connection id that it is sent to. */
  readonly destination: Uint8Array;
  /** The packet alone. */
  readonly bytes: Uint8Array;
  /** Where its number begins, which is protected as well. */
  readonly numberAt: number;
}

/** What a datagram holds. */
export interface Datagram {
  readonly packets: readonly InitialPacket[];
  /** Whether a ClientHello may come with or after it. What was cut is taken for such a one. */
  readonly early: boolean;
}

const LONG_HEADER = 0x80;
const LONGEST_ID = 20;
/** Clients send one; what is beyond this is only there to keep somebody busy. */
const MOST_PACKETS = 16;
/** Types behind which a ClientHello may still come. */
const EARLY: ReadonlySet<PacketType> = new Set(["initial", "zero-rtt", "retry"]);

/**
 * Finds the Initial packets of a datagram, in which packets of several types may follow each other
 * (RFC 9000, 12.2). Nothing is opened.
 */
export function readDatagram(bytes: Uint8Array): Datagram {
  const packets: InitialPacket[] = [];
  let early = bytes.length === 0;
  let first: { readonly version: QuicVersion; readonly id: Uint8Array } | undefined;
  for (let at = 0; at < bytes.length && packets.length < MOST_PACKETS;) {
    const header = new Cursor(bytes, at, bytes.length);
    const flags = header.u8();
    if ((flags & LONG_HEADER) === 0) break;
    const number = header.u32();
    const version = VERSIONS.get(number);
    if (!header.broken && version === undefined && number !== VERSION_NEGOTIATION) break;
    const destinationLength = header.u8();
    const destination = header.part(destinationLength);
    const sourceLength = header.u8();
    if (destinationLength > LONGEST_ID || sourceLength > LONGEST_ID) break;
    header.skip(sourceLength);
    if (header.broken) {
      early = true;
      break;
    }
    const type = version?.types[((flags >> 4) & 3) as 0 | 1 | 2 | 3];
    if (version === undefined || type === undefined || type === "retry") {
      // These have no length: nothing follows them.
      early = true;
      break;
    }
    if (EARLY.has(type)) early = true;
    if (type === "initial") header.skip(header.variable());
    const length = header.variable();
    const numberAt = header.at - at;
    header.skip(length);
    if (header.broken) {
      early = true;
      break;
    }
    const id = partOf(bytes, destination.at, destination.end);
    // What goes to somebody else is not read (RFC 9000, 12.2).
    first ??= { version, id };
    if (first.version !== version || !isSame(first.id, id)) break;
    if (type === "initial") {
      packets.push({ version, destination: id, bytes: partOf(bytes, at, header.at), numberAt });
    }
    at = header.at;
  }
  return { packets, early };
}

/** Whether two are the same byte for byte. */
export function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
