// examples/tls_sni.ts deciding about ClientHellos of the runtime's own TLS, and about broken ones.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { connect } from "node:tls";
import { Example } from "../../scripts/demonstration/example.ts";
import { requireIsolation } from "../support/isolation.ts";
import { nextQueue } from "../support/numbers.ts";
import { queueRule, tcpTo } from "../support/rules.ts";
import { TcpClient, TcpEchoServer } from "../support/tcp.ts";
import { until } from "../support/waiting.ts";

requireIsolation();

const timeout = 30_000;

/** Asks for a name until it is disposed: the server does not answer. */
function knock(port: number, servername: string): Disposable {
  const socket = connect({ port, host: "127.0.0.1", servername, rejectUnauthorized: false });
  socket.on("error", () => {});
  return { [Symbol.dispose]: () => void socket.destroy() };
}

/** The whole ClientHello with which this runtime asks for a name. */
async function helloFor(servername: string): Promise<Buffer> {
  let hello = Buffer.alloc(0);
  const hear = (chunk: Uint8Array) => void (hello = Buffer.concat([hello, chunk]));
  await using server = await TcpEchoServer.open({ echo: false, hear });
  using _client = knock(server.port, servername);
  const isWhole = () => hello.length > 5 && hello.length >= 5 + hello.readUInt16BE(3);
  await until(isWhole, { what: "a ClientHello comes" });
  return hello;
}

const cases = [
  {
    words: ["Example.com", "ads.example.net"],
    dropped: ["example.com", "www.EXAMPLE.com", "a.b.ads.example.net"],
    passed: ["badexample.com", "example.net", "com"],
  },
  {
    words: ["--only", "example.com"],
    dropped: ["example.net", "notexample.com"],
    passed: ["example.com", "www.example.com"],
  },
];
for (const { words, dropped, passed } of cases) {
  test(`tls_sni ${words.join(" ")}`, { timeout }, async () => {
    let heard = "";
    const hear = (chunk: Uint8Array) => void (heard += Buffer.from(chunk).toString("latin1"));
    await using server = await TcpEchoServer.open({ echo: false, hear });
    const queue = nextQueue();
    const lines: string[] = [];
    const onLine = (line: string) => void lines.push(line);
    await using example = await Example.start({ name: "tls_sni", queue, words, onLine });
    using _rule = queueRule(queue, { chain: "OUTPUT", match: tcpTo(server.port) });
    for (const name of dropped) {
      const line = `drop  127.0.0.1 > 127.0.0.1  "${name.toLowerCase()}"`;
      using _client = knock(server.port, name);
      await until(() => lines.includes(line), { what: `${name} is dropped`, state: () => lines });
    }
    assert.equal(server.bytes, 0);
    for (const name of passed) {
      using _client = knock(server.port, name);
      await until(() => heard.includes(name), { what: `${name} passes`, state: () => lines });
    }
    assert.equal(await example.interrupt(), "SIGINT");
    const names = lines.map((line) => line.split('"')[1]);
    assert.deepEqual([...new Set(names)], dropped.map((name) => name.toLowerCase()));
  });
}

test("tls_sni lets a ClientHello pass that is cut before the name's end", { timeout }, async () => {
  const name = "allowed.example";
  const hello = await helloFor(name);
  const end = hello.indexOf(name) + name.length;
  await using server = await TcpEchoServer.open();
  const queue = nextQueue();
  const lines: string[] = [];
  const onLine = (line: string) => void lines.push(line);
  const words = ["--only", "another.example"];
  await using example = await Example.start({ name: "tls_sni", queue, words, onLine });
  using _rule = queueRule(queue, { chain: "OUTPUT", match: tcpTo(server.port) });
  using client = await TcpClient.open(server.port);
  for (let length = 1; length < end; length++) {
    const part = hello.subarray(0, length);
    assert.deepEqual(Buffer.from(await client.exchange(part)), Buffer.from(part));
  }
  assert.deepEqual(lines, []);
  client.send(hello.subarray(0, end));
  await until(() => lines.length > 0, { what: "the name is there and dropped" });
  assert.equal(await example.interrupt(), "SIGINT");
});

test("tls_sni ends at no broken ClientHello", { timeout }, async () => {
  const name = "blocked.example";
  const hello = await helloFor(name);
  const start = hello.indexOf(name);
  await using server = await TcpEchoServer.open();
  const queue = nextQueue();
  const lines: string[] = [];
  const onLine = (line: string) => void lines.push(line);
  await using example = await Example.start({ name: "tls_sni", queue, words: [name], onLine });
  using _rule = queueRule(queue, { chain: "OUTPUT", match: tcpTo(server.port) });
  using client = await TcpClient.open(server.port);
  // Every byte before the name as small and as large as it can be.
  for (let at = 0; at < start; at++) {
    for (const value of [0, 0xff]) {
      const broken = Buffer.from(hello);
      broken[at] = value;
      broken.write("allowed", start);
      assert.deepEqual(Buffer.from(await client.exchange(broken)), broken);
    }
  }
  assert.deepEqual(lines, []);
  client.send(hello);
  await until(() => lines.length > 0, { what: "the hello as it was is dropped" });
  assert.equal(await example.interrupt(), "SIGINT");
});

test("tls_sni wants names", { timeout }, async () => {
  await assert.rejects(Example.start({ name: "tls_sni", queue: 1 }), /it ended: status 1/);
});
