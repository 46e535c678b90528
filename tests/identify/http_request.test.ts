// Request heads of this runtime's own clients, and written ones: lines, headers, hosts, limits.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { request } from "node:http";
import { test } from "node:test";
import { httpRequest } from "../../src/identify/mod.ts";
import { firstBytesTo } from "../support/traffic/first_bytes.ts";
import { assertCuts } from "./cuts.ts";

const timeout = 30_000;
const OTHER = { status: "other" };
const MORE = { status: "more" };

const of = (text: string) => httpRequest(new Uint8Array(Buffer.from(text, "latin1")));
const found = (fields: object) => ({
  ...{ status: "found", method: "GET", target: "/", version: "1.1", host: undefined, headers: {} },
  ...fields,
});

test("node:http", { timeout }, async () => {
  const bytes = await firstBytesTo((port) => {
    const client = request({
      ...{ host: "127.0.0.1", port, path: "/a?b=c", method: "POST" },
      headers: { Host: "Www.Example.com:80", "X-Text": "tea, yes", Cookie: "a=1; b=2" },
    });
    client.end("the body");
    return client;
  }, (bytes) => httpRequest(bytes).status !== "more");
  const result = httpRequest(bytes);
  assert.equal(result.status, "found");
  if (result.status !== "found") return;
  const { method, target, version, host, headers } = result;
  assert.deepEqual([method, target, version, host], ["POST", "/a?b=c", "1.1", "www.example.com"]);
  assert.equal(headers["host"], "Www.Example.com:80");
  assert.equal(headers["x-text"], "tea, yes");
  assert.equal(headers["cookie"], "a=1; b=2");
  assertCuts(bytes, httpRequest);
});

test("request lines", { timeout }, () => {
  const cases: [string, object][] = [
    ["GET / HTTP/1.1", {}],
    ["GET / HTTP/1.0", { version: "1.0" }],
    ["M-SEARCH * HTTP/1.1", { method: "M-SEARCH", target: "*" }],
    ["get /%00?\xff HTTP/1.1", { method: "get", target: "/%00?\xff" }],
    // Some servers take these, so they must not hide a request.
    ["GET \t /a\t HTTP/1.1 ", { target: "/a" }],
    ["\r\n\n\r\nGET / HTTP/1.1", {}],
  ];
  for (const [line, fields] of cases) {
    for (const end of ["\r\n", "\n"]) {
      const text = `${line}${end}${end}GET / HTTP/1.1`;
      assert.deepEqual(of(text), found(fields), JSON.stringify(text));
      assertCuts(new Uint8Array(Buffer.from(text, "latin1")), httpRequest);
    }
  }
});

test("what is no request line", { timeout }, () => {
  for (
    const line of [
      ...["PRI * HTTP/2.0", "GET /", "GET", "GET / HTTP/2", "GET / HTTP/1.10", "GET / http/1.1"],
      ...["GET /a b HTTP/1.1", " GET / HTTP/1.1", "G(T / HTTP/1.1", "GET / HTTP/1.1 x", "GET  "],
      ...["GET /\0 HTTP/1.1", "GET /\r HTTP/1.1", "GET / HTTP/1.1\r", "HTTP/1.1 200 OK", ":"],
      ...["SSH-2.0-OpenSSH_9.2", "220 mail.example ESMTP", "EHLO mail.example"],
    ]
  ) assert.deepEqual(of(`${line}\r\n\r\n`), OTHER, JSON.stringify(line));
  // Before the line's end.
  const begun = ["\x16\x03\x01", "\0", "GET /\0", "GET / HTTP/1.1\rx", "\r\r", "{", "SSH-2.0-\r"];
  for (const text of begun.slice(0, -1)) assert.deepEqual(of(text), OTHER, JSON.stringify(text));
  for (const text of ["", "\r", "\r\n", "G", "GET", "GET ", "GET /", "GET / HTTP/1.1\r"]) {
    assert.deepEqual(of(text), MORE, JSON.stringify(text));
  }
});

