// The sums of scripts/soak: each way in which a packet can be missing shows.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Counted, sumUp } from "../../scripts/soaking/sums.ts";

const arrivals = { arrived: 70, duplicates: 0, wrong: 0, damaged: 0, rewritten: 0, lost: 0 };

/** 100 packets, every one of them in one place. */
const right: Counted = {
  entered: 100,
  arrivals,
  statistics: {
    ...{ accepted: 60, otherVerdicts: 10, dropped: 15, overruns: 7, queueDropped: 5 },
    flushedByKernel: 3,
  },
  complete: true,
  killed: { waiting: 0, queueDropped: 0, userDropped: 0 },
  ...{ hidden: 0, again: 0, refused: 0 },
};

const changed = (statistics: Record<string, number>): Counted => ({
  ...right,
  statistics: { ...right.statistics, ...statistics },
});

/** What is changed, and how many packets that makes wrong. */
const cases: Readonly<Record<string, readonly [Counted, number]>> = {
  "all in one place": [right, 0],
  "drops that are not counted": [changed({ dropped: 14 }), 1],
  "losses at the socket that are not counted": [changed({ overruns: 0 }), 7],
  "losses counted twice": [changed({ flushedByKernel: 8 }), 5],
  "counters that do not exist": [
    { ...right, statistics: { accepted: 60, otherVerdicts: 10, dropped: 15, overruns: 7 } },
    8,
  ],
  "accepted, and gone": [{ ...right, arrivals: { ...arrivals, arrived: 66 } }, 4],
  "dropped, and arrived": [{ ...right, arrivals: { ...arrivals, arrived: 72 } }, 2],
  "accepted counted for flushed": [changed({ accepted: 63, flushedByKernel: 0 }), 3],
  "two mistakes that would cancel out": [changed({ accepted: 61, dropped: 14 }), 1],
  "what the receiver's own socket lost": [
    { ...right, arrivals: { ...arrivals, arrived: 60, lost: 10 } },
    0,
  ],
  "a limit that only root can read": [{ ...changed({ queueDropped: 0 }), hidden: 5 }, 0],
  "accepted, queued a second time, and accepted": [{ ...changed({ accepted: 62 }), again: 2 }, 0],
  "thrown away by the kernel at the rule": [{ ...right, entered: 104, refused: 4 }, 0],
  "a process that was killed with what waited": [
    {
      ...right,
      statistics: { accepted: 3, dropped: 15 },
      complete: false,
      killed: { waiting: 3, queueDropped: 5, userDropped: 7 },
    },
    0,
  ],
  "a process that was killed with less than is gone": [
    {
      ...right,
      statistics: { dropped: 15 },
      complete: false,
      killed: { waiting: 1, queueDropped: 5, userDropped: 7 },
    },
    2,
  ],
};

for (const [name, [counted, unaccounted]] of Object.entries(cases)) {
  test(name, { timeout: 5000 }, () => {
    assert.equal(sumUp(counted).sums.unaccounted, unaccounted);
  });
}
