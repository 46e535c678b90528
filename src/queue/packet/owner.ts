/**
 * On what terms the bytes of a queued packet may be changed, and what its checksums are in the end.
 *
 * @module
 */

import { mtuOf } from "../../linux/devices.ts";
import { copyOf, isShared } from "../../base/bytes.ts";
import {
  finishIpHeader,
  finishOutlined,
  finishPacket,
  isChecksumStart,
  startChecksum,
  startOutlined,
} from "../../packet/structure/finish.ts";
import { outlineOf } from "../../packet/layers.ts";
import type { PacketBytes as Frame } from "../../packet/structure/packet_bytes.ts";
import type { BytesOwner as FrameOwner, EditTerms } from "../../packet/structure/owner.ts";
import { align4 } from "../../netlink/message.ts";
import { MAX_COPY_RANGE, NFQA, NFQA_SKB } from "../../netlink/queue/numbers.ts";
import { attributeLength } from "../../netlink/queue/packet_index.ts";
import { ETHERTYPE, IP_PROTOCOL } from "../../packet/structure/protocols.ts";
import { checkBytes } from "../../base/checks.ts";
import { TruncatedPacketError, UnfinishedChecksumError } from "../terms/errors.ts";
import { attributeOffset, liveStore, skbInfoOf, slotOf } from "./metadata.ts";
import { frameOf, isCopy, isReplaced, type Packet, parsedOf } from "./packet.ts";

const UDP_HEADER_SIZE = 8;

/** IP version and shortest header by ethertype. */
const REPLACEMENT: Readonly<Record<number, readonly [version: number, least: number]>> = {
  [ETHERTYPE.IPV4]: [4, 20],
  [ETHERTYPE.IPV6]: [6, 40],
};

function cutError(packet: Packet): TruncatedPacketError {
  const { length, gso } = packet;
  return new TruncatedPacketError({ length, captured: frameOf(packet).length, gso });
}

function terms(packet: Packet): EditTerms {
  const { ip } = packet;
  // What replaces the packet is the program's own: it is read, and never written.
  const readOnly = isReplaced(packet);
  if (!readOnly) {
    if (packet.truncated) throw cutError(packet);
    checkFinishable(packet);
  }
  return {
    maxLength: MAX_COPY_RANGE,
    // The kernel drops what ends before the headers did that it knows.
    minLength: readOnly || isCopy(packet) ? 0 : ip?.headerLength ?? 0,
    // The checksums of the program's own bytes are right: they can be brought along.
    partialChecksum: !readOnly && isUnfinished(packet),
    readOnly,
    roomBehind: readOnly ? 0 : freeBehind(packet),
  };
}

/**
 * The same memory as a plain Uint8Array whose length stays.
 *
 * @throws what `replacePayload` throws for bytes that cannot go on in the packet's place.
 */
export function checkReplacement(packet: Packet, given: Uint8Array): Uint8Array {
  const bytes = checkBytes("payload", given, MAX_COPY_RANGE);
  const { length } = bytes;
  if (packet.truncated) throw cutError(packet);
  const [version, least] = REPLACEMENT[packet.protocol] ?? [undefined, 1];
  if (length >= least && (version === undefined || bytes[0]! >> 4 === version)) return bytes;
  throw new RangeError(
    version === undefined
      ? "payload must hold at least one byte"
      : `payload must hold a whole IPv${version} packet from its header on, got ${length} bytes ` +
        "that are none; to replace its data assign to tcp.payload or udp.payload",
  );
}

/** What the message left free of its slot; none where anything follows the packet in the message. */
function freeBehind(packet: Packet): number {
  const { view, slotSize } = liveStore(packet);
  const start = slotOf(packet) * slotSize;
  const payload = attributeOffset(packet, NFQA.PAYLOAD);
  if (payload === 0) return 0;
  const end = payload + attributeLength(view, payload);
  const messageEnd = start + view.getUint32(start, true);
  return align4(end) < messageEnd ? 0 : start + slotSize - end;
}

/** What comes back to the kernel is taken as finished, except for what it cuts on the way out. */
function checkFinishable(packet: Packet): void {
  if (!isUnfinished(packet)) return;
  const { ip, tcp, udp } = packet;
  if (tcp !== undefined) return;
  const segments = isSegmentedUdp(packet);
  // Another sum in its place is a tunnel's: what is not computed yet is inside.
  if (udp !== undefined && isChecksumStart(outlineOf(parsedOf(packet)))) {
    if (!segments || isCut(packet) || isCopy(packet)) return;
  }
  throw new UnfinishedChecksumError(ip?.protocol ?? -1);
}

/** Whether its transport checksum is not computed yet. */
function isUnfinished(packet: Packet): boolean {
  const info = skbInfoOf(packet);
  if ((info & NFQA_SKB.CSUMNOTREADY) !== 0) return true;
  return (info & NFQA_SKB.GSO) !== 0 && isSegmentedUdp(packet);
}

/**
 * Several UDP datagrams in one packet (UDP_SEGMENT, UDP_GRO). Its checksum is the pseudo-header's
 * sum, from which the kernel goes on when it cuts the packet: a finished one spoils all of them.
 */
