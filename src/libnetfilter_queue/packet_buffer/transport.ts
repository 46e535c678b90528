/**
 * The TCP and UDP half of a packet buffer.
 *
 * @module
 */

import type { Pointer } from "../../../ffi/types.ts";
import { ipGrowth, ipv4TransportLength, ipv6TransportLength, type Replacement } from "./ip.ts";
import { parameters, print, replace, replacement } from "./calls.ts";
import { type PacketMemory, requireVersion104 } from "./memory.ts";
import {
  TCP_HEADER,
  tcpDataOffsetIpv4,
  tcpDataOffsetIpv6,
  tcpDataPosition,
  TcpHeader,
} from "./tcp.ts";
import {
  UDP_HEADER,
  udpDataOffsetIpv4,
  udpDataOffsetIpv6,
  udpDataPosition,
  UdpHeader,
} from "./udp.ts";

/**
 * What a {@link PacketBuffer} does with TCP and UDP. All but the IPv4 mangle functions need a
 * transport header: `nfq_ip_set_transport_header` or `nfq_ip6_set_transport_header` first. Which
 * protocol it is of is not checked, as in C.
 *
 * @throws {HandleClosedError} once it is freed
 */
export abstract class TransportBuffer {
  readonly #memory: PacketMemory;

  /** @internal */
  constructor(memory: PacketMemory) {
    this.#memory = memory;
  }

