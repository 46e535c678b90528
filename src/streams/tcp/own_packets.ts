// Packets that nobody sent but us: acknowledgments of what the receiver never sees, resets, and what was stored.
import { ownWindow } from "./acknowledgment.ts";
import type { Connection } from "./connection.ts";
import type { Direction } from "./direction.ts";
import type { PacketWriter } from "./packet_writer.ts";
import { FLAG } from "./segment.ts";
import { advance, distance } from "./bytes/sequence.ts";

/** Sends packets of our own. */
export class OwnPackets {
  readonly #writer: PacketWriter;

  constructor(writer: PacketWriter) {
    this.#writer = writer;
  }

  /** Acknowledges to the sender what its receiver never sees. */
  tellVanished(connection: Connection, direction: Direction): void {
    const { translation, acknowledgedOutput } = direction;
    if (translation.same && translation.pieces < 2) return;
    translation.acknowledge(acknowledgedOutput);
    const input = translation.toInput(acknowledgedOutput);
    if (!direction.settled || distance(input, direction.acknowledgedInput) <= 0) return;
    if (distance(input, direction.next) > 0) return;
    direction.acknowledgedInput = input;
    const reverse = connection.reverse(direction);
    const window = ownWindow(direction, input);
    const { place: sequence } = reverse;
    const flags = FLAG.ACK;
    this.#writer.bare(connection, reverse, { sequence, flags, acknowledgment: input, window });
    reverse.noteTold(input, window);
  }

  /** Tells the sender what is missing, and what is stored (RFC 2018). */
  acknowledgeStored(connection: Connection, direction: Direction, newest: number): void {
    // Its receiver has not taken the connection yet.
    if (!direction.settled) return;
    const reverse = connection.reverse(direction);
    const blocks: [number, number][] = [];
    for (const { start, bytes } of direction.ahead.stretches) {
      const end = advance(start, bytes.length);
      const last = blocks.at(-1);
      if (last !== undefined && last[1] === start) last[1] = end;
      else blocks.push([start, end]);
    }
    // The newest comes first.
    const first = blocks.findIndex(([left, right]) =>
      distance(newest, left) >= 0 && distance(newest, right) < 0
    );
    if (first > 0) blocks.unshift(...blocks.splice(first, 1));
    const { acknowledgedInput: acknowledgment } = direction;
    this.#writer.bare(connection, reverse, {
      ...{ sequence: reverse.place, flags: FLAG.ACK, acknowledgment },
      window: ownWindow(direction, acknowledgment),
      ...(direction.sackPermitted ? { blocks } : {}),
    });
  }

  /** What is stored out of order goes on: the sender was told that it is here. */
  sendAhead(connection: Connection, direction: Direction): void {
    const { ahead, translation, readOnly } = direction;
    if (readOnly || ahead.bytes === 0) return;
    const size = this.#writer.besideLimit(connection, direction);
    for (const { start, bytes } of ahead.stretches) {
      const first = translation.toOutput(start);
      // What finds no room comes again: it was not acknowledged.
      const room = direction.fits(advance(first, bytes.length))
        ? bytes.length
        : Math.max(distance(direction.edge, first), 0);
      for (let at = 0; at < room; at += size) {
        const data = bytes.subarray(at, Math.min(at + size, room));
        const sequence = advance(first, at);
        if (!this.#writer.bare(connection, direction, { sequence, flags: FLAG.ACK, data })) return;
        direction.noteSent(advance(sequence, data.length));
      }
    }
  }

  /** Sends a reset in a direction, at the number that its receiver waits for: one of these two, mostly. */
  resetEnd(connection: Connection, direction: Direction): void {
    const { started, acknowledgedOutput, sent } = direction;
    this.resetAt(connection, direction, started ? sent : 0);
    if (started && acknowledgedOutput !== sent) {
      this.resetAt(connection, direction, acknowledgedOutput);
    }
  }

  /** Sends a reset in a direction, at this number. */
  resetAt(connection: Connection, direction: Direction, sequence: number): void {
    const reverse = connection.reverse(direction);
    // The server has not answered yet: it knows of nothing, or its answer is still to come.
    if (!direction.started && direction === connection.fromClient) return;
    if (!reverse.started && direction === connection.fromClient) return;
    this.#writer.bare(connection, direction, {
      sequence,
      flags: FLAG.RST | FLAG.ACK,
      acknowledgment: reverse.followed || reverse.started ? reverse.next : 0,
      window: 0,
    });
  }
}
