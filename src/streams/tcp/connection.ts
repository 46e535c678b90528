import { formatIpv4, formatIpv6 } from "../../base/address.ts";
import type { StreamPacket } from "../packet.ts";
import type { EndReason } from "./callbacks.ts";
import { Direction } from "./direction.ts";
import type { MemoryAccount } from "./bytes/kept_bytes.ts";

/** Marks a stream as ended. */
export const END: unique symbol = Symbol("end");

/** One end of a connection. */
export interface TcpEnd {
  /** Its address as text. */
  readonly address: string;
  /** Its port. */
  readonly port: number;
}

/** What a program may do with a connection. */
export interface Steering {
  reset(connection: Connection): void;
  pass(connection: Connection): void;
}

/** A connection, as callbacks see it. */
export class TcpConnection {
  readonly #connection: Connection;
  readonly #steering: Steering;
  #client: TcpEnd | undefined;
  #server: TcpEnd | undefined;

  /** @ignore Connections come from `TcpStreams`. */
  constructor(connection: Connection, steering: Steering) {
    if (!(connection instanceof Connection)) {
      throw new TypeError("connections come from TcpStreams");
    }
    this.#connection = connection;
    this.#steering = steering;
  }

  /** The end that began it. Of one that was picked up: the end with the higher port. */
  get client(): TcpEnd {
    return this.#client ??= this.#connection.end(true);
  }

  /** The other end. */
  get server(): TcpEnd {
    return this.#server ??= this.#connection.end(false);
  }

  /** IP version. */
  get version(): 4 | 6 {
    return this.#connection.version;
  }

  /** Whether it was there before: its beginning was not seen. */
  get pickedUp(): boolean {
    return this.#connection.pickedUp;
  }

  /** Resets it: both ends get a reset, and its packets are dropped from now on. */
  reset(): void {
    this.#steering.reset(this.#connection);
  }

  /** Follows it no longer. Held bytes go on. Numbers that were shifted stay shifted until its end. */
  pass(): void {
    this.#steering.pass(this.#connection);
  }
}

/** One direction of a connection, as its callback sees it. */
export class TcpStream {
  readonly #connection: TcpConnection;
  /** Which direction it is. */
  readonly direction: "fromClient" | "fromServer";
  #ended = false;

  /** @ignore Streams come from `TcpStreams`. */
  constructor(connection: TcpConnection, direction: "fromClient" | "fromServer") {
    this.#connection = connection;
    this.direction = direction;
  }

  /** The same object for both directions. */
  get connection(): TcpConnection {
    return this.#connection;
  }

  /** Whether this is the last call: the sender has closed, or a limit or a reset ended it. */
  get ended(): boolean {
    return this.#ended;
  }

  /** @ignore */
  [END](): void {
    this.#ended = true;
  }
}

/** Addresses, as 32-bit words from the highest; IPv4 has one. */
export type Words = readonly [number, number, number, number];

/** A connection: both directions, and its place in the table. */
export class Connection {
  readonly version: 4 | 6;
  readonly clientAddress: Words;
  readonly serverAddress: Words;
  readonly clientPort: number;
  readonly serverPort: number;
  readonly hash: number;
  readonly fromClient: Direction;
  readonly fromServer: Direction;
  pickedUp = false;
  onEnd: ((reason: EndReason) => void) | undefined = undefined;
  handle: TcpConnection | undefined = undefined;
  /** It is still followed. */
  open = true;
  /** It goes on untouched: nothing of it has to be looked at. */
  transparent = false;
  /** Its packets are dropped. */
  dead = false;
  /** The direction whose sender has reset it. */
  resetBy: Direction | undefined = undefined;
  /** A connection with the same addresses and ports, whose SYN was not answered yet. */
  successor: Connection | undefined = undefined;
  /** A callback of it runs, and what it asked for. */
  busy = false;
  wantsReset = false;
  wantsPass = false;
  /** The packet that was seen last: more can be sent beside it. */
  packet: StreamPacket | undefined = undefined;
  /** When it was seen, milliseconds; and the list that it is in. */
  seen = 0;
  list: object | undefined = undefined;
  before: Connection | undefined = undefined;
  behind: Connection | undefined = undefined;
  /** The next of the same bucket. */
  chain: Connection | undefined = undefined;

  constructor(
    { version, hash, clientAddress, serverAddress, clientPort, serverPort, account }: {
      readonly version: 4 | 6;
      readonly hash: number;
      readonly clientAddress: Words;
      readonly serverAddress: Words;
      readonly clientPort: number;
      readonly serverPort: number;
      readonly account: MemoryAccount;
    },
  ) {
    this.version = version;
    this.hash = hash;
    this.clientAddress = clientAddress;
    this.serverAddress = serverAddress;
    this.clientPort = clientPort;
    this.serverPort = serverPort;
    this.fromClient = new Direction("fromClient", account);
    this.fromServer = new Direction("fromServer", account);
  }

  /**
   * Whether connection tracking must not see packets of our own in a direction: it has seen those of the
   * sender with other numbers and, where addresses are translated, with other addresses.
   */
  isUntracked(direction: Direction): boolean {
    return direction.behind ?? this.reverse(direction).behind === false;
  }

  /** The other direction. */
  reverse(direction: Direction): Direction {
    return direction === this.fromClient ? this.fromServer : this.fromClient;
  }

  /** Whether no number and no byte of it has to be changed. */
  get untouched(): boolean {
    const { fromClient, fromServer } = this;
    return fromClient.original && fromServer.original &&
      fromClient.informed && fromServer.informed &&
      fromClient.kept.length === 0 && fromServer.kept.length === 0;
  }

  /** One of its ends. */
  end(client: boolean): TcpEnd {
    const words = client ? this.clientAddress : this.serverAddress;
    const port = client ? this.clientPort : this.serverPort;
    return { address: addressText(this.version, words), port };
  }
}

function addressText(version: 4 | 6, words: Words): string {
  if (version === 4) return formatIpv4(words[3]);
  const bytes = new Uint8Array(new ArrayBuffer(16));
  const view = new DataView(bytes.buffer);
  words.forEach((word, index) => view.setInt32(4 * index, word, false));
  return formatIpv6(bytes);
}
