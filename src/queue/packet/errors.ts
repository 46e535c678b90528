/**
 * What can go wrong between a program and its packets. Failures of the system are `SystemError`s.
 *
 * @module
 */

import { MAX_COPY_RANGE } from "../../netlink/queue/numbers.ts";

/** A verdict that cannot be given: a second one, or one that does not exist. */
export class VerdictError extends Error {
  /** Always `"VerdictError"`. */
  override readonly name = "VerdictError";
  /** The packet's id. */
  readonly packetId: number;

  /** The message begins with the packet's id. */
  constructor(packetId: number, message: string) {
    super(`packet ${packetId}: ${message}`);
    this.packetId = packetId;
  }
}

function adviseCut({ length, captured, gso }: {
  readonly length: number;
  readonly captured: number;
  readonly gso: boolean;
}): string {
  if (Math.max(length, captured + 1) <= MAX_COPY_RANGE) {
    const enough = length === 0 ? "larger copyRange" : `copyRange of ${length} or more`;
    return `open the queue with a ${enough} to change such packets`;
  }
  const most = `more than ${MAX_COPY_RANGE} cannot go back to the kernel`;
  return gso
    ? `${most}; open the queue with gso: false, then it comes in segments`
    : `${most}, so it can pass or be dropped, and not be changed`;
}

/** A packet that was captured only in part was about to be sent back, which would cut it. */
export class TruncatedPacketError extends Error {
  /** Always `"TruncatedPacketError"`. */
  override readonly name = "TruncatedPacketError";
  /** Bytes on the wire; 0 where the kernel did not say. */
  readonly length: number;
  /** Bytes captured. */
  readonly captured: number;

  /** The message says how to open the queue so that such packets fit, if they can. */
  constructor(
    packet: { readonly length: number; readonly captured: number; readonly gso: boolean },
  ) {
    const { length, captured } = packet;
    super(
      `the packet has ${length || "more"} bytes, ${captured} were captured: ${adviseCut(packet)}`,
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
  /** Always `"UnfinishedChecksumError"`. */
  override readonly name = "UnfinishedChecksumError";
  /** The packet's upper-layer protocol number, of a tunnel its own; −1 when it has none. */
  readonly protocol: number;

  /** An error about a packet of this protocol: 0 to 255, or −1. */
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
  /** Always `"QueueClosedError"`. */
  override readonly name = "QueueClosedError";

  /** An error about the queue of this number. */
  constructor(queue: number) {
    super(`queue ${queue} is closed`);
  }
}
