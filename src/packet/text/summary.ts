// One line about a packet, in the words of tcpdump.
import { ARP_OPERATION, type ArpView } from "../link/arp.ts";
import type { EthernetLayers } from "../ethernet_layers.ts";
import { formatHex, hexNumber } from "../../base/hex.ts";
import type { Ipv4View } from "../ip/ipv4.ts";
import { IPV6_EXTENSION } from "../structure/extension_headers.ts";
import { IPV6_HEADER_SIZE } from "../structure/ip_layouts.ts";
import type { Ipv6Extension } from "../structure/ipv6_extensions.ts";
import { OTHER_PROTOCOL } from "../structure/protocols.ts";
import { UDP_HEADER_SIZE } from "../structure/upper_layouts.ts";
import type { Ipv6View } from "../ip/ipv6.ts";
import { Layers } from "../layers.ts";
import { checkObject } from "../../base/objects.ts";
import { protocolName } from "../structure/protocol_names.ts";
import { describeDccp } from "./summary_dccp.ts";
import { describeIcmp, describeIcmpv6 } from "./summary_icmp.ts";
import { describeSctp } from "./summary_sctp.ts";
import { describeTcp } from "./summary_tcp.ts";

/** Extension headers that are named before the rest is only counted. */
const MOST_EXTENSIONS = 8;
const { DCCP, NO_NEXT_HEADER, SCTP } = OTHER_PROTOCOL;

/** Protocols without a view whose messages are told. */
const DESCRIBE: Readonly<Record<number, (bytes: Uint8Array) => string>> = {
  [DCCP]: describeDccp,
  [SCTP]: describeSctp,
};

/** Options of {@link summary}. */
export interface SummaryOptions {
  /**
   * Bytes of the packet on the wire from its network header on, when it was not captured whole.
   * Default: what was captured; of a packet that says it has more, the line tells that bytes are missing.
   */
  readonly length?: number;
}

/**
 * One line about a packet, in the words of tcpdump: `IP 10.0.0.1.4000 > 10.0.0.2.80: Flags [S], …`.
 * Sequence numbers are absolute, as with its option `-S`; a fragment ends in `(frag ID:BYTES@OFFSET)`, with a `+` when more
 * follow; a layer that is cut or malformed is said in brackets. Of an Ethernet frame the addresses
 * and VLAN tags come first.
 *
 * @throws {PacketReleasedError} when the bytes were released.
 */
export function summary(packet: Layers | EthernetLayers, options: SummaryOptions = {}): string {
  checkObject("packet", packet);
  checkObject("options", options);
  if (packet instanceof Layers) return line(packet, options.length);
  const { ethernet, vlans, layers } = packet;
  if (ethernet === undefined) return `ethernet, length ${packet.bytes.length}${flaw(packet)}`;
  const parts = [`${ethernet.source} > ${ethernet.destination}`, ...vlans.map(vlanText)];
  parts.push(layers === undefined ? flaw(packet).trimStart() : line(layers, options.length));
  return parts.join(", ");
}

/** `vlan 5, p 3, DEI`. */
export function vlanText(
  tag: { readonly id: number; readonly priority: number; readonly dropEligible: boolean },
): string {
  return `vlan ${tag.id}, p ${tag.priority}${tag.dropEligible ? ", DEI" : ""}`;
}

function line(layers: Layers, length: number | undefined): string {
  const wire = length ?? layers.bytes.length - layers.networkOffset;
  const { ip, arp } = layers;
  if (arp !== undefined) return `ARP, ${describeArp(arp)}, length ${wire}${flaw(layers)}`;
  if (ip === undefined) {
    const what = layers.ethertype === 0
      ? "unknown protocol"
      : `ethertype ${hexNumber(layers.ethertype, 4)}`;
    return `${what}, length ${wire}${flaw(layers)}`;
  }
  const ports = portsOf(layers, ip);
  const from = `${ip.source}${ports === undefined ? "" : `.${ports.sourcePort}`}`;
  const to = `${ip.destination}${ports === undefined ? "" : `.${ports.destinationPort}`}`;
  const size = upperLength(ip, wire);
  const name = ip.version === 4 ? "IP" : `IP6`;
  const missing = missingText(ip, wire);
  const before = ip.version === 4 ? "" : extensionTexts(ip);
  const what = describeUpper(layers, ip, size);
  return `${name} ${missing}${from} > ${to}: ${before}${what}${fragmentText(ip, size)}` +
    (isBadLength(layers) ? "" : flaw(layers));
}

/** The ports, of SCTP and DCCP too; undefined where there are none, or they were not captured. */
function portsOf(layers: Layers, ip: Ipv4View | Ipv6View) {
  const { tcp, udp, flow } = layers;
  const has = ip.protocol === SCTP || ip.protocol === DCCP;
  return tcp ?? udp ?? (has && !isLaterFragment(ip) && ip.payload.length >= 4 ? flow : undefined);
}

function isLaterFragment(ip: Ipv4View | Ipv6View): boolean {
  return (ip.version === 4 ? ip.fragmentOffset : ip.fragment?.offset ?? 0) > 0;
}

