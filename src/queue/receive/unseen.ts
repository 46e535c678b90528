/**
 * Packets that the program does not see: they are accepted at once.
 *
 * @module
 */

import { isInjected } from "../../linux/raw/own_marks.ts";
import { NFQA } from "../../netlink/queue/numbers.ts";
import type { PacketMessage } from "../../nfqueue/packet_message.ts";
import { FAMILIES, type Family } from "../packet/families.ts";
import type { Counters } from "../report/counters.ts";

/** Tells them: those of another family, and those that this library has sent itself. */
export class Unseen {
  readonly #family: number;
  readonly #counters: Counters;

  constructor({ family }: { readonly family: Family }, counters: Counters) {
    this.#family = FAMILIES[family];
    this.#counters = counters;
  }

  has(message: PacketMessage): boolean {
    if (isInjected(message.u32(NFQA.MARK))) {
      this.#counters.ownAccepted++;
      return true;
    }
    return this.#family !== 0 && message.family !== this.#family;
  }
}
