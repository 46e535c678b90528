/**
 * The processes of a packet.
 *
 * @module
 */

import { checkKeys, show } from "../base/checks.ts";
import { backend } from "../../ffi/backend.ts";
import { addressesOfKey, Flow } from "../packet/structure/flow.ts";
import type { IcmpView } from "../packet/transport/icmp.ts";
import type { Icmpv6View } from "../packet/transport/icmpv6.ts";
import { Packet } from "../queue/packet/packet.ts";
import { ProcessFinder } from "./process_finder.ts";
import type { PacketProcesses } from "./result.ts";
import type { LocalEnds } from "./socket_ends.ts";
import { unseen, unseenSystem } from "./unseen.ts";

/** Options of `processOf`. */
export interface ProcessOfOptions {
  /**
   * Where a socket that is new is looked for. `"all"`, the default: in every process, which takes
   * milliseconds. `"likely"`: first in those that had the last sockets, and in those that are new; where one of them has it
   * no others are looked at now, so that a process to which it was passed may come to be known a second later.
   */
  readonly search?: "all" | "likely" | undefined;
}

const TCP = 6;
const UDP = 17;
const UDPLITE = 136;
const ICMP = 1;
const ICMPV6 = 58;
const PORTS: ReadonlySet<number> = new Set([TCP, UDP, UDPLITE]);
/** Types of echo messages that a ping socket sends, and gets. */
const ECHO = { output: { [ICMP]: 8, [ICMPV6]: 128 }, input: { [ICMP]: 0, [ICMPV6]: 129 } } as const;
const FAMILIES: ReadonlySet<string> = new Set(["ipv4", "ipv6", "inet"]);

let finder: ProcessFinder | undefined;

/**
 * Tells which processes have the local socket of a packet in the hooks `output` and `input`: the socket that
 * sent it, or the one that will get it. It asks the kernel at each call, so the answer is never that of an
 * earlier socket with the same ports; what was found is remembered for 4096 connections.
 *
 * It needs Linux and /proc, and CAP_SYS_PTRACE for processes of other users. Ask before you edit the packet.
 * A packet of a test (`./testing`) is looked up on the system that the test runs on.
 *
 * @example Let a single program out
 * ```ts no-eval
 * import { PacketQueue, processOf, Verdict } from "@nfqueue/nfqueue";
 *
 * using queue = PacketQueue.open(0);
 * await queue.run((packet) => {
 *   const { processes } = processOf(packet);
 *   const isCurl = processes.length > 0 && processes.every(({ program }) => program === "/usr/bin/curl");
 *   return isCurl ? Verdict.Accept : Verdict.Drop;
 * });
 * ```
 *
 * @param packet one of a queue that has no verdict yet, or a copy
 * @throws {TypeError | RangeError} when it is no packet, or an option is wrong
 * @throws {PacketReleasedError} after the verdict
 */
export function processOf(packet: Packet, options: ProcessOfOptions = {}): PacketProcesses {
  if (!(packet instanceof Packet)) {
    throw new TypeError(`packet must be a Packet of a queue, got ${show(packet)}`);
  }
  checkKeys("options", options, ["search"]);
  const { search = "all" } = options;
  if (search !== "all" && search !== "likely") {
    throw new RangeError(`search must be "all" or "likely", got ${show(search)}`);
  }
  const { hook, family } = packet;
  if ((hook !== "output" && hook !== "input") || !FAMILIES.has(family)) return unseen("hook");
  const asked = endsOf(packet, hook);
  if (asked === undefined) return unseen("no-ports");
  try {
    const { platform } = backend();
    if (platform !== "linux" && platform !== "android") return unseenSystem(`this is ${platform}`);
    return (finder ??= new ProcessFinder()).find(asked.key, asked.ends, search);
  } catch (error) {
    return unseenSystem(error);
  }
}

/** What to look for, and a name for it; undefined where the packet does not show it. */
function endsOf(
  packet: Packet,
  side: "output" | "input",
): { readonly key: string; readonly ends: LocalEnds } | undefined {
  const { flow: own } = packet;
  if (own === undefined) return undefined;
  // An error that comes in is for the socket whose packet it quotes.
  const quoted = side === "input" ? messageOf(packet, own.protocol)?.quotedFlow : undefined;
  const flow = quoted ?? beforeTranslation(packet, side === "input" ? own.reversed() : own);
  const { version, protocol, sourcePort, destinationPort } = flow;
  if (PORTS.has(protocol) && sourcePort === 0 && destinationPort === 0) return undefined;
  const echo = quoted === undefined ? echoOf(packet, protocol, side) : undefined;
  const { directedKey } = flow;
  const { source: local, destination: remote } = addressesOfKey(directedKey);
  const isOut = side === "output";
  const tcp = isOut && protocol === TCP ? packet.tcp : undefined;
  return {
    key: protocol === TCP ? directedKey : `${directedKey}${side}${echo ?? ""}`,
    ends: {
      ...{ version, protocol, local, remote, side, echo },
      ...{ localPort: sourcePort, remotePort: destinationPort },
      device: (isOut ? packet.outDevice : packet.inDevice)?.index ?? 0,
      opening: tcp !== undefined && tcp.syn && !tcp.ack,
      user: isOut ? packet.uid : undefined,
    },
  };
}

function messageOf(packet: Packet, protocol: number): IcmpView | Icmpv6View | undefined {
  return protocol === ICMP ? packet.icmp : protocol === ICMPV6 ? packet.icmpv6 : undefined;
}

function echoOf(packet: Packet, protocol: number, side: "output" | "input"): number | undefined {
  const message = messageOf(packet, protocol);
  if (message === undefined) return undefined;
  return message.type === ECHO[side][protocol as 1 | 58] ? message.identifier : undefined;
}

/**
 * The flow as the socket knows it, where connection tracking tells that an address was translated.
 *
 * @param flow from the local end
 */
function beforeTranslation(packet: Packet, flow: Flow): Flow {
  const conntrack = packet.conntrack;
  for (const tuple of [conntrack?.original, conntrack?.reply]) {
    const { source, destination, sourcePort, destinationPort, protocol } = tuple ?? {};
    if (source === undefined || destination === undefined || protocol !== flow.protocol) continue;
    if (sourcePort !== flow.sourcePort || source !== flow.source) continue;
    return Flow.of({
      ...{ source, destination, protocol },
      ...{ sourcePort, destinationPort: destinationPort ?? 0 },
    });
  }
  return flow;
}
