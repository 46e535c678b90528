// The recipes about names, in the kit.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import * as dns from "dns-packet";
import { Verdict } from "../../mod.ts";
import { parseLayers } from "../../src/packet/mod.ts";
import { ENDS, ENDS6, Lines, recipeInKit as inKit, tcp, udp } from "../support/filter/recipes.ts";
import { extension, helloMessage, inRecords } from "../support/traffic/client_hello.ts";
import { datagram, frame, initialPacket } from "../support/traffic/quic.ts";

const limit = { timeout: 10_000 };
const hello = (name: string) => helloMessage({ extensions: [extension.serverName(name)] });
const blocked = ["ads.example.net", "EXAMPLE.org", "a.b.example.org"];
const allowed = ["example.net", "badexample.org", "example.org.test"];

test("block_tls_name", limit, async () => {
  await using kit = await inKit("names/block_tls_name");
  const ask = (name: string) =>
    kit.send(tcp(443, { payload: inRecords(hello(name)) }), { queued: true });
  for (const name of blocked) {
    const { verdict, sent } = await ask(name);
    assert.equal(verdict, Verdict.Drop, name);
    const resets = sent.map((bytes) => parseLayers(bytes));
    assert.deepEqual(resets.map(({ tcp }) => tcp?.rst), [true, true]);
    const ends = resets.map(({ ip }) => ip?.destination).sort();
    assert.deepEqual(ends, [ENDS.source, ENDS.destination]);
  }
  for (const name of allowed) {
    const { verdict, sent } = await ask(name);
    assert.deepEqual([verdict, sent.length], [Verdict.Accept, 0], name);
  }
  for (
    const payload of ["", "GET / HTTP/1.1\r\n", inRecords(hello("example.org")).subarray(0, 40)]
  ) {
    assert.equal((await kit.send(tcp(443, { payload }), { queued: true })).verdict, Verdict.Accept);
  }
  assert.equal(
    (await kit.send(tcp(80, { payload: inRecords(hello("example.org")) }))).queued,
    false,
  );
});

test("block_quic_name", limit, async () => {
  await using kit = await inKit("names/block_quic_name");
  let sourcePort = 5000;
  const crypto = (name: string, from = 0, to?: number) =>
    datagram(initialPacket(frame.crypto(from, hello(name).subarray(from, to)), { size: 1200 }));
  for (const name of blocked) {
    const send = (payload: Uint8Array) => kit.send(udp(443, payload, { sourcePort }));
    sourcePort++;
    const { verdict, sent } = await send(crypto(name));
    assert.deepEqual([verdict, sent.length], [Verdict.Drop, 1], name);
    assert.deepEqual([parseLayers(sent[0]!).icmp?.type], [3]);
    // What comes behind it, and what is sent again, goes nowhere either.
    assert.equal((await send(crypto(name))).verdict, Verdict.Drop);
    assert.equal((await send(Uint8Array.of(0x40, 1, 2, 3))).verdict, Verdict.Drop);
  }
  for (const name of allowed) {
    sourcePort++;
    const { verdict } = await kit.send(udp(443, crypto(name), { sourcePort }));
    assert.equal(verdict, Verdict.Accept, name);
  }
  // In two datagrams: the second one tells the name.
  sourcePort++;
  const first = await kit.send(udp(443, crypto("example.org", 0, 30), { sourcePort }));
  const second = await kit.send(udp(443, crypto("example.org", 30), { sourcePort }));
  assert.deepEqual([first.verdict, second.verdict], [Verdict.Accept, Verdict.Drop]);
  assert.equal((await kit.send(udp(53, crypto("example.org")))).queued, false);
});

let lastId = 0;

function query(name: string, type: dns.RecordType = "A"): Buffer {
  return dns.encode({
    ...{ type: "query", id: ++lastId, flags: dns.RECURSION_DESIRED },
    questions: [{ name, type, class: "IN" }],
    additionals: [{
      ...{ type: "OPT", name: ".", udpPayloadSize: 1232 },
      ...{ extendedRcode: 0, ednsVersion: 0, flags: 0, flag_do: false, options: [] },
    }],
  });
}

