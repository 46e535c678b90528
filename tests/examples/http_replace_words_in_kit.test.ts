// examples/http_replace_words.ts in the kit: words of every length, in all pieces, and what is let alone.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { replaceWords } from "../../examples/http_replace_words.ts";
import { testFilter } from "../../src/testing/mod.ts";
import { KitConnection } from "../support/filter/kit_connection.ts";

const limit = { timeout: 30_000 };

const FIELDS = "Host: a.test\r\nConnection: keep-alive\r\naccept-encoding: gzip\r\n\r\n";
const request = (path = "/") => `GET ${path} HTTP/1.1\r\n${FIELDS}`;
/** As the server is to see it. */
const shown = (path = "/") => `GET ${path} HTTP/1.0\r\nHost: a.test\r\n\r\n`;
const response = (body: string, type = "text/html; charset=utf-8", more = "") =>
  `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`;
const told = (body: string, type = "text/html; charset=utf-8") =>
  `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\nConnection: close\r\n\r\n${body}`;

function cut(text: string, size: number): string[] {
  return text.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
}

const cases = [
  {
    from: "cat",
    to: "little dog",
    body: "cat, a cat and a Cat.\r\n\r\nContent-Length: cat\r\ncat",
  },
  { from: "elephant", to: "fly", body: "An elephant and elephants: elephantelephant eleph" },
  { from: "cat", to: "dog", body: "catcat cacat" },
  { from: "cat", to: "", body: "cat a cat" },
  { from: "aab", to: "x", body: "aaab aabaab aaaab aa" },
  { from: "aa", to: "a", body: "aaaaa aa" },
  { from: ".*[+\\", to: "$&", body: "a .*[+\\ b .*[+\\" },
] as const;

test("words that come in pieces", limit, async () => {
  for (const { from, to, body } of cases) {
    await using kit = testFilter(replaceWords(from, to));
    for (const size of [1000, 7, 1]) {
      for (const family of [4, 6] as const) {
        const connection = await KitConnection.open(kit, { family });
        // What is held is limited in packets.
        for (const piece of cut(request(), Math.max(size, 20))) {
          await connection.send("client", piece);
        }
        assert.equal(connection.atServer, shown());
        const whole = response(body);
        const head = whole.slice(0, -body.length);
        for (const piece of cut(head, Math.max(size, 20))) await connection.send("server", piece);
        for (const piece of cut(body, size)) await connection.send("server", piece);
        await connection.send("server", "", { fin: true });
        assert.equal(connection.atClient, told(body.replaceAll(from, () => to)));
        assert.deepEqual([connection.finished, connection.resets], [["client"], []]);
      }
    }
  }
});

test("words are UTF-8", limit, async () => {
  await using kit = testFilter(replaceWords("é", "ÜÜ"));
  const connection = await KitConnection.open(kit);
  await connection.send("client", request());
  await connection.send("server", response("é élève, Ã©"));
  const text = Buffer.from(connection.atClient, "latin1").toString();
  assert.ok(text.endsWith("\r\n\r\nÜÜ ÜÜlève, Ã©"), text);
});

test("a server that stops in the midst of a word", limit, async () => {
  await using kit = testFilter(replaceWords("cat", "dog"));
  const connection = await KitConnection.open(kit);
  await connection.send("client", request());
  await connection.send("server", response("a cat").slice(0, -1));
  // Longer than anything is held by default.
  await delay(400);
  assert.equal(connection.atClient, told("a "));
  await connection.send("server", "t");
  assert.equal(connection.atClient, told("a dog"));
});

test("empty lines before a request, and lines that end with LF alone", limit, async () => {
  await using kit = testFilter(replaceWords("cat", "dog"));
  const connection = await KitConnection.open(kit);
  const lines = (text: string) => text.replaceAll("\r", "");
  await connection.send("client", `\r\n\n${lines(request())}`);
  assert.equal(connection.atServer, `\r\n\n${lines(shown())}`);
  await connection.send("server", lines(response("a cat")));
  const head = "HTTP/1.1 200 OK\ncontent-type: text/html; charset=utf-8\n";
  assert.equal(connection.atClient, `${head}Connection: close\r\n\r\na dog`);
});

test("a request's body goes on, and a second request", limit, async () => {
  await using kit = testFilter(replaceWords("cat", "dog"));
  const connection = await KitConnection.open(kit);
  const post = `POST /cat HTTP/1.1\r\nContent-Length: 7\r\nRange: bytes=0-5\r\n\r\na cat\r\n`;
  await connection.send("client", post);
  await connection.send("client", request("/HTTP/1.1"));
  assert.equal(
    connection.atServer,
    `POST /cat HTTP/1.0\r\nContent-Length: 7\r\n\r\na cat\r\n${request("/HTTP/1.1")}`,
  );
});

test("requests that stay as they are", limit, async () => {
  await using kit = testFilter(replaceWords("cat", "little dog"));
  const requests = [
    `GET / HTTP/1.1\r\nUpgrade: websocket\r\n${FIELDS}`,
    `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n${FIELDS}3\r\ncat\r\n`,
    `PUT / HTTP/1.1\r\nExpect: 100-continue\r\n${FIELDS}`,
    "PRI * HTTP/2.0\r\n\r\n",
    "SSH-2.0-cat\r\n",
  ];
  for (const text of requests) {
    const connection = await KitConnection.open(kit);
    await connection.send("client", text);
    await connection.send("server", response("a cat"));
    assert.deepEqual([connection.atServer, connection.atClient], [text, response("a cat")]);
  }
  const silent = await KitConnection.open(kit);
  await silent.send("server", response("a cat"));
  assert.equal(silent.atClient, response("a cat"));
  const partial = await KitConnection.open(kit);
  await partial.send("client", "GET / HT", { fin: true });
  assert.deepEqual([partial.atServer, partial.finished], ["GET / HT", ["server"]]);
});

test("responses that stay as they are", limit, async () => {
  await using kit = testFilter(replaceWords("cat", "little dog"));
  const chunked = "Transfer-Encoding: chunked\r\n";
  const responses = [
    response("a cat", "image/png"),
    response("a cat", "application/octet-stream"),
    response("a cat", "text/plain", "Content-Encoding: gzip\r\n"),
    response("5\r\na cat\r\n0\r\n\r\n", "text/plain", chunked),
    "HTTP/1.1 304 Not Modified\r\nETag: cat\r\n\r\n",
    "HTTP/1.1 200 OK\r\ncontent-type: text/cat",
  ];
  for (const text of responses) {
    const connection = await KitConnection.open(kit);
    await connection.send("client", request());
    for (const piece of cut(text, 40)) await connection.send("server", piece);
    await connection.send("server", "", { fin: true });
    assert.equal(connection.atClient, text);
  }
  for (const type of ["text/css", "application/json", "application/xhtml+xml"]) {
    const connection = await KitConnection.open(kit);
    await connection.send("client", request());
    await connection.send("server", response("a cat", type));
    assert.equal(connection.atClient, told("a little dog", type));
  }
});
