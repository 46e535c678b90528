import { partOf } from "../../base/bytes.ts";
import { Cursor } from "../cursor.ts";
import type { CryptoStream } from "./crypto_stream.ts";

function readAck(frames: Cursor): void {
  frames.variable(); // largest
  frames.variable(); // delay
  const ranges = frames.variable();
  frames.variable(); // the first range
  for (let left = ranges; left > 0 && !frames.broken; left--) {
    frames.variable();
    frames.variable();
  }
}

/** Frames that an Initial packet may hold, by type (RFC 9000, 12.4 and 19). */
const FRAMES: ReadonlyMap<number, (frames: Cursor, stream: CryptoStream) => void> = new Map([
  [0x00, (frames: Cursor) => {
    // PADDING, of which there are hundreds.
    while (frames.left > 0 && frames.bytes[frames.at] === 0) frames.at++;
  }],
  [0x01, () => {}], // PING
  [0x02, readAck],
  [0x03, (frames: Cursor) => {
    readAck(frames);
    for (let counter = 0; counter < 3; counter++) frames.variable();
  }],
  [0x06, (frames: Cursor, stream: CryptoStream) => {
    const offset = frames.variable();
    const data = frames.part(frames.variable());
    if (!data.broken) stream.write(offset, partOf(data.bytes, data.at, data.end));
  }],
  [0x1c, (frames: Cursor) => {
    frames.variable(); // error
    frames.variable(); // type of the frame that caused it
    frames.skip(frames.variable()); // reason
  }],
]);

/** Puts what CRYPTO frames hold into the stream. It ends at the first frame that must not be there. */
export function readFrames(payload: Uint8Array, stream: CryptoStream): void {
  const frames = new Cursor(payload, 0, payload.length);
  while (frames.left > 0) {
    const read = FRAMES.get(frames.variable());
    if (read === undefined) return;
    read(frames, stream);
  }
}
