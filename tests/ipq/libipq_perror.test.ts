// ipq_perror beside the real library's: letter for letter, with a stand-in for the kernel that
// refuses what is sent. Other shapes of the line are in perror.test.ts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeIpQueueEnvironment } from "../support/stand_ins/fake_ip_queue.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { needsLibipq } from "../support/ipq/libipq.ts";
import { Child } from "../support/runtime/child.ts";

requireIsolation();

const timeout = 20_000;
const options = { timeout, ...needsLibipq };

async function run(
  scenario: string,
): Promise<{ readonly output: string; readonly errors: string }> {
  await using child = new Child(new URL("fixtures/libipq_perror.ts", import.meta.url), {
    parameters: [scenario],
    environment: fakeIpQueueEnvironment(),
  });
  const end = await child.end(timeout);
  assert.deepEqual(end, { code: 0, signal: null }, child.output + child.errors);
  return { output: child.output, errors: child.errors };
}

const line = "myapp: Failed to send netlink message: Connection refused\n";

test("stand-in: the manual's line where libipq's send is refused", options, async () => {
  // Ours without a handle, with one, the handle's own, and the library's.
  assert.deepEqual(await run("libipq"), { output: "", errors: line.repeat(4) });
});

test("stand-in: the manual's line where nfqueue's send is refused", options, async () => {
  assert.deepEqual(await run("nfqueue"), { output: "", errors: line.repeat(3) });
});

test("stand-in: each state of the library, each prefix, as C prints it", options, async () => {
  const { output, errors } = await run("states");
  const states = output.trim().split("\n");
  assert.equal(states.length, 12);
  const lines = errors.split("\n");
  assert.equal(lines.pop(), "");
  const prefixes = ["ERROR", "myapp", "", "100%s %d%%\t%n", "größer ✓"];
  assert.equal(lines.length, states.length * prefixes.length * 2);

  const send = ": Failed to send netlink message";
  const endings = [
    ...["", ": Interrupted system call", ": Timeout", ": Timeout: Interrupted system call"],
    ": Receive buffer size invalid",
    ": Failed to receive netlink message: No buffer space available",
    ...[": Received message truncated", ": Received EOF on netlink socket"],
    ...[`${send}: Connection refused`, `${send}: Unknown error 9999`],
    ": Unable to bind netlink socket: Address already in use",
    ": Invalid protocol specified",
  ];
  states.forEach((state, index) => {
    for (const prefix of prefixes) {
      const [ours, theirs] = [lines.shift(), lines.shift()];
      assert.equal(ours, theirs, state);
      assert.equal(ours, prefix + endings[index], state);
    }
  });
});
