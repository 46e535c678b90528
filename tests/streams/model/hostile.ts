// Segments with other bytes than those that were sent: what comes first wins, and nobody may see two stories.

import type { Middle } from "../../support/tcp/connection.ts";
import type { Random } from "../../support/tcp/random.ts";
import { finish, FLAG } from "../../support/tcp/segment.ts";
import { ipHeaderLength } from "../../support/traffic/packets.ts";

/** Before or behind packets with data, others come that overlap with them, and have other bytes. */
export function withOverlaps(middle: Middle, random: Random): Middle {
  return (frame, fromClient) => {
    const { bytes } = frame;
    const start = ipHeaderLength(bytes);
    const data = start + (bytes[start + 12]! >> 4) * 4;
    const length = bytes.length - data;
    const odd = (bytes[start + 13]! & (FLAG.SYN | FLAG.RST)) !== 0 || frame.gso > 0;
    if (length === 0 || odd || !random.chance(0.4)) return middle(frame, fromClient);
    const from = random.integer(0, length - 1);
    const made = new Uint8Array(data + random.integer(1, length - from));
    made.set(bytes.subarray(0, data));
    const view = new DataView(made.buffer);
    view.setUint32(start + 4, (view.getUint32(start + 4) + from) >>> 0);
    made[start + 13]! &= ~FLAG.FIN;
    for (let at = data; at < made.length; at++) made[at] = bytes[at + from]! ^ 0x80;
    finish(made, start);
    const other = { bytes: made, gso: 0 };
    const order = random.chance(0.5) ? [other, frame] : [frame, other];
    return order.flatMap((one) => [...middle(one, fromClient)]);
  };
}
