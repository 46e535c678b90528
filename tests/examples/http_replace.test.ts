// examples/http_replace.ts between clients and servers: data of another length in living connections.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Example } from "../../scripts/demonstration/example.ts";
import { command } from "../support/runtime/command.ts";
import { withoutBadPackets } from "../support/network/counters.ts";
import { HttpClient, HttpServer } from "../support/traffic/http.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { queueRule, Rule, type RuleOptions, tcpTo } from "../support/network/rules.ts";
import { until } from "../support/runtime/waiting.ts";

requireIsolation();

const timeout = 60_000;
const tcpFrom = (port: number): string[] => ["-p", "tcp", "--sport", String(port)];

/** Loopback with an Ethernet's MTU: at 64 KiB a segment would always have room. */
class SmallLoopback implements Disposable {
  constructor() {
    command("ip", ["link", "set", "lo", "mtu", "1500"]);
  }

  [Symbol.dispose](): void {
    command("ip", ["link", "set", "lo", "mtu", "65536"]);
  }
}

/** Where the data is changed: as the example's comment has it, or before the device's MTU counts. */
type Place = "INPUT" | "OUTPUT";

/** The example at work between a server and its clients. */
class Filter implements AsyncDisposable {
  readonly #rules: DisposableStack;
  readonly #example: Example;
  readonly lines: string[];

  private constructor(example: Example, rules: DisposableStack, lines: string[]) {
    this.#example = example;
    this.#rules = rules;
    this.lines = lines;
  }

  static async start({ from, to, port, family = 4, place = "OUTPUT" }: {
    readonly from: string;
    readonly to: string;
    readonly port: number;
    readonly family?: 4 | 6;
    readonly place?: Place;
  }): Promise<Filter> {
    const queue = nextQueue();
    const lines: string[] = [];
    const onLine = (line: string) => void lines.push(line);
    const words = ["--from", from, "--to", to];
    const example = await Example.start({ name: "http_replace", queue, words, onLine });
    const rules = new DisposableStack();
    const ask = { family, table: "raw", chain: "OUTPUT", match: tcpTo(port) };
    rules.use(queueRule(queue, ask));
    rules.use(queueRule(queue, { family, chain: place, match: tcpFrom(port) }));
    return new Filter(example, rules, lines);
  }

