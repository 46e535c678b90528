import { checkInteger, checkKeys, checkMilliseconds, show } from "../../base/checks.ts";
import type { ConnectionCallbacks } from "./callbacks.ts";
import type { TcpConnection, TcpStream } from "./connection.ts";

/** Bounds of `TcpStreams`. What is reached is counted in `statistics`, and told by an event. */
export interface TcpStreamsLimits {
  /** Most connections at a time; a further one is not followed. Default 65536. */
  readonly connections?: number | undefined;
  /**
   * Most bytes that one direction of a connection may have under way, held and stored, 4096 to 2**30.
   * Its receiver's window is lowered to that. Default 1048576.
   */
  readonly connectionBytes?: number | undefined;
  /** Most bytes of all connections, 65536 to 2**40. Default 67108864. */
  readonly bytes?: number | undefined;
  /** Milliseconds without a packet after which a connection is forgotten. Default 300000. */
  readonly idle?: number | undefined;
  /**
   * What happens where bytes find no room, or went by unseen: the connection is not followed any more, or is
   * reset. With "reset" the SYN of a connection that is one too many is dropped, so that its client tries
   * again. Filters that must see everything want "reset". Default "pass".
   */
  readonly then?: "pass" | "reset" | undefined;
}

/** How long bytes are held. */
export interface HoldLimits {
  /** Most packets whose bytes are held, 1 to 1000. Default 10: a sender sends no more at first. */
  readonly packets?: number | undefined;
  /** Longest time. Default 150. */
  readonly milliseconds?: number | undefined;
  /** What happens then: the connection is not followed any more, or is reset. Default "pass". */
  readonly then?: "pass" | "reset" | undefined;
}

/** Options of `TcpStreams`. */
export interface TcpStreamsOptions {
  /**
   * Called for each new connection, at its first packet.
   *
   * @returns what to do with it; undefined: it is not followed
   */
  readonly connection: (
    connection: TcpConnection,
  ) => ConnectionCallbacks<TcpStream> | undefined | void;
  /** Bounds. */
  readonly limits?: TcpStreamsLimits | undefined;
  /** How long bytes are held. */
  readonly hold?: HoldLimits | undefined;
  /** What to do with connections that were there before. Default "ignore". */
  readonly pickUp?: "ignore" | "follow" | undefined;
}

/** The options, checked and whole. */
export interface Settings {
  readonly connection: TcpStreamsOptions["connection"];
  readonly connections: number;
  readonly connectionBytes: number;
  readonly bytes: number;
  readonly idle: number;
  readonly limitsThen: "pass" | "reset";
  readonly holdPackets: number;
  readonly holdMilliseconds: number;
  readonly holdThen: "pass" | "reset";
  readonly pickUp: boolean;
}

/** @throws {TypeError | RangeError} naming the option */
export function checkSettings(options: TcpStreamsOptions): Settings {
  checkKeys("options", options, ["connection", "limits", "hold", "pickUp"]);
  const { connection, limits = {}, hold = {}, pickUp } = options;
  if (typeof connection !== "function") {
    throw new TypeError(`connection must be a function, got ${show(connection)}`);
  }
  checkKeys("limits", limits, ["connections", "connectionBytes", "bytes", "idle", "then"]);
  checkKeys("hold", hold, ["packets", "milliseconds", "then"]);
  const { connections = 65_536, connectionBytes = 1 << 20, bytes = 64 << 20, idle = 300_000 } =
    limits;
  const { packets = 10, milliseconds = 150, then } = hold;
  return {
    connection,
    connections: checkInteger("limits.connections", connections, 1, 1 << 24),
    connectionBytes: checkInteger("limits.connectionBytes", connectionBytes, 4096, 2 ** 30),
    bytes: checkInteger("limits.bytes", bytes, 65_536, 2 ** 40),
    idle: checkMilliseconds("limits.idle", idle),
    limitsThen: oneOf("limits.then", limits.then ?? "pass", ["pass", "reset"]),
    holdPackets: checkInteger("hold.packets", packets, 1, 1000),
    holdMilliseconds: checkMilliseconds("hold.milliseconds", milliseconds),
    holdThen: oneOf("hold.then", then ?? "pass", ["pass", "reset"]),
    pickUp: oneOf("pickUp", pickUp ?? "ignore", ["ignore", "follow"]) === "follow",
  };
}

function oneOf<Word extends string>(field: string, value: unknown, words: readonly Word[]): Word {
  const found = words.find((word) => word === value);
  if (found !== undefined) return found;
  const list = words.map((word) => JSON.stringify(word)).join(" or ");
  const text = `${field} must be ${list}, got ${show(value)}`;
  throw typeof value === "string" ? new RangeError(text) : new TypeError(text);
}
