// The filters of examples/ in the kit: no root, no rules, no C. (Those of the C library and of libipq have
// no queue that the kit could stand in for.)

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import process from "node:process";
import { test } from "node:test";
import * as dns from "dns-packet";
import { Verdict } from "../../mod.ts";
import { finishChecksums, type IpFields, parseLayers } from "../../src/packet/mod.ts";
import type { TestResult } from "../../src/testing/mod.ts";
import { ExampleInKit } from "../support/filter/example_in_kit.ts";
import { ENDS, ENDS6, tcp, udp } from "../support/filter/recipes.ts";

const limit = { timeout: 10_000 };
const { Accept, Drop } = Verdict;

/** The packet that went on, with lengths and checksums that are right. */
function passed({ verdict, bytes }: TestResult) {
  assert.equal(verdict, Accept);
  const own = new Uint8Array(bytes);
  assert.deepEqual(finishChecksums(own.slice()), own);
  const layers = parseLayers(own);
  assert.equal(layers.malformed, undefined);
  return layers;
}

test("accept_all", limit, async () => {
  const before = process.listeners("SIGINT");
  {
    await using example = await ExampleInKit.start("accept_all", "--queue", "7");
    assert.equal(example.queue.number, 7);
    for (const packet of [udp(1), tcp(2)]) passed(await example.kernel.send(packet));
  }
  for (const listener of process.listeners("SIGINT")) {
    if (!before.includes(listener)) process.off("SIGINT", listener);
  }
});

test("arp_guard", limit, async () => {
  await using example = await ExampleInKit.start("arp_guard", "10.0.0.1=02:00:00:00:00:01");
  const claim = async (senderProtocolAddress: string, senderHardwareAddress: string) => {
    const arp = { operation: 2, senderProtocolAddress, senderHardwareAddress };
    const frame = { ethernet: { source: senderHardwareAddress }, arp };
    const options = { family: "bridge", hook: "forward" } as const;
    return (await example.kernel.send(frame, options)).verdict;
  };
  assert.equal(await claim("10.0.0.1", "02:00:00:00:00:01"), Accept);
  assert.equal(await claim("10.0.0.1", "02:00:00:00:00:09"), Drop);
  assert.equal(await claim("10.0.0.2", "02:00:00:00:00:02"), Accept);
  assert.equal(await claim("10.0.0.2", "02:00:00:00:00:09"), Drop);
  assert.equal(await claim("0.0.0.0", "02:00:00:00:00:09"), Accept); // a probe
  assert.deepEqual(example.lines, [
    "drop  10.0.0.1 is at 02:00:00:00:00:01, not at 02:00:00:00:00:09",
    "learn  10.0.0.2 is at 02:00:00:00:00:02",
    "drop  10.0.0.2 is at 02:00:00:00:00:02, not at 02:00:00:00:00:09",
  ]);
});

test("dns_filter", limit, async () => {
  await using example = await ExampleInKit.start("dns_filter", "ads.test", "nas.home=192.168.1.9");
  const ask = async (name: string, type: dns.RecordType, ip = ENDS) => {
    const question = dns.encode({
      ...{ type: "query", id: 77, flags: dns.RECURSION_DESIRED },
      questions: [{ name, type, class: "IN" }],
    });
    return passed(await example.kernel.send(udp(53, question, { ip }), { hook: "output" }));
  };
  for (
    const [name, type, data] of [
      ["ads.test", "A", ["0.0.0.0"]],
      ["x.ads.test", "AAAA", ["::"]],
      ["nas.home", "A", ["192.168.1.9"]],
      ["nas.home", "MX", []],
    ] as const
  ) {
    const { ip, udp } = await ask(name, type);
    assert.deepEqual([ip?.source, ip?.destination], [ENDS.destination, ENDS.source]);
    assert.deepEqual([udp?.sourcePort, udp?.destinationPort], [53, 4000]);
    const answer = dns.decode(Buffer.from(udp!.payload));
    assert.deepEqual([answer.type, answer.id], ["response", 77]);
    assert.deepEqual(answer.answers?.map((record) => "data" in record && record.data), data);
  }
  const other = await ask("example.net", "A");
  assert.deepEqual([other.ip?.source, other.udp?.destinationPort], [ENDS.source, 53]);
  assert.equal(example.lines.length, 4);
});

test("drop_port", limit, async () => {
  await using example = await ExampleInKit.start("drop_port", "--port", "9999");
  const verdictOf = async (bytes: Uint8Array) => (await example.kernel.send(bytes)).verdict;
  for (const ip of [ENDS, ENDS6]) {
    assert.equal(await verdictOf(udp(9999, "x", { ip })), Drop);
    assert.equal(await verdictOf(tcp(9999, { ip })), Drop);
    assert.equal(await verdictOf(udp(25, "x", { ip })), Accept);
    assert.equal(await verdictOf(udp(80, "x", { ip, sourcePort: 9999 })), Accept);
  }
});

