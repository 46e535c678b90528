// Single segments through `TcpStreams`, by hand: what each makes go on, and what goes beside it.

import { TcpStreams, type TcpStreamsOptions } from "../../../src/streams/mod.ts";
import { QueueMiddle } from "../../support/tcp/queue_middle.ts";
import { decode, encode, FLAG, type Segment } from "../../support/tcp/segment.ts";

export { FLAG };

const CLIENT = { address: [192, 0, 2, 1], port: 40_000 };
const SERVER = { address: [192, 0, 2, 2], port: 80 };
const NOTHING = new Uint8Array(0);
const complain = (text: string): never => {
  throw new Error(`a made packet is wrong: ${text}`);
};

/** A segment that went on or was sent beside, and where it went. */
export interface Out extends Segment {
  readonly to: "client" | "server";
}

/** What a test says of a segment. */
export interface Fields extends Partial<Omit<Segment, "data">> {
  readonly data?: string | Uint8Array;
}

/** Where both ends begin to count; near the place where numbers wrap. */
export const INITIAL = { client: 0xffff_fff0, server: 0x7fff_fff8 } as const;

/** A connection between two ends that a test plays by hand. */
export class Stage implements Disposable {
  readonly streams: TcpStreams;
  readonly queue: QueueMiddle = new QueueMiddle();

  constructor(options: TcpStreamsOptions) {
    this.streams = new TcpStreams(options);
    this.queue.handler = this.streams.handler;
  }

  /** A packet of the client. Without fields it acknowledges the server's SYN. */
  client(fields: Fields = {}): Out[] {
    return this.#send(true, {
      ...{ sequence: INITIAL.client + 1, acknowledgment: INITIAL.server + 1 },
      ...fields,
    });
  }

  /** A packet of the server. Without fields it acknowledges the client's SYN. */
  server(fields: Fields = {}): Out[] {
    return this.#send(false, {
      ...{ sequence: INITIAL.server + 1, acknowledgment: INITIAL.client + 1 },
      ...fields,
    });
  }

  /** SYN, SYN and ACK, ACK. */
  shakeHands(): void {
    this.client({ sequence: INITIAL.client, acknowledgment: 0, flags: FLAG.SYN });
    this.server({ sequence: INITIAL.server, flags: FLAG.SYN | FLAG.ACK });
    this.client();
  }

  [Symbol.dispose](): void {
    this.streams.close();
    this.queue[Symbol.dispose]();
  }

  #send(fromClient: boolean, { data = NOTHING, ...fields }: Fields): Out[] {
    const bytes = encode(
      {
        ...{ flags: FLAG.ACK, window: 0xffff, ...fields },
        sequence: fields.sequence! >>> 0,
        acknowledgment: fields.acknowledgment! >>> 0,
        data: typeof data === "string" ? new TextEncoder().encode(data) : data,
      },
      fromClient ? CLIENT : SERVER,
      fromClient ? SERVER : CLIENT,
    );
    return this.queue.middle({ bytes, gso: 0 }, fromClient).map(({ frame, toClient }) => ({
      ...decode(frame.bytes, complain)!,
      to: toClient ? "client" : "server",
    }));
  }
}

/** The data of segments, as text. */
export function text(out: readonly Out[]): string {
  return out.map(({ data }) => new TextDecoder().decode(data)).join("");
}
