/**
 * TCP over loopback: an echo server, a client that asks it, and a bulk transfer.
 *
 * @module
 */

import { createServer, type Server, type Socket } from "node:net";
import { connect as connectTo } from "node:net";
import { deferred, within } from "../runtime/waiting.ts";

/** What a server does with what it gets. */
export interface TcpServerOptions {
  /** Send it back. Default true. */
  readonly echo?: boolean;
  /** Default: a free one. */
  readonly port?: number;
  /** Called with every piece. */
  readonly hear?: (chunk: Uint8Array) => void;
}

/** Sends back what it gets, and counts it. */
export class TcpEchoServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly port: number;
  #bytes = 0;

  private constructor(server: Server, options: TcpServerOptions) {
    this.#server = server;
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no TCP port");
    this.port = address.port;
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("error", () => socket.destroy());
      socket.on("data", (chunk: Uint8Array) => {
        this.#bytes += chunk.length;
        options.hear?.(chunk);
        if (options.echo ?? true) socket.write(chunk);
      });
    });
  }

  /** Listens on a port of 127.0.0.1. */
  static async open(options: TcpServerOptions = {}): Promise<TcpEchoServer> {
    const server = createServer();
    const listening = deferred<void>();
    server.once("error", listening.reject);
    server.listen(options.port ?? 0, "127.0.0.1", () => listening.resolve());
    await within(listening.promise, { what: "a TCP server" });
    return new TcpEchoServer(server, options);
  }

  /** Bytes received so far. */
  get bytes(): number {
    return this.#bytes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const closed = deferred<void>();
    this.#server.close(() => closed.resolve());
    await within(closed.promise, { what: "a TCP server to close" });
  }
}

/** A connected client. */
export class TcpClient implements Disposable {
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Connects to a port of 127.0.0.1. */
  static async open(port: number): Promise<TcpClient> {
    const connected = deferred<void>();
    const socket = connectTo({ port, host: "127.0.0.1" }, () => connected.resolve());
    socket.on("error", connected.reject);
    await within(connected.promise, { what: `a connection to port ${port}` });
    return new TcpClient(socket);
  }

  /** Sends a text and waits until as many bytes came back; gives what came. */
  async ask(text: string): Promise<string> {
    return new TextDecoder().decode(await this.exchange(new TextEncoder().encode(text)));
  }

  /** Sends bytes and waits until as many came back; gives what came. */
  async exchange(data: Uint8Array): Promise<Uint8Array> {
    const answered = deferred<void>();
    const answer: number[] = [];
    const listen = (chunk: Uint8Array): void => {
      for (const byte of chunk) answer.push(byte);
      if (answer.length >= data.length) answered.resolve();
    };
    this.#socket.on("data", listen);
    this.send(data);
    try {
      const what = `the echo of ${JSON.stringify(new TextDecoder().decode(data))}`;
      await within(answered.promise, { what });
      return new Uint8Array(answer);
    } finally {
      this.#socket.off("data", listen);
    }
  }

  /** Sends bytes and waits for nothing. */
  send(data: Uint8Array): void {
    this.#socket.write(data);
  }

  /** Sends many zero bytes; resolves when the socket has taken them all. */
  async pour(total: number): Promise<void> {
    const chunk = new Uint8Array(256 * 1024);
    for (let sent = 0; sent < total; sent += chunk.length) {
      const taken = deferred<void>();
      this.#socket.write(
        chunk.subarray(0, Math.min(chunk.length, total - sent)),
        () => taken.resolve(),
      );
      await within(taken.promise, { what: "a bulk transfer to go on" });
    }
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}
