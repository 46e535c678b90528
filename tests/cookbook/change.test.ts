// The recipes that change packets, in the kit.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Verdict } from "../../mod.ts";
import { buildPacket, finishChecksums, parseLayers } from "../../src/packet/mod.ts";
import type { TestResult } from "../../src/testing/mod.ts";
import { ENDS, ENDS6, recipeInKit as inKit, tcp, udp } from "../support/filter/recipes.ts";
import { extension, helloMessage, inRecords } from "../support/traffic/client_hello.ts";

const limit = { timeout: 10_000 };

/** The packet that went on: whole, with checksums that are right. */
function passed({ verdict, bytes, queued }: TestResult) {
  assert.deepEqual([verdict, queued], [Verdict.Accept, true]);
  const own = new Uint8Array(bytes);
  assert.deepEqual(finishChecksums(own.slice()), own);
  const layers = parseLayers(own);
  assert.equal(layers.malformed, undefined);
  return layers;
}

test("set_ttl", limit, async () => {
  await using kit = await inKit("change/set_ttl");
  for (const ip of [ENDS, ENDS6]) {
    for (const ttl of [1, 63, 64, 128]) {
      const { bytes } = passed(await kit.send(udp(9, "x", { ip: { ...ip, ttl } })));
      assert.deepEqual(bytes, udp(9, "x", { ip: { ...ip, ttl: 64 } }));
      assert.equal(passed(await kit.send(tcp(9, { ip: { ...ip, ttl } }))).ip?.ttl, 64);
    }
  }
  const neighbour = { ipv6: { ...ENDS6, hopLimit: 255 }, icmpv6: { type: 135 } };
  assert.equal((await kit.send(neighbour)).queued, false);
  assert.equal((await kit.send(udp(9), { outDevice: "lo" })).queued, false);
});

test("clamp_mss", limit, async () => {
  await using kit = await inKit("change/clamp_mss");
  const send = async (fields: Parameters<typeof tcp>[1]) =>
    passed(await kit.send(tcp(443, fields), { queued: true }));
  const options = { windowScale: 7, sackPermitted: true };
  for (const ip of [ENDS, ENDS6]) {
    const syn = await send({ ip, mss: 1460, ...options });
    assert.deepEqual(syn.bytes, tcp(443, { ip, mss: 1240, ...options }));
    const answer = await send({ ip, syn: true, ack: true, mss: 8960 });
    assert.deepEqual([answer.tcp?.mss, answer.tcp?.ack], [1240, true]);
  }
  assert.equal((await send({ mss: 536 })).tcp?.mss, 536);
  assert.equal((await send({})).tcp?.mss, undefined);
  // No SYN: an option that looks like one is left alone.
  assert.equal((await send({ ack: true, mss: 1460 })).tcp?.mss, 1460);
});

test("mark_for_routing", limit, async () => {
  await using kit = await inKit("change/mark_for_routing");
  const marks = new Map<number, number>();
  for (let sourcePort = 1000; sourcePort < 1100; sourcePort++) {
    const marksOf = await Promise.all([0, 0xab0, 0xabf].map(async (mark) => {
      const result = await kit.send(tcp(443, { sourcePort }), { mark });
      passed(result);
      return result.mark;
    }));
    const link = marksOf[0]!;
    assert.deepEqual(marksOf, [link, 0xab0 + link, 0xab0 + link], "other bits stay");
    marks.set(link, (marks.get(link) ?? 0) + 1);
    // All of the connection takes the same way.
    const data = await kit.send(tcp(443, { sourcePort, payload: "more" }));
    assert.equal(data.mark, link);
  }
  assert.deepEqual([...marks.keys()].sort(), [1, 2]);
  assert.ok(Math.min(...marks.values()) > 20, "both are used");
  assert.equal((await kit.send(udp(9), { outDevice: "lo" })).queued, false);
});