/** That the wire had less than the IP header says. */
function missingText(ip: Ipv4View | Ipv6View, wire: number): string {
  if (ip.version === 4) {
    const missing = ip.totalLength - wire;
    return missing > 0 ? `truncated-ip - ${missing} bytes missing! ` : "";
  }
  const missing = ip.payloadLength + IPV6_HEADER_SIZE - wire;
  return missing > 0 ? `truncated-ip6 - ${missing} bytes missing!` : "";
}

/** UDP's length is more than IP's: its own words say so. */
function isBadLength({ udp, malformed }: Layers): boolean {
  return udp !== undefined && malformed !== undefined;
}

/** Bytes after the IP headers: what the header says, and the wire's when it says 0. */
function upperLength(ip: Ipv4View | Ipv6View, wire: number): number {
  const total = ip.version === 4
    ? ip.totalLength || wire
    : (ip.payloadLength === 0 && ip.nextHeader !== NO_NEXT_HEADER
      ? wire
      : IPV6_HEADER_SIZE + ip.payloadLength);
  return Math.max(0, total - ip.headerLength);
}

function describeUpper(layers: Layers, ip: Ipv4View | Ipv6View, length: number): string {
  const { tcp, udp, icmp, icmpv6 } = layers;
  if (tcp !== undefined) return describeTcp(tcp, Math.max(0, length - tcp.headerLength));
  if (udp !== undefined) {
    const [said, most] = [udp.length || length, length].map((size) =>
      Math.max(0, size - UDP_HEADER_SIZE)
    );
    return isBadLength(layers) ? `UDP, bad length ${said} > ${most}` : `UDP, length ${said}`;
  }
  if (icmp !== undefined) return `ICMP ${describeIcmp(icmp)}, length ${length}`;
  if (icmpv6 !== undefined) return `ICMP6, ${describeIcmpv6(icmpv6)}, length ${length}`;
  const describe = DESCRIBE[ip.protocol];
  if (describe !== undefined && portsOf(layers, ip) !== undefined) return describe(ip.payload);
  return `${protocolName(ip.protocol)}, length ${length}`;
}

/** What IPv6 extension headers say, the Fragment header apart. */
function extensionTexts(ip: Ipv6View): string {
  const others = ip.extensions.filter(({ protocol }) => protocol !== IPV6_EXTENSION.FRAGMENT);
  const texts = others.slice(0, MOST_EXTENSIONS).map(extensionText);
  if (others.length > MOST_EXTENSIONS) texts.push(`(${others.length - MOST_EXTENSIONS} more)`);
  return texts.map((text) => `${text} `).join("");
}

function extensionText({ protocol, data }: Ipv6Extension): string {
  const name = protocolName(protocol);
  if (protocol === IPV6_EXTENSION.ROUTING) return `${name} (type=${data[0]}, segleft=${data[1]})`;
  if (protocol !== IPV6_EXTENSION.AUTHENTICATION || data.length < 10) return name;
  const spi = formatHex(data.subarray(2, 6));
  const sequence = parseInt(formatHex(data.subarray(6, 10)), 16);
  return `${name}(spi=0x${spi},seq=0x${sequence.toString(16)})`;
}

function fragmentText(ip: Ipv4View | Ipv6View, length: number): string {
  if (ip.version === 6) {
    const { fragment } = ip;
    if (fragment === undefined) return "";
    const { identification, offset, moreFragments } = fragment;
    return ` (frag ${identification}:${length}@${offset}${moreFragments ? "+" : ""})`;
  }
  const { identification, fragmentOffset, moreFragments } = ip;
  if (fragmentOffset === 0 && !moreFragments) return "";
  return ` (frag ${identification}:${length}@${fragmentOffset}${moreFragments ? "+" : ""})`;
}

function describeArp(arp: ArpView): string {
  const { operation, senderProtocolAddress: sender, targetProtocolAddress: target } = arp;
  switch (operation) {
    case ARP_OPERATION.REQUEST:
      return `Request who-has ${target}${knownText(arp)} tell ${sender}`;
    case ARP_OPERATION.REPLY:
      return `Reply ${sender} is-at ${arp.senderHardwareAddress}`;
    case ARP_OPERATION.REVERSE_REQUEST:
      return `Reverse Request who-is ${arp.targetHardwareAddress} tell ${arp.senderHardwareAddress}`;
    case ARP_OPERATION.REVERSE_REPLY:
      return `Reverse Reply ${arp.targetHardwareAddress} at ${target}`;
    default:
      return `operation ${operation}, ${sender} to ${target}`;
  }
}

/** The hardware address that a request asks for, where its sender has known one. */
function knownText({ targetHardwareBytes, targetHardwareAddress }: ArpView): string {
  return targetHardwareBytes.some((byte) => byte !== 0) ? ` (${targetHardwareAddress})` : "";
}

function flaw({ malformed }: Layers | EthernetLayers): string {
  if (malformed === undefined) return "";
  const { layer, need, have, reason } = malformed;
  return ` [${layer}${
    reason === undefined ? ` needs ${need} bytes, have ${have}` : `: ${reason}`
  }]`;
}
