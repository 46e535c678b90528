// Plays a random connection through `TcpStreams`, and says what is wrong.

import type { EndpointOptions } from "../../support/tcp/endpoint.ts";
import { play } from "../../support/tcp/connection.ts";
import type { QueueMiddle } from "../../support/tcp/queue_middle.ts";
import { type EndReason, type TcpConnection, TcpStreams } from "../../../src/streams/mod.ts";
import { StreamRecord } from "./record.ts";
import { connectionOf, type Scenario } from "./scenario.ts";
import { KINDS } from "./transforms.ts";
import { Random } from "../../support/tcp/random.ts";
import { withOverlaps } from "./hostile.ts";
import { faultOf } from "./verdict.ts";

/** What callbacks do. */
export interface Rewriting {
  readonly fromClient: string | undefined;
  readonly fromServer: string | undefined;
  /** Where something happens, in bytes of the stream. */
  readonly at: number;
  /** Packets come with checksums that are not computed yet. */
  readonly unfinished: boolean;
  /** Somebody sends segments with other bytes. */
  readonly overlaps?: boolean | undefined;
  /** Virtual milliseconds after which the client resets the connection. */
  readonly abortAt?: number | undefined;
}

/** Never in a test: virtual time is not the clock's. */
const LONG = 3_600_000;

/** @returns what is wrong; undefined: nothing */
export function judge(
  scenario: Scenario,
  { fromClient, fromServer, at, unfinished, overlaps = false, abortAt }: Rewriting,
  { queue, trace }: { readonly queue: QueueMiddle; readonly trace?: (line: string) => void },
): string | undefined {
  const { seed } = scenario;
  const middle = overlaps ? withOverlaps(queue.middle, new Random(seed)) : queue.middle;
  const options = connectionOf(scenario, middle);
  const [clientData, serverData] = overlaps ? [undefined, undefined] : options.data;
  const untouched = (): undefined => undefined;
  const make = (name: string | undefined, salt: number) =>
    name === undefined ? untouched : KINDS[name]!.make(at, seed + salt);
  const records = {
    fromClient: new StreamRecord(clientData, make(fromClient, 1)),
    fromServer: new StreamRecord(serverData, make(fromServer, 2)),
  };
  const ends: EndReason[] = [];
  let met: TcpConnection | undefined;
  using streams = new TcpStreams({
    connection: (connection) => {
      // Where it was passed untouched, a late copy of the SYN begins another one, which nothing follows.
      if (met !== undefined && ends.includes("passed")) return undefined;
      met = connection;
      return {
        ...(fromClient !== undefined && { fromClient: records.fromClient.callback }),
        ...(fromServer !== undefined && { fromServer: records.fromServer.callback }),
        end: (reason) => ends.push(reason),
      };
    },
    limits: { idle: LONG },
    hold: { packets: 1000, milliseconds: LONG },
  });
  queue.handler = (packet) => {
    const verdict = streams.handler(packet);
    if (ends.includes("passed")) {
      records.fromClient.passed = records.fromServer.passed = true;
    }
    return verdict;
  };
  queue.errors = [];
  queue.complaints = [];
  queue.unfinished = unfinished;
  const refuses = [fromClient, fromServer].some((name) =>
    name !== undefined && KINDS[name]!.ending === "refused"
  );
  const holds = [fromClient, fromServer].some((name) =>
    name !== undefined && KINDS[name]!.holds === true
  );
  let stalled = false;
  const endOf = (end: EndpointOptions): EndpointOptions => ({
    ...end,
    receiving: { ...end.receiving, ignoresOld: overlaps },
  });
  const played = play({
    ...options,
    client: { ...endOf(options.client), mayBeReset: refuses },
    server: { ...endOf(options.server), mayBeReset: refuses || abortAt !== undefined },
    abortAt,
    ...(trace && { trace }),
    ...(holds && {
      stalled: () => {
        stalled = true;
        met?.pass();
        return queue.takeSent();
      },
    }),
  });
  // Where nothing is lost, a FIN that is there lets all go.
  if (stalled && scenario.faults.every(({ loss }) => loss === 0)) return "held for ever";
  if (met === undefined) return "the connection was not met";
  const aborted = played.client.aborted;
  const reset = ends.includes("refused") || aborted;
  // Behind pass() nobody knows which of two bytes came first.
  const unknown = overlaps && ends[0] === "passed" &&
    played.violations.every((text) => /: byte \d+ now, and/.test(text));
  if (unknown) return records.fromClient.wrong ?? records.fromServer.wrong;
  const wrong = records.fromClient.wrong ?? records.fromServer.wrong ?? queue.complaints[0] ??
    faultOf(played, {
      fromClient: records.fromClient.expected,
      fromServer: records.fromServer.expected,
      reset,
    });
  if (wrong !== undefined) return wrong;
  if (ends.length !== 1) return `end was called with ${ends.join(", ") || "nothing"}`;
  const thrown = fromClient === "throws midway" || fromServer === "throws midway";
  if (queue.errors.length > 0 && !(reset && thrown)) return `thrown: ${queue.errors[0]}`;
  if (aborted) {
    const right = ends[0] === "reset" || ends[0] === "closed" || ends[0] === "passed" ||
      (refuses && ends[0] === "refused");
    if (!right) return `it ended: ${ends[0]}`;
  } else if (reset || ends[0] === "passed") {
    const wanted: unknown[] = [fromClient, fromServer].map((name) => name && KINDS[name]!.ending);
    if (!wanted.includes(ends[0]) && !(holds && ends[0] === "passed")) {
      return `it ended: ${ends[0]}`;
    }
  } else if (ends[0] !== "closed") return `it ended: ${ends[0]}`;
  if (ends[0] === "closed" && !aborted) {
    const unseen = (fromClient && records.fromClient.unseen) ??
      (fromServer && records.fromServer.unseen);
    if (unseen) return unseen;
  }
  streams.close();
  const { bytes, connections } = streams.statistics;
  if (bytes !== 0 || connections !== 0) return `${bytes} bytes of ${connections} connections stay`;
  return undefined;
}
