/**
 * The five-tuple of a packet that is asked for nothing else.
 *
 * @module
 */

import type { Flow } from "../../packet/structure/flow.ts";
import { flowAt } from "../../packet/structure/flow_of_packet.ts";
import { NFQA } from "../../netlink/queue/numbers.ts";
import { attributeLength } from "../../netlink/queue/packet_index.ts";
import { attributeOffset, liveStore, type PacketMetadata } from "./metadata.ts";

/** The flow of a packet as it came, without an outline; undefined where it takes one. */
export function flowOfMessage(packet: PacketMetadata): Flow | undefined {
  const { view } = liveStore(packet);
  const start = attributeOffset(packet, NFQA.PAYLOAD);
  if (start === 0) return undefined;
  return flowAt(view, start, start + attributeLength(view, start), packet.protocol);
}
