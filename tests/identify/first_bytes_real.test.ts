// firstBytes in TcpStreams on real packets: TLS and HTTP between real ends, cut into short segments.
import assert from "node:assert/strict";
import { connect } from "node:tls";
import { test } from "node:test";
import { PacketQueue, RuleSet } from "../../mod.ts";
import {
  type ClientHello,
  clientHello,
  firstBytes,
  type FirstBytesCallbacks,
  type HttpRequest,
  httpRequest,
  type Identified,
} from "../../src/identify/mod.ts";
import { parseLayers } from "../../src/packet/mod.ts";
import { type TcpStream, TcpStreams } from "../../src/streams/mod.ts";
import { Crossroads } from "../support/network/crossroads.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { deferred, until, within } from "../support/runtime/waiting.ts";
import { Capture } from "../support/traffic/raw.ts";
import { TlsClient, type TlsPlace, tlsServer } from "../support/traffic/tls.ts";

requireIsolation();

const limit = { timeout: 30_000 };

/** A server elsewhere, clients on this host, and connections that are followed between them. */
async function between(
  port: number,
  callbacks: FirstBytesCallbacks<TcpStream>,
  act: (ends: {
    readonly place: TlsPlace;
    readonly client: TlsClient;
    /** Bytes of data that have left for the server since this was asked last. */
    readonly bytesLeft: () => number;
  }) => Promise<void>,
): Promise<void> {
  using roads = new Crossroads(0);
  const place = { host: roads.path("OUTPUT", 4).destination, port };
  await using _server = await tlsServer(place, { prefix: roads.right.prefix });
  await using client = await TlsClient.start(place);
  const number = nextQueue();
  using streams = new TcpStreams({ connection: () => callbacks, hold: { milliseconds: 5000 } });
  using queue = PacketQueue.open(number, { warn: false });
  using _rules = RuleSet.install(TcpStreams.rules({ serverPort: port, queue: number }));
  using capture = new Capture(4, roads.rightCable.device, { leaving: true });
  const abort = new AbortController();
  const running = queue.run(streams.handler, { signal: abort.signal });
  let seen = 0;
  const bytesLeft = () => {
    const before = seen;
    seen = capture.packets.map((packet) => parseLayers(packet).tcp)
      .filter((tcp) => tcp?.destinationPort === port)
      .reduce((sum, tcp) => sum + tcp!.payload.length, 0);
    return seen - before;
  };
  try {
    await act({ place, client, bytesLeft });
  } finally {
    abort.abort();
    await running;
  }
}

test("TLS: the name is known before the server has a byte, however it is cut", limit, async () => {
  const hellos: Identified<ClientHello>[] = [];
  let before = 0;
  let bytesLeft = () => 0;
  const callbacks = firstBytes(clientHello, (hello, { connection }: TcpStream) => {
    hellos.push(hello);
    before = bytesLeft();
    if (hello.status === "found" && hello.serverName?.endsWith(".bad.test")) connection.reset();
  });
  const heard = () =>
    hellos.splice(0).map((hello) => hello.status === "found" ? hello.serverName : hello.status);
  await between(443, callbacks, async ({ place, client, ...ends }) => {
    bytesLeft = ends.bytesLeft;
    for (const segment of [undefined, 300, 100]) {
      const cut = segment === undefined ? {} : { segment };
      bytesLeft();
      assert.equal(await client.ask({ name: "good.test", ...cut }), "got hello");
      assert.deepEqual([heard(), before], [["good.test"], 0], `segments of ${segment}`);
      assert.ok(bytesLeft() > 300, "the hello goes on");
      assert.equal(await client.ask({ name: "a.bad.test", ...cut }), "ECONNRESET");
      assert.deepEqual([heard(), bytesLeft()], [["a.bad.test"], 0]);
    }
    assert.equal(await client.ask({}), "got hello");
    assert.deepEqual(heard(), [undefined]);
    // This runtime's own TLS.
    const answer = deferred<string>();
    const options = { ...place, servername: "own.test", rejectUnauthorized: false };
    const socket = connect(options, () => socket.write("hello"));
    socket.on("error", answer.reject).on(
      "data",
      (data: Uint8Array) => answer.resolve(new TextDecoder().decode(data)),
    );
    try {
      assert.equal(await within(answer.promise, { what: "an answer by TLS" }), "got hello");
    } finally {
      socket.destroy();
    }
    assert.deepEqual(heard(), ["own.test"]);
    assert.equal(await client.write([Uint8Array.of(1, 2), Uint8Array.of(3)]), "got \x01\x02\x03");
    assert.deepEqual(heard(), ["other"]);
    await client.hangUp(Uint8Array.of(22, 3, 1));
    await until(() => hellos.length > 0, { what: "the end is told" });
    assert.deepEqual(heard(), ["more"]);
  });
});

test("HTTP: a head in many segments, once a connection", limit, async () => {
  const requests: Identified<HttpRequest>[] = [];
  let before = 0;
  let bytesLeft = () => 0;
  const instead = new TextEncoder().encode("GET /instead HTTP/1.1\r\n\r\n");
  const callbacks = firstBytes(httpRequest, (request) => {
    requests.push(request);
    before = bytesLeft();
    return request.status === "found" && request.target === "/old" ? instead : undefined;
  });
  await between(80, callbacks, async ({ client, ...ends }) => {
    bytesLeft = ends.bytesLeft;
    const head = (target: string) =>
      new TextEncoder().encode(`GET ${target} HTTP/1.1\r\nHost: A.test:80\r\nCookie: x\r\n\r\n`);
    const cut = (bytes: Uint8Array, size: number) =>
      Array.from(
        { length: Math.ceil(bytes.length / size) },
        (_, at) => bytes.subarray(at * size, at * size + size),
      );
    for (const size of [100, 20, 8]) {
      bytesLeft();
      const text = new TextDecoder().decode(head("/new"));
      assert.equal(await client.write(cut(head("/new"), size)), `got ${text}`);
      const [request, more] = requests.splice(0);
      assert.equal(more, undefined);
      const { method, target, host, headers } = request as HttpRequest;
      assert.deepEqual([method, target, host, headers["cookie"]], ["GET", "/new", "a.test", "x"]);
      assert.equal(before, 0, "the server has seen nothing");
      const answer = "got GET /instead HTTP/1.1\r\n\r\n";
      assert.equal(await client.write(cut(head("/old"), size), answer.length), answer);
      assert.equal(requests.splice(0).length, 1);
    }
  });
});
