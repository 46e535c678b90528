/**
 * Packets of messages that no kernel sent, for what no kernel here tells.
 *
 * @module
 */

import type { Packet } from "../../../mod.ts";
import { PacketMessage } from "../../../src/nfqueue/packet_message.ts";
import { PacketBytes } from "../../../src/packet/mod.ts";
import {
  ATTRIBUTE_STRIDE,
  encodePacketMessage,
  indexPacketMessage,
  type QueuePacketMessage,
} from "../../../src/netlink/mod.ts";

/** A message in memory of its own: of an IPv4 one at OUTPUT if nothing else is said. */
export function messageOf(message: Partial<QueuePacketMessage>): PacketMessage {
  const defaults = { family: 2, queue: 1, sequence: 0, id: 1, hwProtocol: 0x800, hook: 3 } as const;
  const encoded = encodePacketMessage({ ...defaults, ...message });
  const bytes = new Uint8Array(new ArrayBuffer(encoded.length));
  bytes.set(encoded);
  const view = new DataView(bytes.buffer);
  const index = new Int32Array(ATTRIBUTE_STRIDE);
  indexPacketMessage(view, 0, bytes.length, index, 0);
  return new PacketMessage({ bytes, view, index, slotSize: bytes.length, single: true }, 0);
}

/** Who hears of a packet's verdict. */
export type Decider = NonNullable<ConstructorParameters<typeof Packet>[0]>;

/** A copy of what a verdict sends in the packet's place. */
export function sentBytes(changes: Parameters<Decider["decide"]>[3]): Uint8Array | undefined {
  const payload = changes?.payload;
  return payload instanceof PacketBytes ? payload.subarray().slice() : payload?.slice();
}
