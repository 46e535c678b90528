// Rules that send packets to queues, whoever made them.
import { type PortProcess, processOfPort } from "../../nfqueue/process_of_port.ts";
import { type QueueStatistics, readQueueTable } from "../../nfqueue/queue_table.ts";
import { ERRNO } from "../../linux/errno.ts";
import { ownerOf } from "../../rules/owner.ts";
import { legacyRules, nftRules } from "../doctor/facts/rules.ts";
import { type QueueRule, queueRules } from "../doctor/rules/queue_rules.ts";
import { ruleText } from "../doctor/rules/ruleset.ts";
import { count } from "../doctor/terms/finding.ts";
import { visible } from "../words/point.ts";
import { STATUS, type Surroundings } from "../frame/command.ts";

/** A queue that a rule names. */
interface ListedQueue {
  readonly queue: number;
  /** Packets that wait in it. */
  readonly waiting: number;
  readonly process: { readonly id: number; readonly name: string } | null;
}

/** A rule, as `--json` tells it. */
interface ListedRule {
  /** Where it is: `inet filter input (handle 7)`, `iptables-legacy filter INPUT (rule 1)`. */
  readonly place: string;
  /** The base chains that lead to it. */
  readonly hooks: readonly { readonly hook: string; readonly priority: number }[];
  /** Null where a map or a calculation gives the number. */
  readonly queues: { readonly from: number; readonly to: number } | null;
  readonly bypass: boolean;
  /** Null where the rule has no counter. */
  readonly packets: number | null;
  readonly bytes: number | null;
  /** The process that made it, where it is one of this library's. */
  readonly madeBy: { readonly process: number; readonly state: string } | null;
  /** Those of its queues that are bound; null where /proc does not tell. */
  readonly bound: readonly ListedQueue[] | null;
}

/** Prints them. */
export function list(json: boolean, { write, complain }: Surroundings): number {
  const nft = nftRules();
  const legacy = legacyRules();
  const { queues, errno } = readQueueTable();
  const table = errno === 0 || errno === ERRNO.ENOENT ? queues : undefined;
  const owners = new Map<number, PortProcess | undefined>();
  const rules = queueRules([...nft.chains, ...legacy.chains])
    .map((rule) => listed(rule, table, owners));
  const problems = Object.entries({ nft, "iptables-legacy": legacy }).flatMap(
    ([name, { problem }]) => problem === undefined ? [] : [`${name}: ${problem}`],
  );
  if (json) write(`${JSON.stringify({ rules, problems }, null, 2)}\n`);
  else {
    if (rules.length === 0 && problems.length === 0) write("No rule sends packets to a queue.\n");
    // Programs and chains may have any name.
    write(visible(rules.map(textOf).join("")));
    for (const problem of problems) {
      const advice = problem.endsWith("EPERM") ? "; it takes CAP_NET_ADMIN: run it as root" : "";
      complain(`nfqueue rules list: the rules could not be read of ${problem}${advice}\n`);
    }
  }
  return problems.length === 0 ? STATUS.done : STATUS.failed;
}

function listed(
  { chain, rule, numbers, bypass, bases }: QueueRule,
  table: readonly QueueStatistics[] | undefined,
  owners: Map<number, PortProcess | undefined>,
): ListedRule {
  const owner = (portId: number) => {
    if (!owners.has(portId)) owners.set(portId, processOfPort(portId));
    const found = owners.get(portId);
    return found === undefined ? null : { id: found.id, name: found.name };
  };
  const bound = table?.filter(({ queue }) =>
    numbers !== undefined && queue >= numbers.from && queue <= numbers.to
  );
  return {
    place: ruleText(chain, rule),
    hooks: bases.map(({ base: { hook, priority } }) => ({ hook, priority })),
    queues: numbers ?? null,
    bypass,
    packets: rule.count?.packets ?? null,
    bytes: rule.count?.bytes ?? null,
    madeBy: ownerOf(chain.table) ?? ownerOf(chain.name) ?? null,
    bound: bound?.map(({ queue, length, portId }) => ({
      ...{ queue, waiting: length, process: owner(portId) },
    })) ?? null,
  };
}

function textOf(rule: ListedRule): string {
  const { place, hooks, queues, bypass, packets, bytes, madeBy, bound } = rule;
  const lines = [place + (madeBy === null ? "" : `: made by process ${madeBy.process}`)];
  if (madeBy !== null && madeBy.state !== "running") {
    lines[0] += madeBy.state === "gone"
      ? ", which runs no more (nfqueue rules clean removes it)"
      : ", in another namespace of processes";
  }
  const at = hooks.map(({ hook, priority }) => `${hook} (priority ${priority})`);
  lines.push(at.length === 0 ? "no base chain leads to it" : `at ${at.join(", ")}`);
  const counted = packets === null
    ? ""
    : `; ${count(packets, "packet")}, ${count(bytes ?? 0, "byte")} so far`;
  lines.push(`${queueText(queues)}${bypass ? ", bypass" : ""}${counted}`);
  if (bound === null) {
    lines.push(
      "who owns it cannot be told: /proc hides the queues from this user (nfqueue doctor)",
    );
    return `${lines.join("\n  ")}\n`;
  }
  for (const { queue, waiting, process } of bound) {
    const who = process === null
      ? "a process that cannot be seen from here"
      : `process ${process.id} (${process.name})`;
    lines.push(`queue ${queue} is owned by ${who}; ${count(waiting, "packet")} in it`);
  }
  const missing = queues === null ? 0 : queues.to - queues.from + 1 - bound.length;
  if (missing > 0) {
    const which = bound.length === 0 ? "nobody owns it" : `${missing} of them are owned by nobody`;
    lines.push(`${which}: its packets ${bypass ? "pass unseen" : "are dropped"}`);
  }
  return `${lines.join("\n  ")}\n`;
}

function queueText(queues: ListedRule["queues"]): string {
  if (queues === null) return "to a queue that is looked up or calculated for each packet";
  return queues.from === queues.to
    ? `to queue ${queues.from}`
    : `to queues ${queues.from}-${queues.to}`;
}
