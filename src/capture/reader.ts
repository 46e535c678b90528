import { checkBytes } from "../base/checks.ts";
import { ByteQueue } from "./byte_queue.ts";
import type { CapturedPacket, CaptureInterface } from "./captured_packet.ts";
import { CaptureError } from "./errors.ts";
import type { FormatReader } from "./format_reader.ts";
import { PCAP_MAGIC } from "./pcap_format.ts";
import { PcapReader } from "./pcap_reader.ts";
import { BLOCK } from "./pcapng_format.ts";
import { PcapngReader } from "./pcapng_reader.ts";

const PCAP_MAGICS: readonly number[] = Object.values(PCAP_MAGIC);

/**
 * Reads a capture that comes in pieces of any size: pcap or pcapng, whichever it is.
 *
 * ```ts
 * import { CaptureReader } from "@nfqueue/nfqueue/capture";
 *
 * const reader = new CaptureReader();
 * for await (const chunk of [new Uint8Array()]) {
 *   for (const packet of reader.read(chunk)) console.log(packet.timestamp, packet.bytes.length);
 * }
 * reader.end();
 * ```
 */
export class CaptureReader {
  readonly #queue = new ByteQueue();
  #format: FormatReader | undefined;
  #broken: CaptureError | undefined;

  /** What the file has told of interfaces so far, their statistics among it. */
  get interfaces(): readonly CaptureInterface[] {
    return this.#format?.interfaces ?? [];
  }

  /**
   * Takes the next bytes of the file: they are copied.
   *
   * @returns the packets that are whole by now, read as they are asked for
   * @throws {CaptureError} where the file is broken, after the packets before that place
   * @throws {TypeError} when `bytes` is no Uint8Array
   */
  read(bytes: Uint8Array): IterableIterator<CapturedPacket> {
    this.#queue.push(checkBytes("bytes", bytes));
    return this.#packets();
  }

  /**
   * Says that the file ends.
   *
   * @throws {CaptureError} where it does so in the middle of something (`cut`), or is empty
   */
  end(): void {
    if (this.#broken !== undefined) throw this.#broken;
    for (const _packet of this.#packets()) {
      throw new TypeError("end() is for when all packets were read");
    }
    if (this.#format !== undefined && this.#queue.length === 0) return;
    const what = this.#format === undefined ? "its first header" : "a block or record";
    throw new CaptureError(`the capture ends in the middle of ${what}`, {
      offset: this.#queue.offset,
      cut: true,
    });
  }

  *#packets(): Generator<CapturedPacket, void> {
    if (this.#broken !== undefined) throw this.#broken;
    try {
      this.#format ??= formatOf(this.#queue);
      if (this.#format === undefined) return;
      for (;;) {
        const read = this.#format.next(this.#queue);
        if (read === false) return;
        if (read !== true) yield read;
      }
    } catch (error) {
      if (error instanceof CaptureError) this.#broken = error;
      throw error;
    }
  }
}

function formatOf(queue: ByteQueue): FormatReader | undefined {
  if (queue.length < 4) return undefined;
  const view = queue.peek(4);
  for (const littleEndian of [true, false]) {
    const magic = view.getUint32(0, littleEndian);
    if (PCAP_MAGICS.includes(magic)) return new PcapReader(magic, littleEndian);
  }
  if (view.getUint32(0) === BLOCK.SECTION) return new PcapngReader();
  if (view.getUint16(0) === 0x1f8b) {
    throw new CaptureError(
      "this is compressed (gzip): let DecompressionStream undo it first",
      queue,
    );
  }
  throw new CaptureError("this is neither pcap nor pcapng", queue);
}

/**
 * The packets of a capture that is in memory, read as they are asked for.
 *
 * @throws {CaptureError} where the file is broken or cut, after all packets before that place
 * @throws {TypeError} when `bytes` is no Uint8Array
 */
export function* decodeCapture(bytes: Uint8Array): Generator<CapturedPacket, void> {
  const reader = new CaptureReader();
  yield* reader.read(bytes);
  reader.end();
}
