// Recipes on real packets of this machine's own loopback.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import * as dns from "dns-packet";
import { RuleSet } from "../../mod.ts";
import { decodeCapture } from "../../src/capture/mod.ts";
import { parseLayers } from "../../src/packet/mod.ts";
import { Lines, recipeFile } from "../support/filter/recipes.ts";
import { RunningRecipe } from "../support/filter/running_recipe.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { Child } from "../support/runtime/child.ts";
import { deferred, until, within } from "../support/runtime/waiting.ts";
import { AskingSocket } from "../support/traffic/asking_socket.ts";
import { extension, helloMessage, inRecords } from "../support/traffic/client_hello.ts";
import { datagram, frame, initialPacket } from "../support/traffic/quic.ts";
import { Capture } from "../support/traffic/raw.ts";
import { TcpClient, TcpEchoServer } from "../support/traffic/tcp.ts";
import { UdpSocket } from "../support/traffic/udp.ts";

requireIsolation();

const limit = { timeout: 30_000 };
const hello = (name: string) => helloMessage({ extensions: [extension.serverName(name)] });

for (const family of [4, 6] as const) {
  test(`block_dns_name and log_dns, IPv${family}`, limit, async () => {
    using server = await UdpSocket.open({ family, port: 53 });
    using client = await UdpSocket.open({ family });
    const { address } = server;
    let id = 0;
    const query = (name: string) =>
      dns.encode({
        ...{ type: "query", id: ++id, flags: dns.RECURSION_DESIRED },
        questions: [{ name, type: "A", class: "IN" }],
      });
    {
      await using recipe = await RunningRecipe.start("names/block_dns_name");
      for (const name of ["example.org", "a.b.example.org", "ads.example.net"]) {
        await client.send(query(name), { address, port: 53 });
        const { bytes, from } = await client.receive();
        assert.deepEqual(from, { address, port: 53 });
        const answer = dns.decode(Buffer.from(bytes));
        assert.deepEqual([answer.id, answer.type, answer.flags! & 0xf], [id, "response", 3]);
        assert.deepEqual(answer.questions, [{ name, type: "A", class: "IN" }]);
      }
      assert.deepEqual(server.pending, []);
      const other = query("example.net");
      await client.send(other, { address, port: 53 });
      assert.deepEqual(Buffer.from((await server.receive()).bytes), other);
      assert.deepEqual(recipe.failures, []);
    }
    using lines = new Lines();
    await using _recipe = await RunningRecipe.start("names/log_dns");
    await client.send(query("example.org"), { address, port: 53 });
    await server.receive();
    assert.deepEqual(lines.all, [`${address} asks for A "example.org"`]);
  });
}

/** Sends bytes to a server, and tells what comes: an echo, or the end. */
async function exchange(port: number, bytes: Uint8Array): Promise<string> {
  const ended = deferred<string>();
  const socket = connect({ port, host: "127.0.0.1" }, () => socket.write(bytes));
  socket.on(
    "error",
    (error: Error & { readonly code?: string }) => ended.resolve(error.code ?? error.message),
  );
  socket.on("close", () => ended.resolve("closed"));
  let length = 0;
  socket.on("data", (chunk: Uint8Array) => {
    length += chunk.length;
    if (length === bytes.length) ended.resolve("echo");
  });
  try {
    return await within(ended.promise, { what: `an answer of port ${port}` });
  } finally {
    socket.destroy();
  }
}

