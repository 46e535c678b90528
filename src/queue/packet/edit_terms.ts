/**
 * On what terms the bytes of a packet may be changed, and what its checksums are in the end.
 *
 * @module
 */

import { type Device, deviceOf, mtuOf } from "../../linux/devices.ts";
import { copyOf, isShared } from "../../base/bytes.ts";
import { checkBytes } from "../../base/checks.ts";
import { align4 } from "../../netlink/message.ts";
import { MAX_COPY_RANGE, NFQA, NFQA_SKB } from "../../netlink/queue/numbers.ts";
import type { PacketMessage } from "../../nfqueue/packet_message.ts";
import {
  finishIpHeader,
  finishOutlined,
  finishPacket,
  isChecksumStart,
  startChecksum,
  startOutlined,
} from "../../packet/structure/finish.ts";
import type { Outline } from "../../packet/structure/outline.ts";
import type { BytesOwner, EditTerms } from "../../packet/structure/owner.ts";
import { ETHERTYPE, IP_PROTOCOL } from "../../packet/structure/protocols.ts";
import { tcpOf } from "../../packet/views.ts";
import { TruncatedPacketError, UnfinishedChecksumError } from "./errors.ts";
import { FAMILIES } from "./families.ts";
import { MESSAGE, OUTLINE } from "./friends.ts";
import { hookName } from "./hooks.ts";

/** The packet whose bytes are edited. */
export interface EditedPacket {
  readonly [MESSAGE]: PacketMessage;
  readonly [OUTLINE]: Outline;
}

const UDP_HEADER_SIZE = 8;
/** Where the IPv4 header has its flags, and DF's bit there. */
const IPV4_FLAGS = 6;
const DONT_FRAGMENT = 0x40;
/** NF_INET_* of linux/netfilter.h. */
const HOOK = { PREROUTING: 0, INPUT: 1, FORWARD: 2 } as const;

/** IP version and shortest header by ethertype. */
const REPLACEMENT: Readonly<Record<number, readonly [version: number, least: number]>> = {
  [ETHERTYPE.IPV4]: [4, 20],
  [ETHERTYPE.IPV6]: [6, 40],
};

/** Terms of the bytes that the queue received. */
function receivedTerms(packet: EditedPacket): EditTerms {
  const { [MESSAGE]: message, [OUTLINE]: outline } = packet;
  const partialChecksum = checkEditable(message, outline);
  // A finished checksum spoils the segments, and a socket may get them whole.
  if (partialChecksum && isSegmentedUdp(message, outline) && !isCut(message)) refuse(outline);
  return {
    maxLength: MAX_COPY_RANGE,
    // The kernel drops what ends before the headers did that it knows.
    minLength: headersLength(outline),
    partialChecksum,
    readOnly: false,
    roomBehind: freeBehind(message),
  };
}

/** Terms of a copy, which goes nowhere. */
function copyTerms(packet: EditedPacket): EditTerms {
  const { [MESSAGE]: message, [OUTLINE]: outline } = packet;
  return {
    maxLength: MAX_COPY_RANGE,
    minLength: 0,
    partialChecksum: checkEditable(message, outline),
    readOnly: false,
    roomBehind: freeBehind(message),
  };
}

/** Terms of the program's own bytes: they are read, and never written, and their checksums are right. */
const REPLACEMENT_TERMS: EditTerms = {
  maxLength: MAX_COPY_RANGE,
  minLength: 0,
  partialChecksum: false,
  readOnly: true,
  roomBehind: 0,
};

const nothing = (): void => {};

/** Owns the bytes that a queue received. */
export const RECEIVED: BytesOwner<EditedPacket> = {
  terms: receivedTerms,
  checkLength,
  checkHeaders,
};
/** Owns what replaces them. */
export const REPLACED: BytesOwner<EditedPacket> = {
  terms: () => REPLACEMENT_TERMS,
  checkLength,
  checkHeaders,
};
/** Owns the bytes of a copy. */
export const COPY: BytesOwner<EditedPacket> = {
  terms: copyTerms,
  checkLength: nothing,
  checkHeaders: nothing,
};
/** Owns what replaces those. */
export const REPLACED_COPY: BytesOwner<EditedPacket> = { ...COPY, terms: REPLACED.terms };

/**
 * Whether the checksum is left to us, which is computed in the end.
 *
 * @throws {TruncatedPacketError} when only a part of the packet is here
 * @throws {UnfinishedChecksumError} when it cannot be computed: what comes back to the kernel is taken
 * as finished, except for what it cuts on the way out
 */
