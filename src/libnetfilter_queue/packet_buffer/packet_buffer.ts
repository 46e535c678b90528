/**
 * Packets to edit: pktbuff.h and the IPv4, IPv6, TCP and UDP helpers that work on its buffers.
 *
 * @module
 */

import type { Pointer } from "../../../ffi/types.ts";
import { checkInteger } from "../guards/arguments.ts";
import {
  hasIp,
  Ip6Header,
  ipGrowth,
  IpHeader,
  ipv4HeaderLength,
  ipv4TotalLength,
  packetGrowth,
  setIpv6TransportHeader,
} from "./ip.ts";
import { parameters, print, replace, replacement } from "./calls.ts";
import { PacketMemory } from "./memory.ts";
import { TransportBuffer } from "./transport.ts";

const IPPROTO_NONE = 59;

/**
 * A packet in memory of the C library (`struct pkt_buff`), to be read and edited there. The methods
 * carry the C names and take the C arguments, without the buffer itself and without lengths that
 * their Uint8Array has.
 *
 * The C functions believe packet and caller; here both are checked first:
 * - what the packet does not have (not that protocol, cut, lengths that lie, no transport header
 *   set), or has no room for, gives `null` or `false`, and nothing has changed;
 * - a position outside the packet throws RangeError, as does a number outside its type's range; a
 *   wrong type TypeError;
 * - after {@link PacketBuffer.pktb_free} everything throws HandleClosedError.
 *
 * Bytes returned are copies. Dispose of the buffer (`using`); one that is forgotten is freed when it
 * is collected.
 *
 * @throws {HandleClosedError} once it is freed
 * @example
 * ```ts no-eval
 * import { AF_INET, PacketBuffer } from "@nfqueue/nfqueue/libnetfilter_queue";
 *
 * declare const payload: Uint8Array;
 * using packet = PacketBuffer.pktb_alloc(AF_INET, payload, 255);
 * packet.nfq_udp_mangle_ipv4(0, 5, new TextEncoder().encode("HELLO"));
 * const changed = packet.pktb_mangled() ? packet.pktb_data() : undefined;
 * ```
 */
export class PacketBuffer extends TransportBuffer implements Disposable {
  readonly #memory: PacketMemory;

  private constructor(memory: PacketMemory) {
    super(memory);
    this.#memory = memory;
  }

  /**
   * Copies a packet into a new buffer.
   *
   * @param family {@link AF_INET} or {@link AF_INET6} (the same to the library: the packet says what
   * it is), or {@link AF_BRIDGE} when an Ethernet header comes first
   * @param data the packet, at most 1 MiB
   * @param extra bytes by which it may grow, at most 1 MiB
   * @returns the buffer
   * @throws {SystemError} ENOMEM; EPROTONOSUPPORT when a bridged packet carries no IP
   * @throws {MissingSymbolError} before 1.0.4 for all but {@link AF_INET}
   * @remarks C, 1.0.5 still, looks at the ethertype of a bridged packet in the wrong byte order and
   * refuses every real one; here they are taken.
   */
  static pktb_alloc(family: number, data: Uint8Array, extra: number): PacketBuffer {
    return new PacketBuffer(new PacketMemory({ family, data, extra }));
  }

  /** Frees the buffer. Idempotent. */
  pktb_free(): void {
    this.#memory.free();
  }

  /** {@link PacketBuffer.pktb_free}. */
  [Symbol.dispose](): void {
    this.pktb_free();
  }

  /**
   * Reads the packet.
   *
   * @returns a copy, from its first byte to its last
   */
  pktb_data(): Uint8Array<ArrayBuffer> {
    return this.#memory.copyFrom();
  }

  /**
   * How long the packet is.
   *
   * @returns bytes
   */
  pktb_len(): number {
    const { library, pointer } = this.#memory;
    return library.pktb_len(pointer);
  }

  /**
   * Makes the packet longer at its front.
   *
   * @param len bytes, at most what was pulled off
   */
  pktb_push(len: number): void {
    this.#memory.push(len);
  }

  /**
   * Takes bytes off the front of the packet. The headers stay where they are.
   *
   * @param len bytes, at most those of the packet
   */
  pktb_pull(len: number): void {
    this.#memory.pull(len);
  }

