// Finds the headers of one packet. One pass over the bytes notes where each layer begins; a view is
// made only when it is asked for.
import type { ArpView } from "./link/arp.ts";
import type { WireProblem } from "../base/errors.ts";
import type { Flow } from "./structure/flow.ts";
import { flowOf } from "./structure/flow_of_packet.ts";
import { PacketBytes } from "./structure/packet_bytes.ts";
import { headersJson } from "./headers.ts";
import { formatHex } from "../base/hex.ts";
import type { IcmpView } from "./transport/icmp.ts";
import type { Icmpv6View } from "./transport/icmpv6.ts";
import type { Ipv4View } from "./ip/ipv4.ts";
import type { Ipv6View } from "./ip/ipv6.ts";
import { INSPECT, type JsonObject, jsonValue, shown } from "../base/json_value.ts";
import { guardNames } from "../base/name_guard.ts";
import { checkObject } from "../base/objects.ts";
import { Outline } from "./structure/outline.ts";
import { ETHERTYPE } from "./structure/protocols.ts";
import { checkU16 } from "../base/checks.ts";
import type { TcpView } from "./transport/tcp.ts";
import type { UdpView } from "./transport/udp.ts";
import { arpOf, icmpOf, icmpv6Of, ipOf, ipv4Of, ipv6Of, tcpOf, udpOf } from "./views.ts";

const OUTLINE: unique symbol = Symbol("outline");

/** What one pass over the packet found, to finish its checksums. */
export function outlineOf(layers: Layers): Outline {
  return layers[OUTLINE]();
}

/**
 * The headers of one packet.
 *
 * A layer that is not there, is cut off or makes no sense is `undefined`; {@link malformed} says why
 * in the two latter cases. Fragments other than the first have no transport layer, and neither has
 * what ESP hides. The result of a getter stays the same object until an edit makes the packet one of
 * another protocol; it reads the bytes as they are at that moment, and throws PacketReleasedError
 * once they were released.
 */
export class Layers {
  readonly #outline: Outline;

  /**
   * Finds the headers; their fields are read when they are asked for.
   *
   * @param bytes the packet, and what stands before it.
   * @param ethertype what the packet is; 0 looks at the version in the first byte.
   * @param networkOffset where in the bytes the network header begins.
   * @throws {PacketReleasedError} when the bytes were released.
   */
  constructor(
    bytes: PacketBytes,
    ethertype: number = ETHERTYPE.ANY,
    networkOffset: number = 0,
  ) {
    this.#outline = new Outline(bytes, ethertype, networkOffset);
  }

  /**
   * The packet as it is now, and what stands before it: borrowed where the memory is yours, else a
   * copy.
   *
   * @throws {PacketReleasedError} after the release
   */
  get bytes(): Uint8Array {
    return this.#outline.packet.bytes();
  }

  /** The memory that the views read and write. */
  get packetBytes(): PacketBytes {
    return this.#outline.packet;
  }

  /** Where in the bytes the network header begins. */
  get networkOffset(): number {
    return this.#outline.networkOffset;
  }

  /** The ethertype that was given. */
  get ethertype(): number {
    return this.#outline.ethertype;
  }

  /** The IP header, whichever version. */
  get ip(): Ipv4View | Ipv6View | undefined {
    return ipOf(this.#outline);
  }

  /** The header of an IPv4 packet. */
  get ipv4(): Ipv4View | undefined {
    return ipv4Of(this.#outline);
  }

  /** The header of an IPv6 packet, with its extension headers. */
  get ipv6(): Ipv6View | undefined {
    return ipv6Of(this.#outline);
  }

  /** The ARP packet, when the ethertype says that it is one: RARP's (RFC 903) have the same form. */
  get arp(): ArpView | undefined {
    return arpOf(this.#outline);
  }

  /** The TCP header. Absent in later fragments, and where it was not captured whole. */
  get tcp(): TcpView | undefined {
    return tcpOf(this.#outline);
  }

  /** The UDP header. Absent in later fragments, and where it was not captured whole. */
  get udp(): UdpView | undefined {
    return udpOf(this.#outline);
  }

  /** The ICMP header. Absent in later fragments, and where it was not captured whole. */
  get icmp(): IcmpView | undefined {
    return icmpOf(this.#outline);
  }

  /** The ICMPv6 header. Absent in later fragments, and where it was not captured whole. */
  get icmpv6(): Icmpv6View | undefined {
    return icmpv6Of(this.#outline);
  }

  /** Addresses, ports and protocol as values of their own; absent when there is no IP header. */
  get flow(): Flow | undefined {
    return flowOf(this.#outline);
  }

  /**
   * Why the next layer could not be read: its header was not captured whole, or its lengths are
   * impossible; or that UDP's length is more than IP's, which keeps nobody from reading it.
   * `undefined` when nothing is wrong. `describeProblem` makes it a sentence.
   */
  get malformed(): WireProblem | undefined {
    return this.#outline.problem;
  }

  /** Every header under its name here, and the bytes (hex) behind the innermost one as `payload`. */
  toJSON(): JsonObject {
    const { malformed } = this;
    return {
      ...headersJson(this),
      payload: formatHex(innermostPayload(this)),
      ...(malformed && { malformed: jsonValue(malformed) }),
    };
  }

  /** @ignore For console.log. */
  [INSPECT](): unknown {
    return shown(this);
  }

  /** @ignore For `outlineOf`. */
  [OUTLINE](): Outline {
    return this.#outline;
  }

  /** Looks at the bytes again, after they were changed otherwise than through the views. */
  refresh(): void {
    this.#outline.refresh();
  }
}

guardNames(Layers, "layers");

/** What follows the innermost header that could be read; of a packet without any, all of it. */
export function innermostPayload(layers: Layers): Uint8Array {
  const { arp, ip, tcp, udp, icmp, icmpv6 } = layers;
  // What is behind an ARP packet's addresses is padding.
  if (arp !== undefined) return new Uint8Array(0);
  const view = tcp ?? udp ?? icmp ?? icmpv6 ?? ip;
  return view === undefined ? layers.packetBytes.subarray(layers.networkOffset) : view.payload;
}

/** Options of {@link parseLayers}. */
export interface ParseLayersOptions {
  /** Ethertype: 0x0800, 0x86dd, 0x0806, 0x8035. Default 0: look at the version in the first byte. */
  readonly protocol?: number;
}

/**
 * The headers of a packet that begins at the network header. The result borrows `bytes`, and an
 * assignment to a field changes them. A packet that outgrows them moves into memory of its own:
 * `layers.bytes` is always the packet as it is.
 *
 * @throws {TypeError | RangeError} when `bytes` is no Uint8Array, or `protocol` no ethertype.
 * @example
 * parseLayers(bytes).tcp?.destinationPort
 */
export function parseLayers(bytes: Uint8Array, options: ParseLayersOptions = {}): Layers {
  checkObject("options", options);
  const { protocol = ETHERTYPE.ANY } = options;
  checkU16("protocol", protocol);
  return new Layers(new PacketBytes(bytes), protocol);
}
