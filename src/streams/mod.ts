/**
 * What comes in several packets: datagrams from fragments. Plain TypeScript, for packets of a queue.
 *
 * @module
 */
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
