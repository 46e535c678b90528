// `nfqueue run` as a process: what it says, what it does to packets, what it leaves.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PacketQueue } from "../../../mod.ts";
import { requireIsolation } from "../../support/network/isolation.ts";
import type { Child } from "../../support/runtime/child.ts";
import { until } from "../../support/runtime/waiting.ts";
import { UdpSocket } from "../../support/traffic/udp.ts";
import { dropsNo, Workshop } from "./workshop.ts";

requireIsolation();

const limit = { timeout: 60_000 };

/** Waits until it has said so on standard error. */
async function complains(child: Child, text: string | RegExp): Promise<void> {
  const said = () => child.errors.match(text) !== null;
  await until(said, { what: `it says ${text}`, state: () => child.output + child.errors });
}

/** "no" is dropped and "yes" is not. */
async function assertFilters(socket: UdpSocket): Promise<void> {
  await socket.sendAll(["no", "yes"], socket);
  assert.deepEqual(await socket.take(1), ["yes"]);
}

for (const [signal, status] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  test(`a filter runs until ${signal}, in order, and nothing is left`, limit, async () => {
    using workshop = new Workshop();
    using socket = await UdpSocket.open();
    const more = 'start() { console.log("start"); }, stop() { console.log("stop"); },';
    const path = workshop.write("filter.ts", dropsNo(socket.port, more));
    await using child = workshop.run([path]);
    await child.says("Ctrl-C ends it");
    await assertFilters(socket);
    await assertFilters(socket);
    child.kill(signal);
    assert.deepEqual(await child.end(), { code: status, signal: null });
    const [start, runs, rule, stop, summary, ...rest] = child.output.trim().split("\n");
    assert.equal(start, "start");
    assert.match(runs!, /filter\.ts runs on queue \d+; Ctrl-C ends it$/);
    assert.match(
      rule!,
      new RegExp(`^  output protocol=udp destinationPort=${socket.port} queue=\\d+$`),
    );
    assert.equal(stop, "stop");
    assert.equal(summary, "4 packets: 2 accepted, 2 dropped, 0 lost");
    assert.deepEqual(rest, []);
    assert.equal(child.errors, "");
    workshop.assertNothingLeft();
    await socket.send("no", socket);
    assert.deepEqual(await socket.take(1), ["no"]);
  });
}

test("--rule is in the place of the filter's rules, --queue of its queues", limit, async () => {
  using workshop = new Workshop();
  using socket = await UdpSocket.open();
  const path = workshop.write("filter.ts", dropsNo(9));
  const rule = `output protocol=udp destinationPort=${socket.port}`;
  await using child = workshop.run([
    path,
    "--rule",
    rule,
    "--rule",
    "input protocol=132",
    "-q",
    "41-42",
  ]);
  await child.says("Ctrl-C ends it");
  await assertFilters(socket);
  child.kill("SIGINT");
  await child.end();
  assert.match(child.output, /runs on queues 41 to 42;/);
  assert.match(
    child.output,
    new RegExp(`\n  ${rule} queue=41-42\n  input protocol=132 queue=41-42\n`),
  );
  workshop.assertNothingLeft();
});

test("--no-rules installs none, and says so when no packet comes", limit, async () => {
  using workshop = new Workshop();
  using socket = await UdpSocket.open();
  const path = workshop.write("filter.ts", dropsNo(socket.port));
  await using child = workshop.run([path, "--no-rules", "--queue", "77"]);
  await child.says("runs on queue 77");
  await socket.send("no", socket);
  assert.deepEqual(await socket.take(1), ["no"]);
  await complains(child, /queue 77 has seen no packet yet: a rule .*--queue-num 77/);
  child.kill("SIGINT");
  await child.end();
  assert.match(child.output, /^0 packets: 0 accepted, 0 dropped, 0 lost$/m);
  workshop.assertNothingLeft();
});

test(
  "a handler alone, in JavaScript; one that throws is told of, and it lives on",
  limit,
  async () => {
    using workshop = new Workshop();
    using socket = await UdpSocket.open();
    const path = workshop.write(
      "filter.js",
      `import { Verdict } from "@nfqueue/nfqueue";
     import { parseLayers } from "@nfqueue/nfqueue/packet";
     export default (packet) => {
       if (parseLayers(packet.payload).udp.payload.length === 3) throw new Error("on purpose");
       return Verdict.Accept;
     };`,
    );
    const rule = `output protocol=udp destinationPort=${socket.port}`;
    await using child = workshop.run([path, "--rule", rule]);
    await child.says("Ctrl-C ends it");
    for (let count = 0; count < 5; count++) await socket.send("bad", socket);
    await socket.send("good", socket);
    assert.deepEqual(await socket.take(1), ["good"]);
    child.kill("SIGINT");
    await child.end();
    assert.match(
      child.errors,
      /the handler failed, packet \d+ got Drop: Error: on purpose\n.*filter\.js/,
    );
    assert.match(child.errors, /: 4 more like it since/);
    assert.match(child.output, /6 packets: 1 accepted, 5 dropped, 5 failed, 0 lost/);
  },
);

