// The transport nfqueue under readAsync: a packet that comes between its last look and its wait.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NfqueueTransport } from "../../src/ipq/nfqueue_transport.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { queueRule, udpTo } from "../support/network/rules.ts";
import { UdpSocket } from "../support/traffic/udp.ts";
import { deferred, within } from "../support/runtime/waiting.ts";

requireIsolation();

const timeout = 20_000;
const buffer = new Uint8Array(2048);

test("what came after the last read wakes who waits for it", { timeout }, async () => {
  using receiver = await UdpSocket.open();
  const queue = nextQueue();
  using stack = new DisposableStack();
  const transport = stack.adopt(
    new NfqueueTransport(2, { queue, gather: true, warn: true }),
    (each) => each.close(),
  );
  using _rule = queueRule(queue, { chain: "OUTPUT", match: udpTo(receiver.port) });
  transport.setMode(1, 0n);
  for (const text of ["first wait of all", "later wait"]) {
    assert.equal(transport.read(buffer, -1), 0);
    await receiver.send(text, receiver);
    const woken = deferred<void>();
    const withdraw = transport.whenReadable(() => woken.resolve());
    await within(woken.promise, { what: `the ${text} to end` });
    withdraw();
    assert.equal(transport.read(buffer, -1), 112);
  }
});

test("who withdraws is not woken any more", { timeout }, async () => {
  using receiver = await UdpSocket.open();
  const queue = nextQueue();
  using stack = new DisposableStack();
  const transport = stack.adopt(
    new NfqueueTransport(2, { queue, gather: true, warn: true }),
    (each) => each.close(),
  );
  using _rule = queueRule(queue, { chain: "OUTPUT", match: udpTo(receiver.port) });
  transport.setMode(1, 0n);
  await receiver.sendAll(["one", "two"], receiver);
  for (let round = 0; round < 2; round++) {
    // The first time the packets leave the socket meanwhile.
    const withdraw = transport.whenReadable(() => assert.fail("woken"));
    withdraw();
    withdraw();
    await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(transport.read(buffer, -1), 112);
  }
});
