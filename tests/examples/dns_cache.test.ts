// examples/dns_cache.ts: what is answered from memory, for how long, and whom it believes.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import * as dns from "dns-packet";
import { dnsCache } from "../../examples/dns_cache.ts";
import { Verdict } from "../../mod.ts";
import { FilterHost } from "../../src/filter/host.ts";
import { installRules } from "../../src/filter/system_rules.ts";
import { type PacketFields, parseLayers } from "../../src/packet/mod.ts";
import { testFilter } from "../../src/testing/mod.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { UdpSocket } from "../support/traffic/udp.ts";

requireIsolation();

const limit = { timeout: 30_000 };

function question(id: number, name: string): Buffer {
  return dns.encode({
    ...{ type: "query", id, flags: dns.RECURSION_DESIRED },
    questions: [{ name, type: "A", class: "IN" }],
  });
}

function reply(id: number, name: string, { ttl = 60, data = "192.0.2.9", flags = 0 } = {}): Buffer {
  return dns.encode({
    ...{ type: "response", id, flags: dns.RECURSION_AVAILABLE | flags },
    questions: [{ name, type: "A", class: "IN" }],
    answers: [{ name, type: "A", class: "IN", ttl, data }],
  });
}

const CLIENT = { source: "10.0.0.1", destination: "10.0.0.53" };
const SERVER = { source: "10.0.0.53", destination: "10.0.0.1" };
const asks = (payload: Uint8Array, sourcePort = 4000): PacketFields => ({
  ...{ ip: CLIENT, udp: { sourcePort, destinationPort: 53 }, payload },
});
const answers = (payload: Uint8Array, source = SERVER.source): PacketFields => ({
  ...{ ip: { ...SERVER, source }, udp: { sourcePort: 53, destinationPort: 4000 }, payload },
});

test("in the test kit: its time, its server, its number", limit, async () => {
  let seconds = 100;
  await using kit = await testFilter(dnsCache(() => seconds));
  const ask = (fields: PacketFields) => kit.send(fields, { hook: "output" });
  const hear = (fields: PacketFields) => kit.send(fields, { hook: "input" });
  const passes = async (fields: PacketFields) =>
    assert.equal((await ask(fields)).verdict, Verdict.Accept);

  await passes(asks(question(1, "a.example")));
  // Another number, another server: neither is what was asked for.
  await hear(answers(reply(2, "a.example", { data: "203.0.113.1" })));
  await hear(answers(reply(1, "a.example", { data: "203.0.113.1" }), "10.0.0.66"));
  await hear(answers(reply(1, "a.example", { ttl: 60 })));
  seconds += 20.5;
  const { verdict, sent } = await ask(asks(question(7, "A.Example"), 5000));
  assert.equal(verdict, Verdict.Drop);
  const { ip, udp } = parseLayers(sent[0]!);
  assert.equal(`${ip!.source} > ${ip!.destination}`, "10.0.0.53 > 10.0.0.1");
  assert.deepEqual([udp!.sourcePort, udp!.destinationPort], [53, 5000]);
  const message = dns.decode(Buffer.from(udp!.payload));
  assert.equal(message.id, 7);
  assert.equal(message.questions![0]!.name, "A.Example");
  const [record] = message.answers!;
  assert.ok(record!.type === "A");
  assert.deepEqual([record.data, record.ttl], ["192.0.2.9", 40]);
  seconds += 39.5;
  await passes(asks(question(8, "a.example")));

  // Cut, an error, and what is no DNS.
  await passes(asks(question(9, "b.example")));
  await hear(answers(reply(9, "b.example", { flags: dns.TRUNCATED_RESPONSE })));
  await passes(asks(question(10, "b.example")));
  await hear(answers(reply(10, "b.example", { flags: 3 })));
  await passes(asks(question(11, "b.example")));
  await passes(asks(Uint8Array.of(1, 2, 3)));
});

test("on real packets: the server is asked once", limit, async () => {
  using server = await UdpSocket.open({ port: 53 });
  using client = await UdpSocket.open();
  const host = await FilterHost.start(dnsCache(), { installRules, log: () => {} });
  try {
    await client.send(question(1, "c.example"), server);
    const { from } = await server.receive();
    await server.send(reply(1, "c.example"), from);
    assert.equal(dns.decode(Buffer.from((await client.receive()).bytes)).id, 1);
    await client.send(question(2, "c.example"), server);
    const { bytes, from: by } = await client.receive();
    assert.equal(by.port, 53);
    const message = dns.decode(Buffer.from(bytes));
    const [record] = message.answers!;
    assert.ok(record!.type === "A");
    assert.deepEqual([message.id, record.data], [2, "192.0.2.9"]);
    assert.deepEqual(server.pending, []);
  } finally {
    await host.stop();
  }
});