test("log", limit, async () => {
  await using example = await ExampleInKit.start("log");
  const options = { hook: "output", outDevice: "eth0", uid: 1000 } as const;
  passed(await example.kernel.send(udp(53), options));
  passed(await example.kernel.send(udp(53, "x", { ip: ENDS6 }), { inDevice: "eth1" }));
  assert.deepEqual(example.lines, [
    "accept  IP 203.0.113.7.4000 > 203.0.113.80.53: UDP, length 5  (output, to eth0, uid 1000)",
    "accept  IP6 2001:db8:1::7.4000 > 2001:db8:1::80.53: UDP, length 1  (input, from eth1)",
  ]);
});

test("mark", limit, async () => {
  await using example = await ExampleInKit.start("mark");
  const markOf = async (bytes: Uint8Array, mark = 0) => {
    const result = await example.kernel.send(bytes, { mark });
    passed(result);
    return result.mark;
  };
  assert.equal(await markOf(udp(53)), 0x35);
  assert.equal(await markOf(tcp(53), 0x120), 0x35);
  assert.equal(await markOf(udp(80), 0x12f), 0x121);
  assert.equal(await markOf(udp(80, "x".repeat(200)), 0x12f), 0x122);
});

test("reject_by_port", limit, async () => {
  const words = ["--port", "25", "--port", "587"];
  {
    await using example = await ExampleInKit.start("reject_by_port", ...words);
    const refused = await example.kernel.send(tcp(587));
    assert.deepEqual([refused.verdict, parseLayers(refused.sent[0]!).tcp?.rst], [Drop, true]);
    const other = await example.kernel.send(tcp(443));
    assert.deepEqual([other.verdict, other.sent.length], [Accept, 0]);
  }
  const reason = ["--reason", "host-unreachable"];
  await using example = await ExampleInKit.start("reject_by_port", ...words, ...reason);
  const { verdict, sent } = await example.kernel.send(tcp(25));
  const { icmp } = parseLayers(sent[0]!);
  assert.deepEqual([verdict, icmp?.type, icmp?.code], [Drop, 3, 1]);
});

test("rewrite_payload", limit, async () => {
  await using example = await ExampleInKit.start("rewrite_payload");
  const send = async (text: string, ip: IpFields = ENDS) => {
    const { udp: view } = passed(await example.kernel.send(udp(9999, text, { ip })));
    return new TextDecoder().decode(view!.payload);
  };
  assert.equal(await send("a cat sat"), "a horse sat");
  assert.equal(await send("cat", ENDS6), "horse");
  assert.equal(await send("a dog sat"), "a dog sat");
});

test("syn_options", limit, async () => {
  await using example = await ExampleInKit.start("syn_options", "--mss", "700");
  const send = async (fields: Parameters<typeof tcp>[1]) =>
    passed(await example.kernel.send(tcp(443, fields))).tcp!;
  const timestamps = { value: 1, echoReply: 0 };
  const syn = await send({ mss: 1460, windowScale: 7, timestamps });
  assert.deepEqual([syn.mss, syn.windowScale, syn.timestamps], [700, 7, undefined]);
  assert.equal((await send({ mss: 500 })).mss, 500);
  assert.equal((await send({})).mss, 700);
  assert.deepEqual((await send({ payload: "x", timestamps })).timestamps, timestamps);
  assert.equal(example.lines.length, 3);
});

test("ttl", limit, async () => {
  await using example = await ExampleInKit.start("ttl", "--ttl", "7");
  for (const ip of [ENDS, ENDS6]) {
    const { bytes } = passed(await example.kernel.send(udp(9, "x", { ip: { ...ip, ttl: 128 } })));
    assert.deepEqual(bytes, udp(9, "x", { ip: { ...ip, ttl: 7 } }));
  }
  const neighbour = { ipv6: { ...ENDS6, hopLimit: 255 }, icmpv6: { type: 135 } };
  assert.equal(passed(await example.kernel.send(neighbour)).ipv6?.hopLimit, 255);
});

test("a word that makes no sense ends an example before it opens a queue", limit, async () => {
  const wrong = [["ttl", "--ttl", "0"], ["drop_port", "--prot", "25"]];
  for (const [name = "", ...words] of wrong) {
    await assert.rejects(ExampleInKit.start(name, ...words), /no time|--prot/);
  }
});