  /** Ends it, and checks that it had nothing to complain about. */
  async end(): Promise<void> {
    assert.equal(await this.#example.interrupt(), "SIGINT");
    assert.deepEqual(this.lines, []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#rules.dispose();
    await this.#example[Symbol.asyncDispose]();
  }
}

const FIELDS = "Host: loopback\r\nConnection: keep-alive\r\naccept-encoding: gzip\r\n\r\n";

/** The request as it goes out and as the server is to see it. */
const request = (path: string): string => `GET ${path} HTTP/1.1\r\n${FIELDS}`;
const shown = (path: string): string =>
  `GET ${path} HTTP/1.0\r\nHost: loopback\r\nX-nnection: keep-alive\r\nX-cept-encoding: gzip\r\n\r\n`;

interface Case {
  readonly from: string;
  readonly to: string;
  readonly body: string;
}

/** The response as it is to arrive. */
function expected({ from, to, body }: Case): string {
  const response = HttpServer.responseTo(shown("/"), () => body).toString();
  return response.replace("Content-Length", "X-ntent-Length").replaceAll(from, () => to);
}

async function get(port: number, path: string = "/", family: 4 | 6 = 4): Promise<string> {
  using client = await HttpClient.open(port, { family });
  client.send(request(path));
  return (await client.rest()).toString();
}

const cases: Case[] = [
  {
    from: "cat",
    to: "little dog",
    body: "cat, a cat and a Cat.\r\n\r\nContent-Length: cat\r\ncat",
  },
  { from: "elephant", to: "fly", body: "An elephant and elephants: elephantelephant" },
  { from: "cat", to: "dog", body: "catcat cat" },
  { from: "é", to: "ÜÜ", body: "é élève, Ã©é" },
  { from: ".*[+\\", to: "$&", body: "a .*[+\\ b .*[+\\" },
  { from: "cat", to: "dog", body: "" },
];
for (const family of [4, 6] as const) {
  test(`http_replace replaces words of every length, IPv${family}`, { timeout }, async () => {
    for (const { from, to, body } of cases) {
      await using server = await HttpServer.open({ family, body: () => body });
      const { port } = server;
      await using filter = await Filter.start({ from, to, port, family, place: "INPUT" });
      await withoutBadPackets(async () => {
        for (const _ of [1, 2]) {
          assert.equal(await get(port, "/cat", family), expected({ from, to, body }));
        }
      });
      assert.deepEqual(server.heads, Array(2).fill(shown("/cat")));
      await filter.end();
    }
  });
}

/** Counts packets that connection tracking does not understand. */
const invalid = (match: readonly string[]): Rule =>
  new Rule({ chain: "OUTPUT", match: [...match, "-m", "conntrack", "--ctstate", "INVALID"] });
const untracked = (() => {
  try {
    using _rule = invalid([]);
    return false;
  } catch {
    return "no connection tracking here";
  }
})();

test(
  "http_replace is no riddle for connection tracking",
  { timeout, skip: untracked },
  async () => {
    const body = "a cat. ".repeat(5000);
    await using server = await HttpServer.open({ body: () => body });
    const { port } = server;
    using requests = invalid(tcpTo(port));
    using responses = invalid(tcpFrom(port));
    await using filter = await Filter.start({ from: "cat", to: "horse", port, place: "INPUT" });
    for (const path of ["/1", "/2", "/3"]) await get(port, path);
    assert.deepEqual([requests.packets, responses.packets], [0, 0]);
    await filter.end();
  },
);

/**
 * Checks that a text is the body but for the words, of which a few may stand as they were: those that
 * two segments shared. Gives their number.
 */
function missed(text: string, { from, to, body }: Case): number {
  const start = text.indexOf("\r\n\r\n") + 4;
  const arrived = text.slice(start);
  assert.ok(arrived.replaceAll(to, from) === body, "the text is the server's");
  const words = body.split(from).length - 1;
  const growth = Buffer.byteLength(to) - Buffer.byteLength(from);
  const replaced = (Buffer.byteLength(arrived) - Buffer.byteLength(body)) / growth;
  return words - replaced;
}

const bulk: Case[] = [
  // One byte is never shared: all of these are found.
  { from: "#", to: "0123456789", body: "The # sat on a mat beside another #. ".repeat(20_000) },
  { from: "#", to: "cat", body: "####".repeat(100_000) },
  { from: "elephant", to: "fly", body: "An elephant and its elephants. ".repeat(20_000) },
  { from: "cat", to: "little dog", body: "The cat sat on a mat. ".repeat(30_000) },
  { from: "#", to: "a word for which there is not always room", body: "#".repeat(20_000) },
];
for (const { from, to, body } of bulk) {
  test(`http_replace in bulk: ${from} → ${to}`, { timeout }, async () => {
    using _loopback = new SmallLoopback();
    await using server = await HttpServer.open({ body: () => body });
    const { port } = server;
    await using filter = await Filter.start({ from, to, port });
    await withoutBadPackets(async () => {
      const text = await get(port);
      const left = missed(text, { from, to, body });
      if (from === "#" && to.length <= 10) assert.equal(text, expected({ from, to, body }));
      // At most one a segment.
      else if (from !== "#") assert.ok(left < body.length / 200, `${left} words`);
    });
    await filter.end();
  });
}

/** Loses every so many packets of this kind. */
function loss(every: number, options: RuleOptions): Rule {
  const match = ["-m", "statistic", "--mode", "nth", "--every", String(every), "--packet", "2"];
  return new Rule({ ...options, match: [...options.match ?? [], ...match], jump: ["DROP"] });
}
const DATA = ["-m", "length", "--length", "200:"];

const again: Case[] = [
  { from: "#", to: "a dog", body: "# or #? ".repeat(25_000) },
  { from: "#", to: "X", body: "#".repeat(200_000) },
];
for (const { from, to, body } of again) {
  test(`http_replace makes the same of what is sent again: → ${to}`, { timeout }, async () => {
    using _loopback = new SmallLoopback();
    await using server = await HttpServer.open({ body: () => body });
    const { port } = server;
    await using filter = await Filter.start({ from, to, port });
    // Requests, acknowledgments and data that the filter has let pass.
    using acknowledgments = loss(7, { chain: "INPUT", match: tcpTo(port) });
    using data = loss(40, { chain: "INPUT", match: [...tcpFrom(port), ...DATA] });
    await withoutBadPackets(async () => {
      for (const path of ["/1", "/2", `/${"3".repeat(200)}`]) {
        assert.ok(await get(port, path) === expected({ from, to, body }), path);
      }
    });
    assert.ok(data.packets >= 3 && acknowledgments.packets >= 3, "something was lost");
    await filter.end();
  });
}

test("http_replace where packets are lost before they reach it", { timeout }, async () => {
  using _loopback = new SmallLoopback();
  const from = "#";
  const to = "little dog";
  const words = 20_000;
  const body = "The # sat on a mat. ".repeat(words);
  await using server = await HttpServer.open({ body: () => body });
  const { port } = server;
  await using filter = await Filter.start({ from, to, port, place: "INPUT" });
  using data = loss(20, {
    ...{ table: "mangle", chain: "INPUT" },
    match: [...tcpFrom(port), ...DATA],
  });
  await withoutBadPackets(async () => {
    let left = 0;
    for (const path of ["/1", "/2", "/3", "/4"]) {
      left += missed(await get(port, path), { from, to, body });
    }
    // All of a response whose head was overtaken.
    assert.ok(left < 3.5 * words, `${left} words`);
  });
  assert.ok(data.packets >= 3, "something was lost");
  await filter.end();
});

test("http_replace in many connections at once", { timeout }, async () => {
  using _loopback = new SmallLoopback();
  const from = "#";
  const to = "cats";
  const bodyOf = (path: string) => `${path} is #. `.repeat(2000);
  await using server = await HttpServer.open({ body: bodyOf });
  const { port } = server;
  await using filter = await Filter.start({ from, to, port });
  await withoutBadPackets(async () => {
    const paths = Array.from({ length: 60 }, (_, index) => `/${"x".repeat(index % 7)}${index}`);
    await Promise.all(paths.map(async (path) => {
      const body = bodyOf(path);
      assert.ok(await get(port, path) === expected({ from, to, body }), path);
    }));
  });
  await filter.end();
});

test("http_replace with a receiver that takes its time", { timeout }, async () => {
  using _loopback = new SmallLoopback();
  const setting = "net.ipv4.tcp_rmem";
  const before = command("sysctl", ["-n", setting]).trim();
  using _memory = {
    [Symbol.dispose]: () => void command("sysctl", ["-qw", `${setting}=${before}`]),
  };
  command("sysctl", ["-qw", `${setting}=4096 16384 32768`]);
  const one: Case = { from: "#", to: "0123456789", body: "# and # or #. ".repeat(10_000) };
  await using server = await HttpServer.open({ body: () => one.body });
  await using filter = await Filter.start({ ...one, port: server.port });
  await withoutBadPackets(async () => {
    assert.ok(await get(server.port) === expected(one));
  });
  await filter.end();
});

test("http_replace between this runtime's own client and server", { timeout }, async () => {
  const body = "The # sat on a mat beside another #. ".repeat(5000);
  const versions: string[] = [];
  const server = createServer((request, response) => {
    versions.push(request.httpVersion);
    response.setHeader("Content-Length", body.length);
    response.end(body);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  using _server = { [Symbol.dispose]: () => void server.close() };
  const { port } = server.address() as AddressInfo;
  await using filter = await Filter.start({ from: "#", to: "little dog", port });
  await withoutBadPackets(async () => {
    for (const path of ["a", "b"]) {
      const response = await fetch(`http://127.0.0.1:${port}/${path}`);
      assert.ok(await response.text() === body.replaceAll("#", "little dog"));
    }
  });
  assert.deepEqual(versions, ["1.0", "1.0"]);
  await filter.end();
});

test("http_replace lets pass what it does not understand", { timeout }, async () => {
  await using server = await HttpServer.open({ body: (path) => `a cat of ${path}` });
  const { port } = server;
  using early = await HttpClient.open(port);
  await using filter = await Filter.start({ from: "cat", to: "little dog", port });
  const whole = [
    `PUT /cat HTTP/1.1\r\n${FIELDS}`,
    `GET /cat HTTP/1.1\r\nUpgrade: websocket\r\n${FIELDS}`,
    `GET /cat HTTP/2.0\r\n${FIELDS}`,
    `GET /cat\r\n${FIELDS}`,
  ];
  const sendAll = async (client: HttpClient, pieces: readonly string[]): Promise<void> => {
    for (const [index, piece] of pieces.entries()) {
      client.send(piece);
      if (index > 0) continue;
      // Pieces that are written at once may share a packet.
      await delay(50);
    }
    const sent = pieces.join("");
    const response = HttpServer.responseTo(sent, (path) => `a cat of ${path}`).toString();
    await until(() => client.heard.toString() === response, {
      ...{ what: "the answer", state: () => client.heard.toString() },
    });
    assert.equal(server.heads.at(-1), sent);
  };
  await sendAll(early, [request("/early")]);
  for (const text of whole) {
    using client = await HttpClient.open(port);
    await sendAll(client, [text]);
  }
  using client = await HttpClient.open(port);
  const text = request("/cat");
  await sendAll(client, [text.slice(0, 30), text.slice(30)]);
  await filter.end();
});
