// What processOf says of the packets that a queue sees.
import assert from "node:assert/strict";
import { type Packet, type PacketProcesses, PacketQueue, processOf, Verdict } from "../../mod.ts";
import { queueRule, type QueueRuleOptions } from "../support/network/rules.ts";
import { Filter } from "../support/queue/filter.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { until } from "../support/runtime/waiting.ts";

/** A packet, and whose it is. */
export interface Watched {
  readonly packet: Packet;
  readonly result: PacketProcesses;
}

/** A queue that asks for the processes of each packet, and accepts it. */
export class Watch implements AsyncDisposable {
  readonly seen: Watched[] = [];
  readonly #stack = new AsyncDisposableStack();

  constructor(
    rules: readonly QueueRuleOptions[],
    { search, before }: {
      readonly search?: "all" | "likely";
      /** Done before it asks. */
      readonly before?: (packet: Packet) => Promise<void> | undefined;
    } = {},
  ) {
    const queue = this.#stack.use(PacketQueue.open(nextQueue(), { uidGid: true }));
    this.#stack.use(
      new Filter(queue, async (packet) => {
        await before?.(packet);
        const result = processOf(packet, { search });
        this.seen.push({ packet: packet.copy(), result });
        return Verdict.Accept;
      }),
    );
    for (const rule of rules) this.#stack.use(queueRule(queue.number, rule));
  }

  /** The results of so many further packets. */
  async next(count: number, act: () => Promise<unknown>): Promise<readonly Watched[]> {
    const start = this.seen.length;
    await act();
    await until(() => this.seen.length >= start + count, {
      what: `${count} packets are seen`,
      state: () => this.seen.slice(start).map(({ packet }) => String(packet)),
    });
    return this.seen.slice(start);
  }

  /** The processes of the next packet. */
  async processes(act: () => Promise<unknown>): Promise<readonly number[]> {
    const [first] = await this.next(1, act);
    return first!.result.processes.map(({ id }) => id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** The processes of a result, and that nothing is wanting. */
export function idsOf({ processes, unseen, hiddenProcesses }: PacketProcesses): readonly number[] {
  assert.deepEqual([unseen, hiddenProcesses], [undefined, 0]);
  return processes.map(({ id }) => id);
}
