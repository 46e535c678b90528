/**
 * Recorded packets, in plain TypeScript: pcap and pcapng, read and written. Nothing but bytes in and
 * out: no files, no system calls and no runtime APIs, so it works anywhere.
 *
 * @module
 */
export { CaptureError } from "./errors.ts";
export {
  type CapturedPacket,
  type CapturedVerdict,
  type CaptureInterface,
  type CaptureStatistics,
  LINK_TYPE,
} from "./captured_packet.ts";
export { CaptureReader, decodeCapture } from "./reader.ts";
export { PcapngWriter, type PcapngWriterOptions } from "./pcapng_writer.ts";
export { PcapWriter, type PcapWriterOptions } from "./pcap_writer.ts";
export { CaptureDecoderStream, CaptureEncoderStream, type CaptureWriter } from "./streams.ts";
export { type QueuedPacket, recordOf } from "./queued_packet.ts";
export { type NetworkLayer, networkLayerOf } from "./network_layer.ts";
