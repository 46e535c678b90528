import { checkInteger } from "../base/checks.ts";
import type { CapturedPacket } from "./captured_packet.ts";

/** When a packet was captured, since 1970. */
export interface Time {
  readonly microseconds: number;
  /** Beyond them: 0 to 999. */
  readonly nanoseconds: number;
}

/** What can be written into a file: in 2554 a pcapng file's 64 bits of nanoseconds end. */
const MOST = 2 ** 32 * 1e6 * 4;

/** @throws {TypeError | RangeError} when one of the two is none */
export function timeOf(
  { timestamp, nanoseconds = 0 }: Pick<CapturedPacket, "timestamp" | "nanoseconds">,
): Time {
  checkInteger("timestamp", timestamp, 0, MOST);
  return { microseconds: timestamp, nanoseconds: checkInteger("nanoseconds", nanoseconds, 0, 999) };
}
