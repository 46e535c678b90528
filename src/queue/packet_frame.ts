/**
 * On what terms the bytes of a queued packet may be changed.
 *
 * @module
 */

import { mtuOf } from "../../ffi/devices.ts";
import { finishPacket } from "../wire/finish.ts";
import type { EditTerms, Frame, FrameOwner } from "../wire/frame.ts";
import { align4 } from "../wire/netlink.ts";
import { attributeLength, MAX_COPY_RANGE, NFQA } from "../wire/nfqueue.ts";
import { IP_PROTOCOL } from "../wire/protocols.ts";
import { TruncatedPacketError, UnfinishedChecksumError } from "./errors.ts";
import { attributeOffset, liveStore, slotOf } from "./metadata.ts";
import { isCopy, isReplaced, type Packet } from "./packet.ts";

function terms(packet: Packet): EditTerms {
  const partialChecksum = packet.checksumNotReady;
  // What replaces the packet is the program's own: it is read, and never written.
  const readOnly = isReplaced(packet);
  if (!readOnly) {
    if (packet.truncated) throw new TruncatedPacketError(packet.length, packet.payload.length);
    const { ip, tcp, udp } = packet;
    // What comes back to the kernel is taken as finished.
    if (partialChecksum && tcp === undefined && udp === undefined) {
      throw new UnfinishedChecksumError(ip?.protocol ?? -1);
    }
  }
  const roomBehind = readOnly ? 0 : freeBehind(packet);
  return {
    maxLength: MAX_COPY_RANGE,
    // The checksums of the program's own bytes are right: they can be brought along.
    partialChecksum: partialChecksum && !readOnly,
    readOnly,
    roomBehind,
  };
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

/**
 * An edited packet as it goes back, its checksum computed where the kernel had left it to the
 * hardware.
 *
 * @throws {UnfinishedChecksumError} when that cannot be done: an edit made it a fragment, or its
 * lengths wrong, or its route is not understood.
 */
export function finishEdited(packet: Packet, frame: Frame): Frame {
  if (!packet.checksumNotReady) return frame;
  if (finishPacket(frame.subarray()) || isReplaced(packet)) return frame;
  const protocol = packet.ip?.protocol;
  if (protocol !== IP_PROTOCOL.TCP && protocol !== IP_PROTOCOL.UDP) return frame;
  throw new UnfinishedChecksumError(protocol);
}

/**
 * Refuses what would be lost: after FORWARD the kernel answers a packet beyond the MTU with an ICMP
 * error and drops it, if it may not be split; after OUTPUT that hangs on the socket.
 */
function checkGrowth(packet: Packet, length: number): void {
  // A copy goes nowhere. Packets of several segments are cut later; without DF the kernel makes
  // fragments.
  if (isCopy(packet) || packet.gso) return;
  const index = outDeviceIndex(packet);
  if (index === 0) return;
  const mtu = mtuOf(index);
  if (mtu === undefined || length <= mtu) return;
  const { ipv4 } = packet;
  if (ipv4?.dontFragment === false) return;
  throw new RangeError(
    `the packet would have ${length} bytes, and ${packet.outDevice?.name} takes ${mtu} (its MTU): ` +
      (ipv4 === undefined
        ? "IPv6 packets are not split on their way"
        : "clear ipv4.dontFragment first to have it split"),
  );
}

/** Without asking for the device's name; 0 where there is none. */
function outDeviceIndex(packet: Packet): number {
  const offset = attributeOffset(packet, NFQA.IFINDEX_OUTDEV);
  return offset === 0 ? 0 : liveStore(packet).view.getUint32(offset, false);
}

/** Owns the frames of all packets: over the receive memory, a copy's own, or what replaces one. */
export const PACKET_OWNER: FrameOwner<Packet> = { terms, checkGrowth };
