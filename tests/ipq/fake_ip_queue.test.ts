// The stand-in for the ip_queue kernel under the real libipq.so.0: it answers as a real kernel was
// observed to, and makes the library give each error that it can give.

import assert from "node:assert/strict";
import { test } from "node:test";
import { command } from "../support/runtime/command.ts";
import { fakeIpQueueEnvironment } from "../support/stand_ins/fake_ip_queue.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { libipqPath, needsLibipq } from "../support/ipq/libipq.ts";
import { Child } from "../support/runtime/child.ts";

requireIsolation();

const options = { timeout: 30_000, ...needsLibipq };

interface Step {
  readonly call: string;
  readonly result: number;
  readonly errno: number;
  readonly text: string;
  readonly message?: string;
}

interface Report {
  readonly pid: number;
  readonly steps: readonly Step[];
  // deno-lint-ignore no-explicit-any -- whatever the scenario tells
  readonly value: any;
  readonly errors: string;
}

async function run(scenario: string, ...parameters: string[]): Promise<Report> {
  const environment = scenario === "no preload"
    ? { NFQUEUE_LIBIPQ: libipqPath }
    : fakeIpQueueEnvironment();
  await using child = new Child(new URL("fixtures/real_library.ts", import.meta.url), {
    parameters: [scenario, ...parameters],
    environment,
  });
  const { code, signal } = await child.end();
  assert.deepEqual({ code, signal }, { code: 0, signal: null }, child.output + child.errors);
  return { ...JSON.parse(child.output), errors: child.errors };
}

/** `call result text`, one a step, with errno where the call failed. */
function lines({ steps }: Report): string[] {
  return steps.map(({ call, result, errno, text }) => {
    const failed = result < 0 || (call.startsWith("create") && result === 0);
    return `${call}: ${result}${failed ? ` errno ${errno}` : ""}, ${text}`;
  });
}

