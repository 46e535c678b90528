/**
 * UDP sockets with an inbox and bounded waits.
 *
 * @module
 */

import { createSocket } from "node:dgram";
import { deferred, within } from "../runtime/waiting.ts";

/** Where a datagram goes. */
export interface UdpAddress {
  readonly address: string;
  readonly port: number;
}

/** One datagram that came in. */
export interface Datagram {
  readonly bytes: Uint8Array;
  readonly text: string;
  readonly from: UdpAddress;
}

/** What to bind. */
export interface UdpOptions {
  readonly family?: 4 | 6;
  /** Default: loopback of the family. */
  readonly address?: string;
  /** Default: a free one. */
  readonly port?: number;
}

const decoder = new TextDecoder();

/** A bound socket. */
export class UdpSocket implements Disposable, UdpAddress {
  readonly #socket: ReturnType<typeof createSocket>;
  readonly #inbox: Datagram[] = [];
  #arrival = deferred<void>();
  #closed = false;
  readonly address: string;
  readonly port: number;

  private constructor(socket: ReturnType<typeof createSocket>, address: string) {
    this.#socket = socket;
    this.address = address;
    this.port = socket.address().port;
    socket.on("message", (bytes, from) => {
      this.#inbox.push({
        bytes: new Uint8Array(bytes),
        text: decoder.decode(bytes),
        from: { address: from.address, port: from.port },
      });
      this.#arrival.resolve();
      this.#arrival = deferred();
    });
  }

  /** Opens and binds a socket. */
  static async open(options: UdpOptions = {}): Promise<UdpSocket> {
    const family = options.family ?? 4;
    const address = options.address ?? (family === 4 ? "127.0.0.1" : "::1");
    const socket = createSocket(family === 4 ? "udp4" : "udp6");
    const bound = deferred<void>();
    socket.once("error", bound.reject);
    socket.bind(options.port ?? 0, address, () => bound.resolve());
    await within(bound.promise, { what: `a UDP socket on ${address}` });
    return new UdpSocket(socket, address);
  }

  /** Resolves when the kernel has taken the datagram: it is then in the queue or past it. */
  async send(data: string | Uint8Array, to: UdpAddress): Promise<void> {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    const sent = deferred<void>();
    this.#socket.send(
      bytes,
      to.port,
      to.address,
      (error) => error ? sent.reject(error) : sent.resolve(),
    );
    await within(sent.promise, { what: "a datagram to be sent" });
  }

  /** Sends several datagrams in order. */
  async sendAll(list: Iterable<string | Uint8Array>, to: UdpAddress): Promise<void> {
    for (const data of list) await this.send(data, to);
  }

  /** Texts of what came in and was not taken yet. */
  get pending(): string[] {
    return this.#inbox.map((datagram) => datagram.text);
  }

  /** The next datagram. */
  async receive(): Promise<Datagram> {
    while (this.#inbox.length === 0) {
      await within(this.#arrival.promise, { what: `a datagram on port ${this.port}` });
    }
    return this.#inbox.shift() as Datagram;
  }

  /** Texts of the next so many datagrams. */
  async take(count: number): Promise<string[]> {
    const texts: string[] = [];
    while (texts.length < count) texts.push((await this.receive()).text);
    return texts;
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }
}
