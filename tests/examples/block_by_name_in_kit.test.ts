// examples/block_by_name.ts in the kit: who is refused, in whatever pieces the name comes, and who is not.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { blockByName } from "../../examples/block_by_name.ts";
import { Verdict } from "../../mod.ts";
import { parseLayers } from "../../src/packet/mod.ts";
import { type TestFilter, testFilter } from "../../src/testing/mod.ts";
import { KitConnection } from "../support/filter/kit_connection.ts";
import { udp } from "../support/filter/recipes.ts";
import { extension, helloMessage, inRecords } from "../support/traffic/client_hello.ts";
import { datagram, frame, initialPacket } from "../support/traffic/quic.ts";

const limit = { timeout: 30_000 };
const names = ["Example.org", "ads.example.net"];
const blocked = ["example.org", "WWW.example.org", "a.b.ads.example.net"];
const allowed = ["badexample.org", "example.net", "example.org.test", "org"];

/** A ClientHello in records. */
function hello(name?: string, size = 16_384): Uint8Array<ArrayBuffer> {
  const extensions = [extension.padding(50)];
  if (name !== undefined) extensions.push(extension.serverName(name));
  return inRecords(helloMessage({ extensions }), { size });
}

/** So many bytes at a time. */
function cut(bytes: Uint8Array, size: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
  return pieces;
}

const open = (kit: TestFilter, family: 4 | 6 = 4) =>
  KitConnection.open(kit, { serverPort: 443, family });
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");

test("TLS, in all pieces", limit, async () => {
  await using kit = testFilter(blockByName(names));
  for (const family of [4, 6] as const) {
    for (const name of blocked) {
      for (const bytes of [hello(name), hello(name, 20)]) {
        for (const size of [bytes.length, 100, Math.ceil(bytes.length / 9)]) {
          const connection = await open(kit, family);
          for (const piece of cut(bytes, size)) {
            assert.deepEqual(connection.resets, [], "it is held");
            await connection.send("client", piece);
            assert.equal(connection.atServer, "");
          }
          assert.deepEqual(connection.resets, ["client", "server"], name);
        }
      }
    }
  }
});

test("what passes, as it came", limit, async () => {
  await using kit = testFilter(blockByName(names));
  const bytes = (words: string) => new TextEncoder().encode(words);
  const others = [
    ...allowed.map((name) => hello(name)),
    hello(),
    bytes("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"),
    bytes("SSH-2.0-x\r\n"),
    Uint8Array.of(22, 2, 0, 0, 100),
  ];
  for (const first of others) {
    const connection = await open(kit);
    await connection.send("client", first);
    // Behind the first bytes nothing is looked at.
    await connection.send("client", hello("example.org"));
    assert.equal(connection.atServer, text(first) + text(hello("example.org")));
    assert.deepEqual(connection.resets, []);
  }
  const connection = await open(kit);
  const whole = hello("example.net");
  await connection.send("client", whole.subarray(0, 60));
  assert.equal(connection.atServer, "");
  await connection.send("client", whole.subarray(60));
  assert.equal(connection.atServer, text(whole));
  const silent = await open(kit);
  await silent.send("client", "", { fin: true });
  assert.deepEqual([silent.finished, silent.resets], [["server"], []]);
});

test("no name slips through in more packets, or at the end", limit, async () => {
  await using kit = testFilter(blockByName(names));
  const connection = await open(kit);
  let sent = 0;
  for (const piece of cut(hello("example.org"), 5)) {
    await connection.send("client", piece);
    sent++;
    assert.equal(connection.resets.length, sent < 10 ? 0 : 2, `${sent} packets`);
  }
  assert.ok(sent > 10);
  const other = await open(kit);
  await other.send("client", hello("example.org").subarray(0, 80));
  await other.send("client", "", { fin: true });
  assert.deepEqual([other.finished, other.resets], [[], ["client", "server"]]);
  assert.equal(connection.atServer + other.atServer, "");
});

let sourcePort = 5000;

/** The datagram of a client that asks for a name by QUIC; a part of its hello. */
function initial(name: string, from = 0, to?: number): Uint8Array<ArrayBuffer> {
  const message = helloMessage({ extensions: [extension.serverName(name)] }).subarray(from, to);
  return datagram(initialPacket(frame.crypto(from, message), { size: 1200 }));
}

test("QUIC", limit, async () => {
  await using kit = testFilter(blockByName(names));
  const send = async (payload: Uint8Array) => {
    const { verdict, sent } = await kit.send(udp(443, payload, { sourcePort }), { hook: "output" });
    return [verdict, sent.map((packet) => parseLayers(packet).icmp?.type)];
  };
  const refused = [Verdict.Drop, [3]];
  const passed = [Verdict.Accept, []];
  for (const name of blocked) {
    sourcePort++;
    assert.deepEqual(await send(initial(name)), refused, name);
    assert.deepEqual(await send(initial(name, 0, 30)), refused, "what it sends again");
  }
  for (const name of allowed) {
    sourcePort++;
    assert.deepEqual(await send(initial(name)), passed, name);
  }
  sourcePort++;
  assert.deepEqual(await send(initial("example.org", 0, 30)), passed);
  assert.deepEqual(await send(initial("example.org", 30)), refused);
  sourcePort++;
  assert.deepEqual(await send(Uint8Array.of(1, 2, 3)), passed);
});
