/**
 * A TCP connection through a filter in the kit: both ends, with numbers and acknowledgments as the filter
 * lets them see each other.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Verdict } from "../../../mod.ts";
import { buildPacket, parseLayers, type TcpFields } from "../../../src/packet/mod.ts";
import type { TestFilter } from "../../../src/testing/mod.ts";
import { ENDS, ENDS6 } from "./recipes.ts";

type Role = "client" | "server";

/** Which connection. */
export interface KitConnectionOptions {
  readonly serverPort?: number;
  readonly family?: 4 | 6;
}

let clientPort = 20_000;

/** One end: what it has sent, and what has come. */
class End {
  readonly first: number;
  readonly port: number;
  readonly address: string;
  /** Bytes sent so far, a FIN included. */
  sent = 0;
  /** One character a byte; a FIN is none. */
  received = "";
  finished = false;
  reset = false;

  constructor(first: number, port: number, address: string) {
    this.first = first;
    this.port = port;
    this.address = address;
  }

  /** Takes in a segment of the other end. */
  take(offset: number, { fin, rst }: { fin: boolean; rst: boolean }, data: Uint8Array): void {
    if (rst) this.reset = true;
    assert.ok(offset <= this.received.length, "a segment is missing before this one");
    const text = Buffer.from(data).toString("latin1");
    const known = this.received.slice(offset, offset + text.length);
    assert.equal(text.slice(0, known.length), known, "what comes again is the same");
    this.received += text.slice(known.length);
    if (fin) this.finished = true;
  }
}

/** A connection that both ends have opened. The client is on this machine, behind `eth0` is the server. */
export class KitConnection {
  readonly #kit: TestFilter;
  readonly #client: End;
  readonly #server: End;

  private constructor(kit: TestFilter, { serverPort = 80, family = 4 }: KitConnectionOptions) {
    const { source, destination } = family === 4 ? ENDS : ENDS6;
    this.#kit = kit;
    // Numbers wrap early.
    this.#client = new End(0xffffff00, clientPort++, source);
    this.#server = new End(0xfffffff0, serverPort, destination);
  }

  /** Opens one: SYN, SYN and ACK, ACK. */
  static async open(kit: TestFilter, options: KitConnectionOptions = {}): Promise<KitConnection> {
    const connection = new KitConnection(kit, options);
    await connection.#send("client", { syn: true, mss: 1460 });
    await connection.#send("server", { syn: true, ack: true, mss: 1460 });
    await connection.#send("client", { ack: true });
    return connection;
  }

  /** What has come to the server. */
  get atServer(): string {
    return this.#server.received;
  }

  /** What has come to the client. */
  get atClient(): string {
    return this.#client.received;
  }

  /** The ends that have got a reset. */
  get resets(): readonly Role[] {
    return (["client", "server"] as const).filter((role) => this.#end(role).reset);
  }

  /** The ends to which the other one's FIN has come. */
  get finished(): readonly Role[] {
    return (["client", "server"] as const).filter((role) => this.#end(role).finished);
  }

  /** Sends data, and lets the other end acknowledge what comes of it. */
  async send(from: Role, data: Uint8Array | string, { fin = false } = {}): Promise<void> {
    const payload = typeof data === "string" ? new TextEncoder().encode(data) : data;
    const to = from === "client" ? "server" : "client";
    const before = this.#end(to).received.length;
    const fields = { ack: true, psh: payload.length > 0, fin };
    await this.#send(from, fields, payload);
    this.#end(from).sent += payload.length + Number(fin);
    if (this.#end(to).received.length > before && !this.#end(to).reset) {
      await this.#send(to, { ack: true });
    }
  }

  #end(role: Role): End {
    return role === "client" ? this.#client : this.#server;
  }

  async #send(from: Role, flags: TcpFields, payload: Uint8Array = new Uint8Array()): Promise<void> {
    const [mine, other] = from === "client"
      ? [this.#client, this.#server]
      : [this.#server, this.#client];
    const behind = flags.syn ? 0 : 1;
    const acknowledged = other.first + 1 + mine.received.length + Number(mine.finished);
    const packet = buildPacket({
      ip: { source: mine.address, destination: other.address },
      tcp: {
        ...{ sourcePort: mine.port, destinationPort: other.port, windowSize: 60_000, ...flags },
        sequenceNumber: (mine.first + behind + mine.sent) >>> 0,
        acknowledgmentNumber: flags.ack ? acknowledged >>> 0 : 0,
      },
      payload,
    });
    const where = from === "client"
      ? { hook: "postrouting", outDevice: "eth0" } as const
      : { hook: "prerouting", inDevice: "eth0" } as const;
    const { verdict, bytes, sent } = await this.#kit.send(packet, where);
    const packets = verdict === Verdict.Accept ? [bytes, ...sent] : sent;
    for (const { tcp, malformed } of packets.map((packet) => parseLayers(packet))) {
      assert.equal(malformed, undefined);
      if (tcp === undefined || tcp.syn) continue;
      const [to, by] = tcp.destinationPort === this.#server.port
        ? [this.#server, this.#client]
        : [this.#client, this.#server];
      to.take((tcp.sequenceNumber - by.first - 1) | 0, tcp, tcp.payload);
    }
  }
}
