/**
 * The views of what an outline found: each is made when it is first asked for, and kept with it.
 *
 * @module
 */

import { Ipv4View } from "./ip/ipv4.ts";
import { Ipv6View } from "./ip/ipv6.ts";
import { ArpView } from "./link/arp.ts";
import type { Outline } from "./structure/outline.ts";
import { ETHERTYPE, IP_PROTOCOL } from "./structure/protocols.ts";
import { IcmpView } from "./transport/icmp.ts";
import { Icmpv6View } from "./transport/icmpv6.ts";
import { TcpView } from "./transport/tcp.ts";
import { UdpView } from "./transport/udp.ts";

// The casts are right: the outline forgets a view when what it is a view of goes.

/** The IP header, whichever version. */
export function ipOf(outline: Outline): Ipv4View | Ipv6View | undefined {
  const { version } = outline;
  if (version === 0) return undefined;
  return (outline.networkView ??= version === 4 ? new Ipv4View(outline) : new Ipv6View(outline)) as
    | Ipv4View
    | Ipv6View;
}

export function ipv4Of(outline: Outline): Ipv4View | undefined {
  if (outline.version !== 4) return undefined;
  return (outline.networkView ??= new Ipv4View(outline)) as Ipv4View;
}

export function ipv6Of(outline: Outline): Ipv6View | undefined {
  if (outline.version !== 6) return undefined;
  return (outline.networkView ??= new Ipv6View(outline)) as Ipv6View;
}

/** The ARP packet, when the ethertype says that it is one: RARP's (RFC 903) have the same form. */
export function arpOf(outline: Outline): ArpView | undefined {
  if (outline.protocol !== ETHERTYPE.ARP || !outline.readable) return undefined;
  return (outline.upperView ??= new ArpView(outline)) as ArpView;
}

export function tcpOf(outline: Outline): TcpView | undefined {
  if (outline.protocol !== IP_PROTOCOL.TCP || !outline.readable) return undefined;
  return (outline.upperView ??= new TcpView(outline)) as TcpView;
}

export function udpOf(outline: Outline): UdpView | undefined {
  if (outline.protocol !== IP_PROTOCOL.UDP || !outline.readable) return undefined;
  return (outline.upperView ??= new UdpView(outline)) as UdpView;
}

export function icmpOf(outline: Outline): IcmpView | undefined {
  if (outline.protocol !== IP_PROTOCOL.ICMP || !outline.readable) return undefined;
  return (outline.upperView ??= new IcmpView(outline)) as IcmpView;
}

export function icmpv6Of(outline: Outline): Icmpv6View | undefined {
  if (outline.protocol !== IP_PROTOCOL.ICMPV6 || !outline.readable) return undefined;
  return (outline.upperView ??= new Icmpv6View(outline)) as Icmpv6View;
}
