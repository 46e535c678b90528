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
        "open the queue with a larger copyRange to change packets",
    );
    this.length = length;
    this.captured = captured;
  }
}

/**
 * A packet that the program wants to change has a checksum that was left to the hardware and that
 * cannot be finished here: it is neither TCP's nor UDP's but another protocol's, or that of a packet
 * inside a tunnel; it is several UDP datagrams in one that may be for a socket of this machine; or
 * what it covers cannot be told (a Routing header of another type than 0, 2 and 4). The verdict throws
 * it when an edit made the packet a fragment or its lengths wrong.
 */
export class UnfinishedChecksumError extends Error {
  override readonly name = "UnfinishedChecksumError";
  /** The packet's upper-layer protocol number, of a tunnel its own; −1 when it has none. */
  readonly protocol: number;

  constructor(protocol: number) {
    super(
      `the packet (protocol ${protocol}) has a checksum that only the kernel can finish: ` +
        "open the queue with gso: false, then it comes finished",
    );
    this.protocol = protocol;
  }
}

/** The queue is closed. */
export class QueueClosedError extends Error {
  override readonly name = "QueueClosedError";

  constructor(queue: number) {
    super(`queue ${queue} is closed`);
  }
}
