/**
 * A whole connection in virtual time: a client, a way, something in the middle, a way, a server.
 *
 * @module
 */

import { Clock } from "./clock.ts";
import { Endpoint, type EndpointOptions, type Frame } from "./endpoint.ts";
import { type Faults, Path } from "./path.ts";
import { Random } from "./random.ts";
import { decode, describe } from "./segment.ts";

/** What a middle makes of a packet: what goes on, in order, and to which end. */
export type Middle = (
  frame: Frame,
  fromClient: boolean,
) => readonly { readonly frame: Frame; readonly toClient: boolean }[];

/** A connection that is to be played. */
export interface ConnectionOptions {
  readonly seed: number;
  readonly client: EndpointOptions;
  readonly server: EndpointOptions;
  /** Between client and middle, and between middle and server. */
  readonly faults: readonly [near: Faults, far: Faults];
  readonly middle: Middle;
  /** Called for each packet: "C>M", "M>S", "S>M", "M>C". */
  readonly trace?: ((line: string) => void) | undefined;
  /** Virtual milliseconds after which the client gives up, where it does. */
  readonly abortAt?: number | undefined;
  /** Called once, when nothing has gone on for ten virtual seconds: what it sends goes on. */
  readonly stalled?: (() => ReturnType<Middle>) | undefined;
}

/** What came of it. */
export interface Played {
  readonly client: Endpoint;
  readonly server: Endpoint;
  readonly violations: readonly string[];
  /** Virtual milliseconds. */
  readonly took: number;
  readonly packets: number;
}

/** So long without progress is a failure; virtual milliseconds. */
const STALL = 120_000;
/** So long until a middle hears of it. */
const NUDGE = 10_000;
const MOST_VIOLATIONS = 5;
/** So much may happen without progress. */
const MOST_STEPS = 6_000;

/** Lets everything go on as it is. */
export const UNTOUCHED: Middle = (frame, fromClient) => [{ frame, toClient: !fromClient }];

/** Plays a connection until both ends are done, and the last packets have arrived. */
export function play(options: ConnectionOptions): Played {
  const { seed, middle, faults, trace } = options;
  const clock = new Clock();
  const random = new Random(seed);
  const violations: string[] = [];
  let packets = 0;
  const complain = (text: string): void => {
    if (violations.length < MOST_VIOLATIONS) {
      violations.push(`${clock.now.toFixed(1)} ms, ${text}`);
      trace?.(`*** ${text}`);
    }
  };
  const tell = (way: string, { bytes, gso }: Frame): void => {
    if (trace === undefined) return;
    const segment = decode(bytes, () => {});
    trace(
      `${clock.now.toFixed(1)} ${way} ${segment === undefined ? "?" : describe(segment)}` +
        (gso > 0 ? ` gso ${gso}` : ""),
    );
  };
  const through = (frame: Frame, fromClient: boolean): void => {
    packets++;
    tell(fromClient ? "C>M" : "S>M", frame);
    goOn(middle(frame, fromClient));
  };
  const goOn = (frames: ReturnType<Middle>): void => {
    for (const { frame, toClient } of frames) {
      tell(toClient ? "  M>C" : "  M>S", frame);
      (toClient ? toClientEnd : toServerEnd).send(frame);
    }
  };
  const path = (index: 0 | 1, arrive: (frame: Frame) => void): Path =>
    new Path(faults[index], { clock, random: random.fork(), arrive });
  const client: Endpoint = new Endpoint(options.client, {
    ...{ clock, complain, random: random.fork() },
    send: (frame) => fromClientEnd.send(frame),
  });
  const server: Endpoint = new Endpoint(options.server, {
    ...{ clock, complain, random: random.fork() },
    send: (frame) => fromServerEnd.send(frame),
  });
  const fromClientEnd = path(0, (frame) => through(frame, true));
  const fromServerEnd = path(1, (frame) => through(frame, false));
  const toClientEnd = path(0, (frame) => client.receive(frame));
  const toServerEnd = path(1, (frame) => server.receive(frame));
  if (options.abortAt !== undefined) clock.after(options.abortAt, () => client.abort());
  client.open();
  let progress = -1;
  let since = 0;
  let doneAt = -1;
  let nudged = false;
  for (let steps = 0; clock.step(); steps++) {
    const now = client.progress + server.progress;
    if (now !== progress) {
      progress = now;
      since = clock.now;
      steps = 0;
    }
    if (!nudged && clock.now - since > NUDGE && options.stalled !== undefined) {
      nudged = true;
      goOn(options.stalled());
    }
    const done = client.done && server.done;
    if (done && doneAt < 0) doneAt = clock.now;
    if (violations.length >= MOST_VIOLATIONS || (done && clock.now - doneAt > 5_000)) break;
    if (!done && (clock.now - since > STALL || steps > MOST_STEPS)) break;
  }
  if (!client.done || !server.done) complain(stall(client, server));
  return { client, server, violations, took: clock.now, packets };
}

function stall(client: Endpoint, server: Endpoint): string {
  const text = ({ sending, receiving, done }: Endpoint): string =>
    done
      ? "done"
      : `sent ${sending.highest} of ${sending.end + 1}, acknowledged ${sending.acknowledged}, ` +
        `edge ${sending.edge}, received ${receiving.next}`;
  return `it stands still. Client: ${text(client)}. Server: ${text(server)}`;
}