function isSegmentedUdp(packet: Packet): boolean {
  return packet.gso && packet.udp !== undefined;
}

/** Whether it is on its way out. Before, the kernel may also hand it whole to a socket. */
function isCut({ hook }: Packet): boolean {
  return hook !== "prerouting" && hook !== "input";
}

/**
 * An edited packet as it goes back, its checksum as the kernel wants it where it had left it to the
 * hardware.
 *
 * @throws {UnfinishedChecksumError} when that cannot be done: an edit made it a fragment, or its
 * lengths wrong, or its route is not understood.
 */
export function finishEdited(packet: Packet, frame: Frame): Frame {
  if (!isUnfinished(packet)) return frame;
  const cut = isSegmentedUdp(packet) && isCut(packet);
  if (!cut && !packet.checksumNotReady) return frame;
  // The views keep it as the packet is now.
  if ((cut ? startOutlined : finishOutlined)(outlineOf(parsedOf(packet)))) return frame;
  const protocol = packet.ip?.protocol;
  const needed = protocol === IP_PROTOCOL.TCP || protocol === IP_PROTOCOL.UDP;
  if (needed && !isReplaced(packet)) throw new UnfinishedChecksumError(protocol);
  finishIpHeader(frame.subarray());
  return frame;
}

/**
 * The same with what the program put in its place, as far as it can be done.
 *
 * @throws what {@link checkReplacement} throws: the bytes may have been written to, and their buffer
 * resized or transferred, since they were given.
 */
export function finishReplacement(packet: Packet, given: Uint8Array): Uint8Array {
  // What is checked must be what is sent, whatever another thread writes meanwhile.
  const bytes = checkReplacement(packet, isShared(given) ? copyOf(given) : given);
  const cut = isSegmentedUdp(packet) && isCut(packet);
  if (!cut && !packet.checksumNotReady) return bytes;
  // These bytes are the program's.
  const written = copyOf(bytes);
  if (!(cut ? startChecksum : finishPacket)(written)) finishIpHeader(written);
  return written;
}

/**
 * Refuses what would be lost: after FORWARD the kernel answers a packet beyond the MTU with an ICMP
 * error and drops it, if it may not be split; after OUTPUT that hangs on the socket. A bridge drops it
 * in silence.
 */
function checkLength(packet: Packet, length: number, at: number): void {
  // A copy goes nowhere.
  if (isCopy(packet)) return;
  const { gso, ipv4 } = packet;
  const bridged = packet.family === "bridge";
  // Without DF the kernel makes fragments.
  const splits = !bridged && ipv4?.dontFragment === false;
  if (!gso && (splits || length <= packet.length)) return;
  const device = (bridged ? packet.physicalOutDevice : undefined) ?? packet.outDevice;
  const mtu = device && mtuOf(device);
  if (gso) return checkSegments(packet, { length, at, mtu: mtu ?? 0 });
  if (device === undefined || mtu === undefined || length <= mtu) return;
  throw new RangeError(
    `the packet would have ${length} bytes, and ${device.name} takes ${mtu} (its MTU): ` +
      (bridged
        ? "a bridge splits nothing"
        : ipv4 === undefined
        ? "IPv6 packets are not split on their way"
        : "clear ipv4.dontFragment first to have it split"),
  );
}

/**
 * The kernel cuts such a packet into segments as long as those that it was made of, wherever it goes:
 * an MTU of 0 stands for one that is not known.
 */
function checkSegments(
  packet: Packet,
  { length, at, mtu }: { length: number; at: number; mtu: number },
): void {
  const { ip, ipv4, tcp } = packet;
  const grows = length > packet.length;
  const upper = ip?.headerLength ?? 0;
  const inHeaders = at < upper + (tcp?.headerLength ?? UDP_HEADER_SIZE);
  // The kernel knows where the upper header is, and TCP's segments are as long as the MTU allows.
  const fixed = tcp === undefined || at <= upper || (grows && ipv4?.dontFragment !== false);
  const why = inHeaders && fixed
    ? "the headers of its segments may get no other length"
    : !grows && length <= mtu
    ? "the kernel drops it if that is no more than one segment"
    : undefined;
  if (why === undefined) return;
  throw new RangeError(
    `the packet of several segments would have ${length} bytes, and ${why}: ` +
      "open the queue with gso: false, then it comes in segments",
  );
}

/**
 * Refuses another IPv4 header, or another length of the hop-by-hop options, where the kernel goes by
 * what it has read: on INPUT it looks for the next header where that was, after FORWARD it writes
 * into the options (record route, timestamp) where they were.
 */
function checkHeaders(packet: Packet, had: boolean): void {
  const { hook, family, ipv4 } = packet;
  if (isCopy(packet) || family === "bridge") return;
  if (hook !== "input" && (hook !== "forward" || !had || ipv4 === undefined)) return;
  throw new RangeError(
    `at the hook ${hook} the kernel has read ${
      ipv4 === undefined ? "the hop-by-hop options" : "the IPv4 options"
    } already: their length and place must stay as they are`,
  );
}

/** Owns the frames of all packets: over the receive memory, a copy's own, or what replaces one. */
export const PACKET_OWNER: FrameOwner<Packet> = { terms, checkLength, checkHeaders };