  /**
   * Makes the packet longer at its end.
   *
   * @param len bytes, at most {@link PacketBuffer.pktb_tailroom}
   */
  pktb_put(len: number): void {
    this.#memory.put(len);
  }

  /**
   * Gives the packet a new length.
   *
   * @param len bytes, 0 to its length and {@link PacketBuffer.pktb_tailroom} together
   */
  pktb_trim(len: number): void {
    this.#memory.trim(len);
  }

  /**
   * How much room is behind the packet.
   *
   * @returns bytes by which it can still grow
   * @remarks C counts bytes that were pulled off too; they are no room.
   */
  pktb_tailroom(): number {
    const { library, pointer, headroom } = this.#memory;
    return library.pktb_tailroom(pointer) - headroom;
  }

  /**
   * Reads the packet from its Ethernet header on.
   *
   * @returns a copy; null unless it is an {@link AF_BRIDGE} buffer
   */
  pktb_mac_header(): Uint8Array<ArrayBuffer> | null {
    const { library, pointer, mac } = this.#memory;
    return this.#from(library.pktb_mac_header(pointer), mac);
  }

  /**
   * Reads the packet from its network header on.
   *
   * @returns a copy
   */
  pktb_network_header(): Uint8Array<ArrayBuffer> | null {
    const { library, pointer, network } = this.#memory;
    return this.#from(library.pktb_network_header(pointer), network);
  }

  /**
   * Reads the packet from its transport header on.
   *
   * @returns a copy; null until one is set
   */
  pktb_transport_header(): Uint8Array<ArrayBuffer> | null {
    const { library, pointer, transport } = this.#memory;
    return this.#from(library.pktb_transport_header(pointer), transport);
  }

