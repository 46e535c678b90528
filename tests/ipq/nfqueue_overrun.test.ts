// libipq over NFQUEUE: a flood that nobody reads fills the socket; a read says so, then goes on.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { IPQ_COPY_PACKET, NF_ACCEPT } from "../../src/ipq/mod.ts";
import { forms, Traffic } from "../support/ipq/forms.ts";
import { requireIsolation } from "../support/network/isolation.ts";

requireIsolation();

const timeout = 20_000;

/** Packets that were lost at the socket, by the kernel's count. */
function lost(number: number): number {
  const table = readFileSync("/proc/net/netfilter/nfnetlink_queue", "utf8").split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number));
  return table.find(([queue]) => queue === number)?.[6] ?? 0;
}

/** Large packets, until one is lost. At INPUT they weigh on no sender. */
async function overrun(traffic: Traffic): Promise<void> {
  const data = new Uint8Array(60_000);
  for (let count = 0; lost(traffic.queue) === 0; count++) {
    assert.ok(count < 1000, "1000 packets fit");
    await traffic.sender.send(data, traffic.receiver);
  }
}

for (const form of forms) {
  test(`an overrun, ${form.name}`, { timeout }, async () => {
    using traffic = await Traffic.open({ form, chain: "INPUT" });
    const { handle, buffer } = traffic;
    traffic.setMode(IPQ_COPY_PACKET);
    const fd = handle.fd;
    assert.ok(fd > 2);
    await overrun(traffic);
    assert.equal(form.read(handle, buffer, 0), -1);
    assert.deepEqual([handle.errno, handle.systemErrno], [6, 105]);
    let read = 0;
    while (form.read(handle, buffer, -1) > 0) {
      read++;
      form.setVerdict(handle, form.getPacket(buffer)!.packetId, 0);
    }
    assert.equal(handle.errno, 15);
    assert.ok(read > 0);
    await traffic.send("goes on");
    traffic.decide(traffic.packet(), NF_ACCEPT);
    assert.deepEqual(await traffic.receiver.take(1), ["goes on"]);
  });

  test(`an overrun that another call comes upon, ${form.name}`, { timeout }, async () => {
    using traffic = await Traffic.open({ form, chain: "INPUT" });
    const { handle, buffer } = traffic;
    traffic.setMode(IPQ_COPY_PACKET);
    await overrun(traffic);
    // Its answer comes behind what was there before it: all of that leaves the socket.
    assert.equal(form.setVerdict(handle, 12345678n, NF_ACCEPT), 40);
    assert.equal(form.read(handle, buffer, -1), -1);
    assert.deepEqual([handle.errno, handle.systemErrno], [6, 105]);
    let packets = 0;
    for (;;) {
      const message = traffic.message();
      if (form.messageType(message) === 2) break;
      packets++;
      form.setVerdict(handle, form.getPacket(message)!.packetId, 0);
    }
    assert.ok(packets > 0);
    assert.equal(form.getMsgerr(buffer), 2);
    traffic.quiet();
    await traffic.send("goes on");
    traffic.decide(traffic.packet(), NF_ACCEPT);
    assert.deepEqual(await traffic.receiver.take(1), ["goes on"]);
  });

  test(`an overrun ends a waiting readAsync, ${form.name}`, { timeout }, async () => {
    using traffic = await Traffic.open({ form, chain: "INPUT" });
    const { handle, buffer } = traffic;
    traffic.setMode(IPQ_COPY_PACKET);
    await overrun(traffic);
    await assert.rejects(handle.readAsync(buffer), { name: "IpqError", code: 6, errno: 105 });
    assert.ok(await handle.readAsync(buffer) > 112);
  });
}
