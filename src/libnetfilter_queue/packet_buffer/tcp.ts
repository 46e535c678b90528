/**
 * libnetfilter_queue_tcp.h: the TCP header, and what must hold before the C functions for it may run.
 *
 * @module
 */

import { ipv4HeaderLength, ipv6TransportOffset } from "./ip.ts";
import { BufferHeader } from "./header.ts";
import type { PacketMemory } from "./memory.ts";

/** Bytes of `struct tcphdr`. */
export const TCP_HEADER = 20;
const DATA_OFFSET = 12;
const FLAGS = 13;

/** `struct tcphdr` (<netinet/tcp.h>): a TCP header without its options. */
export class TcpHeader extends BufferHeader {
  /** @internal */
  constructor(memory: PacketMemory, position: number) {
    super(memory, position, TCP_HEADER);
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

  /** Sequence number. */
  get seq(): number {
    return this.u32(4);
  }

  set seq(value: number) {
    this.setU32("seq", 4, value);
  }

  /** Acknowledgement number. */
  get ack_seq(): number {
    return this.u32(8);
  }

  set ack_seq(value: number) {
    this.setU32("ack_seq", 8, value);
  }

  /** Header length in 4-byte words, 5 to 15 (whatever the packet says, so 0 to 15). */
  get doff(): number {
    return this.bits(DATA_OFFSET, 4, 4);
  }

  set doff(value: number) {
    this.setBits("doff", DATA_OFFSET, { shift: 4, width: 4, value });
  }

  /** No more data from the sender: 0 or 1, as all flags. */
  get fin(): number {
    return this.bits(FLAGS, 0, 1);
  }

  set fin(value: number) {
    this.setBits("fin", FLAGS, { shift: 0, width: 1, value });
  }

  /** Synchronize sequence numbers. */
  get syn(): number {
    return this.bits(FLAGS, 1, 1);
  }

  set syn(value: number) {
    this.setBits("syn", FLAGS, { shift: 1, width: 1, value });
  }

  /** Reset the connection. */
  get rst(): number {
    return this.bits(FLAGS, 2, 1);
  }

  set rst(value: number) {
    this.setBits("rst", FLAGS, { shift: 2, width: 1, value });
  }

  /** Push. */
  get psh(): number {
    return this.bits(FLAGS, 3, 1);
  }

  set psh(value: number) {
    this.setBits("psh", FLAGS, { shift: 3, width: 1, value });
  }

  /** `ack_seq` counts. */
  get ack(): number {
    return this.bits(FLAGS, 4, 1);
  }

  set ack(value: number) {
    this.setBits("ack", FLAGS, { shift: 4, width: 1, value });
  }

  /** `urg_ptr` counts. */
  get urg(): number {
    return this.bits(FLAGS, 5, 1);
  }

  set urg(value: number) {
    this.setBits("urg", FLAGS, { shift: 5, width: 1, value });
  }

  /** Receive window, unscaled. */
  get window(): number {
    return this.u16(14);
  }

  set window(value: number) {
    this.setU16("window", 14, value);
  }

  /** Checksum; `nfq_tcp_compute_checksum_ipv4` and `…_ipv6` compute it. */
  get check(): number {
    return this.u16(16);
  }

  set check(value: number) {
    this.setU16("check", 16, value);
  }

  /** Urgent pointer. */
  get urg_ptr(): number {
    return this.u16(18);
  }

  set urg_ptr(value: number) {
    this.setU16("urg_ptr", 18, value);
  }
}

/** Where the TCP data begins if its header does at `header`; null unless all of that is there. */
export function tcpDataPosition(memory: PacketMemory, header: number | null): number | null {
  if (header === null || memory.end - header < TCP_HEADER) return null;
  const length = (memory.view.getUint8(header + DATA_OFFSET) >> 4) * 4;
  return length >= TCP_HEADER && length <= memory.end - header ? header + length : null;
}

/** The offset of the TCP data from the IPv4 header, as `nfq_tcp_mangle_ipv4` will compute it. */
export function tcpDataOffsetIpv4(memory: PacketMemory): number | null {
  const header = ipv4HeaderLength(memory);
  const data = header === null ? null : tcpDataPosition(memory, memory.network + header);
  return data === null ? null : data - memory.network;
}

/** The offset of the TCP data from the IPv6 header, as `nfq_tcp_mangle_ipv6` will compute it. */
export function tcpDataOffsetIpv6(memory: PacketMemory): number | null {
  const header = ipv6TransportOffset(memory);
  const data = header === null ? null : tcpDataPosition(memory, memory.network + header);
  return data === null ? null : data - memory.network;
}