test("set_dscp", limit, async () => {
  await using kit = await inKit("change/set_dscp");
  for (const ip of [ENDS, ENDS6]) {
    const send = async (port: number, dscp: number) =>
      passed(await kit.send(udp(port, "x", { ip: { ...ip, dscp, ecn: 1 } }))).ip;
    for (const port of [16_384, 20_000, 32_767]) {
      for (const dscp of [0, 10, 46]) {
        const { dscp: now, ecn } = (await send(port, dscp))!;
        assert.deepEqual([now, ecn], [46, 1]);
      }
    }
    for (const port of [53, 16_383, 32_768]) assert.equal((await send(port, 46))?.dscp, 0);
    const other = passed(await kit.send(tcp(20_000, { ip: { ...ip, dscp: 46 } })));
    assert.equal(other.ip?.dscp, 0);
  }
});

test("strip_tcp_options", limit, async () => {
  await using kit = await inKit("change/strip_tcp_options");
  const send = async (fields: Parameters<typeof tcp>[1]) =>
    passed(await kit.send(tcp(443, fields), { queued: true }));
  const kept = { mss: 1460, sackPermitted: true, windowScale: 7 };
  const stripped = await send({ ...kept, timestamps: { value: 12_345, echoReply: 0 } });
  const { mss, sackPermitted, windowScale, timestamps, optionList } = stripped.tcp!;
  assert.deepEqual({ mss, sackPermitted, windowScale, timestamps }, {
    ...kept,
    timestamps: undefined,
  });
  assert.deepEqual(optionList.map(({ kind }) => kind).sort(), [2, 3, 4]);
  const plain = tcp(443, { mss: 1460 });
  assert.deepEqual((await send({ mss: 1460 })).bytes, plain);
  const data = { payload: "x", timestamps: { value: 1, echoReply: 2 } };
  assert.deepEqual((await send(data)).bytes, tcp(443, data));
});

test("split_first_packet", limit, async () => {
  await using kit = await inKit("change/split_first_packet");
  const hello = inRecords(helloMessage({ extensions: [extension.serverName("a.test")] }));
  for (const ip of [ENDS, ENDS6]) {
    for (const checksumNotReady of [false, true]) {
      const packet = tcp(443, { ip, payload: hello, sequenceNumber: 0xffffffff });
      const { verdict, sent } = await kit.send(packet, { queued: true, checksumNotReady });
      assert.deepEqual([verdict, sent.length], [Verdict.Drop, 2]);
      const middle = hello.length >> 1;
      const segments = [
        tcp(443, { ip, payload: hello.subarray(0, middle), sequenceNumber: 0xffffffff }),
        tcp(443, { ip, payload: hello.subarray(middle), sequenceNumber: middle - 1 }),
      ];
      assert.deepEqual(sent.map((bytes) => new Uint8Array(bytes)), segments);
    }
  }
  for (const payload of ["", "x", "GET / HTTP/1.1\r\n", hello.subarray(50)]) {
    const packet = tcp(443, { payload });
    assert.deepEqual(passed(await kit.send(packet, { queued: true })).bytes, packet);
  }
  assert.equal((await kit.send(tcp(80, { payload: hello }))).queued, false);
});

test("replace_text", limit, async () => {
  await using kit = await inKit("change/replace_text");
  const send = async (text: string | Uint8Array) =>
    passed(await kit.send(udp(514, text))).udp!.payload;
  const text = async (given: string) => new TextDecoder().decode(await send(given));
  assert.equal(await text("a password=b password=c"), "a secret-b secret-c");
  assert.equal(await text("héllo password="), "héllo secret-");
  assert.equal(await text("nothing of it"), "nothing of it");
  const binary = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  assert.deepEqual(new Uint8Array(await send(binary)), binary);
  const fragment = buildPacket({
    ipv4: { ...ENDS, moreFragments: true },
    udp: { destinationPort: 514, length: 2000 },
    payload: new TextEncoder().encode("password=1234567"),
  });
  const { verdict, bytes } = await kit.send(fragment);
  assert.deepEqual([verdict, new Uint8Array(bytes)], [Verdict.Accept, fragment]);
  assert.equal((await kit.send(udp(515, "password="))).queued, false);
});
