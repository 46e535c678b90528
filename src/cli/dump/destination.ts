// Where packets go that fit the expression: as text to an output, or as they are into a recording.
import { type CaptureInterface, LINK_TYPE, PcapngWriter } from "../../capture/mod.ts";
import type { QueueCounters } from "../../queue/report/counters.ts";
import type { BoundedOutput } from "../output/bounded_output.ts";
import type { Presentation } from "./presentation.ts";
import type { ShownPacket } from "./shown_packet.ts";

/** What takes packets. */
export interface Destination {
  readonly output: BoundedOutput;
  /** What was done to a packet that went there: `shown`, `written`. */
  readonly verb: string;
  /** Packets may come. Idempotent. */
  begin(): void;
  take(packet: ShownPacket): void;
  /** The counters of a queue, at the end. */
  count(queue: number, counters: QueueCounters): void;
}

/** Text. */
export class PrintedPackets implements Destination {
  readonly output: BoundedOutput;
  readonly verb = "shown";
  readonly #present: Presentation;

  constructor(output: BoundedOutput, present: Presentation) {
    this.output = output;
    this.#present = present;
  }

  begin(): void {}

  take(packet: ShownPacket): void {
    this.output.writeText(this.#present(packet));
  }

  count(): void {}
}

/** A pcapng file. */
export class RecordedPackets implements Destination {
  readonly output: BoundedOutput;
  readonly verb = "written";
  readonly #writer = new PcapngWriter({ application: "nfqueue dump" });
  #begun = false;

  constructor(output: BoundedOutput) {
    this.output = output;
  }

  begin(): void {
    if (!this.#begun) this.output.writeBytes(this.#writer.start());
    this.#begun = true;
  }

  take({ record }: ShownPacket): void {
    this.output.writeBytes(this.#writer.packet(record));
  }

  /** They are of the queue, and not of one of the devices: so it has an interface of its own. */
  count(queue: number, { received, overruns, queueDropped }: QueueCounters): void {
    const source: CaptureInterface = {
      ...{ name: `queue ${queue}`, linkType: LINK_TYPE.RAW, snapLength: 0 },
      description: "what nfnetlink_queue counted",
    };
    const systemDropped = overruns + queueDropped;
    const counters = { received: received + systemDropped, systemDropped, delivered: received };
    this.output.writeBytes(
      this.#writer.statistics(counters, { interface: source, timestamp: Date.now() * 1000 }),
    );
  }
}