test("--json: an object a line, whatever the filter prints", limit, async () => {
  using workshop = new Workshop();
  using socket = await UdpSocket.open();
  const path = workshop.write("filter.ts", dropsNo(socket.port));
  await using child = workshop.run([path, "--json"]);
  await child.says('"started"');
  await socket.sendAll(["no", "print"], socket);
  assert.deepEqual(await socket.take(1), ["print"]);
  await until(() => /"status".*"received":2\b/.test(child.output), {
    what: "a line with the packets",
    state: () => child.output,
  });
  child.kill("SIGINT");
  await child.end();
  assert.equal(child.errors, "the filter prints\n");
  const lines = child.output.trim().split("\n").map((line) => JSON.parse(line));
  const [started, ended] = [lines[0], lines.at(-1)];
  assert.equal(started.type, "started");
  assert.deepEqual(started.queues.length, 1);
  assert.deepEqual(started.rules, [
    `output protocol=udp destinationPort=${socket.port} queue=${started.queues[0]}`,
  ]);
  assert.ok(lines.slice(1, -1).every(({ type }) => type === "status"));
  const status = lines.findLast(({ type }) => type === "status");
  for (const name of ["packetsPerSecond", "acceptedPerSecond", "droppedPerSecond", "waiting"]) {
    assert.equal(typeof status[name], "number", name);
  }
  assert.deepEqual([ended.type, ended.accepted, ended.dropped], ["ended", 1, 1]);
  assert.ok(lines.every(({ time }) => !Number.isNaN(Date.parse(time))));
});

test("what cannot be run: the reason, the status, and nothing left", limit, async () => {
  using workshop = new Workshop();
  using taken = PacketQueue.open(55);
  const good = workshop.write("good.ts", dropsNo(9));
  const throwing = workshop.write("throwing.ts", dropsNo(9, 'start() { throw new Error("no") },'));
  const wrong = workshop.write("wrong.ts", "export default { packet: 5 };");
  const cases: readonly (readonly [words: readonly string[], status: number, said: RegExp])[] = [
    [[], 2, /FILE is missing/],
    [[good, good], 2, /one word too many/],
    [[good, "--wach"], 2, /did you mean --watch\?/],
    [[good, "--rule", "outptu"], 2, /outptu/],
    [[good, "--rule", "output", "--no-rules"], 2, /leave out one of them/],
    [[good, "-q", "70000"], 2, /0 to 65535/],
    [[workshop.path("none.ts")], 1, /there is no file .*nfqueue init/],
    [[wrong], 1, /wrong\.ts: filter\.packet must be a function, got 5/],
    [[throwing], 1, /nfqueue run: no\n/],
    [[good, "-q", "55"], 1, /Queue 55 is owned by another process/],
    [[good, "--rule", "output queue=8", "-q", "7"], 1, /the filter serves queue 7, so nobody/],
    [[good, "--rule", "output outDevice=nosuch0"], 1, /outDevice: there is no device "nosuch0"/],
    [[good, "--record", "/nonexistent/file"], 1, /\/nonexistent\/file" cannot be written/],
  ];
  for (const [words, status, said] of cases) {
    await using child = workshop.run(words, { writes: true });
    assert.deepEqual(await child.end(), { code: status, signal: null }, words.join(" "));
    assert.match(child.errors, said);
    assert.doesNotMatch(child.output, /Ctrl-C/);
  }
  taken.close();
  workshop.assertNothingLeft();
});

test("a rule without bypass that catches the SSH connection is warned of", limit, async () => {
  using workshop = new Workshop();
  const path = workshop.write("filter.ts", dropsNo(9));
  const environment = { SSH_CONNECTION: "192.0.2.7 50000 192.0.2.1 22" };
  const rule = "input protocol=tcp not.source=203.0.113.0/24 bypass=false";
  await using child = workshop.run([path, "--rule", rule], { environment });
  await child.says("Ctrl-C ends it");
  assert.match(child.errors, /catches this SSH connection \(192\.0\.2\.7 50000 192\.0\.2\.1 22\)/);
  assert.match(child.errors, /not\.destinationPort=22/);
  child.kill("SIGINT");
  await child.end();
  await using quiet = workshop.run([path, "--rule", `${rule} not.destinationPort=22`], {
    environment,
  });
  await quiet.says("Ctrl-C ends it");
  quiet.kill("SIGINT");
  await quiet.end();
  assert.equal(quiet.errors, "");
});

test("a filter that closes its queue ends the command: status 0", limit, async () => {
  using workshop = new Workshop();
  using socket = await UdpSocket.open();
  const path = workshop.write(
    "filter.ts",
    `export default {
      rules: { hook: "output", protocol: "udp", destinationPort: ${socket.port} },
      packet(packet, { queue }) { packet.accept(); queue.close(); },
    };`,
  );
  await using child = workshop.run([path]);
  await child.says("Ctrl-C ends it");
  await socket.send("last", socket);
  assert.deepEqual(await socket.take(1), ["last"]);
  assert.deepEqual(await child.end(), { code: 0, signal: null });
  workshop.assertNothingLeft();
});

test("an error that nobody catches ends the command, and nothing is left", limit, async () => {
  for (const line of ['throw new Error("nobody")', 'Promise.reject(new Error("nobody"))']) {
    using workshop = new Workshop();
    const start = `start() { setTimeout(() => { ${line}; }, 50); },`;
    const path = workshop.write("filter.ts", dropsNo(9, start));
    await using child = workshop.run([path]);
    assert.deepEqual(await child.end(), { code: 1, signal: null }, line);
    assert.match(child.errors, /Error: nobody|error: nobody/);
    workshop.assertNothingLeft();
  }
});
