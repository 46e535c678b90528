// Which packets go to the destination, and how many did.
import type { DisplayFilter } from "./expression/display_filter.ts";
import type { Destination } from "./destination.ts";
import type { ShownPacket } from "./shown_packet.ts";

/** The expression, the count, and the destination's room. */
export class Selection {
  readonly #filter: DisplayFilter;
  readonly #destination: Destination;
  readonly #most: number;
  /** Called when `most` packets went to the destination. */
  readonly #complete: () => void;
  /** Packets that came. */
  received = 0;
  /** Those that went to the destination. */
  passed = 0;
  /** Those that fit, and found no room. */
  unseen = 0;

  constructor(
    filter: DisplayFilter,
    { destination, most, complete }: {
      readonly destination: Destination;
      readonly most: number;
      readonly complete: () => void;
    },
  ) {
    this.#filter = filter;
    this.#destination = destination;
    this.#most = most;
    this.#complete = complete;
  }

  /** Whether no further packet is wanted. */
  get complete(): boolean {
    return this.passed >= this.#most;
  }

  take(packet: ShownPacket): void {
    const { output } = this.#destination;
    if (this.complete || output.closed) return;
    this.received++;
    if (!this.#filter.matches(packet)) return;
    if (!output.hasRoom) {
      this.unseen++;
      return;
    }
    this.#destination.take(packet);
    this.passed++;
    if (this.complete) this.#complete();
  }

  /** `3 packets shown, 10 received, 0 lost`, and what is to be said of them. */
  summary(lost: number): string {
    const { verb } = this.#destination;
    const packets = (count: number) => `${count} packet${count === 1 ? "" : "s"}`;
    const lines = [`${packets(this.passed)} ${verb}, ${this.received} received, ${lost} lost`];
    if (lost > 0) {
      lines.push(`${packets(lost)} not looked at: too fast, or while the queue was given back`);
    }
    if (this.unseen > 0) {
      lines.push(`${packets(this.unseen)} not ${verb}, because the output was read too slowly`);
    }
    return `${lines.join("\n")}\n`;
  }
}
