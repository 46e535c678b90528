/**
 * Userspace packet queuing (Linux NFQUEUE) for Deno and Bun: decide about real packets in
 * TypeScript.
 *
 * @example Drop DNS, let the rest go
 * ```ts no-eval
 * import { PacketQueue, Verdict } from "@nfqueue/nfqueue";
 *
 * using queue = PacketQueue.open(0);
 * await queue.run((packet) =>
 *   packet.udp?.destinationPort === 53 ? Verdict.Drop : Verdict.Accept
 * );
 * ```
 *
 * @module
 */

export { SystemError } from "./ffi/errno.ts";
export { LibraryLoadError } from "./ffi/load.ts";
export { MissingSymbolError } from "./ffi/types.ts";
export type { ConntrackOptions, ExpectationOptions, VlanOptions } from "./src/queue/changes.ts";
export type { QueueCounters } from "./src/queue/counters.ts";
export type { Handler, HandlerResult, SyncHandler } from "./src/queue/deliver.ts";
export type { Device } from "./ffi/devices.ts";
export {
  QueueClosedError,
  TruncatedPacketError,
  UnfinishedChecksumError,
  VerdictError,
} from "./src/queue/errors.ts";
export {
  ExhaustedEvent,
  IdleEvent,
  OverrunEvent,
  type PacketQueueEventMap,
  type UndecidedCause,
  UndecidedEvent,
  VerdictErrorEvent,
} from "./src/queue/events.ts";
export type { HandlerErrorPolicy } from "./src/queue/handler_errors.ts";
export type { Hook, PacketMetadata, Vlan } from "./src/queue/metadata.ts";
export type { Family, PacketQueueOptions, QueueFlags } from "./src/queue/options.ts";
export { Packet } from "./src/queue/packet.ts";
export type { PacketLink } from "./src/queue/packet_link.ts";
export { PacketQueue } from "./src/queue/packet_queue.ts";
export type { RunOptions } from "./src/queue/run.ts";
export type { RunSyncOptions, RunSyncResult } from "./src/queue/run_sync.ts";
export { type QueueStatistics, queueStatistics } from "./src/queue/statistics.ts";
export { type Mark, Verdict, type VerdictOptions } from "./src/queue/verdict.ts";
export type {
  Conntrack,
  ConntrackCounter,
  ConntrackEndpoint,
  ConntrackSctp,
  ConntrackTcp,
} from "./src/wire/conntrack.ts";
export type { ConntrackFlag } from "./src/wire/conntrack_numbers.ts";
export type { ConntrackTuple } from "./src/wire/conntrack_tuple.ts";
export { PacketReleasedError, WireError, type WireProblem } from "./src/wire/errors.ts";
export { ArpView } from "./src/wire/arp.ts";
export { EthernetView } from "./src/wire/ethernet.ts";
export { Flow, type FlowFields } from "./src/wire/flow.ts";
export { IcmpView } from "./src/wire/icmp.ts";
export { Icmpv6View } from "./src/wire/icmpv6.ts";
export { type Ipv4Option, Ipv4View } from "./src/wire/ipv4.ts";
export { Ipv6View } from "./src/wire/ipv6.ts";
export type { Ipv6Extension, Ipv6ExtensionHeader } from "./src/wire/ipv6_extensions.ts";
export type {
  Ipv6Authentication,
  Ipv6Fragment,
  Ipv6Option,
  Ipv6Routing,
} from "./src/wire/ipv6_values.ts";
export type { JsonObject, JsonValue } from "./src/wire/json.ts";
export { TcpView } from "./src/wire/tcp.ts";
export type { TcpOption, TcpSackBlock, TcpTimestamps } from "./src/wire/tcp_options.ts";
export { UdpView } from "./src/wire/udp.ts";
