import { checkObject } from "./objects.ts";

/** What was wrong with some bytes, and where. */
export interface WireProblem {
  /** The part that could not be read: `"tcp header"`, `"NFQA_MARK attribute"`, … */
  readonly layer: string;
  /** Where that part begins, in bytes from the start of the bytes that were given. */
  readonly offset: number;
  /** How many bytes the part needs. */
  readonly need: number;
  /** How many bytes there are (or, for a length field that is too small, what it says). */
  readonly have: number;
  /** What else is wrong, when it is not a matter of length. */
  readonly reason?: string;
}

/** Thrown when bytes are not the message or header they should be. */
export class WireError extends Error implements WireProblem {
  /** Always `"WireError"`. */
  override readonly name: string = "WireError";
  /** The part that could not be read: `"tcp header"`, `"NFQA_MARK attribute"`, … */
  readonly layer: string;
  /** Where that part begins, in bytes from the start of the bytes that were given. */
  readonly offset: number;
  /** How many bytes the part needs. */
  readonly need: number;
  /** How many bytes there are (or, for a length field that is too small, what it says). */
  readonly have: number;
  /** What else is wrong, when it is not a matter of length. */
  readonly reason?: string;

  /** The message is what {@linkcode describeProblem} makes of the problem. */
  constructor(problem: WireProblem) {
    super(describeProblem(problem));
    this.layer = problem.layer;
    this.offset = problem.offset;
    this.need = problem.need;
    this.have = problem.have;
    if (problem.reason !== undefined) this.reason = problem.reason;
  }
}

/** One sentence: `tcp header at byte 20 needs 20 bytes, have 12`. */
export function describeProblem(problem: WireProblem): string {
  checkObject("problem", problem);
  const { layer, offset, need, have, reason } = problem;
  if (reason !== undefined) return `${layer} at byte ${offset}: ${reason}`;
  return `${layer} at byte ${offset} needs ${need} bytes, have ${have}`;
}

/** Thrown when a view is read after the memory it reads was given back. */
export class PacketReleasedError extends Error {
  /** Always `"PacketReleasedError"`. */
  override readonly name: string = "PacketReleasedError";

  /** The message says to call `packet.copy()`, unless another is given. */
  constructor(
    message: string = "the packet's verdict was given, so its memory is no longer its own: " +
      "call packet.copy() before the verdict to keep its bytes",
  ) {
    super(message);
  }
}
