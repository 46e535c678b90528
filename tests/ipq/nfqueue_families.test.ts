// libipq over NFQUEUE: an IPv4 and an IPv6 handle share queue 0 as they shared nothing with ip_queue.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  IPQ_COPY_META,
  IPQ_COPY_NONE,
  IPQ_COPY_PACKET,
  type IpqHandle,
  NF_ACCEPT,
} from "../../src/ipq/mod.ts";
import { type Form, forms, Traffic } from "../support/ipq/forms.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { udpText } from "../support/traffic/packets.ts";
import { until } from "../support/runtime/waiting.ts";

requireIsolation();

const timeout = 20_000;

/** Both handles, and traffic for each. */
class Families implements Disposable {
  readonly #stack: DisposableStack;
  readonly queue: number;
  readonly four: Traffic;
  readonly six: Traffic;

  private constructor(stack: DisposableStack, { queue, four, six }: {
    readonly queue: number;
    readonly four: Traffic;
    readonly six: Traffic;
  }) {
    this.#stack = stack;
    this.queue = queue;
    this.four = four;
    this.six = six;
  }

  static async open(form: Form): Promise<Families> {
    using stack = new DisposableStack();
    const queue = nextQueue();
    const four = stack.use(await Traffic.open({ form, queue, family: 4 }));
    const six = stack.use(await Traffic.open({ form, queue, family: 6 }));
    return new Families(stack.move(), { queue, four, six });
  }

