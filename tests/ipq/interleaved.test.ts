// An error belongs to its handle: two handles with different last errors keep their own, whatever
// the other one does in between.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  IPQ_COPY_META,
  IPQ_COPY_PACKET,
  ipq_create_handle,
  IPQ_ERROR_TEXTS,
  ipq_errstr,
  type IpqHandle,
  NF_ACCEPT,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
} from "../../src/ipq/mod.ts";
import { type Form, forms, Traffic } from "../support/ipq/forms.ts";
import { requireIsolation } from "../support/network/isolation.ts";

requireIsolation();

const timeout = 30_000;
const buffer = new Uint8Array(2048);

interface Failure {
  /** Makes a call of the handle fail. */
  readonly act: (form: Form, handle: IpqHandle) => void;
  readonly errno: number;
  readonly systemErrno: number;
}

const tooShort: Failure = {
  act: (form, handle) => assert.equal(form.read(handle, buffer.subarray(0, 19), -1), -1),
  errno: 14,
  systemErrno: 0,
};
const tooLong: Failure = {
  act: (form, handle) =>
    assert.equal(form.setVerdict(handle, 1n, NF_ACCEPT, new Uint8Array(300_000)), -1),
  errno: 12,
  systemErrno: 90,
};
const nothing: Failure = {
  act: (form, handle) => assert.equal(form.read(handle, buffer, -1), 0),
  errno: 15,
  systemErrno: 0,
};
const cut: Failure = {
  act: (form, handle) => {
    form.setVerdict(handle, 1n, NF_ACCEPT);
    assert.equal(form.read(handle, buffer.subarray(0, 30), -1), -1);
  },
  errno: 10,
  systemErrno: 0,
};

function check(handle: IpqHandle, { errno, systemErrno }: Failure): void {
  assert.deepEqual([handle.errno, handle.systemErrno], [errno, systemErrno]);
  assert.equal(handle.errstr(), IPQ_ERROR_TEXTS[errno]);
  assert.equal(ipq_errstr(handle), IPQ_ERROR_TEXTS[errno]);
}

