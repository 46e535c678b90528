// What is counted as lost at the socket, from the numbers that a kernel tells.
import assert from "node:assert/strict";
import { test } from "node:test";
import { LossWatch } from "../../../src/queue/receive/losses.ts";
import { Counters } from "../../../src/queue/report/counters.ts";
import { resolveSettings } from "../../../src/queue/settings/options.ts";
import { ERRNO } from "../../../src/linux/errno.ts";

const LIMIT = { timeout: 10_000 } as const;

function watch(told: { drops: number; lostAnswers: number; failOpen?: boolean }) {
  const counters = new Counters();
  const { drops, lostAnswers, failOpen = false } = told;
  const losses = new LossWatch(resolveSettings(0, {}), {
    counters,
    // As an ordinary user: the kernel's table of queues cannot be read.
    kernel: { drops: () => drops, numbers: () => ({ statistics: undefined, errno: ERRNO.EACCES }) },
    failOpen: () => ({ now: failOpen, ever: failOpen }),
    lostAnswers: () => lostAnswers,
    overrun: () => {},
    report: () => {},
  });
  return { counters, losses };
}

test("answers that found no room are no packets", LIMIT, () => {
  for (const failOpen of [false, true]) {
    const { counters, losses } = watch({ drops: 7, lostAnswers: 3, failOpen });
    losses.look();
    assert.equal(counters.overruns, 4);
    losses.look();
    assert.equal(counters.overruns, 4);
  }
  const { counters, losses } = watch({ drops: 2, lostAnswers: 2 });
  losses.look();
  assert.equal(counters.overruns, 0);
});

test("what a gap in the ids has told is not counted again", LIMIT, () => {
  const { counters, losses } = watch({ drops: 5, lostAnswers: 0 });
  losses.gap(3);
  losses.look();
  assert.equal(counters.overruns, 5);
  losses.gap(2);
  assert.equal(counters.overruns, 5);
});
