// Data of a direction that no callback sees: of one that was passed, or never followed.
import type { Direction } from "./direction.ts";
import type { Plan } from "./plan.ts";
import { FLAG, type Segment } from "./segment.ts";
import { advance, distance, later } from "./bytes/sequence.ts";

/** Plans what becomes of a segment in a direction that no callback sees. */
export function planPassed(direction: Direction, segment: Segment, plan: Plan): void {
  const { translation, dataEnd, acknowledgedOutput } = direction;
  const { sequence, length, flags, bytes, data, end: stop } = segment;
  const end = advance(sequence, length);
  const fin = (flags & FLAG.FIN) !== 0;
  const ends = advance(end, Number(fin));
  const fresh = distance(ends, direction.next) > 0;
  if (fin) {
    direction.finSeen = true;
    direction.finAt = end;
  }
  direction.next = later(direction.next, ends);
  const output = translation.toOutput(sequence);
  if (ends === sequence) {
    // What was not sent yet is not there for the receiver.
    const shifted = direction.pending || !direction.informed;
    const far = shifted && distance(output, direction.place) > 0;
    plan.keep(far ? direction.place : output);
    return;
  }
  const passed = translation.inputEnd;
  const old = distance(passed, sequence) > 0;
  const arrived = distance(translation.outputEnd, acknowledgedOutput) <= 0;
  if (!old || (arrived && direction.original)) {
    if (direction.fits(advance(output, length + Number(fin)))) {
      plan.keep(output);
      return;
    }
    plan.replace(output, output);
    plan.tail = bytes;
    plan.tailFrom = data;
    plan.tailTo = stop;
    plan.fin = fin;
    cut(direction, plan, fresh);
    return;
  }
  const inside = distance(ends, passed) <= 0;
  if (arrived && inside) {
    plan.ask(acknowledgedOutput);
    return;
  }
  const from = later(output, acknowledgedOutput);
  const to = distance(ends, passed) < 0 ? translation.toOutputEnd(end) : dataEnd;
  // What has arrived of the bytes that were passed is left out as well.
  const tail = Math.max(distance(from, translation.outputEnd), 0);
  const left = inside ? 0 : distance(ends, passed) - Number(fin) - tail;
  if (left < 0 || (left === 0 && !fin && distance(to, from) <= 0)) {
    plan.ask(acknowledgedOutput);
    return;
  }
  plan.replace(from, distance(to, from) < 0 ? from : to);
  plan.tail = bytes;
  plan.tailFrom = inside ? stop : data + distance(passed, sequence) + tail;
  plan.tailTo = stop;
  plan.fin = fin;
  cut(direction, plan, fresh);
}

/** Leaves out of a plan what its receiver has no room for, where the sender cannot know of that. */
function cut(direction: Direction, plan: Plan, fresh: boolean): void {
  const { from, length } = plan;
  if (direction.fits(advance(from, length + Number(plan.fin)))) return;
  const room = distance(direction.edge, from);
  if (room > 0) {
    plan.shorten(room);
    plan.fin &&= length < room;
  } else if (fresh) plan.replace(direction.place, direction.place);
  // Its sender's clock has run out: the answer says whether there is room now.
  else plan.ask(direction.acknowledgedOutput);
}