  #from(header: Pointer | null, position: number | null): Uint8Array<ArrayBuffer> | null {
    return header === null || position === null ? null : this.#memory.copyFrom(position);
  }

  /**
   * Replaces bytes; no length field and no checksum follows.
   *
   * @param dataoff bytes from the network header to the part that `match_offset` counts from;
   * negative (−14) for the Ethernet header
   * @param match_offset bytes from there to the first that is replaced
   * @param match_len how many are replaced
   * @param rep_buffer what comes instead
   * @returns whether it was done: false when there is no room
   */
  pktb_mangle(
    dataoff: number,
    match_offset: number,
    match_len: number,
    rep_buffer: Uint8Array,
  ): boolean {
    checkInteger("dataoff", dataoff, { min: -0x80000000, max: 0x7fffffff });
    const given = replacement(match_offset, match_len, rep_buffer);
    // The same place, negative only where it must be: before 1.0.4 dataoff has no sign.
    const place = dataoff + match_offset;
    const change = { ...given, matchOffset: Math.max(place, 0) };
    const offset = Math.min(place, 0);
    const memory = this.#memory;
    const { library, pointer } = memory;
    return replace(
      memory,
      packetGrowth(memory, offset, change),
      () => library.pktb_mangle(pointer, offset, ...parameters(change)),
    );
  }

  /**
   * Whether a verdict must carry the packet.
   *
   * @returns true when a mangle function changed it; writing a header's field does not count
   */
  pktb_mangled(): boolean {
    const { library, pointer } = this.#memory;
    return library.pktb_mangled(pointer) !== 0;
  }

  /**
   * The IPv4 header, to read and write.
   *
   * @returns null unless the packet is IPv4 and at least as long as its `tot_len` says
   */
  nfq_ip_get_hdr(): IpHeader | null {
    const memory = this.#memory;
    const { library, pointer } = memory;
    if (ipv4TotalLength(memory) === null || library.nfq_ip_get_hdr(pointer) === null) return null;
    return new IpHeader(memory);
  }

  /**
   * Sets the transport header right behind the IPv4 header.
   *
   * @returns whether it is set: false when nothing is there
   */
  nfq_ip_set_transport_header(): boolean {
    const memory = this.#memory;
    const { library, pointer } = memory;
    const length = ipv4HeaderLength(memory);
    if (length === null || length === memory.networkLength) return false;
    const header = library.pktb_network_header(pointer);
    if (library.nfq_ip_set_transport_header(pointer, header) !== 0) return false;
    memory.transport = memory.network + length;
    return true;
  }

  /**
   * Computes the IPv4 header's checksum.
   *
   * @returns whether it was done: false when the header is not all there
   */
  nfq_ip_set_checksum(): boolean {
    const { library, pointer } = this.#memory;
    if (ipv4HeaderLength(this.#memory) === null) return false;
    library.nfq_ip_set_checksum(library.pktb_network_header(pointer));
    return true;
  }

  /**
   * {@link PacketBuffer.pktb_mangle} in an IPv4 packet; sets `tot_len` and the header checksum.
   *
   * @returns whether it was done: false when there is no room, and when the packet would no longer
   * have a whole header, or more than 65535 bytes
   */
  nfq_ip_mangle(
    dataoff: number,
    match_offset: number,
    match_len: number,
    rep_buffer: Uint8Array,
  ): boolean {
    checkInteger("dataoff", dataoff, { max: 0x7fffffff });
    const change = replacement(match_offset, match_len, rep_buffer);
    const memory = this.#memory;
    const { library, pointer } = memory;
    return replace(
      memory,
      ipGrowth(memory, dataoff, { ...change, version: 4 }),
      () => library.nfq_ip_mangle(pointer, dataoff, ...parameters(change)),
    );
  }

  /**
   * The IPv4 header as text.
   *
   * @returns `SRC=192.0.2.1 DST=… LEN=… TOS=… PREC=… TTL=… ID=… PROTO=… `; null without IPv4 header
   */
  nfq_ip_snprintf(): string | null {
    const { library, pointer } = this.#memory;
    if (!hasIp(this.#memory, 4)) return null;
    return print(library.nfq_ip_snprintf, library.pktb_network_header(pointer));
  }

  /**
   * The IPv6 header, to read and write.
   *
   * @returns null unless the packet is IPv6
   */
  nfq_ip6_get_hdr(): Ip6Header | null {
    const memory = this.#memory;
    const { library, pointer } = memory;
    if (!hasIp(memory, 6) || library.nfq_ip6_get_hdr(pointer) === null) return null;
    return new Ip6Header(memory);
  }

  /**
   * Sets the transport header to the header of a protocol, behind any extension headers.
   *
   * @param target its number, 0 to 255: 6 for TCP, 17 for UDP; 59 (IPPROTO_NONE) throws RangeError
   * @returns whether it is set: false, and none is set, when the packet has no such header or is a
   * later fragment
   * @remarks C, 1.0.5 still, finds wrong headers or searches for ever where there are extension
   * headers, so the search is made here.
   */
  nfq_ip6_set_transport_header(target: number): boolean {
    checkInteger("target", target, { max: 255 });
    if (target === IPPROTO_NONE) throw new RangeError("target 59 (IPPROTO_NONE) has no header");
    return setIpv6TransportHeader(this.#memory, target);
  }

  /**
   * {@link PacketBuffer.pktb_mangle} in an IPv6 packet; sets `ip6_plen`.
   *
   * @returns whether it was done: false when there is no room, and when the packet would no longer
   * have a whole header, or more than 65535 bytes behind it
   * @throws {MissingSymbolError} before libnetfilter_queue 1.0.4
   */
  nfq_ip6_mangle(
    dataoff: number,
    match_offset: number,
    match_len: number,
    rep_buffer: Uint8Array,
  ): boolean {
    checkInteger("dataoff", dataoff, { max: 0x7fffffff });
    const change = replacement(match_offset, match_len, rep_buffer);
    const memory = this.#memory;
    const { library, pointer } = memory;
    return replace(
      memory,
      ipGrowth(memory, dataoff, { ...change, version: 6 }),
      () => library.nfq_ip6_mangle(pointer, dataoff, ...parameters(change)),
    );
  }

  /**
   * The IPv6 header as text. (1.0.5 prints TC and FLOWLBL from swapped bytes.)
   *
   * @returns `SRC=2001:db8::1 DST=… LEN=… TC=… HOPLIMIT=… FLOWLBL=… `; null without IPv6 header
   */
  nfq_ip6_snprintf(): string | null {
    const { library, pointer } = this.#memory;
    if (!hasIp(this.#memory, 6)) return null;
    return print(library.nfq_ip6_snprintf, library.pktb_network_header(pointer));
  }
}
