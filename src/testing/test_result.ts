// What became of a packet that a test sent.
import type { QueueVerdictChanges } from "../netlink/queue/changes.ts";
import type { UndecidedCause } from "../queue/packet/ending.ts";
import type { Verdict } from "../queue/packet/verdict.ts";
import type { Cause } from "./passage.ts";

/** What became of a packet. */
export interface TestResult {
  /** What the stack does with it: `Verdict.Accept`, `Drop`, `Repeat` or `Stop`. */
  readonly verdict: Verdict;
  /** Its mark now; 0 where it has none. */
  readonly mark: number;
  /** The packet as it went on, from the network header on; of one that was dropped, as it was by then. */
  readonly bytes: Uint8Array;
  /** The packets that were sent beside, in their order. */
  readonly sent: readonly Uint8Array[];
  /** What else the verdict changed: priority, VLAN tag, layer-2 header, connection. */
  readonly changes: QueueVerdictChanges;
  /** Whether it was sent to a queue. False where no rule of a filter catches it: then it passes. */
  readonly queued: boolean;
  /** The queue that it was sent to last, by a rule or by `requeue`; undefined where none was. */
  readonly queue: number | undefined;
  /** Why: the verdict of the program, or the kernel's own reason, such as a queue that is full. */
  readonly cause: TestCause;
  /** Why the queue decided in the place of the handler; undefined where the handler decided. */
  readonly undecided: UndecidedCause | undefined;
  /** What the handler threw. */
  readonly error: unknown;
}

/** Why a packet went on, or did not: `"no rule"` where a filter's rules do not catch it. */
export type TestCause = Cause | "no rule";
