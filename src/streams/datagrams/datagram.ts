/**
 * A whole packet, in however many fragments it came.
 *
 * @module
 */

import type { Ipv4View } from "../../packet/ip/ipv4.ts";
import type { Ipv6View } from "../../packet/ip/ipv6.ts";
import { type Layers, parseLayers } from "../../packet/layers.ts";
import type { Flow } from "../../packet/structure/flow.ts";
import type { IcmpView } from "../../packet/transport/icmp.ts";
import type { Icmpv6View } from "../../packet/transport/icmpv6.ts";
import type { TcpView } from "../../packet/transport/tcp.ts";
import type { UdpView } from "../../packet/transport/udp.ts";

/**
 * A whole packet. Assigning to a field of one of its views changes what goes on, where the callback gives another
 * verdict than Drop. It is good for as long as you like; after the callback a change has no effect.
 */
export class Datagram<Packet> {
  /** The first fragment, or the packet itself: for its hook, devices and mark. */
  readonly packet: Packet;
  /** In how many fragments it came; 1 for a packet that is none. */
  readonly fragments: number;
  readonly #read: () => Uint8Array;
  #layers: Layers | undefined;

  /** @ignore Datagrams come from {@linkcode Datagrams}. */
  constructor(packet: Packet, fragments: number, read: () => Uint8Array) {
    this.packet = packet;
    this.fragments = fragments;
    this.#read = read;
  }

  /** Its headers. */
  get layers(): Layers {
    return this.#layers ??= parseLayers(this.#read());
  }

  /** Its bytes as they are now, from the IP header on. */
  get bytes(): Uint8Array {
    return this.layers.bytes;
  }

  /** The IPv4 or IPv6 header. */
  get ip(): Ipv4View | Ipv6View | undefined {
    return this.layers.ip;
  }

  /** The IPv4 header. */
  get ipv4(): Ipv4View | undefined {
    return this.layers.ipv4;
  }

  /** The IPv6 header, without the Fragment header. */
  get ipv6(): Ipv6View | undefined {
    return this.layers.ipv6;
  }

  /** The UDP header. */
  get udp(): UdpView | undefined {
    return this.layers.udp;
  }

  /** The TCP header. */
  get tcp(): TcpView | undefined {
    return this.layers.tcp;
  }

  /** The ICMP header. */
  get icmp(): IcmpView | undefined {
    return this.layers.icmp;
  }

  /** The ICMPv6 header. */
  get icmpv6(): Icmpv6View | undefined {
    return this.layers.icmpv6;
  }

  /** Addresses, ports and protocol. */
  get flow(): Flow | undefined {
    return this.layers.flow;
  }

  /** The bytes, where a view has changed them. */
  get changed(): Uint8Array | undefined {
    return this.#layers?.packetBytes.touched === true ? this.#layers.bytes : undefined;
  }
}
