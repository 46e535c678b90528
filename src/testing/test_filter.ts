/**
 * A filter in a test: it runs on a kernel for tests, and its rules are asked which packets it gets.
 *
 * @module
 */

import { checkBoolean, checkKeys, checkText, show } from "../base/checks.ts";
import { checkFilter, type Filter, type FilterHandler } from "../filter/filter.ts";
import { FilterHost } from "../filter/host.ts";
import { numbersInRules } from "../filter/queue_numbers.ts";
import { QueueClosedError } from "../queue/packet/errors.ts";
import { Verdict } from "../queue/packet/verdict.ts";
import { checkRule } from "../rules/rule/checked_rule.ts";
import type { ConnectionState, Range, Rule, RuleHook } from "../rules/rule/rule.ts";
import {
  checkNumber,
  checkOptions,
  type GivenPacket,
  givenPacket,
  type TestPacket,
} from "./packet_options.ts";
import { type Facts, factsOfBytes, ruleCatches } from "./rule_match.ts";
import { TestKernel, type TestSendOptions } from "./test_kernel.ts";
import type { TestResult } from "./test_result.ts";

/** Options of `testFilter`. */
export interface TestFilterOptions {
  /** Its queues, 0 to 65535. Default: those that its rules name, else queue 0. */
  readonly queues?: number | Range<number> | undefined;
  /** Hears of handlers that throw. Default: `console.error`. */
  readonly log?: ((message: string) => void) | undefined;
}

/** Options of `TestFilter.send`. */
export interface TestFilterSendOptions extends TestSendOptions {
  /** The name of the user whose socket sends it, for rules with `user`. */
  readonly user?: string | undefined;
  /** The state of its connection, for rules with `state`. Default: that of `conntrack`. */
  readonly state?: ConnectionState | undefined;
  /**
   * Whether a rule catches it. By default the rules are asked; `firstPackets` and `expression` cannot be
   * known in a test.
   */
  readonly queued?: boolean | undefined;
}

const STATES: readonly unknown[] = ["new", "established", "related", "invalid", "untracked"];
const BRIDGE_PRIORITY = -200;

/** The filter at work. */
export class TestFilter implements AsyncDisposable, Disposable {
  /** Where its queues are. */
  readonly kernel: TestKernel = new TestKernel();
  readonly #starting: Promise<FilterHost>;
  readonly #hasRules: boolean;
  readonly #defaultHook: RuleHook;

