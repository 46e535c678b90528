// What a packet acknowledges, in the numbers of the data's sender.
import type { Direction } from "./direction.ts";
import { FLAG, type Segment } from "./segment.ts";
import { advance, distance, later } from "./bytes/sequence.ts";

/** Fields of a header. */
export interface AcknowledgmentFields {
  acknowledgment: number;
  window: number;
}

/**
 * Takes in what a segment says about a direction's output, and writes what is to be told to the sender of
 * that direction.
 *
 * @param most bytes that a followed direction may have under way
 */
export function acknowledge(
  segment: Segment,
  direction: Direction,
  { fields, most }: { readonly fields: AcknowledgmentFields; readonly most: number },
): void {
  const { acknowledgment } = segment;
  const { translation } = direction;
  const old = distance(acknowledgment, direction.acknowledgedOutput) < 0;
  if (direction.probed && distance(acknowledgment, direction.sent) === 1) {
    direction.noteSent(acknowledgment);
    direction.probed = false;
  }
  const inside = distance(acknowledgment, direction.sent) <= 0;
  if (inside && !old && (segment.flags & FLAG.RST) === 0) direction.settled = true;
  if (
    inside && distance(acknowledgment, direction.acknowledgedOutput) > 0
  ) {
    direction.acknowledgedOutput = acknowledgment;
    translation.acknowledge(acknowledgment);
    const { dataEnd } = direction;
    direction.kept.release(distance(acknowledgment, dataEnd) > 0 ? dataEnd : acknowledgment);
  }
  const input = translation.toInput(acknowledgment);
  if (inside && (distance(input, direction.next) <= 0 || !direction.followed)) {
    direction.acknowledgedInput = later(direction.acknowledgedInput, input);
  }
  fields.acknowledgment = input;
  fields.window = segment.window;
  // What was never sent is not acknowledged by its receiver (RFC 5961 §5).
  if (!inside || (segment.flags & FLAG.RST) !== 0) return;
  const { scale } = direction;
  if (scale < 0) return;
  const shift = (segment.flags & FLAG.SYN) === 0 ? scale : 0;
  const offered = segment.window * 2 ** shift;
  const edge = advance(acknowledgment, offered);
  if (old) {
    // One that a later one has overtaken promises nothing new, and takes nothing back.
    const left = Math.floor(Math.max(distance(direction.promised, input), 0) / 2 ** shift);
    fields.window = Math.min(left, 0xffff);
    return;
  }
  direction.edge = direction.edgeKnown ? later(direction.edge, edge) : edge;
  direction.edgeKnown = true;
  const simple = input === acknowledgment && translation.same && direction.held.length === 0;
  if (simple && !direction.followed && distance(direction.promised, edge) <= 0) {
    direction.promised = edge;
    return;
  }
  const unit = 2 ** shift;
  let promised = simple ? edge : inputEdge(direction, edge, unit);
  // What goes on must find room as well.
  if (direction.followed && direction.growth > 1) {
    const room = Math.max(most - direction.kept.length, 0) / direction.growth;
    const full = advance(direction.next, Math.floor(room));
    if (distance(full, promised) < 0) promised = full;
  }
  if (direction.followed && distance(promised, input) > most) promised = advance(input, most);
  fields.window = promise(direction, { input, promised, unit, open: offered > 0 });
}

/** The window of an acknowledgment of our own. */
export function ownWindow(direction: Direction, input: number): number {
  const unit = 2 ** Math.max(direction.scale, 0);
  return promise(direction, { input, promised: direction.promised, unit, open: false });
}

/**
 * The window that tells the sender how far it may go. What it was told once is not taken back
 * (RFC 9293 §3.8.6), and an open window that is told as closed is never asked about again.
 */
function promise(
  direction: Direction,
  { input, promised, unit, open }: {
    readonly input: number;
    readonly promised: number;
    readonly unit: number;
    readonly open: boolean;
  },
): number {
  const least = Math.ceil(Math.max(distance(direction.promised, input), 0) / unit);
  const room = Math.floor(Math.max(distance(promised, input), 0) / unit);
  const field = Math.min(Math.max(room, least, open ? 1 : 0), 0xffff);
  direction.promised = later(direction.promised, advance(input, field * unit));
  return field;
}

/** How much input there is room for, where output has room up to `edge`. */
function inputEdge(direction: Direction, edge: number, unit: number): number {
  const { translation, held, growth } = direction;
  const room = distance(edge, translation.outputEnd);
  if (room < 0) return translation.toInput(edge);
  const end = advance(translation.inputEnd, held.length);
  // Held bytes wait for more: there is always room for another segment, and the window can tell of it.
  const least = held.length === 0 || room === 0 ? 0 : Math.max(direction.largest, unit);
  return advance(end, Math.max(Math.floor(room / growth) - held.length, least));
}
