/**
 * Whether bytes of a program can be sent as an IP packet.
 *
 * @module
 */

import { copyOf } from "../base/bytes.ts";
import { checkBytes } from "../base/checks.ts";
import {
  IPV4_HEADER_SIZE,
  IPV4_OFFSET,
  IPV6_HEADER_SIZE,
  IPV6_OFFSET,
} from "../packet/structure/ip_layouts.ts";

/** An IPv6 header and as much as its length can say. */
const LONGEST = IPV6_HEADER_SIZE + 0xffff;

/**
 * A copy of the packet, of which the version and the lengths are right.
 *
 * @throws {TypeError} when it is no Uint8Array
 * @throws {RangeError} when it is no whole IPv4 or IPv6 packet
 */
export function checkOutgoing(field: string, given: Uint8Array): Uint8Array<ArrayBuffer> {
  // What is checked must be what is sent, whatever another thread writes meanwhile.
  const bytes = copyOf(checkBytes(field, given, LONGEST));
  const { length } = bytes;
  const version = length === 0 ? 0 : bytes[0]! >> 4;
  const view = new DataView(bytes.buffer);
  if (version === 4 && length >= IPV4_HEADER_SIZE) {
    const header = (bytes[0]! & 15) * 4;
    if (header < IPV4_HEADER_SIZE || header > length) {
      throw new RangeError(
        `${field}: an IPv4 header of ${header} bytes cannot be, in ${length} bytes`,
      );
    }
    return checkLength(field, bytes, view.getUint16(IPV4_OFFSET.totalLength, false));
  }
  if (version === 6 && length >= IPV6_HEADER_SIZE) {
    const payload = view.getUint16(IPV6_OFFSET.payloadLength, false);
    return checkLength(field, bytes, IPV6_HEADER_SIZE + payload);
  }
  throw new RangeError(
    `${field} must hold a whole IPv4 or IPv6 packet from its header on, got ${length} bytes that are ` +
      "none; buildPacket of @nfqueue/nfqueue/packet makes one",
  );
}

function checkLength(
  field: string,
  bytes: Uint8Array<ArrayBuffer>,
  declared: number,
): Uint8Array<ArrayBuffer> {
  if (declared === bytes.length) return bytes;
  throw new RangeError(
    `${field} has ${bytes.length} bytes, and its IP header says ${declared}: give the packet alone, ` +
      "whole and without a link header",
  );
}
