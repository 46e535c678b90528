// examples/dns_filter.ts between a DNS client and a server.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import * as dns from "dns-packet";
import { Example } from "../../scripts/demonstration/example.ts";
import { withoutBadPackets } from "../support/network/counters.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { Cable, Namespace } from "../support/network/namespaces.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { queueRule, udpTo } from "../support/network/rules.ts";
import { type UdpAddress, UdpSocket } from "../support/traffic/udp.ts";

requireIsolation();

const timeout = 30_000;
const words = ["ads.example.net", "NAS.home=192.168.1.9", "nas.home=192.168.1.10", "six=fd00::5"];

let lastId = 0;

/** A query as resolvers send it, with EDNS. */
function query(name: string, type: dns.RecordType): Buffer {
  return dns.encode({
    ...{ type: "query", id: ++lastId, flags: dns.RECURSION_DESIRED },
    questions: [{ name, type, class: "IN" }],
    additionals: [{
      ...{ type: "OPT", name: ".", udpPayloadSize: 1232 },
      ...{ extendedRcode: 0, ednsVersion: 0, flags: 0, flag_do: false, options: [] },
    }],
  });
}

/** Sends a query and checks that what comes back answers it and is from where it went. */
async function ask(
  client: UdpSocket,
  { server, name, type }: { server: UdpAddress; name: string; type: dns.RecordType },
): Promise<unknown[]> {
  await client.send(query(name, type), server);
  const { bytes, from } = await client.receive();
  assert.deepEqual({ address: from.address, port: from.port }, server);
  const answer = dns.decode(Buffer.from(bytes));
  assert.equal(answer.id, lastId);
  assert.deepEqual(
    [answer.type, answer.flag_rd, answer.flag_ra, answer.flags! & 0xf],
    ["response", true, true, 0],
  );
  assert.deepEqual(answer.questions, [{ name, type, class: "IN" }]);
  return (answer.answers ?? []).map((record) => {
    assert.deepEqual([record.name, record.type], [name, type]);
    return "data" in record && record.data;
  });
}

/** What the filter answers itself. */
const own: [string, dns.RecordType, string[]][] = [
  ["ads.example.net", "A", ["0.0.0.0"]],
  ["ads.example.net", "AAAA", ["::"]],
  ["a.b.aDs.exAmple.net", "A", ["0.0.0.0"]],
  ["ads.example.net", "MX", []],
  ["nas.home", "A", ["192.168.1.9", "192.168.1.10"]],
  ["nas.home", "AAAA", []],
  ["six", "AAAA", ["fd00::5"]],
];

for (const family of [4, 6] as const) {
  test(`dns_filter between a client and a server, IPv${family}`, { timeout }, async () => {
    using server = await UdpSocket.open({ family, port: 53 });
    using client = await UdpSocket.open({ family });
    const queue = nextQueue();
    const lines: string[] = [];
    const onLine = (line: string) => void lines.push(line);
    await using example = await Example.start({ name: "dns_filter", queue, words, onLine });
    using _rule = queueRule(queue, { family, chain: "OUTPUT", match: udpTo(53) });
    const { address, port } = server;
    const to = { address, port };
    await withoutBadPackets(async () => {
      for (const [name, type, addresses] of own) {
        assert.deepEqual(await ask(client, { server: to, name, type }), addresses, name);
      }
      assert.deepEqual(server.pending, [], "the server has seen none of it");
      for (const name of ["example.net", "badads.example.net", "ads.example.net.org", "home"]) {
        const answer = ask(client, { server: to, name, type: "A" });
        const { bytes, from } = await server.receive();
        const { id, questions } = dns.decode(Buffer.from(bytes));
        const response = dns.encode({
          ...{ type: "response", id, questions },
          flags: dns.RECURSION_DESIRED | dns.RECURSION_AVAILABLE,
          answers: [{ name, type: "A", ttl: 1, data: "192.0.2.1" }],
        });
        await server.send(response, from);
        assert.deepEqual(await answer, ["192.0.2.1"]);
      }
    });
    assert.equal(await example.interrupt(), "SIGINT");
    assert.equal(lines.length, own.length);
    assert.equal(lines[4], 'answer  A "nas.home": 2');
  });

  test(`dns_filter where there is no server, IPv${family}`, { timeout }, async () => {
    using namespace = new Namespace();
    using cable = new Cable(namespace);
    const [address, far] = family === 4
      ? [cable.address, cable.farAddress]
      : [cable.address6, cable.farAddress6];
    using client = await UdpSocket.open({ family, address });
    const queue = nextQueue();
    await using example = await Example.start({ name: "dns_filter", queue, words });
    using _rule = queueRule(queue, { family, chain: "OUTPUT", match: udpTo(53) });
    const server = { address: far, port: 53 };
    await withoutBadPackets(async () => {
      for (const [name, type, addresses] of own) {
        assert.deepEqual(await ask(client, { server, name, type }), addresses, name);
      }
    });
    assert.equal(await example.interrupt(), "SIGINT");
  });
}

test("dns_filter lets pass what is no query, and ends at none of it", { timeout }, async () => {
  using server = await UdpSocket.open({ port: 53 });
  using client = await UdpSocket.open();
  const queue = nextQueue();
  const lines: string[] = [];
  const onLine = (line: string) => void lines.push(line);
  await using example = await Example.start({ name: "dns_filter", queue, words, onLine });
  using _rule = queueRule(queue, { chain: "OUTPUT", match: udpTo(53) });
  const whole = query("ads.example.net", "A");
  const changed = (at: number, value: number): Buffer => {
    const copy = Buffer.from(whole);
    copy[at] = value;
    return copy;
  };
  const others = [
    changed(2, 0x81), // a response
    changed(2, 0x29), // an update
    changed(5, 0), // without a question
    changed(5, 200), // with more questions than there are
    changed(12, 0xc0), // a name that points into the header
    changed(12, 200),
    changed(32, 3), // class CH
    ...Array.from({ length: whole.length }, (_, length) => whole.subarray(0, length)),
    Buffer.alloc(1400, 0xff),
  ];
  for (const data of others) {
    await client.send(data, server);
    assert.deepEqual(Buffer.from((await server.receive()).bytes), data);
  }
  assert.deepEqual(lines, []);
  await client.send(whole, server);
  assert.equal((await client.receive()).bytes[2]! >> 7, 1);
  assert.equal(await example.interrupt(), "SIGINT");
});

test("dns_filter wants names, and addresses that are some", { timeout }, async () => {
  for (const words of [[], ["nas.home=192.168.1"]]) {
    const started = Example.start({ name: "dns_filter", queue: 1, words });
    await assert.rejects(started, /it ended: status 1/);
  }
});