test("headers", { timeout }, () => {
  const cases: [string, Record<string, string>][] = [
    ["A: 1\r\nB:2\r\nc:\t 3 \t\r\n", { a: "1", b: "2", c: "3" }],
    ["A: 1\r\na: 2\r\nA:\r\n", { a: "1, 2, " }],
    ["Cookie: a=1\r\ncookie: b=2\r\n", { cookie: "a=1; b=2" }],
    ["X:a:b: c\r\n", { x: "a:b: c" }],
    // No-break space is no blank.
    ["X: \xa0\xff \r\n", { x: "\xa0\xff" }],
    ["Constructor: 1\r\ntoString: 2\r\n", { constructor: "1", tostring: "2" }],
  ];
  for (const [lines, headers] of cases) {
    const text = `GET / HTTP/1.1\r\n${lines}\r\n`;
    assert.deepEqual(of(text), found({ headers }), JSON.stringify(text));
    assertCuts(new Uint8Array(Buffer.from(text, "latin1")), httpRequest);
  }
  const proto = of("GET / HTTP/1.1\r\n__proto__: 1\r\n\r\n");
  assert.ok(proto.status === "found");
  assert.deepEqual(Object.entries(proto.headers), [["__proto__", "1"]]);
  for (
    const line of [
      ...[" folded", "\tfolded", "name", ": value", "na me: value", "name : value", "na\0me: 1"],
      ...["n\xe4me: 1", "name: a\0b", "name: a\rb", "name: a\x7f"],
    ]
  ) {
    assert.deepEqual(of(`GET / HTTP/1.1\r\nA: 1\r\n${line}\r\n\r\n`), OTHER, JSON.stringify(line));
  }
});

test("hosts", { timeout }, () => {
  const cases: [target: string, header: string | undefined, host: string | undefined][] = [
    ["/", "Example.COM", "example.com"],
    ["/", "example.com.", "example.com"],
    ["/", "example.com:8080", "example.com"],
    ["/", "example.com:", "example.com"],
    ["/", "192.0.2.1:80", "192.0.2.1"],
    ["/", "[2001:DB8::1]:80", "[2001:db8::1]"],
    ["/", "[::1]", "[::1]"],
    ["/", "::1", "::1"],
    ["/", "", undefined],
    ["/", undefined, undefined],
    ["*", "a.example", "a.example"],
    ["http://a.example/b?c", "b.example", "a.example"],
    ["HTTP://user:word@A.example:81?c", "b.example", "a.example"],
    ["http://a.example#x@b.example", undefined, "a.example"],
    ["http://u@v@a.example/", undefined, "a.example"],
    ["http:///path", "b.example", undefined],
    ["/http://a.example/", "b.example", "b.example"],
  ];
  for (const [target, header, host] of cases) {
    const line = header === undefined ? "" : `Host: ${header}\r\n`;
    const headers = header === undefined ? {} : { host: header };
    const result = of(`GET ${target} HTTP/1.1\r\n${line}\r\n`);
    assert.deepEqual(result, found({ target, host, headers }), `${target} ${header}`);
  }
  const target = "a.example:443";
  assert.deepEqual(
    of(`CONNECT ${target} HTTP/1.1\r\nhost: b.example\r\n\r\n`),
    found({ method: "CONNECT", target, host: "a.example", headers: { host: "b.example" } }),
  );
  assert.deepEqual(of("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), OTHER);
});

test("a head of 64 KiB, and one that is longer", { timeout }, () => {
  const head = (length: number) => {
    const [start, end] = ["GET / HTTP/1.1\r\nA: ", "\r\n\r\n"];
    return `${start}${"x".repeat(length - start.length - end.length)}${end}`;
  };
  assert.equal(of(`${head(65_536)}body`).status, "found");
  assert.deepEqual(of(head(65_536).slice(0, -1)), MORE);
  assert.deepEqual(of(head(65_537)), OTHER);
  assert.deepEqual(of(head(65_537).slice(0, -1)), OTHER);
  assert.deepEqual(of("A".repeat(65_536)), OTHER);
  assert.deepEqual(of("\n".repeat(65_536)), OTHER);
  const many = `GET / HTTP/1.1\r\n${"a:\r\n".repeat(16_000)}\r\n`;
  const result = of(many);
  assert.ok(result.status === "found");
  assert.equal(result.headers["a"]?.length, 2 * 15_999);
});

test("no bytes", { timeout }, () => {
  for (const value of ["GET / HTTP/1.1\r\n\r\n", undefined, null, 5, [71, 69, 84]]) {
    assert.throws(() => httpRequest(value as unknown as Uint8Array), TypeError);
  }
});