  /** Packets that the kernel holds for the queue. */
  get length(): number {
    const table = readFileSync("/proc/net/netfilter/nfnetlink_queue", "utf8");
    const line = table.split("\n").map((line) => line.trim().split(/\s+/).map(Number))
      .find(([queue]) => queue === this.queue);
    return line?.[2] ?? -1;
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}

for (const form of forms) {
  test(`each sees its own packets, in order, ${form.name}`, { timeout }, async () => {
    using families = await Families.open(form);
    const { four, six } = families;
    four.setMode(IPQ_COPY_PACKET);
    six.setMode(IPQ_COPY_PACKET);
    for (const text of ["1", "2", "3"]) {
      await four.send(`four ${text}`);
      await six.send(`six ${text}`);
    }
    for (const traffic of [six, four]) {
      for (const text of ["1", "2", "3"]) {
        const packet = traffic.packet();
        assert.equal(packet.payload[0]! >> 4, traffic === four ? 4 : 6);
        assert.equal(udpText(packet.payload), `${traffic === four ? "four" : "six"} ${text}`);
        assert.equal(traffic.decide(packet, NF_ACCEPT), 40);
      }
      traffic.quiet();
    }
    assert.deepEqual(await four.receiver.take(3), ["four 1", "four 2", "four 3"]);
    assert.deepEqual(await six.receiver.take(3), ["six 1", "six 2", "six 3"]);
    assert.equal(families.length, 0);
  });

  test(`each has its own mode and range, ${form.name}`, { timeout }, async () => {
    using families = await Families.open(form);
    const { four, six } = families;
    const modes = [
      [[1, 0], [2, 60]],
      [[2, 40], [2, 0]],
      [[2, 0], [1, 0]],
      [[2, 100], [2, 50]],
    ] as const;
    const text = "z".repeat(200);
    for (const both of modes) {
      const [[mode4, range4], [mode6, range6]] = both;
      four.setMode(mode4, range4);
      six.setMode(mode6, range6);
      await four.send(text);
      await six.send(text);
      for (const [index, traffic] of [four, six].entries()) {
        const [mode, range] = both[index]!;
        const whole = 200 + (traffic === four ? 28 : 48);
        const packet = traffic.packet();
        assert.equal(packet.dataLength, mode === 1 ? 0 : range === 0 ? whole : range);
        traffic.decide(packet, NF_ACCEPT);
        assert.deepEqual(await traffic.receiver.take(1), [text]);
      }
    }
  });

  test(`one has no mode, or mode NONE: its packets are dropped, ${form.name}`, {
    timeout,
  }, async () => {
    using families = await Families.open(form);
    const { four, six } = families;
    four.setMode(IPQ_COPY_PACKET);
    await six.send("no mode yet");
    await four.send("one");
    four.decide(four.packet(), NF_ACCEPT);
    six.quiet();
    assert.equal(families.length, 0);

    six.setMode(IPQ_COPY_META);
    four.setMode(IPQ_COPY_NONE);
    await four.send("mode NONE");
    await six.send("two");
    six.decide(six.packet(), NF_ACCEPT);
    four.quiet();
    assert.equal(families.length, 0);
    assert.deepEqual(await four.receiver.take(1), ["one"]);
    assert.deepEqual(await six.receiver.take(1), ["two"]);
    assert.deepEqual([four.receiver.pending, six.receiver.pending], [[], []]);
  });

  test(`an id of the other family is unknown, ${form.name}`, { timeout }, async () => {
    using families = await Families.open(form);
    const { four, six } = families;
    four.setMode(IPQ_COPY_PACKET);
    six.setMode(IPQ_COPY_PACKET);
    await four.send("four");
    await six.send("six");
    const [packet4, packet6] = [four.packet(), six.packet()];
    assert.notEqual(packet4.packetId, packet6.packetId);
    assert.equal(six.decide(packet4, NF_ACCEPT), 40);
    assert.equal(six.answer().errno, 2);
    four.quiet();
    four.decide(packet4, NF_ACCEPT);
    six.decide(packet6, NF_ACCEPT);
    assert.deepEqual(await four.receiver.take(1), ["four"]);
    assert.deepEqual(await six.receiver.take(1), ["six"]);
  });

  for (const gone of [4, 6] as const) {
    test(`IPv${gone} is destroyed, the other goes on, ${form.name}`, { timeout }, async () => {
      using families = await Families.open(form);
      const [left, right] = gone === 4
        ? [families.four, families.six]
        : [families.six, families.four];
      left.setMode(IPQ_COPY_PACKET);
      right.setMode(IPQ_COPY_PACKET);
      await left.send("read 1", "read 2", "pulled in");
      left.packet();
      left.packet();
      await right.send("held");
      const held = right.packet();
      await left.send("in the socket");
      assert.equal(families.length, 5);
      form.destroy(left.handle);
      // All of its packets are dropped at once; the other's are not.
      await until(() => families.length === 1, {
        what: "one packet is left",
        state: () => families.length,
      });
      await left.send("nobody is there");
      await right.send("goes on");
      const next = right.packet();
      assert.equal(udpText(next.payload), "goes on");
      right.decide(held, NF_ACCEPT);
      right.decide(next, NF_ACCEPT);
      right.quiet();
      assert.deepEqual(await right.receiver.take(2), ["held", "goes on"]);
      assert.equal(families.length, 0);
      // And it can come back.
      const fresh: IpqHandle | null = form.create(gone === 4 ? 2 : 10, families.queue);
      assert.ok(fresh);
      using _fresh = fresh;
      assert.equal(form.setMode(fresh, IPQ_COPY_PACKET), 56);
      await left.send("is back");
      const buffer = new Uint8Array(2048);
      assert.ok(form.read(fresh, buffer, 5_000_000) > 0);
      form.setVerdict(fresh, form.getPacket(buffer)!.packetId, NF_ACCEPT);
      assert.deepEqual(await left.receiver.take(1), ["is back"]);
      assert.deepEqual(left.receiver.pending, []);
    });
  }

  test(`both are destroyed, the queue is free, ${form.name}`, { timeout }, async () => {
    using families = await Families.open(form);
    const { four, six } = families;
    four.setMode(IPQ_COPY_PACKET);
    six.setMode(IPQ_COPY_META);
    await four.send("four");
    await six.send("six");
    four.packet();
    form.destroy(six.handle);
    form.destroy(four.handle);
    assert.equal(families.length, -1);
    assert.deepEqual([four.receiver.pending, six.receiver.pending], [[], []]);
  });
}
