// Which queues a filter serves, and which of them each of its rules names.
import { checkInteger, checkKeys, show } from "../base/checks.ts";
import { SystemError } from "../linux/errno.ts";
import { freeQueue } from "../nfqueue/queue_table.ts";
import { refusalOf } from "../nfqueue/refusal.ts";
import type { PacketQueue } from "../queue/packet_queue.ts";
import type { Range, Rule } from "../rules/rule/rule.ts";
import type { NamedRule } from "./filter.ts";

/** Opens the queue of a number. */
export type OpenNumber = (number: number) => PacketQueue;

const LAST = 0xffff;
/** Queues of one thread. With a thousand descriptors libnftables ends the process: it calls select(2). */
const MOST = 256;
/** How many numbers are tried where nobody can tell which are free. */
const TRIES = 100;

/**
 * The numbers that a host's option `queues` names.
 *
 * @throws {TypeError | RangeError}
 */
export function checkQueues(queues: number | Range<number>): readonly number[] {
  if (typeof queues !== "object" || queues === null) {
    if (typeof queues !== "number") {
      throw new TypeError(`queues must be a number or { from, to }, got ${show(queues)}`);
    }
    return [checkInteger("queues", queues, 0, LAST)];
  }
  checkKeys("queues", queues, ["from", "to"]);
  const from = checkInteger("queues.from", queues.from, 0, LAST);
  const to = checkInteger("queues.to", queues.to, 0, LAST);
  if (from > to) throw new RangeError(`queues: from ${from} is after to ${to}`);
  return few(numbersOf({ from, to }));
}

function few(numbers: readonly number[]): readonly number[] {
  if (numbers.length <= MOST) return numbers;
  throw new RangeError(
    `queues: ${describe(numbers)} are ${numbers.length}, and a filter reads ${MOST} at most`,
  );
}

function numbersOf(queue: number | Range<number>): readonly number[] {
  if (typeof queue === "number") return [queue];
  return Array.from({ length: queue.to - queue.from + 1 }, (_, at) => queue.from + at);
}

/**
 * The numbers that rules name themselves, in order; none where no rule does.
 *
 * @throws {RangeError} where they are too many
 */
export function numbersInRules(rules: readonly NamedRule[]): readonly number[] {
  const numbers = rules.flatMap(({ rule: { queue } }) =>
    queue === undefined ? [] : numbersOf(queue)
  );
  return few([...new Set(numbers)].sort((one, other) => one - other));
}

function describe(numbers: readonly number[]): string {
  const [first, last] = [numbers[0], numbers.at(-1)];
  if (numbers.length === 1) return `queue ${first}`;
  return isRow(numbers) ? `queues ${first} to ${last}` : `queues ${numbers.join(", ")}`;
}

const isRow = (numbers: readonly number[]) => numbers.at(-1)! - numbers[0]! + 1 === numbers.length;

/**
 * The rules with a queue each.
 *
 * @param numbers the queues that the filter serves, in order
 * @throws {RangeError} for a rule to a queue that nobody would read
 */
export function withQueues(
  rules: readonly NamedRule[],
  numbers: readonly number[],
): readonly Rule[] {
  return rules.map(({ where, rule }) => {
    if (rule.queue !== undefined) {
      const stranger = numbersOf(rule.queue).find((number) => !numbers.includes(number));
      if (stranger === undefined) return rule;
      throw new RangeError(
        `${where}queue: the filter serves ${describe(numbers)}, so nobody would read queue ` +
          `${stranger}. Leave \`queue\` out, or give the host the option \`queues\``,
      );
    }
    const [from, to] = [numbers[0]!, numbers.at(-1)!];
    if (from === to) {
      // How a range shares packets is of no use for one queue; the filter cannot know their number.
      const { balance: _, ...rest } = rule;
      return { ...rest, queue: from };
    }
    if (isRow(numbers)) return { ...rule, queue: { from, to } };
    throw new RangeError(`${where}queue is missing, and the ${describe(numbers)} are no range`);
  });
}

/** Opens all, or none. */
export function openQueues(
  numbers: readonly number[] | undefined,
  open: OpenNumber,
): readonly PacketQueue[] {
  if (numbers === undefined) return [openLowest(open)];
  const queues: PacketQueue[] = [];
  try {
    for (const number of numbers) queues.push(open(number));
    return queues;
  } catch (error) {
    for (const queue of queues) queue.close();
    throw error;
  }
}

/** The lowest free number. Another program may take it first. */
function openLowest(open: OpenNumber): PacketQueue {
  let number = LAST;
  for (let tries = 1;; tries++) {
    number = freeQueue(number);
    try {
      return open(number);
    } catch (error) {
      if (tries >= TRIES || !isTaken(error, number)) throw error;
    }
  }
}

function isTaken(error: unknown, number: number): boolean {
  if (!(error instanceof SystemError) || error.syscall !== "nfq_create_queue") return false;
  if (error.code !== "EPERM" && error.code !== "EBUSY") return false;
  const { cause } = refusalOf(number);
  return cause === "owner" || cause === "hidden";
}
