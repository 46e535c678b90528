/**
 * libnetfilter_queue_udp.h: the UDP header, and what must hold before the C functions for it may run.
 *
 * @module
 */

import { ipv4HeaderLength, ipv6TransportOffset } from "./ip.ts";
import { BufferHeader } from "./header.ts";
import type { PacketMemory } from "./memory.ts";

/** Bytes of `struct udphdr`. */
export const UDP_HEADER = 8;

/** `struct udphdr` (<netinet/udp.h>). */
export class UdpHeader extends BufferHeader {
  /** @internal */
  constructor(memory: PacketMemory, position: number) {
    super(memory, position, UDP_HEADER);
  }

  /** Source port. */
  get source(): number {
    return this.u16(0);
  }

  set source(value: number) {
    this.setU16("source", 0, value);
  }

  /** Destination port. */
  get dest(): number {
    return this.u16(2);
  }

  set dest(value: number) {
    this.setU16("dest", 2, value);
  }

  /** Bytes of header and data, as the packet says. */
  get len(): number {
    return this.u16(4);
  }

  set len(value: number) {
    this.setU16("len", 4, value);
  }

  /** Checksum; `nfq_udp_compute_checksum_ipv4` and `…_ipv6` compute it. 0 is "none" (RFC 768). */
  get check(): number {
    return this.u16(6);
  }

  set check(value: number) {
    this.setU16("check", 6, value);
  }
}

/** Where the UDP data begins, or null unless the header is there and its `len` can be true. */
export function udpDataPosition(memory: PacketMemory): number | null {
  const { transport, view, end } = memory;
  if (transport === null || end - transport < UDP_HEADER) return null;
  const length = view.getUint16(transport + 4);
  return length >= UDP_HEADER && length <= end - transport ? transport + UDP_HEADER : null;
}

/** The offset of the UDP data from the IPv4 header, as `nfq_udp_mangle_ipv4` will compute it. */
export function udpDataOffsetIpv4(memory: PacketMemory): number | null {
  const header = ipv4HeaderLength(memory);
  return header === null ? null : offsetIfThere(memory, header + UDP_HEADER);
}

/** The offset of the UDP data from the IPv6 header, as `nfq_udp_mangle_ipv6` will compute it. */
export function udpDataOffsetIpv6(memory: PacketMemory): number | null {
  const header = ipv6TransportOffset(memory);
  return header === null ? null : offsetIfThere(memory, header + UDP_HEADER);
}

function offsetIfThere(memory: PacketMemory, offset: number): number | null {
  return offset <= memory.networkLength ? offset : null;
}