/** A number as hexadecimal bytes, the lowest first. */
function little(value: number, bytes: number): string {
  return Array.from({ length: bytes }, (_, index) => (value / 256 ** index) & 255)
    .map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

test("the library exports the eleven functions", options, () => {
  const symbols = command("nm", ["-D", "--defined-only", libipqPath]).trim().split("\n");
  const functions = symbols.map((line) => line.split(" ")).filter(([, kind]) => kind === "T");
  assert.deepEqual(functions.map(([, , name]) => name).sort(), [
    ...["ipq_create_handle", "ipq_ctl", "ipq_destroy_handle", "ipq_errstr", "ipq_get_msgerr"],
    ...["ipq_get_packet", "ipq_message_type", "ipq_perror", "ipq_read", "ipq_set_mode"],
    "ipq_set_verdict",
  ]);
});

test("on this kernel no handle can be made", options, async () => {
  assert.deepEqual(lines(await run("no preload")), [
    "create 2: 0 errno 93, Unable to create netlink socket",
    "create 10: 0 errno 93, Unable to create netlink socket",
    "create 7: 0 errno 93, Invalid protocol specified",
  ]);
});

/** The ping that the recorded kernel queued. */
const ping = "450000546" + "54a40004001d75c7f0000017f0000010800" +
  "45e900460001eb53016b00000000fe3d080000000000101112131415161718191a1b1c1d1e1f" +
  "202122232425262728292a2b2c2d2e2f3031323334353637";

test("stand-in for a kernel with ip_queue: the recorded run, byte for byte", options, async () => {
  const report = await run("recorded", ping);
  const bind = "Unable to bind netlink socket";
  assert.deepEqual(lines(report), [
    "create 2: 1, Unknown error",
    `create 2: 0 errno 98, ${bind}`,
    `create 10: 1, ${bind}`,
    `mode 77: 56, ${bind}`,
    `read: 76, ${bind}`,
    `verdict 1: 40, ${bind}`,
    `read: 60, ${bind}`,
    `verdict 99: 40, ${bind}`,
    `read: 60, ${bind}`,
    `mode 2: 56, ${bind}`,
    `read: -1 errno ${report.steps[10]?.errno}, Receive buffer size invalid`,
    "read: 0, Timeout",
    "read: 0, Timeout",
    "read: 196, Timeout",
    "verdict 1: 40, Timeout",
    "read: 196, Timeout",
    "verdict 1: 40, Timeout",
    "destroy: 0, Timeout",
  ]);

  const pid = little(report.pid, 4);
  const messages = report.steps.map(({ message }) => message).filter((each) => each !== undefined);
  const mode = `380000001100010000000000${pid}4d00000000000000` + "00".repeat(16);
  const verdict = (value: string) =>
    `280000001200010000000000${pid}${value}0000000000000039300000000000000000000000000000`;
  // The last 16 bytes of a mode request lie behind the library's struct: whatever was there.
  assert.equal(report.value.mode.slice(0, 80), mode);
  assert.equal(report.value.mode.length, 112);
  assert.equal(report.value.verdict, verdict("01"));
  assert.deepEqual(messages.slice(0, 5), [
    `4c0000000200000000000000${pid}eaffffff${report.value.mode}`,
    `3c0000000200000000000000${pid}feffffff${verdict("01")}`,
    `3c0000000200000000000000${pid}eaffffff${verdict("63")}`,
    "c4000000130000000000000000000000" +
    "6070d73d0088ffff" + "0000000000000000".repeat(3) + "03000000" +
    "00".repeat(16) + "6c6f" + "00".repeat(14) + "00000000" + "00".repeat(16) +
    "5400000000000000" + ping,
    "c4000000130000000000000000000000" +
    "e071d73d0088ffff" + "0000000000000000" + "eb53016b000000007f7c080000000000" + "01000000" +
    "6c6f" + "00".repeat(14) + "00".repeat(16) + "08000403" + "06" + "00".repeat(15) +
    "5400000000000000" + ping,
  ]);
});

test(
  "stand-in for a kernel with ip_queue: modes, verdicts, replacements, ids",
  options,
  async () => {
    const { value, steps } = await run("packets");
    const [first, second, third] = [0n, 1n, 2n].map((index) =>
      `0x${(0xffff88003dd77060n + 0x60n * index).toString(16)}`
    );
    assert.deepEqual(value.lengths, [0, 112, 144, 196, 196, 0], "81 bytes of packet take 84");
    assert.deepEqual([value.beforeMode, value.afterNone], [null, null], "dropped");
    assert.deepEqual(value.ids, [first, second, third, first], "an id comes again");
    assert.equal(value.clamped, 65535);
    assert.deepEqual(value.queuedStill, ["queued", null, null], "NF_STOLEN leaves it queued");
    const replacement = Array.from(
      { length: 40 },
      (_, index) => little(index === 0 ? 0x45 : index, 1),
    );
    assert.deepEqual(value.fates, [
      ["queued", null, null],
      ["decided", 4, null],
      ["decided", 1, replacement.join("")],
      ["queued", null, null],
    ]);
    assert.deepEqual(steps.map(({ call, result }) => [call, result]), [
      ["verdict 0", 40],
      ["verdict 4", 40],
      ["verdict 2", 40],
      ["read", 60],
      ["verdict 1", 80],
      ["verdict 1", 40],
      ["read", 60],
    ]);
    assert.match(steps[3]?.message ?? "", /^.{32}eaffffff/, "EINVAL");
    assert.match(steps[6]?.message ?? "", /^.{32}feffffff/, "ENOENT");
    assert.equal(value.before.length, 1);
    assert.equal(value.before.dropped, 2);
    assert.deepEqual(value.after, {
      length: 0,
      dropped: 2,
      peer: 0,
      mode: 0,
      range: 0,
      sockets: 0,
    });
    assert.deepEqual(value.flushed, ["flushed", null, null]);
  },
);

test("stand-in for a kernel with ip_queue: two families side by side", options, async () => {
  const { pid, steps, value } = await run("families");
  assert.deepEqual(steps.map(({ result }) => result), [0, 196]);
  const state = { dropped: 0, peer: pid, mode: 2, range: 0, sockets: 1 };
  assert.deepEqual(value, [{ ...state, length: 0 }, { ...state, length: 1 }]);
});

test(
  "stand-in for a kernel with ip_queue: a full socket loses packets and says so",
  options,
  async () => {
    const report = await run("overrun");
    const { queued, state } = report.value;
    assert.ok(queued > 10 && queued < 1024, `${queued} packets fit`);
    assert.deepEqual({ length: state.length, dropped: state.dropped }, {
      length: queued,
      dropped: 1,
    });
    assert.deepEqual(lines(report), [
      "read: -1 errno 105, Failed to receive netlink message",
      "read: 3112, Failed to receive netlink message",
    ]);
  },
);

test("stand-in faults: what a creation can fail with", options, async () => {
  const report = await run("creation");
  assert.deepEqual(lines(report), [
    "create 2: 0 errno 12, Unable to create netlink handle",
    "create 2: 0 errno 24, Unable to create netlink socket",
    "create 2: 0 errno 13, Unable to bind netlink socket",
    `create 7: 0 errno ${report.steps[3]?.errno}, Invalid protocol specified`,
    "create 2: 1, Invalid protocol specified",
  ]);
  assert.equal(report.value.sockets, 1, "failed creations leave no socket");
});

test("stand-in faults: a refused send, and the manual's line about it", options, async () => {
  const report = await run("sending");
  const text = "Failed to send netlink message";
  assert.deepEqual(lines(report), [
    `mode 2: -1 errno 111, ${text}`,
    `verdict 1: -1 errno 111, ${text}`,
    `mode 2: 56, ${text}`,
  ]);
  assert.ok(report.errors.includes(`myapp: ${text}: Connection refused\n`), report.errors);
});

test("stand-in faults: no privilege, another owner", options, async () => {
  const { pid, steps, value } = await run("answers");
  assert.deepEqual(steps.map(({ call, result }) => [call, result]), [
    ...[["mode 2", 56], ["read", 76], ["get_msgerr", 1], ["message_type", 2]],
    ...[["mode 2", 56], ["read", 76], ["get_msgerr", 16], ["message_type", 2]],
    ...[["mode 2", 56], ["read", 0]],
  ]);
  assert.deepEqual(value, { refused: 0, peer: pid });
});

test("stand-in faults: what a read can fail with", options, async () => {
  const report = await run("receiving");
  const failed = "Failed to receive netlink message";
  const errnoOf = (step: number) => report.steps[step]?.errno;
  assert.deepEqual(lines(report), [
    `read: -1 errno 105, ${failed}`,
    `read: -1 errno 4, ${failed}`,
    `read: 0, ${failed}`,
    `read: -1 errno 9, ${failed}`,
    `read: -1 errno ${errnoOf(4)}, ${failed}`,
    `read: -1 errno ${errnoOf(5)}, ${failed}`,
    `read: -1 errno ${errnoOf(6)}, Received EOF on netlink socket`,
    `read: -1 errno ${errnoOf(7)}, Received message truncated`,
    `read: -1 errno ${errnoOf(8)}, Received message truncated`,
    // The library looks at the address's length and port, not at its family.
    "read: 20, Received message truncated",
    "read: 20, Received message truncated",
    `read: -1 errno ${errnoOf(11)}, ${failed}`,
    "mode 2: -1 errno 111, Failed to send netlink message",
  ]);
});

test(
  "stand-in: calls by name reach it, duplicates keep its socket, others are let alone",
  options,
  async () => {
    const { pid, value } = await run("by name");
    assert.deepEqual(value, {
      named: 0,
      address: `10000000${little(pid, 4)}00000000`,
      whileCopied: "queued",
      errors: [20, -111, 20],
      afterwards: "flushed",
    });
  },
);
