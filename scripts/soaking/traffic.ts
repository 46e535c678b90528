/** The programs that send and receive numbered packets. */
import { environment } from "./options.ts";
import { Child } from "./child.ts";

/** One sender. */
export interface Flood {
  /** Stream and port, in turn. */
  readonly streams: readonly (readonly [stream: number, port: number])[];
  readonly address?: string;
  /** Packets a second; 0: as many as it can. */
  readonly rate: number;
  /** Bytes of UDP payload. */
  readonly size: number;
  /** A: all are to be accepted; D: by their numbers. */
  readonly kind: "A" | "D";
  /** Command words before the program: another namespace's. */
  readonly prefix?: readonly string[];
}

/** It ends by itself after this long (s). */
const LONGEST = 60;

export class Sender extends Child {
  constructor({ streams, address = "127.0.0.1", rate, size, kind, prefix = [] }: Flood) {
    const [program, ...words] = [...prefix, `${environment("PROGRAMS")}/sender`];
    super([
      program!,
      ...words,
      ...streams.flatMap(([stream, port]) => ["-t", `${stream}:${port}`]),
      ...["-a", address, "-r", String(rate), "-s", String(size), "-k", kind],
      ...["-T", String(LONGEST)],
    ]);
  }

  /** Ends it; how many it sent. */
  async finish(): Promise<number> {
    this.signal("SIGTERM");
    const { sent } = JSON.parse(await this.line()) as { sent: number };
    await this.end();
    return sent;
  }
}

/** What has arrived. */
export interface Arrivals {
  /** Different numbers. */
  readonly arrived: number;
  /** Arrivals of a number that had arrived. */
  readonly duplicates: number;
  /** Those that an honest consumer drops. */
  readonly wrong: number;
  /** Those that are none of ours, or no longer what was sent. */
  readonly damaged: number;
  readonly rewritten: number;
  /** What found the receiver's own socket full. */
  readonly lost: number;
}

export class Receiver extends Child {
  constructor(ports: readonly number[]) {
    super([`${environment("PROGRAMS")}/receiver`, ...ports.flatMap((port) => ["-p", `${port}`])]);
  }

  /** Takes what is left; what there was in all. */
  async finish(): Promise<Arrivals> {
    this.signal("SIGTERM");
    const arrivals = JSON.parse(await this.line()) as Arrivals;
    await this.end();
    return arrivals;
  }
}
