/**
 * Segmentation offload: what a device makes of a packet of several segments.
 *
 * @module
 */

import { ipHeaderLength } from "../traffic/packets.ts";
import { finish, FLAG } from "./segment.ts";
import type { Frame } from "./endpoint.ts";

/** @param most bytes of a segment, with its options */
export function split({ bytes }: Frame, most: number): Frame[] {
  const start = ipHeaderLength(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const data = start + (bytes[start + 12]! >> 4) * 4;
  const size = most - (data - start - 20);
  const frames: Frame[] = [];
  for (let at = data; at < bytes.length; at += size) {
    const stop = Math.min(at + size, bytes.length);
    const made = new Uint8Array(data + stop - at);
    made.set(bytes.subarray(0, data));
    made.set(bytes.subarray(at, stop), data);
    new DataView(made.buffer).setUint32(start + 4, view.getUint32(start + 4) + at - data);
    if (stop < bytes.length) made[start + 13]! &= ~(FLAG.FIN | FLAG.PSH);
    finish(made, start);
    frames.push({ bytes: made, gso: false });
  }
  return frames;
}
