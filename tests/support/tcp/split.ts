/**
 * Segmentation offload: what a device makes of a packet of several segments.
 *
 * @module
 */

import { ipHeaderLength } from "../traffic/packets.ts";
import { finish, FLAG } from "./segment.ts";
import type { Frame } from "./endpoint.ts";

/** Cuts it. */
export function split({ bytes, gso: size }: Frame): Frame[] {
  const start = ipHeaderLength(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const data = start + (bytes[start + 12]! >> 4) * 4;
  const frames: Frame[] = [];
  for (let at = data; at < bytes.length; at += size) {
    const stop = Math.min(at + size, bytes.length);
    const made = new Uint8Array(data + stop - at);
    made.set(bytes.subarray(0, data));
    made.set(bytes.subarray(at, stop), data);
    new DataView(made.buffer).setUint32(start + 4, view.getUint32(start + 4) + at - data);
    if (stop < bytes.length) made[start + 13]! &= ~(FLAG.FIN | FLAG.PSH);
    finish(made, start);
    frames.push({ bytes: made, gso: 0 });
  }
  return frames;
}
