// PacketQueue over the stand-in kernel: deadlines, events, concurrency, losses, refused verdicts and ids
// that wrap around, in milliseconds and without root.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type OverrunEvent,
  type Packet,
  type UndecidedEvent,
  Verdict,
  type VerdictErrorEvent,
} from "../../mod.ts";
import { runs } from "../support/runtime/quick.ts";
import { Filter } from "../support/queue/filter.ts";
import { udpText, withUdpText } from "../support/traffic/packets.ts";
import { StandIn } from "../support/stand_ins/stand_in.ts";
import { deferred, until, within } from "../support/runtime/waiting.ts";

const limit = { timeout: 20_000 };
const [DROP, ACCEPT] = [0, 1];
const atOnce = { timeout: 0 };

test("stand-in kernel: verdicts, marks and new bytes reach their packets", limit, () => {
  using stage = new StandIn();
  const { queue } = stage;
  stage.sendAll(5);
  const verdicts: Record<string, (packet: Packet) => void> = {
    0: (packet) => packet.accept({ mark: 9 }),
    1: (packet) => packet.drop(),
    2: (packet) => {
      packet.replacePayload(withUdpText(packet.payload, "two"));
      packet.accept();
    },
    3: (packet) => packet.repeat(),
    4: (packet) => packet.accept(),
  };
  const result = queue.runSync((packet) => verdicts[udpText(packet.payload)]!(packet), atOnce);
  assert.deepEqual(result, { packets: 5, reason: "timeout" });
  assert.deepEqual(stage.ends.map((end) => end?.[0]), [ACCEPT, DROP, ACCEPT, 4, ACCEPT]);
  assert.equal(stage.sent[0]?.outcome?.mark, 9);
  assert.equal(udpText(stage.sent[2]!.outcome!.payload), "two");
  const { received, accepted, dropped, otherVerdicts, outstanding } = queue.statistics;
  assert.deepEqual([received, accepted, dropped, otherVerdicts, outstanding], [5, 3, 1, 1, 0]);
});

for (const way of ["run", "for await"] as const) {
  test(`stand-in kernel: packets that come one by one wake a reader: ${way}`, limit, async () => {
    using stage = new StandIn();
    const { queue } = stage;
    const texts: string[] = [];
    const take = (packet: Packet): void => {
      texts.push(udpText(packet.payload));
      packet.accept();
      if (texts.length < 100) stage.send(`${texts.length}`);
      else queue.close();
    };
    setTimeout(() => stage.send("0"), 1);
    if (way === "run") await within(queue.run(take), { what: "run to end" });
    else for await (const packet of queue) take(packet);
    assert.deepEqual(texts, Array.from({ length: 100 }, (_, index) => `${index}`));
    assert.deepEqual(stage.ends, texts.map(() => [ACCEPT, "verdict"]));
  });
}

test("stand-in kernel: runSync blocks until packets come, and a signal ends it", limit, () => {
  using stage = new StandIn();
  const { kernel, queue } = stage;
  let blocked = 0;
  kernel.onBlocked = () => {
    if (++blocked % 2 === 1) stage.send(`${blocked}`);
    else if (blocked === 10) kernel.interrupt(queue.number);
  };
  const result = queue.runSync(() => Verdict.Accept);
  assert.deepEqual(result, { packets: 5, reason: "signal" });
});

test(
  "stand-in kernel: packets that are held past the deadline get its verdict",
  limit,
  async () => {
    using stage = new StandIn({ deadline: { milliseconds: 5, verdict: Verdict.Accept } });
    const { queue } = stage;
    const causes: string[] = [];
    queue.addEventListener("undecided", (event: UndecidedEvent) => causes.push(event.cause));
    const held: Packet[] = [];
    await using _filter = new Filter(queue, (packet) => {
      packet.hold();
      held.push(packet);
    });
    stage.sendAll(3);
    await until(() => held.length === 3, { what: "three packets are held" });
    held[1]?.drop();
    await until(() => stage.ends.every(Boolean), { what: "all have a verdict" });
    assert.deepEqual(stage.ends.map((end) => end?.[0]), [ACCEPT, DROP, ACCEPT]);
    assert.deepEqual(causes, ["deadline", "deadline"]);
    assert.equal(queue.statistics.expired, 2);
  },
);

