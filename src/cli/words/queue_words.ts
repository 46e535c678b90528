// Numbers of queues on the command line.
import type { Range } from "../../rules/rule/rule.ts";
import { UsageError } from "../frame/command.ts";

/**
 * Reads `N` or `A-B`: a queue's number, or the first and the last of a range.
 *
 * @throws {UsageError} for another text
 */
export function parseQueues(text: string): Range<number> {
  const [, first = "", last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const [from, to] = [Number(first), Number(last)];
  const shown = JSON.stringify(text);
  if (first === "" || from > 0xffff || to > 0xffff) {
    throw new UsageError(
      `a queue is a number from 0 to 65535, or a range such as 0-3, got ${shown}`,
    );
  }
  if (from > to) throw new UsageError(`the range of queues ${shown} ends before it begins`);
  return { from, to };
}
