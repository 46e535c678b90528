// examples/tls_sni.ts deciding about ClientHellos of the runtime's own TLS, and about broken ones.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { connect } from "node:tls";
import { Example } from "../../scripts/demonstration/example.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { SmallLoopback } from "../support/network/loopback.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { queueRule, tcpTo } from "../support/network/rules.ts";
import { TcpClient, TcpEchoServer } from "../support/traffic/tcp.ts";
import { TcpSegments } from "../support/traffic/tcp_segments.ts";
import { until } from "../support/runtime/waiting.ts";

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

/** A ClientHello of so many bytes whose name comes last, in records of at most so many bytes. */
function longHello(name: string, { length = 1716, record = 16_384 } = {}): Uint8Array {
  const u16 = (value: number) => [value >> 8, value & 0xff];
  const text = [...Buffer.from(name)];
  const names = [...u16(text.length + 3), 0, ...u16(text.length), ...text];
  const sni = [0, 0, ...u16(names.length), ...names];
  const start = [3, 3, ...new Array(32).fill(7), 0, 0, 2, 0x13, 1, 1, 0];
  const records = Math.ceil(length / (record + 5));
  const padding = length - records * 5 - 4 - start.length - 2 - 4 - sni.length;
  const extensions = [0, 21, ...u16(padding), ...new Array(padding).fill(0), ...sni];
  const body = [...start, ...u16(extensions.length), ...extensions];
  const message = [1, body.length >> 16, ...u16(body.length & 0xffff), ...body];
  const stream: number[] = [];
  for (let at = 0; at < message.length; at += record) {
    const part = message.slice(at, at + record);
    stream.push(22, 3, 1, ...u16(part.length), ...part);
  }
  assert.equal(stream.length, length);
  return Uint8Array.from(stream);
}

/** Segments that this namespace's TCP sockets have sent again. */
function sentAgain(): number {
  const [names = [], values = []] = readFileSync("/proc/self/net/snmp", "utf8").split("\n")
    .filter((line) => line.startsWith("Tcp:")).map((line) => line.split(" "));
  return Number(values[names.indexOf("RetransSegs")]);
}

const spreads = [
  { how: "as one packet that is sent again in segments", options: {} },
  { how: "in segments of 88 bytes (TCP_MAXSEG)", options: { segment: 88 } },
  { how: "in records of 100 bytes", options: { record: 100 } },
  { how: "in both", options: { segment: 88, record: 100 } },
] as const;
for (const { how, options } of spreads) {
  test(`tls_sni: a ClientHello of 1,716 bytes ${how} never arrives`, { timeout }, async () => {
    using _loopback = new SmallLoopback();
    let heard = Buffer.alloc(0);
    const hear = (chunk: Uint8Array) => void (heard = Buffer.concat([heard, chunk]));
    await using server = await TcpEchoServer.open({ echo: false, hear });
    const queue = nextQueue();
    const lines: string[] = [];
    const onLine = (line: string) => void lines.push(line);
    const words = ["blocked.example"];
    await using example = await Example.start({ name: "tls_sni", queue, words, onLine });
    using _rule = queueRule(queue, { chain: "OUTPUT", match: tcpTo(server.port) });
    const { record, segment } = { record: 16_384, segment: undefined, ...options };
    {
      using client = new TcpSegments(server.port, segment);
      client.send(longHello("allowed.example", { record }));
      await until(() => heard.length === 1716, { what: "another name passes", state: () => lines });
    }
    heard = Buffer.alloc(0);
    const before = sentAgain();
    using client = new TcpSegments(server.port, segment);
    client.send(longHello("www.blocked.example", { record }));
    // Each time in other pieces: 200, 400, 800 ms after the first.
    await until(() => sentAgain() >= before + 3, { what: "it is sent again" });
    assert.deepEqual(lines, ['drop  127.0.0.1 > 127.0.0.1  "www.blocked.example"']);
    assert.ok(heard.length < 1716, "it arrived");
    assert.equal(heard.includes("blocked"), false);
    assert.equal(await example.interrupt(), "SIGINT");
  });
}

test("tls_sni wants names", { timeout }, async () => {
  await assert.rejects(Example.start({ name: "tls_sni", queue: 1 }), /it ended: status 1/);
});
