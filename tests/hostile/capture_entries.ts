/**
 * Every entry of ./capture that takes bytes.
 *
 * @module
 */

import * as capture from "../../src/capture/mod.ts";
import type { Entry } from "./entries.ts";

const count = (length: number): Uint8Array => Uint8Array.from({ length }, (_, at) => at + 1);
const RECORDING = new capture.PcapngWriter().packet({ bytes: new Uint8Array(9), timestamp: 5 });

/** What only reads the bytes, and gives what it made of them. */
function reads(bytes: Uint8Array, use: (value: never) => unknown): Entry {
  return { open: () => ({ bytes, use: (value) => use(value as never), state: () => [] }) };
}

const read = (packets: Iterable<capture.CapturedPacket>) =>
  [...packets].map(({ bytes, timestamp }) => [bytes, timestamp]);

export const CAPTURE_ENTRIES: readonly (readonly [string, Entry])[] = [
  ["decodeCapture", reads(RECORDING, (value) => read(capture.decodeCapture(value)))],
  [
    "CaptureReader.read",
    reads(RECORDING, (value) => read(new capture.CaptureReader().read(value))),
  ],
  [
    "networkLayerOf",
    reads(
      Uint8Array.of(0x45, ...count(30)),
      (value) => capture.networkLayerOf(value, capture.LINK_TYPE.RAW),
    ),
  ],
  [
    "PcapngWriter.packet",
    reads(count(30), (bytes) => new capture.PcapngWriter().packet({ bytes, timestamp: 1 })),
  ],
  [
    "PcapWriter.packet",
    reads(count(30), (bytes) => new capture.PcapWriter().packet({ bytes, timestamp: 1 })),
  ],
];
