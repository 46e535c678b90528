// examples/http_replace_words.ts between clients and servers of loopback.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { replaceWords } from "../../examples/http_replace_words.ts";
import { PacketSender } from "../../mod.ts";
import { FilterHost } from "../../src/filter/host.ts";
import { installRules } from "../../src/filter/system_rules.ts";
import { TcpStreams } from "../../src/streams/mod.ts";
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
  test(`in bulk: ${from} → ${to}`, limit, async () => {
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

test("what is lost comes again as it was", limit, async () => {
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
  "many connections, none a riddle for connection tracking",
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

test("a receiver with little room", limit, async () => {
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

test("this runtime's own client and server", limit, async () => {
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
