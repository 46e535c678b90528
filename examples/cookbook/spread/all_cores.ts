// Uses all cores: a thread and a queue for each. This one is a program of its own:
//   sudo deno run --allow-ffi --allow-read all_cores.ts
//   sudo bun all_cores.ts
import { availableParallelism } from "node:os";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { PacketQueue, RuleSet, Verdict } from "@nfqueue/nfqueue";

const FIRST = 40;

if (isMainThread) {
  const count = availableParallelism();
  for (let number = FIRST; number < FIRST + count; number++) {
    new Worker(new URL(import.meta.url), { workerData: number });
  }
  // They go when the program ends. All packets between two hosts come to the same thread.
  RuleSet.install({ hook: "forward", queue: { from: FIRST, to: FIRST + count - 1 } });
} else {
  using queue = PacketQueue.open(workerData as number, { copyRange: 128 });
  await queue.run(({ tcp }) => tcp?.destinationPort === 25 ? Verdict.Drop : Verdict.Accept);
}
