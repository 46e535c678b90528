/**
 * The five-tuple of a packet that is asked for nothing else.
 *
 * @module
 */

import { NFQA } from "../../netlink/queue/numbers.ts";
import { attributeLength } from "../../netlink/queue/packet_index.ts";
import type { PacketMessage } from "../../nfqueue/packet_message.ts";
import type { Flow } from "../../packet/structure/flow.ts";
import { flowAt } from "../../packet/structure/flow_of_packet.ts";

/** The flow of a packet as it came, without an outline; undefined where it takes one. */
export function flowOfMessage(message: PacketMessage): Flow | undefined {
  const { view } = message;
  const start = message.offset(NFQA.PAYLOAD);
  if (start === 0) return undefined;
  return flowAt(view, start, start + attributeLength(view, start), message.etherType);
}
