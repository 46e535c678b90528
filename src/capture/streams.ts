import type { CapturedPacket } from "./captured_packet.ts";
import { CaptureReader } from "./reader.ts";

/**
 * A stream of bytes in, a stream of packets out.
 *
 * ```ts
 * import { CaptureDecoderStream } from "@nfqueue/nfqueue/capture";
 *
 * const { body } = new Response(new Uint8Array([0x0a, 0x0d, 0x0d, 0x0a]));
 * const packets = body!.pipeThrough(new CaptureDecoderStream());
 * ```
 *
 * A capture that is broken or cut is an error of the stream, a {@linkcode CaptureError}.
 */
export class CaptureDecoderStream extends TransformStream<Uint8Array, CapturedPacket> {
  /** Reads pcap and pcapng: the first bytes tell which. */
  constructor() {
    const reader = new CaptureReader();
    super({
      transform(chunk, controller) {
        for (const packet of reader.read(chunk)) controller.enqueue(packet);
      },
      flush() {
        reader.end();
      },
    });
  }
}

/** What writes a format: `PcapngWriter`, `PcapWriter`. */
export interface CaptureWriter {
  /** Returns the bytes that a file begins with. */
  start(): Uint8Array<ArrayBuffer>;
  /** Returns the bytes of one packet, and of what the file must say before it. */
  packet(packet: CapturedPacket): Uint8Array<ArrayBuffer>;
}

/** A stream of packets in, a stream of bytes out, in the format of `writer`. */
export class CaptureEncoderStream extends TransformStream<CapturedPacket, Uint8Array<ArrayBuffer>> {
  /** `writer` is for this stream alone. */
  constructor(writer: CaptureWriter) {
    super({
      start(controller) {
        controller.enqueue(writer.start());
      },
      transform(packet, controller) {
        controller.enqueue(writer.packet(packet));
      },
    });
  }
}
