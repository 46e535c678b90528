// Packets of queues: all of them are accepted, and looked at before.
import { FilterHost } from "../../filter/host.ts";
import { installRules } from "../../filter/system_rules.ts";
import { Verdict } from "../../queue/packet/verdict.ts";
import type { PacketQueueOptions } from "../../queue/settings/options.ts";
import type { Range, Rule } from "../../rules/rule/rule.ts";
import type { Destination } from "./destination.ts";
import type { Selection } from "./selection.ts";
import { ShownPacket } from "./shown_packet.ts";

/** Bytes of a packet that hold all headers of a line. */
const HEADERS = 512;

/** More than fit into the socket: where the program is too slow, the kernel counts there. */
const MOST_WAITING = 65_536;

/** What is listened to. */
export interface Listening {
  /** The lowest free number where it is absent. */
  readonly queues: Range<number> | undefined;
  readonly rules: readonly Rule[];
  /** Whether bytes behind the headers are looked at. */
  readonly whole: boolean;
}

/**
 * Accepts the packets of queues until the signal aborts, and hands them on. The rules are gone when it
 * resolves.
 *
 * @param complain hears of what a person must know
 * @returns packets that were not seen
 */
export async function listen(
  { queues, rules, whole }: Listening,
  { selection, destination, signal, complain }: {
    readonly selection: Selection;
    readonly destination: Destination;
    readonly signal: AbortSignal;
    readonly complain: (text: string) => void;
  },
): Promise<number> {
  const options: PacketQueueOptions = {
    ...(whole ? {} : { copyRange: HEADERS }),
    // Who only looks on must not be in the way.
    ...{ failOpen: true, onError: Verdict.Accept, onHandlerError: Verdict.Accept },
    ...{ maxLength: MOST_WAITING, warn: false, uidGid: true },
  };
  const host = await FilterHost.start({
    options,
    // Not where a queue cannot be opened: what was in the file stays then.
    start: () => destination.begin(),
    packet(packet) {
      selection.take(ShownPacket.ofQueue(packet));
      return Verdict.Accept;
    },
  }, { signal, queues, rules, log: (text) => complain(`${text}\n`), installRules });
  const numbers = host.queues.map(({ number }) => number);
  if (!signal.aborted) complain(greeting(numbers, rules.length > 0));
  await host.ended;
  destination.begin();
  let lost = 0;
  for (const queue of host.queues) {
    const { statistics } = queue;
    destination.count(queue.number, statistics);
    lost += statistics.overruns + statistics.queueDropped;
  }
  return lost;
}

function greeting(numbers: readonly number[], withRules: boolean): string {
  const [first, last] = [numbers[0] ?? 0, numbers.at(-1) ?? 0];
  const name = first === last ? `queue ${first}` : `queues ${first} to ${last}`;
  if (withRules) return `listening on ${name}\n`;
  const target = first === last ? `--queue-num ${first}` : `--queue-balance ${first}:${last}`;
  return `listening on ${name}, to which a rule must send packets, such as\n` +
    `  iptables -I OUTPUT -p tcp -j NFQUEUE ${target} --queue-bypass\n` +
    `or this command with --rule 'output protocol=tcp'\n`;
}
