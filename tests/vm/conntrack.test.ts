// NFQA_CT as /proc/net/nf_conntrack has it, and its changes through a verdict.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type Conntrack, type Packet, PacketQueue, Verdict, VerdictError } from "../../mod.ts";
import { command, ping } from "../support/runtime/command.ts";
import { Filter } from "../support/queue/filter.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { withUdpText } from "../support/traffic/packets.ts";
import { queueRule, Rule, udpTo } from "../support/network/rules.ts";
import { TcpClient, TcpEchoServer } from "../support/traffic/tcp.ts";
import { UdpSocket } from "../support/traffic/udp.ts";
import { type ConntrackLine, conntrackLine } from "../support/vm/conntrack_table.ts";
import { inMachine } from "../support/vm/machine.ts";
import { until } from "../support/runtime/waiting.ts";

requireIsolation();
const conntrack = true;

/** The kernel tracks connections only in namespaces where a rule asks for it. */
function tracking(): Rule {
  return new Rule({ chain: "INPUT", match: ["-m", "conntrack", "--ctstate", "INVALID"] });
}

/** One packet's entry, and the line of the table at that moment. */
type Pair = readonly [Conntrack, ConntrackLine | undefined];

function pairOf(packet: Packet): Pair {
  const entry = packet.conntrack;
  assert.ok(entry?.original);
  return [entry, conntrackLine(entry.original)];
}

function same([entry, line]: Pair): void {
  assert.ok(line !== undefined, "the table has the entry");
  const { original, reply, mark, zone } = entry;
  const { timeout, state, unreplied, assured, counters, ...rest } = line;
  assert.deepEqual({ original, reply, mark, zone }, rest);
  // The table was read a moment later.
  assert.ok(entry.timeout !== undefined && entry.timeout - timeout >= 0);
  assert.ok(entry.timeout - timeout <= 5, `${entry.timeout} ${timeout}`);
  assert.equal(entry.tcp?.state, state);
  assert.equal(!entry.flags.includes("SEEN_REPLY"), unreplied);
  assert.equal(entry.flags.includes("ASSURED"), assured);
  assert.ok(entry.flags.includes("CONFIRMED"));
  assert.deepEqual(entry.counters, counters);
  assert.ok(entry.id !== undefined && entry.id > 0);
}

for (const family of [4, 6] as const) {
  test(`UDP, ICMP and TCP as in /proc/net/nf_conntrack, IPv${family}`, inMachine, async () => {
    command("sysctl", ["-qw", "net.netfilter.nf_conntrack_acct=1"]);
    using receiver = await UdpSocket.open({ family });
    using sender = await UdpSocket.open({ family });
    using queue = PacketQueue.open(nextQueue(), { conntrack });
    using _mark = new Rule({
      ...{ family, table: "mangle", chain: "OUTPUT" },
      jump: ["CONNMARK", "--set-mark", "0xcafe0000"],
    });
    // On loopback a packet's entry is in the table once it comes in.
    using _rule = queueRule(queue.number, { family, chain: "INPUT" });
    const pairs: Pair[] = [];
    await using _filter = new Filter(queue, (packet) => {
      pairs.push(pairOf(packet));
      return Verdict.Accept;
    });
    await sender.send("to", receiver);
    const { from } = await receiver.receive();
    await receiver.send("and fro", from);
    await sender.receive();
    assert.equal((await ping(family === 4 ? "127.0.0.1" : "::1")).received, 1);
    assert.equal(pairs.length, 4);
    if (family === 4) {
      await using server = await TcpEchoServer.open();
      // The handshake and no more: a later packet would change the table before the first is looked at.
      using _client = await TcpClient.open(server.port);
      await until(() => pairs.length === 7, { what: "the handshake was seen" });
    }
    for (const pair of pairs.slice(0, 7)) same(pair);
    const entries = pairs.map(([entry]) => entry);
    const [first, second, request] = entries;
    assert.deepEqual([first?.state, first?.direction], ["NEW", "original"]);
    assert.deepEqual([second?.state, second?.direction], ["ESTABLISHED", "reply"]);
    assert.equal(first?.id, second?.id);
    assert.notEqual(first?.id, request?.id);
    assert.equal(first?.mark, 0xcafe0000);
    assert.deepEqual(first?.original, {
      source: sender.address,
      destination: receiver.address,
      protocol: 17,
      sourcePort: sender.port,
      destinationPort: receiver.port,
    });
    assert.deepEqual(first?.counters?.original?.packets, 1);
    if (family === 6) return;
    const states = entries.slice(4, 7).map(({ tcp }) => tcp?.state);
    assert.deepEqual(states, ["SYN_SENT", "SYN_RECV", "ESTABLISHED"]);
    assert.ok(Number(entries[6]?.tcp?.windowScaleOriginal) > 0);
  });
}

