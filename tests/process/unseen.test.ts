// Processes that cannot be seen, or are elsewhere; and packets that have no local socket.

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { type PacketProcesses, processOf, Verdict } from "../../mod.ts";
import { buildPacket } from "../../src/packet/mod.ts";
import { testKernel } from "../../src/testing/mod.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { Namespace } from "../support/network/namespaces.ts";
import { queueRule, udpTo } from "../support/network/rules.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { Child } from "../support/runtime/child.ts";
import { PythonProcess } from "../support/runtime/python.ts";
import { until } from "../support/runtime/waiting.ts";
import { UdpSocket } from "../support/traffic/udp.ts";
import { idsOf, Watch } from "./watched.ts";

requireIsolation();

const timeout = 60_000;
const open = "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('', 0))";
const ask = new URL("fixtures/ask.ts", import.meta.url);

/** What a child says of a packet that `peer` sends. */
async function answerOf(
  peer: PythonProcess,
  prefix: readonly string[],
): Promise<PacketProcesses> {
  using receiver = await UdpSocket.open();
  const queue = nextQueue();
  await using child = new Child(ask, { parameters: [queue], prefix });
  await child.says("ready\n");
  using _rule = queueRule(queue, { chain: "OUTPUT", match: udpTo(receiver.port) });
  await peer.run(`${open}; s.sendto(b'x', ('127.0.0.1', ${receiver.port}))`);
  const lines = () => child.output.split("\n").slice(1, -1);
  await until(() => lines().length > 0, { what: "the child answers", state: () => child.errors });
  return JSON.parse(lines()[0]!);
}

test("without CAP_SYS_PTRACE it says so", { timeout }, async () => {
  await using peer = new PythonProcess();
  const result = await answerOf(peer, ["setpriv", "--bounding-set=-sys_ptrace"]);
  assert.deepEqual(result.processes, []);
  assert.equal(result.unseen?.reason, "hidden");
  assert.equal(result.unseen?.capability, "CAP_SYS_PTRACE");
  assert.match(result.unseen!.message, /CAP_SYS_PTRACE/);
  assert.ok(result.hiddenProcesses > 0);
  // The kernel tells of the socket itself.
  assert.equal(result.user, process.getuid!());
  assert.equal(result.sockets.length, 1);
});

test("a process outside this namespace of processes", { timeout }, async () => {
  await using peer = new PythonProcess();
  const prefix = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];
  const result = await answerOf(peer, prefix);
  assert.deepEqual(result.processes, []);
  assert.deepEqual([result.unseen?.reason, result.unseen?.capability], ["hidden", undefined]);
  assert.equal(result.sockets.length, 1);
});

test("a process in a namespace of processes below", { timeout }, async () => {
  using receiver = await UdpSocket.open();
  await using watch = new Watch([{ chain: "OUTPUT", match: udpTo(receiver.port) }]);
  const prefix = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];
  await using peer = new PythonProcess({ prefix });
  const inner = await peer.run<number>(`${open}; say(os.getpid())`);
  const [seen] = await watch.next(
    1,
    () => peer.run(`s.sendto(b'x', ('127.0.0.1', ${receiver.port}))`),
  );
  assert.equal(inner, 1);
  assert.equal(idsOf(seen!.result).length, 1);
  const [told] = seen!.result.processes;
  // unshare is its parent, and the process that was started.
  assert.equal(told!.parent, peer.pid);
  assert.equal(told!.otherMounts, true);
});

test("a process that went to another network namespace", { timeout }, async () => {
  using receiver = await UdpSocket.open();
  using namespace = new Namespace();
  await using watch = new Watch([{ chain: "OUTPUT", match: udpTo(receiver.port) }]);
  await using peer = new PythonProcess();
  const gone = await peer.run<number>(
    `${open}; n = os.open('/run/netns/${namespace.name}', 0)
say(ctypes.CDLL(None).setns(n, 0x40000000))`,
  );
  assert.equal(gone, 0);
  const send = `s.sendto(b'x', ('127.0.0.1', ${receiver.port}))`;
  assert.deepEqual(await watch.processes(() => peer.run(send)), [peer.pid]);
});

test("a port of another network namespace is not taken for ours", { timeout }, async () => {
  using receiver = await UdpSocket.open();
  using namespace = new Namespace();
  await using watch = new Watch([{ chain: "OUTPUT", match: udpTo(receiver.port) }]);
  await using there = new PythonProcess({ prefix: namespace.prefix });
  await using here = new PythonProcess();
  const port = await here.run<number>(`${open}; say(s.getsockname()[1])`);
  await there.run(open.replace("('', 0)", `('', ${port})`));
  const send = `s.sendto(b'x', ('127.0.0.1', ${receiver.port}))`;
  assert.deepEqual(await watch.processes(() => here.run(send)), [here.pid]);
  await here.run("s.close()");
  const queue = testKernel();
  // A made packet with the same ends: the socket of the other namespace has them still.
  const reason = await reasonOf(queue, port, { hook: "output" });
  assert.equal(reason, "no-socket");
});

