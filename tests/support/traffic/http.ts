/**
 * HTTP by hand, so that every byte that goes in or comes out is known.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { connect, createServer, type Server, type Socket } from "node:net";
import { deferred, within } from "../runtime/waiting.ts";

const LOOPBACK = { 4: "127.0.0.1", 6: "::1" } as const;

/** How a server answers. */
export interface HttpServerOptions {
  readonly family?: 4 | 6;
  /** The body for a path; text is UTF-8. */
  readonly body: (path: string) => string;
}

/** Answers every request; the connection ends after it where RFC 9112 §9.3 says so. */
export class HttpServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly port: number;
  /** The heads that came, with the empty line. */
  readonly heads: string[] = [];

  private constructor(server: Server, options: HttpServerOptions) {
    this.#server = server;
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no TCP port");
    this.port = address.port;
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("error", () => socket.destroy());
      let heard = "";
      socket.on("data", (chunk: Uint8Array) => {
        heard += Buffer.from(chunk).toString("latin1");
        const end = heard.indexOf("\r\n\r\n");
        if (end < 0) return;
        const head = heard.slice(0, end + 4);
        heard = heard.slice(end + 4);
        this.heads.push(head);
        socket.write(HttpServer.responseTo(head, options.body));
        if (isLast(head)) socket.end();
      });
    });
  }

  /** What the server sends to a request. */
  static responseTo(head: string, body: (path: string) => string): Buffer {
    const data = Buffer.from(body(head.split(" ")[1] ?? ""));
    const lines = ["HTTP/1.1 200 OK", "Content-Type: text/plain", `Content-Length: ${data.length}`];
    if (isLast(head)) lines.push("Connection: close");
    return Buffer.concat([Buffer.from([...lines, "", ""].join("\r\n")), data]);
  }

  /** Listens on a free port of loopback. */
  static async open(options: HttpServerOptions): Promise<HttpServer> {
    const server = createServer();
    const listening = deferred<void>();
    server.once("error", listening.reject);
    server.listen(0, LOOPBACK[options.family ?? 4], () => listening.resolve());
    await within(listening.promise, { what: "an HTTP server" });
    return new HttpServer(server, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const closed = deferred<void>();
    this.#server.close(() => closed.resolve());
    await within(closed.promise, { what: "an HTTP server to close" });
  }
}

function isLast(head: string): boolean {
  const option = /^connection: *(.*)\r$/im.exec(head)?.[1];
  return option === "close" || (/ HTTP\/1\.0\r/.test(head) && option !== "keep-alive");
}

/** A connection of a client. */
export class HttpClient implements Disposable {
  readonly #socket: Socket;
  readonly #ended = deferred<void>();
  readonly #chunks: Buffer[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Uint8Array) => this.#chunks.push(Buffer.from(chunk)));
    socket.on("end", () => this.#ended.resolve());
    socket.on("error", this.#ended.reject);
    this.#ended.promise.catch(() => {});
  }

  /** Connects to a port of loopback. */
  static async open(port: number, options: { readonly family?: 4 | 6 } = {}): Promise<HttpClient> {
    const connected = deferred<void>();
    const host = LOOPBACK[options.family ?? 4];
    const socket = connect({ port, host }, () => connected.resolve());
    socket.setNoDelay(true);
    const client = new HttpClient(socket);
    socket.once("error", connected.reject);
    await within(connected.promise, { what: `a connection to port ${port}` });
    return client;
  }

  send(text: string): void {
    this.#socket.write(text);
  }

  /** All that has come so far. */
  get heard(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** All that comes until the server ends the connection. */
  async rest(timeout: number = 20_000): Promise<Buffer> {
    const what = "a server to end its connection";
    await within(this.#ended.promise, { what, timeout });
    return this.heard;
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}
