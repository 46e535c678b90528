/**
 * A filter in a program of one's own.
 *
 * @module
 */

import { checkKeys } from "../base/checks.ts";
import type { QueueCounters } from "../queue/report/counters.ts";
import type { Range, Rule } from "../rules/rule/rule.ts";
import type { Filter, FilterHandler } from "./filter.ts";
import { FilterHost } from "./host.ts";
import { installRules } from "./system_rules.ts";

/** Options of `runFilter`. */
export interface RunFilterOptions {
  /** Aborting it ends the filter in order. Without it SIGINT and the like end the process at once. */
  readonly signal?: AbortSignal | undefined;
  /**
   * The queues, 0 to 65535, at most 256 of them, which are all read in this thread. Default: those that
   * the rules name; where none does, the lowest number that is free.
   */
  readonly queues?: number | Range<number> | undefined;
  /** Rules in the place of the filter's own. `false`: none are installed. */
  readonly rules?: Rule | readonly Rule[] | false | undefined;
  /**
   * Hears of handlers that throw, and of packets without a verdict: the first of a kind at once, others
   * like it by their number, every ten seconds at most. Default: `console.error`.
   */
  readonly log?: ((message: string) => void) | undefined;
}

/**
 * Runs a filter to its end: opens its queues, calls `start`, installs its rules, decides about packets.
 * At the end, whatever ends it, the rules are removed first; then the packets that still wait are decided
 * (a second at most), `stop` is called, and the queues are closed.
 *
 * A handler that throws is logged, its packet gets its verdict (`options.onHandlerError`, else
 * `options.onError`, else Drop), and the filter lives on. Several queues are read in turn by this one
 * thread: `context.worker` tells which, and each has a `context.state` of its own.
 *
 * @example DNS passes a filter until Ctrl-C
 * ```ts no-eval
 * import { runFilter, Verdict } from "@nfqueue/nfqueue";
 *
 * const ending = new AbortController();
 * process.once("SIGINT", () => ending.abort());
 * const counters = await runFilter({
 *   rules: { hook: "output", protocol: "udp", destinationPort: 53 },
 *   packet: (packet) => packet.length > 512 ? Verdict.Drop : Verdict.Accept,
 * }, { signal: ending.signal });
 * console.log(counters.dropped);
 * ```
 *
 * @param filter a filter, or its handler alone
 * @returns when `signal` aborts or a queue is closed: the counters of its queues in sum
 * @throws {TypeError | RangeError} naming the field that is wrong, before anything is opened
 * @throws {SystemError | LibraryLoadError} when the system refuses a queue
 * @throws {Error} when rules cannot be installed; what `start` or `stop` throws; what the handler throws,
 * where `onHandlerError` is "throw"
 */
export async function runFilter(
  filter: Filter | FilterHandler,
  options: RunFilterOptions = {},
): Promise<QueueCounters> {
  checkKeys("options", options, ["signal", "queues", "rules", "log"]);
  const { signal, queues, rules, log } = options;
  const host = await FilterHost.start(filter, { signal, queues, rules, log, installRules });
  await host.ended;
  return host.statistics;
}
