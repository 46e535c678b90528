// The recipes that follow connections, in the kit.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import type { TestFilter } from "../../src/testing/mod.ts";
import { KitConnection } from "../support/filter/kit_connection.ts";
import { Lines, recipeInKit as inKit } from "../support/filter/recipes.ts";
import { extension, helloMessage, inRecords } from "../support/traffic/client_hello.ts";

const limit = { timeout: 30_000 };

function cut(bytes: Uint8Array, size: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
  return pieces;
}

/** Sends all of it in pieces of so many bytes, and gives what has come to the server. */
async function through(kit: TestFilter, text: string | Uint8Array, size: number): Promise<string> {
  const connection = await KitConnection.open(kit);
  for (const piece of cut(Buffer.from(text as string), size)) {
    await connection.send("client", piece);
  }
  return connection.atServer;
}

test("log_tls_names", limit, async () => {
  using lines = new Lines();
  await using kit = await inKit("streams/log_tls_names");
  const hello = (name?: string) => {
    const names = name === undefined ? [] : [extension.serverName(name)];
    const extensions = [extension.padding(100), ...names, extension.alpn("h2", "http/1.1")];
    return inRecords(helloMessage({ extensions }), { size: 40 });
  };
  for (const bytes of [hello("A.test"), hello(), Buffer.from("GET / HTTP/1.1\r\n\r\n")]) {
    for (const size of [1000, 7]) {
      const connection = await KitConnection.open(kit, { serverPort: 443 });
      for (const piece of cut(bytes, size)) {
        const before = connection.atServer.length;
        await connection.send("client", piece);
        assert.equal(connection.atServer.length, before + piece.length, "nothing is held");
      }
      assert.equal(connection.atServer, Buffer.from(bytes).toString("latin1"));
    }
  }
  const line = '203.0.113.7 > 203.0.113.80  "a.test"  h2 http/1.1';
  assert.deepEqual(lines.all, [line, line]);
});

test("log_http_requests", limit, async () => {
  await using kit = await inKit("streams/log_http_requests");
  const requests = "GET /a HTTP/1.1\r\nHost: a\r\n\r\nPOST /b?\x7f HTTP/1.1\r\n" +
    'Content-Length: 5\r\n\r\n12345GET /c" HTTP/1.0\r\n\r\n';
  for (const size of [1000, 9, 1]) {
    using lines = new Lines();
    assert.equal(await through(kit, requests, size), requests);
    // The third one begins behind a body, which is no line of its own.
    const ends = "203.0.113.7 > 203.0.113.80  ";
    assert.deepEqual(lines.all, [
      `${ends}"GET /a HTTP/1.1"`,
      `${ends}"POST /b?\x7f HTTP/1.1"`,
    ]);
  }
  using lines = new Lines();
  const noise = new Uint8Array(50_000).fill(7);
  assert.equal((await through(kit, noise, 10_000)).length, noise.length);
  assert.deepEqual(lines.all, []);
});

test("limit_bytes", limit, async () => {
  using lines = new Lines();
  await using kit = await inKit("streams/limit_bytes");
  const connection = await KitConnection.open(kit);
  const part = new Uint8Array(50_000);
  for (let count = 0; count < 20; count++) await connection.send("server", part);
  assert.deepEqual([connection.atClient.length, connection.resets], [1_000_000, []]);
  await connection.send("server", Uint8Array.of(1));
  assert.deepEqual(connection.resets, ["client", "server"]);
  assert.equal(connection.atClient.length, 1_000_000);
  assert.deepEqual(lines.all, ["reset  203.0.113.7 > 203.0.113.80 80"]);
});

test("replace_header", limit, async () => {
  await using kit = await inKit("streams/replace_header");
  const requests = (field: string) =>
    [
      `GET / HTTP/1.1\r\nHost: a\r\n${field}\r\nAccept: */*\r\n\r\n`,
      // What looks like a head is a body.
      `POST / HTTP/1.1\r\n${field}\r\nContent-Length: 39\r\n\r\n`,
      "GET / HTTP/1.1\r\nUser-Agent: in a body\r\n",
      `GET / HTTP/1.1\r\n${field}\r\n\r\n`,
    ].join("");
  for (const old of ["User-Agent: x", "user-agent:  Mozilla/5.0 (X11; Linux x86_64) and so on"]) {
    for (const size of [1000, 30, 11]) {
      const came = await through(kit, requests(old), size);
      assert.equal(came, requests("User-Agent: somebody"), `${size} bytes at a time`);
    }
  }
  const others = [
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nUpgrade: websocket\r\nUser-Agent: x\r\n\r\nUser-Agent: y\r\n",
    "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nUser-Agent: x\r\n\r\n5\r\n12345\r\n",
    "SSH-2.0-x\r\nUser-Agent: x\r\n\r\n",
  ];
  for (const text of others) {
    const connection = await KitConnection.open(kit);
    // The head by itself, and what follows it.
    for (const part of text.split(/(?<=\r\n\r\n)/)) await connection.send("client", part);
    assert.equal(connection.atServer, text);
  }
});