  /** @ignore `testFilter` makes one. */
  constructor(filter: Filter | FilterHandler, options: TestFilterOptions = {}) {
    checkKeys("options", options, ["queues", "log"]);
    const { rules } = checkFilter(filter);
    const hooks = rules.flatMap(({ rule }) => checkRule(rule).hooks);
    this.#hasRules = rules.length > 0;
    this.#defaultHook = hooks[0] ?? "input";
    const { queues = numbersInRules(rules).length === 0 ? 0 : undefined, log } = options;
    this.#starting = FilterHost.start(filter, {
      ...{ queues, log },
      openQueue: (number, settings) => this.kernel.open(number, settings),
      // The test kernel has no rules: `send` asks them.
      installRules: () => ({ replace: () => {}, remove: () => {} }),
    });
    // Those who send, or stop it, hear of an error.
    this.#starting.catch(() => {});
  }

  /**
   * Sends a packet past the rules: where one catches it, to its queue; else it passes, with
   * `queued: false`. A filter without rules gets every packet. The rules are asked in the order of their
   * priorities, and the first that catches it counts.
   *
   * @param packet a whole IP packet, or what `buildPacket` makes one of
   * @param options as of `TestKernel.send`; `hook` is that of the first rule by default
   * @returns when the packet has its verdict
   * @throws {TypeError | RangeError} naming what is wrong with packet or options
   * @throws {Error} when a rule asks what the test did not tell; what `start` threw; what ended the filter
   * @throws {QueueClosedError} when the filter ends before it has decided
   */
  async send(packet: TestPacket, options: TestFilterSendOptions = {}): Promise<TestResult> {
    checkOptions(options, ["queue", "user", "state", "queued"]);
    const { user, state, queued, queue: wanted, ...rest } = options;
    if (user !== undefined) checkText("user", user);
    if (queued !== undefined) checkBoolean("queued", queued);
    if (state !== undefined && !STATES.includes(state)) {
      throw new RangeError(`state must be one of ${STATES.join(", ")}, got ${show(state)}`);
    }
    if (wanted !== undefined) checkNumber(wanted);
    const given = givenPacket(packet, rest, this.#defaultHook);
    const host = await this.#starting;
    try {
      const numbers = host.queues.map(({ number }) => number);
      const all = { from: numbers[0]!, to: numbers.at(-1)! };
      // When a filter ends, its rules go first.
      const { rules } = host;
      if (this.#hasRules && rules.length === 0) throw new QueueClosedError(all.from);
      const asked = queued ?? (this.#hasRules ? caughtBy(rules, given, options) : true);
      if (asked === false) return passed(given);
      const range = asked === true ? all : asked;
      const queue = wanted ?? range.from;
      if (queue < range.from || queue > range.to) {
        throw new RangeError(`queue ${queue}: the rule sends it to ${range.from} to ${range.to}`);
      }
      return await this.kernel.send(packet, { hook: this.#defaultHook, ...rest, queue });
    } catch (error) {
      // What has ended the filter tells more.
      if (error instanceof QueueClosedError) await host.ended;
      throw error;
    }
  }

  /**
   * Lets time pass at once, for deadlines: see `TestKernel.advance`.
   *
   * @throws {TypeError | RangeError} for what is no time
   */
  async advance(milliseconds: number): Promise<void> {
    await this.#starting;
    await this.kernel.advance(milliseconds);
  }

  /**
   * Ends the filter, as its host would: packets that wait are decided (a second at most), `stop` is
   * called. Idempotent.
   *
   * @throws what has ended it, where that was an error; what its `start` or `stop` throws
   */
  async stop(): Promise<void> {
    const host = await this.#starting;
    await host.stop();
  }

  /** Ends it, at the end of an `await using` scope. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Closes its queues, at the end of a `using` scope; the filter ends soon after. */
  [Symbol.dispose](): void {
    this.#starting.then((host) => host.stop()).catch(() => {});
    this.kernel.close();
  }
}

/** The queues of the first rule that catches it; false where none does. */
function caughtBy(
  rules: readonly Rule[],
  given: GivenPacket,
  options: TestFilterSendOptions,
): Range<number> | false {
  const facts = factsOf(given, options);
  const checked = rules.map((rule, at) => ({ at, rule: checkRule(rule) }));
  const order = ({ rule }: (typeof checked)[number]) =>
    rule.priority ?? (rule.family === "bridge" ? BRIDGE_PRIORITY : 0);
  for (const { at, rule } of checked.sort((one, other) => order(one) - order(other))) {
    const match = ruleCatches(rule, facts);
    if (typeof match === "object") {
      const { field } = match;
      const told = UNTOLD.includes(field) ? "" : `{ ${field} } or `;
      throw new Error(
        `rules[${at}].${field}: the test does not tell whether the packet fits. Send it with ` +
          `${told}{ queued: true } or { queued: false }`,
      );
    }
    if (match) return rule.queue!;
  }
  return false;
}

/** What cannot be told but by `queued`. */
const UNTOLD: readonly string[] = ["firstPackets", "expression"];

function factsOf(
  { packet, family, hook, inDevice, outDevice }: GivenPacket,
  { mark = 0, uid, user, state, conntrack }: TestFilterSendOptions,
): Facts {
  const { payload, hwProtocol } = packet;
  const isIp = family !== "bridge" || hwProtocol === 0x0800 || hwProtocol === 0x86dd;
  const content = factsOfBytes(isIp ? payload : new Uint8Array(0));
  const told = conntrack && (conntrack.state ?? "NEW").toLowerCase() as ConnectionState;
  return {
    ...content,
    ...{ hook, family, inDevice, outDevice, mark, uid, user },
    state: state ?? told,
  };
}

function passed({ packet }: GivenPacket): TestResult {
  return {
    ...{ verdict: Verdict.Accept, mark: packet.mark ?? 0, bytes: packet.payload, sent: [] },
    ...{ changes: {}, queued: false, queue: undefined, cause: "no rule" },
    ...{ undecided: undefined, error: undefined },
  };
}

/**
 * Runs a filter in a test: `start`, handler and `stop` are called as `runFilter` calls them.
 *
 * @example A test of a filter
 * ```ts
 * import { testFilter } from "@nfqueue/nfqueue/testing";
 * import { defineFilter, Verdict } from "@nfqueue/nfqueue";
 * import { strict as assert } from "node:assert";
 *
 * const filter = defineFilter({
 *   rules: { hook: "output", protocol: "udp", destinationPort: 53 },
 *   packet: (packet) => packet.length > 512 ? Verdict.Drop : Verdict.Accept,
 * });
 *
 * await using test = testFilter(filter);
 * const ipv4 = { source: "192.0.2.1", destination: "192.0.2.53" };
 * const payload = new Uint8Array(600);
 * const large = await test.send({ ipv4, udp: { sourcePort: 4000, destinationPort: 53 }, payload });
 * assert.equal(large.verdict, Verdict.Drop);
 * const other = await test.send({ ipv4, udp: { sourcePort: 4000, destinationPort: 54 }, payload });
 * assert.equal(other.queued, false);
 * ```
 *
 * @param filter a filter, or its handler alone
 * @returns it starts at once; what is sent meanwhile waits for that
 * @throws {TypeError | RangeError} naming what is wrong with filter or options
 */
export function testFilter(
  filter: Filter | FilterHandler,
  options: TestFilterOptions = {},
): TestFilter {
  return new TestFilter(filter, options);
}