for (const form of forms) {
  for (const shared of [true, false]) {
    const where = shared ? "one queue" : "two queues";
    test(`1000 interleaved calls, ${where}, ${form.name}`, { timeout }, async () => {
      using one = await Traffic.open({ form, family: 4 });
      using two = await Traffic.open({ form, family: 6, ...(shared ? { queue: one.queue } : {}) });
      one.setMode(IPQ_COPY_META);
      two.setMode(IPQ_COPY_META);
      const pairs = [[tooShort, tooLong], [nothing, cut], [tooLong, nothing], [cut, tooShort]];
      for (let count = 0; count < 1000; count++) {
        const [first, second] = pairs[count % pairs.length] as [Failure, Failure];
        const order: [IpqHandle, Failure][] = [[one.handle, first], [two.handle, second]];
        if (count % 3 === 0) order.reverse();
        for (const [handle, failure] of order) failure.act(form, handle);
        check(one.handle, first);
        check(two.handle, second);
        assert.equal(ipq_errstr(), IPQ_ERROR_TEXTS[order[1]?.[1].errno ?? 0], "the last of any");
      }
    });
  }

  test(`1000 interleaved calls while both are read, ${form.name}`, { timeout }, async () => {
    using one = await Traffic.open({ form, family: 4 });
    using two = await Traffic.open({ form, family: 6, queue: one.queue });
    one.setMode(IPQ_COPY_PACKET);
    two.setMode(IPQ_COPY_PACKET);
    const controller = new AbortController();
    const { signal } = controller;
    let taken = 0;
    const read = async ({ handle }: Traffic): Promise<void> => {
      const own = new Uint8Array(2048);
      for (;;) {
        const count = await handle.readAsync(own, { signal });
        const packet = form.getPacket(own.subarray(0, count));
        if (packet === null) continue;
        taken++;
        form.setVerdict(handle, packet.packetId, NF_ACCEPT);
      }
    };
    const reads = [one, two].map((traffic) => read(traffic).catch((error) => error));
    tooShort.act(form, one.handle);
    tooLong.act(form, two.handle);
    for (let count = 0; count < 500; count++) {
      if (count % 10 === 0) {
        await one.send(`four ${count}`);
        await two.send(`six ${count}`);
      }
      // Successes of all kinds clear nothing; failures are their handle's.
      if (count % 2 === 0) tooShort.act(form, one.handle);
      else tooLong.act(form, two.handle);
      check(one.handle, tooShort);
      check(two.handle, tooLong);
      form.setVerdict(one.handle, 99_999n, NF_ACCEPT);
      assert.equal(form.setMode(two.handle, IPQ_COPY_PACKET), 56);
      if (count % 7 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
      check(one.handle, tooShort);
      check(two.handle, tooLong);
    }
    await one.receiver.take(50);
    await two.receiver.take(50);
    assert.equal(taken, 100);
    controller.abort();
    for (const reason of await Promise.all(reads)) assert.equal(reason.name, "AbortError");
    check(one.handle, tooShort);
    check(two.handle, tooLong);
  });

  test(`an async read's error is its handle's, ${form.name}`, { timeout }, async () => {
    using one = await Traffic.open({ form, family: 4 });
    using two = await Traffic.open({ form, family: 6, queue: one.queue });
    tooLong.act(form, two.handle);
    const timedOut = one.handle.readAsync(one.buffer, { timeout: 20_000 });
    tooShort.act(form, one.handle);
    check(one.handle, tooShort);
    assert.equal(await timedOut, 0);
    check(one.handle, nothing);
    assert.equal(ipq_errstr(), "Timeout");
    check(two.handle, tooLong);
  });

  test(`success clears nothing, ${form.name}`, { timeout }, async () => {
    using traffic = await Traffic.open({ form });
    traffic.setMode(IPQ_COPY_PACKET);
    assert.deepEqual([traffic.handle.errno, traffic.handle.errstr()], [0, "Unknown error"]);
    tooLong.act(form, traffic.handle);
    await traffic.send("goes well", "this too");
    traffic.decide(traffic.packet(), NF_ACCEPT);
    assert.equal(form.setMode(traffic.handle, IPQ_COPY_META), 56);
    assert.ok(await traffic.handle.readAsync(traffic.buffer) > 0);
    check(traffic.handle, tooLong);
    assert.equal(ipq_errstr(), IPQ_ERROR_TEXTS[tooLong.errno]);
    assert.equal(ipq_errstr(null), IPQ_ERROR_TEXTS[tooLong.errno]);
  });

  test(`a failed creation is the module's error alone, ${form.name}`, { timeout }, async () => {
    using traffic = await Traffic.open({ form });
    tooShort.act(form, traffic.handle);
    assert.equal(form.create(NFPROTO_IPV4, traffic.queue), null);
    assert.equal(ipq_errstr(), "Unable to bind netlink socket");
    assert.equal(form.create(7, traffic.queue), null);
    assert.equal(ipq_errstr(), "Invalid protocol specified");
    check(traffic.handle, tooShort);
    using fresh = form.create(NFPROTO_IPV6, traffic.queue);
    assert.ok(fresh);
    assert.deepEqual([fresh.errno, fresh.systemErrno, fresh.errstr()], [0, 0, "Unknown error"]);
    assert.equal(ipq_errstr(), "Invalid protocol specified", "success does not clear it");
    form.destroy(fresh);
    assert.equal(form.setMode(fresh, IPQ_COPY_META), -1);
    assert.deepEqual([fresh.errno, fresh.systemErrno], [12, 9]);
    assert.equal(form.read(fresh, buffer, -1), -1);
    assert.deepEqual([fresh.errno, fresh.systemErrno], [6, 9]);
    check(traffic.handle, tooShort);
    assert.equal(ipq_create_handle(0, 7), null);
  });
}
