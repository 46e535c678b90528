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

export { SystemError } from "./src/linux/errno.ts";
export { LibraryLoadError, MissingSymbolError } from "./src/linux/library_errors.ts";
export type {
  ConntrackOptions,
  ExpectationOptions,
  Mark,
  VerdictOptions,
  VlanOptions,
} from "./src/queue/packet/verdict_options.ts";
export type { QueueCounters } from "./src/queue/report/counters.ts";
export type { Handler, HandlerResult, SyncHandler } from "./src/queue/loops/deliver.ts";
export type { Device } from "./src/linux/devices.ts";
export {
  QueueClosedError,
  TruncatedPacketError,
  UnfinishedChecksumError,
  VerdictError,
} from "./src/queue/packet/errors.ts";
export {
  ExhaustedEvent,
  IdleEvent,
  OverrunEvent,
  type PacketQueueEventMap,
  UndecidedEvent,
  VerdictErrorEvent,
} from "./src/queue/report/events.ts";
export type { UndecidedCause } from "./src/queue/packet/ending.ts";
export type { HandlerErrorPolicy } from "./src/queue/settings/handler_errors.ts";
export type { Hook } from "./src/queue/packet/hooks.ts";
export type { Vlan } from "./src/queue/packet/vlan.ts";
export type { Family } from "./src/queue/packet/families.ts";
export type { PacketQueueOptions } from "./src/queue/settings/options.ts";
export type { QueueFlags } from "./src/nfqueue/flags.ts";
export { Packet } from "./src/queue/packet/packet.ts";
export { PacketQueue } from "./src/queue/packet_queue.ts";
export {
  defineFilter,
  type Filter,
  type FilterContext,
  type FilterHandler,
} from "./src/filter/filter.ts";
export { runFilter, type RunFilterOptions } from "./src/filter/run_filter.ts";
export type {
  ConnectionState,
  OneOrMore,
  QueueBalance,
  Range,
  Rule,
  RuleFamily,
  RuleFields,
  RuleHook,
} from "./src/rules/rule/rule.ts";
export { type RuleCounter, RuleSet, type RuleSetOptions } from "./src/rules/set/rule_set.ts";
export { RulesError } from "./src/rules/errors.ts";
export type { LeftoverRules } from "./src/rules/installed.ts";
export type { RunOptions } from "./src/queue/loops/run.ts";
export type { RunSyncOptions, RunSyncResult } from "./src/queue/loops/run_sync.ts";
export type { RejectReason } from "./src/answer/reasons.ts";
export type { Unanswered } from "./src/answer/unanswered.ts";
export { PacketSender, type PacketSenderOptions } from "./src/answer/packet_sender.ts";
export { processOf, type ProcessOfOptions } from "./src/process/process_of.ts";
export type {
  LocalSocket,
  PacketProcesses,
  SocketProcess,
  Unseen,
  UnseenReason,
} from "./src/process/result.ts";
export { type QueueStatistics, queueStatistics } from "./src/nfqueue/statistics.ts";
export { Verdict } from "./src/queue/packet/verdict.ts";
export type {
  Conntrack,
  ConntrackCounter,
  ConntrackEndpoint,
  ConntrackSctp,
  ConntrackTcp,
} from "./src/netlink/conntrack/entry.ts";
export type { ConntrackFlag } from "./src/netlink/conntrack/numbers.ts";
export type { ConntrackTuple } from "./src/netlink/conntrack/tuple.ts";
export { PacketReleasedError, WireError, type WireProblem } from "./src/base/errors.ts";
export { ArpView } from "./src/packet/link/arp.ts";
export { EthernetView } from "./src/packet/link/ethernet.ts";
export { Flow, type FlowFields } from "./src/packet/structure/flow.ts";
export { IcmpView } from "./src/packet/transport/icmp.ts";
export { Icmpv6View } from "./src/packet/transport/icmpv6.ts";
export { type Ipv4Option, Ipv4View } from "./src/packet/ip/ipv4.ts";
export { Ipv6View } from "./src/packet/ip/ipv6.ts";
export type { Ipv6Extension, Ipv6ExtensionHeader } from "./src/packet/structure/ipv6_extensions.ts";
export type {
  Ipv6Authentication,
  Ipv6Fragment,
  Ipv6Option,
  Ipv6Routing,
} from "./src/packet/ip/ipv6_values.ts";
export type { JsonObject, JsonValue } from "./src/base/json_value.ts";
export { TcpView } from "./src/packet/transport/tcp.ts";
export type { TcpOption, TcpSackBlock, TcpTimestamps } from "./src/packet/transport/tcp_options.ts";
export { UdpView } from "./src/packet/transport/udp.ts";
