/** Whether lengths and checksums of a packet are what a full computation gives. */
import { finishChecksums, type Layers, parseLayers } from "../../src/packet/mod.ts";

/** True where nothing is malformed, and no checksum that can be computed is another. */
export function isRight(layers: Layers): boolean {
  if (layers.ip === undefined || layers.malformed !== undefined) return false;
  const bytes = new Uint8Array(layers.bytes.subarray(layers.networkOffset));
  const copy = finishChecksums(bytes.slice());
  // UDP may have none.
  if (layers.udp?.checksum === 0) {
    const { udp } = parseLayers(copy);
    if (udp !== undefined) udp.checksum = 0;
  }
  for (let at = 0; at < bytes.length; at++) if (bytes[at] !== copy[at]) return false;
  return true;
}
