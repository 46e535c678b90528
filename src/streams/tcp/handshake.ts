// The first packets of a connection.
import type { StreamPacket, StreamVerdict } from "../packet.ts";
import type { Connection } from "./connection.ts";
import { permitsSack, segmentSizeOf, tameOptions, timestampAt, windowScaleOf } from "./options.ts";
import type { PacketWriter } from "./packet_writer.ts";
import type { Segment } from "./segment.ts";
import { advance } from "./bytes/sequence.ts";

/** So long a packet may get; loopback would make longer ones, which cannot be changed. */
const LONGEST_PACKET = 65_000;
const HEADERS = { 4: 40, 6: 60 } as const;

/** Notes what a SYN says of its sender, and what it begins. */
export function readSynchronize(connection: Connection, segment: Segment): void {
  const direction = segment.fromClient ? connection.fromClient : connection.fromServer;
  const reverse = connection.reverse(direction);
  if (!direction.started || direction.initial !== segment.sequence) {
    direction.initial = segment.sequence;
    direction.start(advance(segment.sequence, 1));
  }
  // A late copy of one that was answered: what both ends agreed on stays.
  if (direction.settled) return;
  const most = LONGEST_PACKET - HEADERS[segment.version];
  reverse.segmentSize = Math.min(segmentSizeOf(segment), most);
  reverse.scale = windowScaleOf(segment);
  direction.sackPermitted = permitsSack(segment);
  direction.timestamps = timestampAt(segment) >= 0;
  if (!reverse.started) return;
  // Both ends must offer an option (RFC 7323 §1.3, RFC 2018 §2).
  if (reverse.scale < 0 || direction.scale < 0) reverse.scale = direction.scale = 0;
  if (!(direction.sackPermitted && reverse.sackPermitted)) {
    direction.sackPermitted = reverse.sackPermitted = false;
  }
  if (!(direction.timestamps && reverse.timestamps)) {
    direction.timestamps = reverse.timestamps = false;
  }
}

/**
 * Lets a SYN go on: without data, and without options that rewriting cannot follow.
 *
 * @param window what the other end is to be told
 */
export function carrySynchronize(
  writer: PacketWriter,
  { segment, packet, window }: {
    readonly segment: Segment;
    readonly packet: StreamPacket;
    readonly window: number;
  },
): StreamVerdict {
  const segmentSize = LONGEST_PACKET - HEADERS[segment.version];
  return writer.synchronize(packet, segment, {
    tame: (view, from, to) => tameOptions(view, { from, to, segmentSize }),
    window,
  });
}