function checkEditable(message: PacketMessage, outline: Outline): boolean {
  if (message.truncated) throw cutError(message);
  if (!isUnfinished(message, outline)) return false;
  const { protocol, readable } = outline;
  if (readable && protocol === IP_PROTOCOL.TCP) return true;
  // Another sum in its place is a tunnel's: what is not computed yet is inside.
  if (readable && protocol === IP_PROTOCOL.UDP && isChecksumStart(outline)) return true;
  refuse(outline);
}

function refuse({ version, protocol }: Outline): never {
  throw new UnfinishedChecksumError(version === 0 ? -1 : protocol);
}

/** The error about a packet of which only a part is here. */
export function cutError(message: PacketMessage): TruncatedPacketError {
  const captured = message.length(NFQA.PAYLOAD);
  const length = message.u32(NFQA.CAP_LEN) ?? captured;
  return new TruncatedPacketError({ length, captured, gso: isGso(message) });
}

/** Bytes of the IP headers as they came. */
function headersLength({ packet, version, networkOffset, upperOffset }: Outline): number {
  if (version === 4) return (packet.u8(networkOffset) & 15) * 4;
  return version === 0 ? 0 : upperOffset - networkOffset;
}

/** What the message left free of its slot; none where anything follows the packet in the message. */
function freeBehind(message: PacketMessage): number {
  const payload = message.offset(NFQA.PAYLOAD);
  if (payload === 0) return 0;
  const end = payload + message.length(NFQA.PAYLOAD);
  return align4(end) < message.end ? 0 : message.slotEnd - end;
}

function isGso({ skbInfo }: PacketMessage): boolean {
  return (skbInfo & NFQA_SKB.GSO) !== 0;
}

/** Whether its transport checksum is not computed yet. */
function isUnfinished(message: PacketMessage, outline: Outline): boolean {
  return (message.skbInfo & NFQA_SKB.CSUMNOTREADY) !== 0 || isSegmentedUdp(message, outline);
}

/**
 * Several UDP datagrams in one packet (UDP_SEGMENT, UDP_GRO). Its checksum is the pseudo-header's
 * sum, from which the kernel goes on when it cuts the packet: a finished one spoils all of them.
 */
function isSegmentedUdp(message: PacketMessage, { protocol, readable }: Outline): boolean {
  return isGso(message) && readable && protocol === IP_PROTOCOL.UDP;
}

/** Whether it is on its way out. Before, the kernel may also hand it whole to a socket. */
function isCut({ hook }: PacketMessage): boolean {
  return hook !== HOOK.PREROUTING && hook !== HOOK.INPUT;
}

/**
 * How the checksum of a changed packet is to go back: what computes it, and undefined where it is to
 * stay.
 */
function wayToFinish<Way>(
  packet: EditedPacket,
  { whole, start }: { readonly whole: Way; readonly start: Way },
): Way | undefined {
  const { [MESSAGE]: message } = packet;
  const { skbInfo } = message;
  // Nearly all packets: no look at the headers for them.
  if (skbInfo === 0) return undefined;
  if (isGso(message) && isSegmentedUdp(message, packet[OUTLINE]) && isCut(message)) return start;
  return (skbInfo & NFQA_SKB.CSUMNOTREADY) === 0 ? undefined : whole;
}

const EDITED = { whole: finishOutlined, start: startOutlined } as const;
const GIVEN = { whole: finishPacket, start: startChecksum } as const;

/**
 * Makes the checksum of an edited packet as the kernel wants it where it had left it to the hardware.
 *
 * @throws {UnfinishedChecksumError} when that cannot be done: an edit made it a fragment, or its
 * lengths wrong, or its route is not understood.
 */
export function finishEdited(packet: EditedPacket): void {
  const finish = wayToFinish(packet, EDITED);
  if (finish === undefined) return;
  const { [OUTLINE]: outline } = packet;
  if (finish(outline)) return;
  const { version, protocol } = outline;
  if (version !== 0 && (protocol === IP_PROTOCOL.TCP || protocol === IP_PROTOCOL.UDP)) {
    throw new UnfinishedChecksumError(protocol);
  }
  finishIpHeader(outline.packet.subarray());
}

/** The same of the program's own bytes that were edited, as far as it can be done. */
export function finishEditedReplacement(packet: EditedPacket): void {
  const finish = wayToFinish(packet, EDITED);
  if (finish === undefined) return;
  const { [OUTLINE]: outline } = packet;
  if (!finish(outline)) finishIpHeader(outline.packet.subarray());
}

/**
 * The bytes that the program put in the packet's place, the same way.
 *
 * @throws what {@link checkReplacement} throws: the bytes may have been written to, and their buffer
 * resized or transferred, since they were given.
 */
