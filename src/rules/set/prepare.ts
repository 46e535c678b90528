// What is looked up before rules are installed: queues, devices, users.
import { libc } from "../../../ffi/libraries/libc.ts";
import { cString } from "../../../ffi/memory.ts";
import { checkList, show } from "../../base/checks.ts";
import { userNumber } from "../../linux/users.ts";
import type { InstallableRule } from "../installed.ts";
import { type CheckedFields, checkRule } from "../rule/checked_rule.ts";
import type { Rule } from "../rule/rule.ts";

const MOST_RULES = 10_000;

/** Rules that were checked, and what was looked up for them. */
export interface Prepared {
  /** As they were given. */
  readonly given: readonly Rule[];
  readonly rules: readonly InstallableRule[];
  readonly users: ReadonlyMap<string, number>;
}

/** What is looked up on this system. `explain` needs no system, and looks up nothing. */
export interface Lookups {
  readonly user: (name: string) => number | undefined;
  readonly hasDevice: (name: string) => boolean;
}

/** This system's users and devices. */
export const SYSTEM: Lookups = {
  user: userNumber,
  hasDevice: (name) => libc().if_nametoindex(cString(name)) !== 0,
};

/**
 * Checks rules.
 *
 * @throws {TypeError | RangeError} naming the field
 */
export function prepareRules(given: Rule | readonly Rule[], lookups?: Lookups): Prepared {
  const list = Array.isArray(given) ? checkList<Rule>("rules", given, MOST_RULES) : [given as Rule];
  const users = new Map<string, number>();
  const rules = list.map((rule, at): InstallableRule => {
    const where = Array.isArray(given) ? `rules[${at}].` : "";
    const checked = checkRule(rule, where);
    if (checked.queue === undefined) {
      throw new TypeError(
        `${where}queue is missing: the number of the queue that is to get the packets`,
      );
    }
    if (lookups) {
      for (const [part, fields] of [["", checked.fields], ["not.", checked.not]] as const) {
        lookUp(`${where}${part}`, fields, { lookups, users });
      }
    }
    return { where, rule: checked };
  });
  return { given: list, rules, users };
}

function lookUp(
  where: string,
  fields: CheckedFields,
  { lookups, users }: { readonly lookups: Lookups; readonly users: Map<string, number> },
): void {
  for (const name of ["inDevice", "outDevice"] as const) {
    const missing = fields[name]?.find((device) =>
      !device.endsWith("*") && !lookups.hasDevice(device)
    );
    if (missing === undefined) continue;
    throw new RangeError(
      `${where}${name}: there is no device ${show(missing)} here. ` +
        `A name with * at its end also fits devices that come later: ${show(`${missing}*`)}`,
    );
  }
  for (const user of fields.user ?? []) {
    if (typeof user === "number") continue;
    const number = lookups.user(user) ?? (/^\d{1,10}$/.test(user) ? Number(user) : undefined);
    if (number === undefined || number >= 0xffffffff) {
      throw new RangeError(`${where}user: there is no user ${show(user)} on this system`);
    }
    users.set(user, number);
  }
}
