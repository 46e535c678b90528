// Rates from the kernel's counters, which wrap, and begin anew with another owner.
import assert from "node:assert/strict";
import { test } from "node:test";
import { QueueMeter } from "../../../src/cli/top/meter.ts";
import { queueJson, tableLines } from "../../../src/cli/top/table.ts";
import type { QueueStatistics } from "../../../mod.ts";

const LIMIT = { timeout: 30_000 } as const;

function line(fields: Partial<QueueStatistics> = {}): QueueStatistics {
  return {
    ...{ queue: 3, portId: 77, length: 0, copyMode: 2, copyRange: 65_531 },
    ...{ queueDropped: 0, userDropped: 0, idSequence: 0, ...fields },
  };
}

/** A meter whose table and time the test makes. */
function metered() {
  const world = { lines: [line()], time: 0, owners: new Map<number, string>() };
  const meter = new QueueMeter({
    queues: () => world.lines,
    now: () => world.time,
    ownerOf: (id) => {
      const name = world.owners.get(id);
      return name === undefined ? undefined : { id, name, state: "running", certain: true };
    },
  });
  const read = (time: number, ...lines: QueueStatistics[]) => {
    Object.assign(world, { time, lines });
    return meter.read();
  };
  return { world, read };
}

test("rates are differences by time, over the end of 32 bits too", LIMIT, () => {
  const { read } = metered();
  const [first] = read(1000, line({ idSequence: 0xffff_fff0, queueDropped: 0xffff_ffff }));
  assert.deepEqual([first?.packets, first?.queueDrops, first?.rates], [undefined, undefined, []]);
  const [second] = read(3000, line({ idSequence: 16, queueDropped: 3, userDropped: 8 }));
  assert.deepEqual([second?.packets, second?.queueDrops, second?.userDrops], [16, 2, 4]);
  const [third] = read(3500, line({ idSequence: 516, queueDropped: 3, userDropped: 8 }));
  assert.deepEqual([third?.packets, third?.queueDrops, third?.userDrops], [1000, 0, 0]);
  assert.deepEqual(third?.rates, [16, 1000]);
  const [again] = read(3500, line({ idSequence: 517 }));
  assert.equal(again?.packets, 0, "no time has passed");
});

test("a queue with another owner begins anew; one that is gone is gone", LIMIT, () => {
  const { read } = metered();
  read(1000, line({ idSequence: 5000 }));
  read(2000, line({ idSequence: 6000 }), line({ queue: 1 }));
  const [one, other] = read(3000, line({ portId: 78, idSequence: 4 }), line({ queue: 1 }));
  assert.deepEqual([one?.queue, one?.packets], [1, 0]);
  assert.deepEqual([other?.queue, other?.packets, other?.rates], [3, undefined, []]);
  assert.deepEqual(read(4000), []);
  assert.equal(read(5000, line({ portId: 78 }))[0]?.packets, undefined);
});

test("an owner that was not found is looked for again", LIMIT, () => {
  const { world, read } = metered();
  assert.equal(read(0, line())[0]?.owner, undefined);
  world.owners.set(77, "suricata");
  let readings = 0;
  while (read(1000 * ++readings, line())[0]?.owner === undefined && readings < 100);
  assert.ok(readings <= 10, `${readings}`);
});

test("rates are kept for a wide terminal, and not for ever", LIMIT, () => {
  const { read } = metered();
  for (let at = 0; at < 1000; at++) read(1000 * at, line({ idSequence: at }));
  assert.equal(read(1_000_000, line({ idSequence: 1000 }))[0]?.rates.length, 200);
});

test("rows fit the terminal, and names hold no sequences for it", LIMIT, () => {
  const { world, read } = metered();
  world.owners.set(77, "evil\u001b[2J\n");
  world.owners.set(78, "x");
  const lines = [line(), line({ queue: 65_535, portId: 78, copyRange: 512 })];
  read(0, ...lines);
  const states = read(1000, line({ idSequence: 1500 }), lines[1]!);
  const paint = (text: string) => text;
  for (const columns of [1, 20, 79, 80, 120, 200]) {
    const rows = tableLines(states, { columns, paint, sparks: true });
    assert.equal(rows.length, 3);
    for (const row of rows) assert.ok(row.length <= columns, `${columns}: ${row}`);
    assert.doesNotMatch(rows.join(""), /\p{Cc}/u);
  }
  const [title, first, second] = tableLines(states, { columns: 200, paint, sparks: true });
  assert.match(title!, /^QUEUE {2}OWNER +WAITING {2}PACKETS\/S /);
  assert.match(first!, /^ {4}3 {2}evil\\u\{1b\}\[2J {2}\(77\) +0 +1\.5k +0 +0 +0 +0 {2}whole +█$/);
  assert.match(second!, /^65535 {2}x \(78\) +0 +0 +0 +0 +0 +0 {2}512 bytes {2}▁$/);
});

test("what a program reads has names, units and no NaN", LIMIT, () => {
  const { read } = metered();
  const [first] = read(0, line({ copyMode: 1 }));
  assert.deepEqual(queueJson(first!), {
    ...{ queue: 3, portId: 77, owner: null, waiting: 0, packetsPerSecond: null },
    ...{ queueDropped: 0, queueDroppedPerSecond: null, userDropped: 0 },
    ...{ userDroppedPerSecond: null, copyMode: "metadata", copyRange: 65_531, idSequence: 0 },
  });
});
