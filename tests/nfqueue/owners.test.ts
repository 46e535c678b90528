// Why a queue cannot be opened: each reason has its own sentence, which says what to do.

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { PacketQueue, SystemError, Verdict } from "../../mod.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue, ownedQueues } from "../support/queue/numbers.ts";
import { Scene } from "../support/queue/scene.ts";
import { Child, type SpawnOptions } from "../support/runtime/child.ts";

requireIsolation();

const openScript = new URL("fixtures/open.ts", import.meta.url);

/** What fixtures/open.ts prints of an error. */
interface Report {
  readonly name: string;
  readonly message: string;
  readonly isSystemError: boolean;
  readonly isLibraryLoadError: boolean;
  readonly code?: string;
  readonly errno?: number;
  readonly syscall?: string;
}

async function failure(number: number, options: SpawnOptions): Promise<Report> {
  await using child = new Child(openScript, { parameters: [number], ...options });
  const end = await child.end();
  assert.deepEqual(end, { code: 0, signal: null }, child.errors);
  assert.notEqual(child.output, "opened\n");
  return JSON.parse(child.output) as Report;
}

test("a second owner in the same process", { timeout: 20_000 }, async () => {
  await using scene = await Scene.udp();
  const { queue, receiver, sender } = scene;
  for (let round = 0; round < 20; round++) {
    assert.throws(() => PacketQueue.open(queue.number), (error: unknown) => {
      assert.ok(error instanceof SystemError);
      assert.ok(error.code === "EPERM" || error.code === "EBUSY", error.code);
      assert.ok(error.errno > 0);
      assert.match(error.message, new RegExp(`[Qq]ueue ${queue.number}\\b`));
      // A port that is this process's id is said in words.
      const port = ownedQueues().get(queue.number);
      const words = port === process.pid ? "this very process" : `port ${port}\\b`;
      assert.match(error.message, new RegExp(words));
      assert.doesNotMatch(error.message, /CAP_NET_ADMIN/);
      return true;
    });
  }
  // The first owner does not notice.
  scene.run(() => Verdict.Accept);
  await sender.send("still mine", receiver);
  assert.deepEqual(await receiver.take(1), ["still mine"]);
});

test("a second owner in the same process: the sentence says so", { timeout: 20_000 }, async () => {
  const number = nextQueue();
  // The first netlink socket of a fresh process has the process id for its port.
  const report = await failure(number, { parameters: [number, "twice"] });
  assert.equal(report.isSystemError, true);
  assert.match(report.message, new RegExp(`[Qq]ueue ${number}\\b.*this very process`));
});

test("a second owner: another process", { timeout: 20_000 }, async () => {
  const number = nextQueue();
  {
    await using child = new Child(openScript, { parameters: [number, "hold"] });
    await child.says("opened");
    const port = ownedQueues().get(number);
    assert.throws(() => PacketQueue.open(number), (error: unknown) => {
      assert.ok(error instanceof SystemError);
      assert.ok(error.code === "EPERM" || error.code === "EBUSY", error.code);
      assert.match(error.message, new RegExp(`\\b${port}\\b`));
      assert.doesNotMatch(error.message, /this very process/);
      // The first netlink socket of a process has the process id for its port.
      if (port === child.pid) assert.match(error.message, new RegExp(`process ${child.pid}\\b`));
      return true;
    });
  }
  // Its end, even by SIGKILL, frees the queue.
  using queue = PacketQueue.open(number);
  assert.equal(queue.closed, false);
});

test("a missing capability", { timeout: 20_000 }, async () => {
  const report = await failure(nextQueue(), {
    prefix: [
      ...["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-all"],
      "--",
    ],
  });
  assert.equal(report.isSystemError, true);
  assert.equal(report.name, "SystemError");
  assert.equal(report.code, "EPERM");
  assert.equal(report.errno, 1);
  assert.match(report.syscall ?? "", /nfq/);
  assert.match(report.message, /CAP_NET_ADMIN/);
});

test("a missing capability is told apart from an owner", { timeout: 20_000 }, async () => {
  using queue = PacketQueue.open(nextQueue());
  const report = await failure(queue.number, {
    prefix: [...["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-all"], "--"],
  });
  assert.match(report.message, /CAP_NET_ADMIN/);
});

test("a missing library", { timeout: 20_000 }, async () => {
  const report = await failure(nextQueue(), {
    environment: { NFQUEUE_LIBRARY: "/nonexistent/library.so" },
  });
  assert.equal(report.isLibraryLoadError, true);
  assert.equal(report.name, "LibraryLoadError");
  assert.match(report.message, /\/nonexistent\/library\.so/);
  for (const system of ["Debian", "Fedora", "Arch", "Alpine", "openSUSE"]) {
    assert.match(report.message, new RegExp(system));
  }
  assert.match(report.message, /libnetfilter-queue1|libnetfilter_queue/);
});

test("a library that is something else", { timeout: 20_000 }, async () => {
  const report = await failure(nextQueue(), { environment: { NFQUEUE_LIBRARY: "libc.so.6" } });
  assert.match(report.message, /libc\.so\.6|nfq_open/);
});
