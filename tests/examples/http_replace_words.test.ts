// examples/http_replace_words.ts: words of every length, in all pieces, and what is let alone.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { replaceWords } from "../../examples/http_replace_words.ts";
import { PacketSender } from "../../mod.ts";
import { FilterHost } from "../../src/filter/host.ts";
import { installRules } from "../../src/filter/system_rules.ts";
import { TcpStreams } from "../../src/streams/mod.ts";
import { testFilter } from "../../src/testing/mod.ts";
import { KitConnection } from "../support/filter/kit_connection.ts";
import { withoutBadPackets } from "../support/network/counters.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { SmallLoopback } from "../support/network/loopback.ts";
import { Rule, tcpTo } from "../support/network/rules.ts";
import { command } from "../support/runtime/command.ts";
import { HttpClient, HttpServer } from "../support/traffic/http.ts";

requireIsolation();

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

test("in the test kit: words that come in pieces", limit, async () => {
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

test("in the test kit: words are UTF-8", limit, async () => {
  await using kit = testFilter(replaceWords("é", "ÜÜ"));
  const connection = await KitConnection.open(kit);
  await connection.send("client", request());
  await connection.send("server", response("é élève, Ã©"));
  const text = Buffer.from(connection.atClient, "latin1").toString();
  assert.ok(text.endsWith("\r\n\r\nÜÜ ÜÜlève, Ã©"), text);
});

test("in the test kit: a server that stops in the midst of a word", limit, async () => {
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

test("in the test kit: a request's body goes on, and a second request", limit, async () => {
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

test("in the test kit: requests that stay as they are", limit, async () => {
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

test("in the test kit: responses that stay as they are", limit, async () => {
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

/** The filter before a server of loopback, and what was said of failures. */
class Running implements AsyncDisposable {
  readonly #host: FilterHost;
  readonly #failures: readonly string[];

  private constructor(host: FilterHost, failures: readonly string[]) {
    this.#host = host;
    this.#failures = failures;
  }

  static async start(serverPort: number, from: string, to: string): Promise<Running> {
    const failures: string[] = [];
    const host = await FilterHost.start(replaceWords(from, to), {
      ...{ installRules, rules: TcpStreams.rules({ serverPort, path: "loopback" }) },
      log: (message) => void failures.push(message),
    });
    return new Running(host, failures);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#host.stop();
    assert.deepEqual(this.#failures, []);
  }
}

/** The response of `HttpServer` as it is to arrive. */
function expected(body: string, from: string, to: string): string {
  const head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n";
  return head + body.replaceAll(from, to);
}

async function get(port: number, path = "/", family: 4 | 6 = 4): Promise<string> {
  using client = await HttpClient.open(port, { family });
  client.send(request(path));
  return (await client.rest()).toString();
}

const bulk = [
  ["#", "0123456789", "The # sat on a mat beside another #. ".repeat(8000)],
  ["#", "cat", "####".repeat(20_000)],
  ["elephant", "fly", "An elephant and its elephants. ".repeat(10_000)],
  ["cat", "little dog", "The cat sat on a mat. ".repeat(10_000)],
  ["#", "a word that is much longer than what it stands for", "#".repeat(10_000)],
] as const;
for (const [from, to, body] of bulk) {
  test(`on real packets, in bulk: ${from} → ${to}`, limit, async () => {
    using _loopback = new SmallLoopback();
    for (const family of [4, 6] as const) {
      await using server = await HttpServer.open({ family, body: () => body });
      await using _filter = await Running.start(server.port, from, to);
      await withoutBadPackets(async () => {
        // Segments end where they like: no word is missed.
        assert.ok(await get(server.port, "/cat", family) === expected(body, from, to));
      });
      assert.deepEqual(server.heads, [shown("/cat")]);
    }
  });
}

/** Loses every so many packets of this kind. */
function loss(every: number, chain: string, match: readonly string[]): Rule {
  const which = ["-m", "statistic", "--mode", "nth", "--every", String(every), "--packet", "2"];
  return new Rule({ table: "mangle", chain, match: [...match, ...which], jump: ["DROP"] });
}

test("on real packets: what is lost comes again as it was", limit, async () => {
  using _loopback = new SmallLoopback();
  const body = "# or #? ".repeat(20_000);
  await using server = await HttpServer.open({ body: () => body });
  const { port } = server;
  // Responses before they are changed, requests and acknowledgments behind that.
  const long = ["-p", "tcp", "--sport", String(port), "-m", "length", "--length", "200:"];
  using data = loss(20, "INPUT", long);
  using others = loss(7, "INPUT", tcpTo(port));
  await using _filter = await Running.start(port, "#", "a dog");
  await withoutBadPackets(async () => {
    for (const path of ["/1", "/2", `/${"3".repeat(200)}`]) {
      assert.ok(await get(port, path) === expected(body, "#", "a dog"), path);
    }
  });
  assert.ok(data.packets >= 3 && others.packets >= 3, "something was lost");
});

test(
  "on real packets: many connections, none a riddle for connection tracking",
  limit,
  async () => {
    using _loopback = new SmallLoopback();
    const bodyOf = (path: string) => `${path} is #. `.repeat(2000);
    await using server = await HttpServer.open({ body: bodyOf });
    const { port } = server;
    // What the filter itself sends beside has this mark: docs/streams.md tells of it.
    const others = ["-m", "mark", "!", "--mark", String(PacketSender.defaultMark)];
    const invalid = [...others, "-m", "conntrack", "--ctstate", "INVALID"];
    using requests = new Rule({ chain: "OUTPUT", match: [...tcpTo(port), ...invalid] });
    using responses = new Rule({
      ...{ chain: "OUTPUT", match: ["-p", "tcp", "--sport", String(port), ...invalid] },
    });
    await using _filter = await Running.start(port, "#", "cats");
    await withoutBadPackets(async () => {
      const paths = Array.from({ length: 40 }, (_, index) => `/${"x".repeat(index % 7)}${index}`);
      await Promise.all(paths.map(async (path) => {
        assert.ok(await get(port, path) === expected(bodyOf(path), "#", "cats"), path);
      }));
    });
    assert.deepEqual([requests.packets, responses.packets], [0, 0]);
  },
);

test("on real packets: a receiver with little room", limit, async () => {
  using _loopback = new SmallLoopback();
  const setting = "net.ipv4.tcp_rmem";
  const before = command("sysctl", ["-n", setting]).trim();
  using stack = new DisposableStack();
  stack.defer(() => void command("sysctl", ["-qw", `${setting}=${before}`]));
  command("sysctl", ["-qw", `${setting}=4096 16384 32768`]);
  const body = "# and # or #. ".repeat(10_000);
  await using server = await HttpServer.open({ body: () => body });
  await using _filter = await Running.start(server.port, "#", "0123456789");
  await withoutBadPackets(async () => {
    assert.ok(await get(server.port) === expected(body, "#", "0123456789"));
  });
});

test("on real packets: this runtime's own client and server", limit, async () => {
  const body = "The # sat on a mat beside another #. ".repeat(5000);
  const versions: string[] = [];
  const server = createServer((request, response) => {
    versions.push(request.httpVersion);
    response.setHeader("Content-Type", "text/plain");
    response.setHeader("Content-Length", body.length);
    response.end(body);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  using _server = { [Symbol.dispose]: () => void server.close() };
  const { port } = server.address() as AddressInfo;
  await using _filter = await Running.start(port, "#", "little dog");
  await withoutBadPackets(async () => {
    for (const path of ["a", "b"]) {
      const response = await fetch(`http://127.0.0.1:${port}/${path}`);
      assert.ok(await response.text() === body.replaceAll("#", "little dog"));
    }
  });
  assert.deepEqual(versions, ["1.0", "1.0"]);
});
