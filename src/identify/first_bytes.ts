import { HOLD } from "../base/hold.ts";
import type { NotFound } from "./result.ts";

/** What is used of a stream of `TcpStreams`: one direction of a connection. */
export interface FirstBytesStream {
  /** Whether no more bytes come. */
  readonly ended: boolean;
  /** The same object for both directions, and as long as the connection lasts. */
  readonly connection: object;
}

/** Callbacks of `TcpStreams` that know what a client begins with. */
export interface FirstBytesCallbacks<Stream> {
  /** Holds what the client sends until it is known what that is; later bytes pass. */
  fromClient(data: Uint8Array, stream: Stream): Uint8Array | undefined | typeof HOLD;
}

/**
 * Makes callbacks of `TcpStreams` that ask once a connection: the first bytes of the client are held
 * until `identify` has found what it looks for, or knows that they are something else. Until then the
 * server sees nothing. One object can serve all connections.
 *
 * @param identify {@link clientHello}, {@link httpRequest} or another function that answers as they do
 * @param decide what to do, called once a connection with the last answer. The answer's status is
 * `"more"` where the bytes end before it is known (the client closed, or a limit of `TcpStreams` is
 * reached). It may return bytes that go on instead, or end the connection by the stream. What edits the
 * bytes takes them from `identify`: `(bytes) => ({ ...httpRequest(bytes), bytes })`
 * @example
 * ```ts
 * import { clientHello, firstBytes, type FirstBytesStream } from "@nfqueue/nfqueue/identify";
 *
 * interface Stream extends FirstBytesStream {
 *   readonly connection: { reset(): void };
 * }
 * const callbacks = firstBytes(clientHello, (hello, stream: Stream) => {
 *   if (hello.status === "found" && hello.serverName === "example.com") stream.connection.reset();
 * });
 * console.log(Object.keys(callbacks)); // [ "fromClient" ]
 * ```
 */
export function firstBytes<
  Result extends { readonly status: "found" } | NotFound,
  Stream extends FirstBytesStream = FirstBytesStream,
>(
  identify: (bytes: Uint8Array) => Result,
  decide: (result: Result, stream: Stream) => Uint8Array | undefined | void,
): FirstBytesCallbacks<Stream> {
  const decided = new WeakSet<object>();
  return {
    fromClient: (data, stream) => {
      if (decided.has(stream.connection)) return undefined;
      const result = identify(data);
      if (result.status === "more" && !stream.ended) return HOLD;
      decided.add(stream.connection);
      // Who returns nothing returns undefined.
      return decide(result, stream) as Uint8Array | undefined;
    },
  };
}
