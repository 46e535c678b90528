/**
 * A filter as one object: its rules, its queue's options and its handler. A module that exports one by
 * default runs in a program, under the command `nfqueue`, and in tests.
 *
 * @module
 */

import { checkKeys, checkList, show } from "../base/checks.ts";
import type { HandlerResult } from "../queue/loops/deliver.ts";
import type { Packet } from "../queue/packet/packet.ts";
import type { PacketQueue } from "../queue/packet_queue.ts";
import { type PacketQueueOptions, resolveSettings } from "../queue/settings/options.ts";
import { checkRule } from "../rules/rule/checked_rule.ts";
import type { Rule } from "../rules/rule/rule.ts";

/** What a filter has around it; one for each queue. */
export interface FilterContext {
  /** The queue that its packets come through. */
  readonly queue: PacketQueue;
  /** 0 for the first queue, 1 for the second, … All of them run in the same thread. */
  readonly worker: number;
  /** Aborts when this filter ends: before `stop`, when it is replaced too. */
  readonly signal: AbortSignal;
  /** Of this queue, for the filter to keep things in. It is empty at first, and outlives a reload. */
  readonly state: Record<string, unknown>;
}

/** A filter. */
export interface Filter {
  /** What is sent to its queues. A rule without `queue` gets the numbers from the host. */
  readonly rules?: Rule | readonly Rule[] | undefined;
  /** How its queues are opened. */
  readonly options?: PacketQueueOptions | undefined;
  /**
   * Decides about a packet, as a handler of `PacketQueue.run`. When it throws or rejects, the packet gets
   * the verdict of `options.onHandlerError`, else of `options.onError`, and the filter lives on.
   */
  packet(packet: Packet, context: FilterContext): HandlerResult | Promise<HandlerResult>;
  /** Called for each queue before its first packet, and before any rule is installed. */
  start?(context: FilterContext): void | Promise<void>;
  /** Called for each queue behind its last packet. */
  stop?(context: FilterContext): void | Promise<void>;
}

/** A filter that is nothing but its handler. */
export type FilterHandler = Filter["packet"];

/** A rule, and how errors name it: `rules[1].`. */
export interface NamedRule {
  readonly where: string;
  readonly rule: Rule;
}

/** A filter that was checked. */
export interface CheckedFilter {
  /** Its methods are called on it. */
  readonly filter: Filter;
  readonly rules: readonly NamedRule[];
  readonly options: PacketQueueOptions;
}

const KEYS: readonly string[] = ["rules", "options", "packet", "start", "stop"];
const MOST_RULES = 10_000;
/** What a class says of itself, which cannot be called. */
const CLASS = /^class\b/;

/**
 * Checks rules, and says how errors name each.
 *
 * @throws {TypeError | RangeError} naming the rule and its field
 */
export function checkRules(rules: Rule | readonly Rule[]): readonly NamedRule[] {
  const named = Array.isArray(rules)
    ? checkList<Rule>("rules", rules, MOST_RULES)
      .map((rule, at) => ({ where: `rules[${at}].`, rule }))
    : [{ where: "rules.", rule: rules as Rule }];
  for (const { where, rule } of named) checkRule(rule, where);
  return named;
}

function checkMethod(filter: Filter, name: "packet" | "start" | "stop"): void {
  const method: unknown = filter[name];
  if (typeof method === "function" || (method === undefined && name !== "packet")) return;
  throw new TypeError(`filter.${name} must be a function, got ${show(method)}`);
}

/**
 * Checks a filter, or makes one of a handler.
 *
 * @throws {TypeError | RangeError} naming the field
 */
export function checkFilter(given: Filter | FilterHandler): CheckedFilter {
  if (typeof given === "function" && CLASS.test(Function.prototype.toString.call(given))) {
    throw new TypeError("filter is a class: give what it makes, as in `new MyFilter()`");
  }
  if (typeof given === "function") return { filter: { packet: given }, rules: [], options: {} };
  checkKeys("filter", given, KEYS);
  for (const name of ["packet", "start", "stop"] as const) checkMethod(given, name);
  const { rules, options } = given;
  resolveSettings(0, options);
  return {
    filter: given,
    rules: rules === undefined ? [] : checkRules(rules),
    options: { ...options },
  };
}

/**
 * Checks a filter and gives it back, so that an editor knows the types in it.
 *
 * @example A file that `nfqueue run` takes
 * ```ts no-eval
 * import { defineFilter, Verdict } from "@nfqueue/nfqueue";
 *
 * export default defineFilter({
 *   rules: { hook: "output", protocol: "udp", destinationPort: 53 },
 *   packet: (packet) => packet.length > 512 ? Verdict.Drop : Verdict.Accept,
 * });
 * ```
 *
 * @throws {TypeError | RangeError} naming the field that is wrong
 */
export function defineFilter(filter: Filter): Filter {
  checkKeys("filter", filter, KEYS);
  checkFilter(filter);
  return filter;
}
