/**
 * What a client of this runtime sends before anybody answers.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createServer } from "node:net";
import { deferred, within } from "../runtime/waiting.ts";

/** What there is of a client. */
export interface Client {
  on(event: "error" | "close", listener: () => void): unknown;
  destroy(): unknown;
}

/** Lets a client connect to a port of loopback, and gives what it sends until `isWhole`. */
export async function firstBytesTo(
  connect: (port: number) => Client,
  isWhole: (bytes: Uint8Array) => boolean,
): Promise<Uint8Array<ArrayBuffer>> {
  const whole = deferred<Uint8Array<ArrayBuffer>>();
  const chunks: Uint8Array[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (chunk: Uint8Array) => {
      chunks.push(chunk);
      const bytes = new Uint8Array(Buffer.concat(chunks));
      if (isWhole(bytes)) whole.resolve(bytes);
    });
  });
  const listening = deferred<number>();
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    listening.resolve(typeof address === "object" ? address?.port ?? 0 : 0);
  });
  const client = connect(await listening.promise);
  const closed = deferred<void>();
  client.on("error", () => {});
  client.on("close", () => closed.resolve());
  try {
    return await within(whole.promise, { what: "the client's first bytes" });
  } finally {
    client.destroy();
    const down = deferred<void>();
    server.close(() => down.resolve());
    await within(closed.promise, { what: "the client to close" });
    await within(down.promise, { what: "the server to close" });
  }
}
