// A checksum that was left to the hardware looks wrong in every program that shows a capture.
import { copyOf } from "../base/bytes.ts";
import { finishChecksums } from "../packet/structure/finish.ts";
import { type CapturedPacket, LINK_TYPE } from "./captured_packet.ts";
import { networkLayerOf } from "./network_layer.ts";

/** The bytes as they are to be written: a copy with its checksums computed where they were not. */
export function finishedBytes(bytes: Uint8Array, packet: CapturedPacket): Uint8Array {
  const { checksumNotReady = false, length = bytes.length } = packet;
  if (!checksumNotReady || length > bytes.length) return bytes;
  const network = networkLayerOf(bytes, packet.interface?.linkType ?? LINK_TYPE.RAW);
  if (network === undefined) return bytes;
  const copy = copyOf(bytes);
  finishChecksums(copy.subarray(network.offset));
  return copy;
}
