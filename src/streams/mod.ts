/**
 * What comes in several packets, in plain TypeScript, for packets of a queue: TCP connections as streams
 * of bytes, and datagrams from fragments.
 *
 * `TcpStreams` puts segments in order, calls the program with each byte once, and keeps both ends'
 * numbers right when it sends on other bytes, more, or fewer. `Datagrams` puts fragments together.
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
export type { StreamPorts, StreamRule, StreamRulesOptions } from "./rules.ts";
export type { HoldLimits, TcpStreamsLimits, TcpStreamsOptions } from "./tcp/settings.ts";
export { TcpStreams } from "./tcp/tcp_streams.ts";
export { Datagrams, type DatagramStatistics } from "./datagrams/datagrams.ts";
export type { Datagram } from "./datagrams/datagram.ts";
export type {
  DatagramLimits,
  DatagramResult,
  DatagramsOptions,
  FragmentPacket,
  IncompleteDatagram,
  IncompleteReason,
} from "./datagrams/options.ts";