test("block_tls_name, block_http_host and log_names", limit, async () => {
  let heard = 0;
  const hear = (chunk: Uint8Array) => void (heard += chunk.length);
  await using _tls = await TcpEchoServer.open({ port: 443, hear });
  await using _http = await TcpEchoServer.open({ port: 80, hear });
  const get = (host: string) => Buffer.from(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  const cases: readonly [string, number, (name: string) => Uint8Array][] = [
    ["names/block_tls_name", 443, (name) => inRecords(hello(name))],
    ["names/block_http_host", 80, get],
  ];
  using lines = new Lines();
  for (const [name, port, request] of cases) {
    heard = 0;
    await using _recipe = await RunningRecipe.start(name);
    assert.equal(await exchange(port, request("a.example.org")), "ECONNRESET");
    assert.equal(heard, 0, "the server has seen nothing");
    assert.equal(await exchange(port, request("a.example.net")), "echo");
  }
  lines.all.length = 0;
  await using _recipe = await RunningRecipe.start("names/log_names");
  assert.equal(await exchange(443, inRecords(hello("a.test"))), "echo");
  assert.equal(await exchange(80, get("b.test")), "echo");
  // The servers' echoes leave by output too.
  const requests = lines.all.filter((line) => /:(443|80) /.test(line));
  assert.deepEqual(requests, ['127.0.0.1:443 is "a.test"', '127.0.0.1:80 is "b.test"']);
});

test("split_first_packet", limit, async () => {
  let heard = Buffer.alloc(0);
  const hear = (chunk: Uint8Array) => void (heard = Buffer.concat([heard, chunk]));
  await using _server = await TcpEchoServer.open({ port: 443, hear });
  using capture = new Capture(4);
  await using recipe = await RunningRecipe.start("change/split_first_packet");
  const request = inRecords(hello("a.test"));
  assert.equal(await exchange(443, request), "echo");
  assert.deepEqual(new Uint8Array(heard), request);
  const sizes = capture.packets.map((bytes) => parseLayers(bytes).tcp)
    .filter((tcp) => tcp?.destinationPort === 443 && tcp.payload.length > 0)
    .map((tcp) => tcp!.payload.length);
  const middle = request.length >> 1;
  assert.deepEqual(sizes, [middle, request.length - middle]);
  assert.deepEqual([recipe.statistics.dropped, recipe.failures], [1, []]);
});

test("block_quic_name", limit, async () => {
  using server = await UdpSocket.open({ port: 443 });
  using client = await UdpSocket.open();
  using refused = new AskingSocket({
    ...{ family: 4, protocol: "udp", address: "127.0.0.1", port: 443 },
  });
  await using recipe = await RunningRecipe.start("names/block_quic_name");
  const initial = (name: string) =>
    datagram(initialPacket(frame.crypto(0, hello(name)), { size: 1200 }));
  await client.send(initial("example.net"), server);
  assert.equal((await server.receive()).bytes.length, 1200);
  refused.ask(); // three bytes that are no QUIC: they pass
  assert.equal((await server.receive()).bytes.length, 3);
  // From a socket of its own: it hears of the refusal.
  using blocked = await UdpSocket.open();
  await blocked.send(initial("example.org"), server);
  await until(() => recipe.statistics.answered === 1, { what: "it is refused" });
  assert.deepEqual(server.pending, []);
});

test("reject_port", limit, async () => {
  await using _mail = await TcpEchoServer.open({ port: 587 });
  await using served = await TcpEchoServer.open();
  using receiver = await UdpSocket.open({ port: 587 });
  await using recipe = await RunningRecipe.start("decide/reject_port");
  for (const protocol of ["tcp", "udp"] as const) {
    using socket = new AskingSocket({ family: 4, protocol, address: "127.0.0.1", port: 587 });
    socket.ask();
    assert.equal(await socket.refusal(), "Connection refused");
  }
  assert.equal(recipe.statistics.answered, 2);
  assert.deepEqual(receiver.pending, []);
  using client = await TcpClient.open(served.port);
  assert.equal(await client.ask("hello"), "hello");
});

test("clamp_mss and strip_tcp_options", limit, async () => {
  await using server = await TcpEchoServer.open();
  using capture = new Capture(4);
  const syns = () => {
    const all = capture.packets.map((bytes) => parseLayers(bytes))
      .filter(({ tcp }) => tcp?.syn && [tcp.sourcePort, tcp.destinationPort].includes(server.port));
    assert.ok(all.every(({ malformed }) => malformed === undefined));
    return all.slice(-2).map(({ tcp }) => tcp!);
  };
  const text = "x".repeat(5000);
  {
    await using _recipe = await RunningRecipe.start("change/clamp_mss");
    using client = await TcpClient.open(server.port);
    assert.equal(await client.ask(text), text);
    assert.deepEqual(syns().map(({ mss }) => mss), [1240, 1240]);
  }
  await using _recipe = await RunningRecipe.start("change/strip_tcp_options");
  using client = await TcpClient.open(server.port);
  assert.equal(await client.ask(text), text);
  assert.deepEqual(syns().map(({ timestamps }) => timestamps), [undefined, undefined]);
  assert.ok(syns().every(({ mss, windowScale }) => mss! > 1240 && windowScale !== undefined));
});

test("port_knocking", limit, async () => {
  await using _ssh = await TcpEchoServer.open({ port: 22 });
  await using recipe = await RunningRecipe.start("decide/port_knocking");
  const knock = async (port: number) => {
    const before = recipe.statistics.dropped;
    using socket = new AskingSocket({
      ...{ family: 4, protocol: "tcp", address: "127.0.0.1", port },
    });
    socket.ask();
    await until(() => recipe.statistics.dropped > before, { what: `port ${port} drops` });
  };
  await knock(22); // it is shut
  for (const port of [7000, 8000, 9000]) await knock(port);
  using client = await TcpClient.open(22);
  assert.equal(await client.ask("hello"), "hello");
  await knock(8000); // wrong: it is shut again, and what runs goes on
  await knock(22);
  assert.equal(await client.ask("still here"), "still here");
});

test("limit_connections", limit, async () => {
  await using _ssh = await TcpEchoServer.open({ port: 22 });
  await using recipe = await RunningRecipe.start("decide/limit_connections");
  for (let count = 0; count < 5; count++) {
    using client = await TcpClient.open(22);
    assert.equal(await client.ask("hello"), "hello");
  }
  using socket = new AskingSocket({
    ...{ family: 4, protocol: "tcp", address: "127.0.0.1", port: 22 },
  });
  socket.ask();
  await until(() => recipe.statistics.dropped > 0, { what: "the sixth is dropped" });
  assert.equal(recipe.statistics.accepted, 5);
});

test("two_queues", limit, async () => {
  using lines = new Lines();
  using resolver = await UdpSocket.open({ port: 53 });
  using other = await UdpSocket.open();
  using client = await UdpSocket.open();
  const recipe = await RunningRecipe.start("spread/two_queues");
  await client.sendAll(["a", "b", "c"], resolver);
  await client.sendAll(["d", "e"], other);
  assert.deepEqual(await resolver.take(3), ["a", "b", "c"]);
  assert.deepEqual(await other.take(2), ["d", "e"]);
  await recipe.stop();
  assert.deepEqual(lines.all, ["queue 20: 3 packets", "queue 21: 2 packets"]);
  assert.deepEqual(RuleSet.leftovers(), []);
});

test("log_pcapng, copied and run by the command", limit, async () => {
  const folder = mkdtempSync(join(tmpdir(), "nfqueue-recipe-"));
  try {
    // Nothing else is there, as where a person has copied it to.
    copyFileSync(recipeFile("watch/log_pcapng"), join(folder, "filter.ts"));
    const file = join(folder, "dropped.pcapng");
    await using command = new Child(new URL("../../src/cli/main.ts", import.meta.url), {
      prefix: ["env", `--chdir=${folder}`],
      parameters: ["run", "filter.ts"],
      permissions: ["--allow-ffi", "--allow-read", "--allow-write", "--allow-env"],
    });
    await command.says("Ctrl-C ends it");
    using socket = new AskingSocket({
      ...{ family: 4, protocol: "tcp", address: "127.0.0.1", port: 23 },
    });
    socket.ask();
    const size = () => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    await until(() => size() > 0, { what: "a packet is recorded" });
    command.kill("SIGINT");
    assert.deepEqual(await command.end(), { code: 130, signal: null }, command.errors);
    const [first] = decodeCapture(readFileSync(file));
    const { tcp, ip } = parseLayers(first!.bytes);
    assert.deepEqual([tcp?.syn, tcp?.destinationPort, ip?.source], [true, 23, "127.0.0.1"]);
    assert.deepEqual([first?.verdict?.verdict, first?.interface?.name], ["drop", "lo"]);
    assert.deepEqual(RuleSet.leftovers(), []);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