  /**
   * The TCP header, to read and write.
   *
   * @returns null when none is set or fewer than 20 bytes are there
   */
  nfq_tcp_get_hdr(): TcpHeader | null {
    const { transport } = this.#memory;
    if (this.#tcpHeader() === null || transport === null) return null;
    return new TcpHeader(this.#memory, transport);
  }

  /**
   * Reads what follows the TCP header and its options, up to the packet's end.
   *
   * @returns a copy; null when the header is not all there
   */
  nfq_tcp_get_payload(): Uint8Array<ArrayBuffer> | null {
    const memory = this.#memory;
    const { library, pointer } = memory;
    const header = this.#tcpHeader();
    const data = tcpDataPosition(memory, memory.transport);
    if (header === null || data === null) return null;
    const payload = library.nfq_tcp_get_payload(header, pointer);
    return payload === null ? null : memory.copyFrom(data);
  }

  /**
   * How much TCP data there is. (Before 1.0.4 the header counts too.)
   *
   * @returns bytes; null when the header is not all there
   */
  nfq_tcp_get_payload_len(): number | null {
    const { library, pointer, transport } = this.#memory;
    const header = this.#tcpHeader();
    if (header === null || tcpDataPosition(this.#memory, transport) === null) return null;
    return library.nfq_tcp_get_payload_len(header, pointer);
  }

  /**
   * Computes the TCP checksum.
   *
   * @returns whether it was done: false unless it is whole IPv4 with `tot_len` bytes
   */
  nfq_tcp_compute_checksum_ipv4(): boolean {
    const { library } = this.#memory;
    return this.#computeChecksum(
      { header: this.#tcpHeader(), length: ipv4TransportLength(this.#memory), least: TCP_HEADER },
      (header, network) => library.nfq_tcp_compute_checksum_ipv4(header, network),
    );
  }

  /**
   * Computes the TCP checksum.
   *
   * @returns whether it was done: false unless it is whole IPv6 with `ip6_plen` bytes
   * @throws {MissingSymbolError} before 1.0.4, whose checksum was never right
   */
  nfq_tcp_compute_checksum_ipv6(): boolean {
    const { library } = this.#memory;
    requireVersion104("nfq_tcp_compute_checksum_ipv6");
    return this.#computeChecksum(
      { header: this.#tcpHeader(), length: ipv6TransportLength(this.#memory), least: TCP_HEADER },
      (header, network) => library.nfq_tcp_compute_checksum_ipv6(header, network),
    );
  }

  /**
   * Replaces bytes of the TCP data of an IPv4 packet; sets `tot_len` and both checksums. Sequence
   * numbers are left to the caller.
   *
   * @param match_offset bytes from the first byte of data
   * @returns whether it was done: false when there is no room, no TCP header, or the packet would
   * have more than 65535 bytes
   */
  nfq_tcp_mangle_ipv4(match_offset: number, match_len: number, rep_buffer: Uint8Array): boolean {
    const { library, pointer } = this.#memory;
    const change = replacement(match_offset, match_len, rep_buffer);
    return this.#mangle(
      tcpDataOffsetIpv4(this.#memory),
      { ...change, version: 4 },
      () => library.nfq_tcp_mangle_ipv4(pointer, ...parameters(change)),
    );
  }

  /**
   * Replaces bytes of the TCP data of an IPv6 packet; sets `ip6_plen` and the TCP checksum.
   *
   * @param match_offset bytes from the first byte of data
   * @returns as `nfq_tcp_mangle_ipv4`; false also when no transport header is set
   * @throws {MissingSymbolError} before libnetfilter_queue 1.0.4
   */
  nfq_tcp_mangle_ipv6(match_offset: number, match_len: number, rep_buffer: Uint8Array): boolean {
    const { library, pointer } = this.#memory;
    const change = replacement(match_offset, match_len, rep_buffer);
    return this.#mangle(
      tcpDataOffsetIpv6(this.#memory),
      { ...change, version: 6 },
      () => library.nfq_tcp_mangle_ipv6(pointer, ...parameters(change)),
    );
  }

  /**
   * The TCP header as text.
   *
   * @returns `SPT=… DPT=… SEQ=… ACK=… WINDOW=… RES=… ` and the flags; null without TCP header
   */
  nfq_tcp_snprintf(): string | null {
    return print(this.#memory.library.nfq_tcp_snprintf, this.#tcpHeader());
  }

  /**
   * The UDP header, to read and write.
   *
   * @returns null when none is set or fewer than 8 bytes are there
   */
  nfq_udp_get_hdr(): UdpHeader | null {
    const { transport } = this.#memory;
    if (this.#udpHeader() === null || transport === null) return null;
    return new UdpHeader(this.#memory, transport);
  }

  /**
   * Reads what follows the UDP header, up to the packet's end.
   *
   * @returns a copy; null when the header is not all there, or its `len` is impossible
   */
  nfq_udp_get_payload(): Uint8Array<ArrayBuffer> | null {
    const memory = this.#memory;
    const { library, pointer } = memory;
    const header = this.#udpHeader();
    const data = udpDataPosition(memory);
    if (header === null || data === null) return null;
    const payload = library.nfq_udp_get_payload(header, pointer);
    return payload === null ? null : memory.copyFrom(data);
  }

  /**
   * How much UDP data there is. (Before 1.0.4 the header counts too.)
   *
   * @returns bytes; null when the header is not all there
   */
  nfq_udp_get_payload_len(): number | null {
    const { library, pointer } = this.#memory;
    const header = this.#udpHeader();
    return header === null ? null : library.nfq_udp_get_payload_len(header, pointer);
  }

  /**
   * Computes the UDP checksum. A result of 0 stays 0 (RFC 768 wants 0xffff: 0 means none). Before 1.0.4
   * it is wrong: computed as TCP's.
   *
   * @returns whether it was done: false unless it is whole IPv4 with `tot_len` bytes
   */
  nfq_udp_compute_checksum_ipv4(): boolean {
    const { library } = this.#memory;
    return this.#computeChecksum(
      { header: this.#udpHeader(), length: ipv4TransportLength(this.#memory), least: UDP_HEADER },
      (header, network) => library.nfq_udp_compute_checksum_ipv4(header, network),
    );
  }

  /**
   * Computes the UDP checksum. A result of 0 stays 0, which receivers refuse (RFC 8200 §8.1 wants
   * 0xffff).
   *
   * @returns whether it was done: false unless it is whole IPv6 with `ip6_plen` bytes
   * @throws {MissingSymbolError} before 1.0.4, whose checksum was never right
   */
  nfq_udp_compute_checksum_ipv6(): boolean {
    const { library } = this.#memory;
    requireVersion104("nfq_udp_compute_checksum_ipv6");
    return this.#computeChecksum(
      { header: this.#udpHeader(), length: ipv6TransportLength(this.#memory), least: UDP_HEADER },
      (header, network) => library.nfq_udp_compute_checksum_ipv6(header, network),
    );
  }

  /**
   * Replaces bytes of the UDP data of an IPv4 packet; sets both lengths and both checksums (as
   * `nfq_udp_compute_checksum_ipv4` computes it; before 1.0.4 not the UDP length).
   *
   * @param match_offset bytes from the first byte of data
   * @returns whether it was done: false when there is no room, no UDP header, or the packet would
   * have more than 65535 bytes
   */
  nfq_udp_mangle_ipv4(match_offset: number, match_len: number, rep_buffer: Uint8Array): boolean {
    const { library, pointer } = this.#memory;
    const change = replacement(match_offset, match_len, rep_buffer);
    return this.#mangle(
      udpDataOffsetIpv4(this.#memory),
      { ...change, version: 4 },
      () => library.nfq_udp_mangle_ipv4(pointer, ...parameters(change)),
    );
  }

  /**
   * Replaces bytes of the UDP data of an IPv6 packet; sets both lengths and the UDP checksum.
   *
   * @param match_offset bytes from the first byte of data
   * @returns as `nfq_udp_mangle_ipv4`; false also when no transport header is set
   * @throws {MissingSymbolError} before libnetfilter_queue 1.0.4
   */
  nfq_udp_mangle_ipv6(match_offset: number, match_len: number, rep_buffer: Uint8Array): boolean {
    const { library, pointer } = this.#memory;
    const change = replacement(match_offset, match_len, rep_buffer);
    return this.#mangle(
      udpDataOffsetIpv6(this.#memory),
      { ...change, version: 6 },
      () => library.nfq_udp_mangle_ipv6(pointer, ...parameters(change)),
    );
  }

  /**
   * The UDP header as text.
   *
   * @returns `SPT=… DPT=… `; null without UDP header
   */
  nfq_udp_snprintf(): string | null {
    return print(this.#memory.library.nfq_udp_snprintf, this.#udpHeader());
  }

  /** What computes a checksum, where the whole header and what it covers are there. */
  #computeChecksum(
    { header, length, least }: {
      readonly header: Pointer | null;
      readonly length: number | null;
      readonly least: number;
    },
    compute: (header: Pointer, network: Pointer | null) => void,
  ): boolean {
    if (header === null || length === null || length < least) return false;
    const { library, pointer } = this.#memory;
    compute(header, library.pktb_network_header(pointer));
    return true;
  }

  /** @param offset where the data begins, from the IP header; null where it does not */
  #mangle(
    offset: number | null,
    change: Replacement & { readonly version: 4 | 6 },
    call: () => number,
  ): boolean {
    if (offset === null) return false;
    return replace(this.#memory, ipGrowth(this.#memory, offset, change), call);
  }

  /** C compares without sign: a header behind the packet's end would pass. */
  #holds(size: number): boolean {
    const { transport, end } = this.#memory;
    return transport !== null && end - transport >= size;
  }

  #tcpHeader(): Pointer | null {
    const { library, pointer } = this.#memory;
    return this.#holds(TCP_HEADER) ? library.nfq_tcp_get_hdr(pointer) : null;
  }

  #udpHeader(): Pointer | null {
    const { library, pointer } = this.#memory;
    return this.#holds(UDP_HEADER) ? library.nfq_udp_get_hdr(pointer) : null;
  }
}
