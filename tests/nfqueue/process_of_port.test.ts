// Which process has a queue, told by the socket that it has open.

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { PacketQueue } from "../../mod.ts";
import { libc } from "../../ffi/libraries/libc.ts";
import { AF_NETLINK, NetlinkAddress } from "../../src/linux/netlink_address.ts";
import { processOfPort } from "../../src/nfqueue/process_of_port.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue, ownedQueues } from "../support/queue/numbers.ts";
import { Child } from "../support/runtime/child.ts";
import { until } from "../support/runtime/waiting.ts";

requireIsolation();

const timeout = 20_000;
const SOCK_RAW = 3;
const NETLINK_NETFILTER = 12;
const openScript = new URL("fixtures/open.ts", import.meta.url);

test("queues of this process, whatever their port", { timeout }, () => {
  using first = PacketQueue.open(nextQueue());
  using second = PacketQueue.open(nextQueue());
  assert.notEqual(first.portId, second.portId);
  for (const { portId } of [first, second]) {
    const found = processOfPort(portId);
    assert.equal(found?.id, process.pid);
    assert.equal(found?.certain, true);
    assert.equal(found?.state, "running");
  }
});

test("a queue of another process, at work, stopped, and gone", { timeout }, async () => {
  const queue = nextQueue();
  await using child = new Child(openScript, { parameters: [queue, "hold"] });
  await child.says("opened");
  const port = ownedQueues().get(queue)!;
  const found = () => processOfPort(port);
  assert.equal(found()?.id, child.pid);
  assert.equal(found()?.certain, true);
  assert.equal(found()?.state, "running");
  process.kill(child.pid, "SIGSTOP");
  await until(() => found()?.state === "stopped", { what: "it is seen to be stopped" });
  process.kill(child.pid, "SIGCONT");
  await until(() => found()?.state === "running", { what: "it is seen to run again" });
  child.kill("SIGKILL");
  await child.end();
  assert.equal(found(), undefined);
});

test("a port that is the id of another process", { timeout }, () => {
  const { socket, bind, close } = libc();
  const descriptor = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
  try {
    // The first process: it is there, and its socket this is not.
    const address = new NetlinkAddress().bytes;
    address[4] = 1;
    assert.equal(bind(descriptor, address, address.length), 0);
    const found = processOfPort(1);
    assert.equal(found?.id, process.pid);
    assert.equal(found?.certain, true);
  } finally {
    close(descriptor);
  }
});

test("another namespace of processes: nobody is named", { timeout }, async () => {
  using queue = PacketQueue.open(nextQueue());
  await using child = new Child(new URL("fixtures/port.ts", import.meta.url), {
    parameters: [queue.portId],
    prefix: ["unshare", "--pid", "--fork", "--mount-proc"],
  });
  assert.deepEqual(await child.end(), { code: 0, signal: null }, child.errors);
  assert.equal(child.output, "undefined\n");
});