test(
  "NAT, a zone, the time of the beginning, and a packet that is not tracked",
  inMachine,
  async () => {
    command("sysctl", ["-qw", "net.netfilter.nf_conntrack_timestamp=1"]);
    using receiver = await UdpSocket.open();
    using sender = await UdpSocket.open();
    using _tracking = tracking();
    using queue = PacketQueue.open(nextQueue(), { conntrack });
    using _rule = queueRule(queue.number, { chain: "INPUT" });
    const copies: Packet[] = [];
    await using _filter = new Filter(queue, (packet) => {
      copies.push(packet.copy());
      return Verdict.Accept;
    });
    const start = Date.now();
    {
      using _nat = new Rule({
        ...{ table: "nat", chain: "OUTPUT", match: udpTo(7777) },
        jump: ["DNAT", "--to-destination", `127.0.0.1:${receiver.port}`],
      });
      await sender.send("translated", { address: "127.0.0.1", port: 7777 });
      assert.deepEqual(await receiver.take(1), ["translated"]);
    }
    {
      using _zone = new Rule({
        ...{ table: "raw", chain: "OUTPUT", match: udpTo(receiver.port) },
        jump: ["CT", "--zone", "42"],
      });
      using _zoneIn = new Rule({
        ...{ table: "raw", chain: "PREROUTING", match: udpTo(receiver.port) },
        jump: ["CT", "--zone", "42"],
      });
      await sender.send("zoned", receiver);
      assert.deepEqual(await receiver.take(1), ["zoned"]);
    }
    {
      const jump = ["CT", "--notrack"];
      const match = udpTo(receiver.port);
      using _out = new Rule({ table: "raw", chain: "OUTPUT", match, jump });
      using _in = new Rule({ table: "raw", chain: "PREROUTING", match, jump });
      await sender.send("untracked", receiver);
      assert.deepEqual(await receiver.take(1), ["untracked"]);
    }
    const [translated, zoned, untracked] = copies.map((packet) => packet.conntrack);
    assert.equal(translated?.original?.destinationPort, 7777);
    assert.deepEqual(translated.destinationNat, { address: "127.0.0.1", port: receiver.port });
    assert.equal(translated.sourceNat, undefined);
    assert.ok(translated.flags.includes("DST_NAT"));
    const began = (translated.started ?? 0) / 1000;
    assert.ok(began >= start - 1000 && began <= Date.now() + 1000, `${start} ${began}`);
    assert.equal(zoned?.zone, 42);
    assert.equal(untracked, undefined);
  },
);

test(
  "the conntrack mark is set through a verdict, whole, masked and with a payload",
  inMachine,
  async () => {
    using receiver = await UdpSocket.open();
    using sender = await UdpSocket.open();
    using _tracking = tracking();
    using queue = PacketQueue.open(nextQueue(), { conntrack });
    using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
    const marks = [0xfedcba98, { value: 0xffff1234, mask: 0x0000ffff }, undefined] as const;
    const seen: number[] = [];
    await using _filter = new Filter(queue, (packet) => {
      seen.push(packet.conntrack?.mark ?? -1);
      const mark = marks[seen.length - 1];
      if (seen.length === 2) packet.replacePayload(withUdpText(packet.payload, "replaced"));
      packet.accept({ mark: 7, conntrack: { mark } });
    });
    const lines: (number | undefined)[] = [];
    for (const text of ["one", "two", "three"]) {
      await sender.send(text, receiver);
      assert.deepEqual(await receiver.take(1), [text === "two" ? "replaced" : text]);
      lines.push(
        conntrackLine({
          source: sender.address,
          destination: receiver.address,
          protocol: 17,
          sourcePort: sender.port,
          destinationPort: receiver.port,
        })?.mark,
      );
    }
    assert.deepEqual(lines, [0xfedcba98, 0xfedc1234, 0xfedc1234]);
    assert.deepEqual(seen, [0, 0xfedcba98, 0xfedc1234]);
    assert.equal(queue.statistics.verdictErrors, 0);
  },
);

