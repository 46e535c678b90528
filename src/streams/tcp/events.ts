// What `TcpStreams` reports.

/** A bound of `TcpStreams`. */
export type StreamLimit = "connections" | "connectionBytes" | "bytes" | "hold" | "gap";

/** `"limit"`: a bound was reached, and a connection is not followed, or not any more. */
export class StreamLimitEvent extends Event {
  /** Which bound. `"gap"`: bytes went by that were never seen, so that nothing can be put in order. */
  readonly limit: StreamLimit;
  /** A sentence for people. */
  readonly message: string;

  /** @ignore Events come from `TcpStreams`. */
  constructor(limit: StreamLimit, ends: string) {
    super("limit");
    this.limit = limit;
    this.message = `the limit ${limit} was reached by the connection ${ends}`;
  }
}

/** Counters of `TcpStreams`. */
export interface TcpStreamsStatistics {
  /** Connections that are known now: followed, or with numbers that have to be translated. */
  readonly connections: number;
  /** Bytes of memory that are taken now for data. */
  readonly bytes: number;
  /** Connections that were followed. */
  readonly followed: number;
  /** Connections that ended, by reason. */
  readonly ended: Readonly<Record<string, number>>;
  /** How often each bound was reached. */
  readonly limits: Readonly<Record<StreamLimit, number>>;
  /** Packets that could not be sent beside, and why the first of them could not. */
  readonly unsent: number;
  /** See `unsent`. */
  readonly unsentError: unknown;
}
