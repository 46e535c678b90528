// All checks, in the order in which a person would ask.
import { checkBridges } from "./checks/bridges.ts";
import { checkCapability } from "./checks/capability.ts";
import { checkFlowtables } from "./checks/flowtables.ts";
import { checkLeftoverRules } from "./checks/leftover_rules.ts";
import { checkLibraries } from "./checks/libraries.ts";
import { checkPlace } from "./checks/place.ts";
import { checkQueueOwners } from "./checks/queue_owners.ts";
import { checkQueueSupport } from "./checks/queue_support.ts";
import { checkQueueTraffic } from "./checks/queue_traffic.ts";
import { checkReceiveBuffer } from "./checks/receive_buffer.ts";
import { checkReversePath } from "./checks/reverse_path.ts";
import { checkRuleBackends } from "./checks/rule_backends.ts";
import { checkRuleOrder } from "./checks/rule_order.ts";
import { checkRuleTargets } from "./checks/rule_targets.ts";
import { checkRuntime } from "./checks/runtime.ts";
import type { Facts } from "./terms/facts.ts";
import type { Finding } from "./terms/finding.ts";

const CHECKS: readonly ((facts: Facts) => readonly Finding[])[] = [
  checkRuntime,
  checkLibraries,
  checkCapability,
  checkQueueSupport,
  checkRuleBackends,
  checkPlace,
  checkReceiveBuffer,
  checkQueueOwners,
  checkQueueTraffic,
  checkLeftoverRules,
  checkRuleTargets,
  checkRuleOrder,
  checkFlowtables,
  checkReversePath,
  checkBridges,
];

/** What they find. */
export function judge(facts: Facts): readonly Finding[] {
  return CHECKS.flatMap((check) => check(facts));
}
