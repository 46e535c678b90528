/**
 * How a queue ends: no packets are added, what is in the socket is read, and then the queue is unbound.
 *
 * @module
 */

import { encodeConfig } from "../netlink/queue/config.ts";
import { NFQA_CFG_F } from "../netlink/queue/numbers.ts";

/** Datagrams read at most while closing, however short the queue is by then: a flood must end. */
export const MOST_AT_CLOSE = 65536;

/**
 * Makes the kernel queue no more packets. It counts those that come now as drops at the queue's limit.
 * (Without a copy mode it would drop them uncounted.)
 */
export function stopMessage(queue: number): Uint8Array {
  return encodeConfig({ queue, maxLength: 0, flags: 0, mask: NFQA_CFG_F.FAIL_OPEN });
}