export function finishReplacement(packet: EditedPacket, given: Uint8Array): Uint8Array {
  // What is checked must be what is sent, whatever another thread writes meanwhile.
  const own = isShared(given) ? copyOf(given) : given;
  const bytes = checkReplacement(packet[MESSAGE], own);
  const finish = wayToFinish(packet, GIVEN);
  if (finish === undefined) return bytes;
  // These bytes are the program's.
  const written = copyOf(bytes);
  if (!finish(written)) finishIpHeader(written);
  return written;
}

/**
 * The same memory as a plain Uint8Array whose length stays.
 *
 * @throws what `replacePayload` throws for bytes that cannot go on in the packet's place.
 */
export function checkReplacement(message: PacketMessage, given: Uint8Array): Uint8Array {
  const bytes = checkBytes("payload", given, MAX_COPY_RANGE);
  const { length } = bytes;
  if (message.truncated) throw cutError(message);
  const [version, least] = REPLACEMENT[message.etherType] ?? [undefined, 1];
  if (length >= least && (version === undefined || bytes[0]! >> 4 === version)) return bytes;
  throw new RangeError(
    version === undefined
      ? "payload must hold at least one byte"
      : `payload must hold a whole IPv${version} packet from its header on, got ${length} bytes ` +
        "that are none; to replace its data assign to tcp.payload or udp.payload",
  );
}

/**
 * Refuses what would be lost: after FORWARD the kernel answers a packet beyond the MTU with an ICMP
 * error and drops it, if it may not be split; after OUTPUT that hangs on the socket. A bridge drops it
 * in silence.
 */
function checkLength(packet: EditedPacket, length: number, at: number): void {
  const { [MESSAGE]: message, [OUTLINE]: outline } = packet;
  if (isGso(message)) return checkSegments(packet, length, at);
  if (length <= outline.packet.length) return;
  const bridged = message.family === FAMILIES.bridge;
  // Without DF the kernel makes fragments.
  if (!bridged && maySplit(outline)) return;
  const device = outDevice(message);
  const mtu = device && mtuOf(device);
  if (device === undefined || mtu === undefined || length <= mtu) return;
  throw new RangeError(
    `the packet would have ${length} bytes, and ${device.name} takes ${mtu} (its MTU): ` +
      (bridged
        ? "a bridge splits nothing"
        : outline.version === 4
        ? "clear ipv4.dontFragment first to have it split"
        : "IPv6 packets are not split on their way"),
  );
}

/** Whether the packet is one of IPv4 without DF. */
function maySplit({ packet, version, networkOffset }: Outline): boolean {
  return version === 4 && (packet.u8(networkOffset + IPV4_FLAGS) & DONT_FRAGMENT) === 0;
}

/** What the packet leaves by: in the bridge family its port. */
function outDevice(message: PacketMessage): Device | undefined {
  const port = message.family === FAMILIES.bridge
    ? deviceOf(message.u32(NFQA.IFINDEX_PHYSOUTDEV) ?? 0)
    : undefined;
  return port ?? deviceOf(message.u32(NFQA.IFINDEX_OUTDEV) ?? 0);
}

/**
 * The kernel cuts such a packet into segments as long as those that it was made of, wherever it goes:
 * an MTU of 0 stands for one that is not known.
 */
function checkSegments(packet: EditedPacket, length: number, at: number): void {
  const { [MESSAGE]: message, [OUTLINE]: outline } = packet;
  const device = outDevice(message);
  const mtu = (device && mtuOf(device)) ?? 0;
  const tcp = tcpOf(outline);
  const grows = length > outline.packet.length;
  const upper = headersLength(outline);
  // The kernel knows where the upper header is, and TCP's segments are as long as the MTU allows.
  const fixed = tcp === undefined || at <= upper || (grows && !maySplit(outline));
  const inHeaders = at < upper + (tcp?.headerLength ?? UDP_HEADER_SIZE);
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
function checkHeaders(packet: EditedPacket, had: boolean): void {
  const { [MESSAGE]: message, [OUTLINE]: outline } = packet;
  const { hook, family } = message;
  const ipv4 = outline.version === 4;
  if (family === FAMILIES.bridge) return;
  if (hook !== HOOK.INPUT && (hook !== HOOK.FORWARD || !had || !ipv4)) return;
  throw new RangeError(
    `at the hook ${hookName(hook)} the kernel has read ${
      ipv4 ? "the IPv4 options" : "the hop-by-hop options"
    } already: their length and place must stay as they are`,
  );
}