for (const ip of [ENDS, ENDS6]) {
  test(`block_dns_name, from ${ip.source}`, limit, async () => {
    await using kit = await inKit("names/block_dns_name");
    for (const name of blocked) {
      const question = query(name, "AAAA");
      const { verdict, sent } = await kit.send(udp(53, question, { ip }));
      assert.deepEqual([verdict, sent.length], [Verdict.Drop, 1], name);
      const answer = parseLayers(sent[0]!);
      assert.equal(answer.malformed, undefined);
      assert.deepEqual(
        [answer.ip?.source, answer.ip?.destination, answer.flow?.sourcePort],
        [ip.destination, ip.source, 53],
      );
      assert.equal(answer.udp?.destinationPort, 4000);
      const message = dns.decode(Buffer.from(answer.udp!.payload));
      assert.deepEqual(
        [message.type, message.id, message.flags! & 0xf, message.flag_rd, message.flag_ra],
        ["response", lastId, 3, true, true],
      );
      assert.deepEqual(message.questions, [{ name, type: "AAAA", class: "IN" }]);
      const { answers, authorities, additionals } = message;
      assert.deepEqual([answers, authorities, additionals], [[], [], []]);
    }
    const others = [
      ...allowed.map((name) => query(name)),
      dns.encode({ type: "response", id: 1, questions: [{ name: "example.org", type: "A" }] }),
      dns.encode({
        ...{ type: "query", id: 1 },
        questions: ["example.org", "example.net"].map((name) => ({ name, type: "A" })),
      }),
      query("example.org").subarray(0, 20),
      Buffer.alloc(40, 0xff),
      Buffer.alloc(0),
    ];
    for (const payload of others) {
      const { verdict, sent } = await kit.send(udp(53, payload, { ip }));
      assert.deepEqual([verdict, sent.length], [Verdict.Accept, 0], payload.toString("hex"));
    }
    assert.equal((await kit.send(udp(5353, query("example.org"), { ip }))).queued, false);
  });
}

test("log_dns", limit, async () => {
  using lines = new Lines();
  await using kit = await inKit("names/log_dns");
  const sent = [query("Example.org"), query("x.test", "AAAA"), query("y.test", "SRV")];
  for (const payload of [...sent, Buffer.from("no DNS")]) {
    assert.equal((await kit.send(udp(53, payload))).verdict, Verdict.Accept);
  }
  assert.deepEqual(lines.all, [
    '203.0.113.7 asks for A "example.org"',
    '203.0.113.7 asks for AAAA "x.test"',
    '203.0.113.7 asks for 33 "y.test"',
  ]);
});

test("block_http_host", limit, async () => {
  using lines = new Lines();
  await using kit = await inKit("names/block_http_host");
  const get = (host: string) => `GET /x HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  const verdictOf = async (payload: string, port = 80) =>
    (await kit.send(tcp(port, { payload }))).verdict;
  for (const name of blocked) assert.equal(await verdictOf(get(name)), Verdict.Drop, name);
  assert.equal(await verdictOf(get("example.org:8080"), 8080), Verdict.Drop);
  for (const name of allowed) assert.equal(await verdictOf(get(name)), Verdict.Accept, name);
  for (const other of ["", "POST / HTTP/1.1\r\nHos", "\x16\x03\x01"]) {
    assert.equal(await verdictOf(other), Verdict.Accept);
  }
  assert.equal(lines.all.length, 4);
  assert.equal(lines.all[0], 'reset  203.0.113.7 GET "ads.example.net"');
});

test("log_names", limit, async () => {
  using lines = new Lines();
  await using kit = await inKit("names/log_names");
  for (
    const payload of [
      ...["", inRecords(hello("a.test")), "GET / HTTP/1.1\r\nHost: b.test\r\n\r\n"],
      ...["SSH-2.0-x\r\n", inRecords(helloMessage({ extensions: [] }))],
    ]
  ) {
    const { verdict } = await kit.send(tcp(443, { payload }), { queued: true });
    assert.equal(verdict, Verdict.Accept);
  }
  assert.deepEqual(lines.all, [
    '203.0.113.80:443 is "a.test"',
    '203.0.113.80:443 is "b.test"',
  ]);
});
