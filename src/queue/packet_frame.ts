/**
 * On what terms the bytes of a queued packet may be changed.
 *
 * @module
 */

import { mtuOf } from "../../ffi/devices.ts";
import type { EditTerms, FrameOwner } from "../wire/frame.ts";
import { MAX_COPY_RANGE } from "../wire/nfqueue.ts";
import { TruncatedPacketError, UnfinishedChecksumError } from "./errors.ts";
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
  return { maxLength: MAX_COPY_RANGE, partialChecksum, readOnly };
}

/**
 * Refuses what would be lost: after FORWARD the kernel answers a packet beyond the MTU with an ICMP
 * error and drops it, if it may not be split; after OUTPUT that hangs on the socket.
 */
function checkGrowth(packet: Packet, length: number): void {
  // A copy goes nowhere.
  if (isCopy(packet)) return;
  const { outDevice, ipv4 } = packet;
  // Packets of several segments are cut later; without DF the kernel makes fragments.
  if (outDevice === undefined || packet.gso || ipv4?.dontFragment === false) return;
  const mtu = mtuOf(outDevice);
  if (mtu === undefined || length <= mtu) return;
  throw new RangeError(
    `the packet would have ${length} bytes, and ${outDevice.name} takes ${mtu} (its MTU): ` +
      (ipv4 === undefined
        ? "IPv6 packets are not split on their way"
        : "clear ipv4.dontFragment first to have it split"),
  );
}

/** Owns the frames of all packets: over the receive memory, a copy's own, or what replaces one. */
export const PACKET_OWNER: FrameOwner<Packet> = { terms, checkGrowth };
