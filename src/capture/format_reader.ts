import type { ByteQueue } from "./byte_queue.ts";
import type { CapturedPacket, CaptureInterface } from "./captured_packet.ts";

/** More captured bytes of one packet than any program writes: a length beyond is a broken file's. */
export const MOST_CAPTURED = 1 << 24;

/** Reads one format. */
export interface FormatReader {
  readonly interfaces: readonly CaptureInterface[];
  /**
   * Takes the next block or record.
   *
   * @returns a packet; true for anything else; false where it is not there as a whole
   * @throws {CaptureError}
   */
  next(queue: ByteQueue): CapturedPacket | boolean;
}