/** Why a made packet has no processes. */
async function reasonOf(
  kernel: ReturnType<typeof testKernel>,
  sourcePort: number,
  options: { readonly hook: "output" | "forward" | "prerouting" },
): Promise<string | undefined> {
  const queue = kernel.open(0);
  let reason: string | undefined;
  const done = queue.run((packet) => {
    reason = processOf(packet).unseen?.reason;
    return Verdict.Accept;
  });
  const ipv4 = { source: "127.0.0.1", destination: "127.0.0.1" };
  await kernel.send({ ipv4, udp: { sourcePort, destinationPort: 9 } }, options);
  queue.close();
  await done;
  return reason;
}

test("packets without a local socket say why", { timeout }, async () => {
  assert.equal(await reasonOf(testKernel(), 5, { hook: "forward" }), "hook");
  assert.equal(await reasonOf(testKernel(), 5, { hook: "prerouting" }), "hook");
  assert.equal(await reasonOf(testKernel(), 5, { hook: "output" }), "no-socket");
  const kernel = testKernel();
  const queue = kernel.open(0);
  const reasons: unknown[] = [];
  const done = queue.run((packet) => {
    const { unseen, processes } = processOf(packet);
    assert.equal(processes.length, 0);
    reasons.push(unseen?.reason);
    return Verdict.Accept;
  });
  const ends = { source: "127.0.0.1", destination: "127.0.0.1" };
  const later = buildPacket({
    ipv4: { ...ends, fragmentOffset: 8, protocol: 17 },
    payload: new Uint8Array(8),
  });
  const gre = buildPacket({ ipv4: { ...ends, protocol: 47 }, payload: new Uint8Array(8) });
  for (const packet of [later, gre]) await kernel.send(packet, { hook: "output" });
  // Bytes that are hardly a packet.
  for (let length = 20; length < 40; length++) {
    const bytes = new Uint8Array(length).fill(0x45);
    await kernel.send(bytes, { hook: length % 2 === 0 ? "output" : "input" });
  }
  queue.close();
  await done;
  assert.deepEqual(reasons.slice(0, 2), ["no-ports", "no-socket"]);
  assert.equal(reasons.length, 22);
});

test("what connection tracking tells of a translation is heard", { timeout }, async () => {
  await using peer = new PythonProcess();
  using receiver = await UdpSocket.open();
  const port = await peer.run<number>(
    `${open}; s.connect(('127.0.0.1', ${receiver.port})); say(s.getsockname()[1])`,
  );
  const kernel = testKernel();
  const queue = kernel.open(0, { conntrack: true });
  const found: unknown[] = [];
  const done = queue.run((packet) => {
    found.push(processOf(packet).sockets.map(({ kind }) => kind));
    found.push(processOf(packet).processes.map(({ id }) => id));
    return Verdict.Accept;
  });
  const original = {
    ...{ source: "127.0.0.1", destination: "127.0.0.1", protocol: 17 },
    ...{ sourcePort: port, destinationPort: receiver.port },
  };
  const reply = { ...original, source: "192.0.2.7", sourcePort: 53, destinationPort: port };
  const ipv4 = { source: "127.0.0.1", destination: "192.0.2.7" };
  await kernel.send({ ipv4, udp: { sourcePort: port, destinationPort: 53 } }, {
    ...{ hook: "output", conntrack: { original, reply } },
  });
  const back = { source: "192.0.2.7", destination: "127.0.0.1" };
  await kernel.send({ ipv4: back, udp: { sourcePort: 53, destinationPort: port } }, {
    ...{ hook: "input", conntrack: { original, reply } },
  });
  queue.close();
  await done;
  assert.deepEqual(found, [["udp"], [peer.pid], ["udp"], [peer.pid]]);
});

test("wrong arguments, and a packet that is decided", { timeout }, async () => {
  for (const wrong of [undefined, null, {}, 5, "packet"]) {
    assert.throws(() => processOf(wrong as never), TypeError);
  }
  const kernel = testKernel();
  const queue = kernel.open(0);
  const done = queue.run((packet) => {
    assert.throws(() => processOf(packet, { search: "some" as never }), RangeError);
    assert.throws(() => processOf(packet, { serach: "all" } as never), /search/);
    const copy = packet.copy();
    packet.accept();
    assert.throws(() => processOf(packet), { name: "PacketReleasedError" });
    assert.equal(processOf(copy).unseen?.reason, "no-socket");
  });
  const ipv4 = { source: "127.0.0.1", destination: "127.0.0.1" };
  await kernel.send({ ipv4, udp: { sourcePort: 7, destinationPort: 9 } }, { hook: "output" });
  queue.close();
  await done;
});
