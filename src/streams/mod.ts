/**
 * TCP connections as streams of bytes, followed and rewritten through a queue, in plain TypeScript.
 *
 * `TcpStreams` puts segments in order, calls the program with each byte once, and keeps both ends'
 * numbers right when it sends on other bytes, more, or fewer.
 *
 * @module
 */
export { HOLD } from "../base/hold.ts";
export type { StreamPacket, StreamVerdict } from "./packet.ts";
export type {
  ConnectionCallbacks,
  EndReason,
  StreamCallback,
  StreamResult,
} from "./tcp/callbacks.ts";
export { TcpConnection, type TcpEnd, TcpStream } from "./tcp/connection.ts";
export { type StreamLimit, StreamLimitEvent, type TcpStreamsStatistics } from "./tcp/events.ts";
export type { StreamPorts, StreamRule, StreamRulesOptions } from "./tcp/rules.ts";
export type { HoldLimits, TcpStreamsLimits, TcpStreamsOptions } from "./tcp/settings.ts";
export { TcpStreams } from "./tcp/tcp_streams.ts";