test("stand-in kernel: as many handlers are under way as concurrency allows", limit, async () => {
  using stage = new StandIn({ concurrency: 3 });
  const { queue } = stage;
  let under = 0;
  let most = 0;
  const gates: (() => void)[] = [];
  await using _filter = new Filter(queue, async (packet) => {
    most = Math.max(most, ++under);
    const gate = deferred<void>();
    gates.push(gate.resolve);
    await gate.promise;
    under--;
    packet.accept();
  });
  stage.sendAll(10);
  for (let opened = 0; opened < 10; opened++) {
    const expected = Math.min(10, opened + 3);
    await until(() => gates.length === expected, { what: `${expected} handlers have begun` });
    gates[opened]?.();
  }
  await until(() => queue.statistics.accepted === 10, { what: "all are accepted" });
  assert.equal(most, 3);
});

for (const reportOverruns of [false, true]) {
  for (const failOpen of [false, true]) {
    const name = `reportOverruns: ${reportOverruns}, failOpen: ${failOpen}`;
    test(`stand-in kernel: an overrun is counted and told of, ${name}`, limit, () => {
      using stage = new StandIn({ receiveBuffer: 4096, reportOverruns, failOpen });
      const { kernel, queue } = stage;
      const events: OverrunEvent[] = [];
      queue.addEventListener("overrun", (event: OverrunEvent) => events.push(event));
      stage.sendAll(100);
      const { length } = kernel.statistics(queue.number)!;
      queue.runSync(() => Verdict.Accept, atOnce);
      stage.send("the gap shows");
      queue.runSync(() => Verdict.Accept, atOnce);
      const { received, accepted, overruns } = queue.statistics;
      assert.deepEqual([received, accepted, overruns], [length + 1, length + 1, 100 - length]);
      assert.equal(events.reduce((sum, { lost }) => sum + lost, 0), 100 - length);
      assert.match(events[0]!.message, failOpen ? /accepted unseen/ : /were dropped/);
    });
  }
}

for (const tableErrno of [0, 13]) {
  test(`stand-in kernel: a full queue is told of, errno of its table: ${tableErrno}`, limit, () => {
    using stage = new StandIn({ maxLength: 10, reportOverruns: true });
    const { kernel, queue } = stage;
    kernel.tableErrno = tableErrno;
    const messages: string[] = [];
    queue.addEventListener("overrun", (event: OverrunEvent) => messages.push(event.message));
    stage.sendAll(50);
    queue.runSync(() => Verdict.Accept, atOnce);
    queue.close();
    assert.equal(queue.statistics.queueDropped, tableErrno === 0 ? 40 : 0);
    assert.equal(queue.statistics.received, 10);
    assert.equal(messages.length, 1);
    assert.match(messages[0]!, tableErrno === 0 ? /was full .* dropped 40/ : /how many is unknown/);
  });
}

test("stand-in kernel: a verdict for a packet whose device went down is refused", limit, () => {
  using stage = new StandIn();
  const { kernel, queue } = stage;
  const errors: [string, number, number][] = [];
  queue.addEventListener("verdicterror", ({ error, packetId, packets }: VerdictErrorEvent) => {
    errors.push([error.code, packetId, packets]);
  });
  for (let count = 0; count < 30; count++) stage.send("x", { inDeviceIndex: 1 + count % 2 });
  const held: Packet[] = [];
  queue.runSync((packet) => {
    packet.hold();
    held.push(packet);
  }, atOnce);
  kernel.takeDown(2);
  for (const packet of held) packet.accept();
  queue.runSync(() => Verdict.Accept, atOnce);
  queue.close();
  const gone = held.map(({ id }) => id).filter((id) => id % 2 === 0);
  assert.deepEqual(errors, gone.map((id) => ["ENOENT", id, 1]));
  const { accepted, flushedByKernel, verdictErrors, outstanding } = queue.statistics;
  assert.deepEqual([accepted, flushedByKernel, verdictErrors, outstanding], [15, 15, 15, 0]);
});

test(
  "stand-in kernel: verdicts that the capability is lacking for are given again",
  limit,
  async () => {
    using stage = new StandIn({ onError: Verdict.Drop });
    const { kernel, queue } = stage;
    const errors: [string, number][] = [];
    queue.addEventListener("verdicterror", ({ error, packets }: VerdictErrorEvent) => {
      errors.push([error.code, packets]);
    });
    await using _filter = new Filter(queue, () => Verdict.Accept);
    kernel.capable = false;
    stage.sendAll(5);
    await until(() => queue.statistics.verdictErrors === 5, { what: "the verdicts are refused" });
    assert.equal(queue.statistics.outstanding, 5);
    assert.deepEqual(errors.map(([code]) => code), errors.map(() => "EPERM"));
    assert.equal(errors.reduce((sum, [, packets]) => sum + packets, 0), 5);
    kernel.capable = true;
    await until(() => stage.ends.every(Boolean), { what: "they get the verdict for errors" });
    assert.deepEqual(stage.ends, stage.sent.map(() => [DROP, "verdict"]));
    assert.deepEqual([queue.statistics.dropped, queue.statistics.outstanding], [5, 0]);
  },
);