test("labels and the timeout are set through a verdict", inMachine, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue(), { conntrack });
  const label = (number: number) => ["-m", "connlabel", "--label", String(number)];
  const rules = [0, 127].map((number) =>
    new Rule({ chain: "INPUT", match: [...udpTo(receiver.port), ...label(number)] })
  );
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
  const changes = [
    { labels: [0, 77], timeout: 5000 },
    { labels: { set: [127], clear: [0] } },
    { labels: [] },
    {},
  ];
  const seen: unknown[] = [];
  try {
    await using _filter = new Filter(queue, (packet) => {
      seen.push(packet.conntrack?.labels);
      packet.accept({ conntrack: changes[seen.length - 1] });
    });
    const counts: number[][] = [];
    for (const text of ["one", "two", "three", "four"]) {
      await sender.send(text, receiver);
      assert.deepEqual(await receiver.take(1), [text]);
      counts.push(rules.map((rule) => rule.packets));
      if (text !== "one") continue;
      const line = conntrackLine({
        source: sender.address,
        destination: receiver.address,
        protocol: 17,
        sourcePort: sender.port,
        destinationPort: receiver.port,
      });
      // The same packet, coming in, has renewed it; so the kernel has shortened it again.
      assert.ok(line !== undefined && line.timeout <= 5000);
    }
    assert.deepEqual(seen, [[], [0, 77], [77, 127], []]);
    assert.deepEqual(counts, [[1, 0], [1, 1], [1, 1], [1, 1]]);
  } finally {
    for (const rule of rules) rule[Symbol.dispose]();
  }
});

test("the timeout of an entry that is in the table", inMachine, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  using _tracking = tracking();
  using queue = PacketQueue.open(nextQueue(), { conntrack });
  using _rule = queueRule(queue.number, { chain: "INPUT", match: udpTo(receiver.port) });
  let original: Conntrack["original"];
  await using _filter = new Filter(queue, (packet) => {
    original = packet.conntrack?.original;
    packet.accept({ conntrack: { timeout: 3000 } });
  });
  await sender.send("hello", receiver);
  await receiver.take(1);
  const timeout = conntrackLine(original ?? {})?.timeout;
  assert.ok(timeout !== undefined && timeout > 2900 && timeout <= 3000, `${timeout}`);
});

test("a connection to expect", inMachine, async () => {
  await using control = await TcpEchoServer.open();
  await using data = await TcpEchoServer.open();
  using queue = PacketQueue.open(nextQueue(), { conntrack });
  const port = ["-p", "tcp", "--dport", String(control.port)];
  using _helper = new Rule({
    ...{ table: "raw", chain: "OUTPUT", match: port },
    jump: ["CT", "--helper", "ftp"],
  });
  const related = ["-p", "tcp", "--dport", String(data.port), "-m", "conntrack", "--ctstate"];
  using rule = new Rule({ chain: "OUTPUT", match: [...related, "RELATED"] });
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: port });
  const helpers = new Set<string | undefined>();
  await using _filter = new Filter(queue, (packet) => {
    helpers.add(packet.conntrack?.helper);
    packet.accept({
      conntrack: {
        expectation: {
          ...{ source: "127.0.0.1", destination: "127.0.0.1" },
          ...{ destinationPort: data.port, protocol: 6, permanent: true },
        },
      },
    });
  });
  using client = await TcpClient.open(control.port);
  await client.ask("hello");
  assert.deepEqual([...helpers], ["ftp"]);
  const table = readFileSync("/proc/net/nf_conntrack_expect", "utf8");
  assert.match(
    table,
    new RegExp(
      `proto=6 src=127\\.0\\.0\\.1 dst=127\\.0\\.0\\.1 sport=0 dport=${data.port} PERMANENT`,
    ),
  );
  assert.equal(rule.packets, 0);
  using expected = await TcpClient.open(data.port);
  await expected.ask("hello");
  assert.equal(rule.packets, 1, "its first packet is related");
});

test(
  "without the option conntrack an entry cannot be changed, and the packet waits on",
  inMachine,
  async () => {
    using receiver = await UdpSocket.open();
    using sender = await UdpSocket.open();
    using queue = PacketQueue.open(nextQueue());
    using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
    let checked = false;
    await using _filter = new Filter(queue, (packet) => {
      assert.throws(() => packet.accept({ conntrack: { mark: 1 } }), (error) => {
        assert.ok(error instanceof VerdictError);
        assert.match(error.message, /open the queue with \{ conntrack: true \}/);
        return true;
      });
      checked = true;
      packet.accept();
    });
    await sender.send("hello", receiver);
    assert.deepEqual(await receiver.take(1), ["hello"]);
    assert.ok(checked);
  },
);
