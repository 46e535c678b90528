/**
 * What can go wrong between a program and its queue. Failures of the system are `SystemError`s.
 *
 * @module
 */

/** A verdict that cannot be given: a second one, or one that does not exist. */
export class VerdictError extends Error {
  override readonly name = "VerdictError";
  /** The packet's id. */
  readonly packetId: number;

  constructor(packetId: number, message: string) {
    super(`packet ${packetId}: ${message}`);
    this.packetId = packetId;
  }
}

/** A packet that was captured only in part was about to be sent back, which would cut it. */
export class TruncatedPacketError extends Error {
  override readonly name = "TruncatedPacketError";
  /** Bytes on the wire; 0 where the kernel did not say. */
  readonly length: number;
  /** Bytes captured. */
  readonly captured: number;

  constructor(length: number, captured: number) {
    super(
      `the packet has ${length || "more"} bytes, ${captured} were captured: ` +
        "open the queue with a larger copyRange to replace payloads",
    );
    this.length = length;
    this.captured = captured;
  }
}

/** The queue is closed. */
export class QueueClosedError extends Error {
  override readonly name = "QueueClosedError";

  constructor(queue: number) {
    super(`queue ${queue} is closed`);
  }
}