test("stand-in kernel: verdicts that cannot be sent are sent later", limit, async () => {
  using stage = new StandIn();
  const { kernel, queue } = stage;
  stage.sendAll(3);
  const held: Packet[] = [];
  queue.runSync((packet) => {
    packet.hold();
    held.push(packet);
  }, atOnce);
  kernel.sendErrno = 105;
  for (const packet of held) packet.accept();
  assert.throws(() => queue.flush(), { code: "ENOBUFS" });
  assert.deepEqual(kernel.waiting(queue.number), [1, 2, 3]);
  kernel.sendErrno = 0;
  await until(() => stage.ends.every(Boolean), { what: "nobody needs to ask again" });
  assert.deepEqual(stage.ends, stage.sent.map(() => [ACCEPT, "verdict"]));
});

for (const batchSize of [1, 3, 64]) {
  test(
    `stand-in kernel: each packet gets its verdict where ids wrap, batches of ${batchSize}`,
    limit,
    () => {
      using stage = new StandIn({ batchSize }, { firstId: 0xfffffff0 });
      const { queue } = stage;
      const held: Packet[] = [];
      for (let round = 0; round < 10; round++) {
        stage.sendAll(7);
        queue.runSync((packet) => {
          const number = packet.id + round;
          if (number % 5 === 0) {
            packet.hold();
            held.push(packet);
          } else packet.accept({ mark: packet.id });
        }, atOnce);
        held.splice(0, 1)[0]?.drop();
      }
      for (const packet of held) packet.drop();
      queue.flush();
      const { accepted, dropped, outstanding, overruns } = queue.statistics;
      assert.deepEqual([accepted + dropped, outstanding, overruns], [70, 0, 0]);
      stage.sent.forEach(({ outcome }, index) => {
        const id = (0xfffffff0 + index) >>> 0;
        assert.equal(outcome?.mark, outcome?.verdict === ACCEPT ? id : 0, `packet ${id}`);
      });
    },
  );
}

test("stand-in kernel: a message longer than its slot, and messages that are none", limit, () => {
  using stage = new StandIn({ copyRange: 100 });
  const { kernel, queue } = stage;
  const causes: [string, number][] = [];
  queue.addEventListener("undecided", ({ cause, packetId }: UndecidedEvent) => {
    causes.push([cause, packetId]);
  });
  stage.send("fits");
  stage.send("too long", { layer2Header: new Uint8Array(1000) });
  stage.send("fits");
  kernel.inject(queue.number, new Uint8Array(40));
  kernel.inject(queue.number, new Uint8Array(3));
  queue.runSync(() => Verdict.Accept, atOnce);
  const { received, truncatedMessages, malformedMessages } = queue.statistics;
  assert.deepEqual([received, truncatedMessages, malformedMessages], [3, 1, 2]);
  assert.deepEqual(causes, [["cut", 2]]);
  assert.deepEqual(stage.ends.map((end) => end?.[0]), [ACCEPT, DROP, ACCEPT]);
});

test("stand-in kernel: a queue that closes decides what it holds", limit, () => {
  using stage = new StandIn({ onError: Verdict.Accept });
  const { kernel, queue } = stage;
  stage.sendAll(3);
  queue.runSync((packet) => packet.hold(), { maxPackets: 2 });
  stage.sendAll(2);
  queue.close();
  assert.deepEqual(stage.ends, stage.sent.map(() => [ACCEPT, "verdict"]));
  stage.send("too late");
  assert.deepEqual(stage.ends.at(-1), [DROP, "no owner"]);
  assert.equal(kernel.statistics(queue.number), undefined);
  assert.deepEqual([queue.statistics.received, queue.statistics.outstanding], [5, 0]);
});

test("stand-in kernel: thousands of packets", { timeout: 60_000 }, () => {
  using stage = new StandIn();
  const { kernel, queue } = stage;
  const { payload } = stage.send("one").packet;
  const rounds = runs(20);
  for (let round = 0; round < rounds; round++) {
    for (let count = 0; count < 1000; count++) kernel.send(queue.number, { payload });
    queue.runSync(() => Verdict.Accept, atOnce);
  }
  const { accepted, outstanding } = queue.statistics;
  const all = 1 + 1000 * rounds;
  assert.deepEqual([accepted, outstanding, kernel.outcomes.length], [all, 0, all]);
});
