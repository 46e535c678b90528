// examples/block_by_name.ts on real packets, whose clients and servers are OpenSSL's.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { blockByName } from "../../examples/block_by_name.ts";
import { FilterHost } from "../../src/filter/host.ts";
import { installRules } from "../../src/filter/system_rules.ts";
import { parseLayers } from "../../src/packet/mod.ts";
import { Crossroads } from "../support/network/crossroads.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { PythonProcess } from "../support/runtime/python.ts";
import { extension, helloMessage, inRecords } from "../support/traffic/client_hello.ts";
import { datagram, frame, initialPacket } from "../support/traffic/quic.ts";
import { Capture } from "../support/traffic/raw.ts";
import { TlsClient, tlsServer } from "../support/traffic/tls.ts";

requireIsolation();

const limit = { timeout: 30_000 };
const names = ["Example.org", "ads.example.net"];
const blocked = ["example.org", "WWW.example.org", "a.b.ads.example.net"];
const allowed = ["badexample.org", "example.net", "example.org.test", "org"];

/** A ClientHello in records. */
function hello(name?: string, size = 16_384): Uint8Array<ArrayBuffer> {
  const extensions = [extension.padding(50)];
  if (name !== undefined) extensions.push(extension.serverName(name));
  return inRecords(helloMessage({ extensions }), { size });
}

/** So many bytes at a time. */
function cut(bytes: Uint8Array, size: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
  return pieces;
}

/** The datagram of a client that asks for a name by QUIC; a part of its hello. */
function initial(name: string, from = 0, to?: number): Uint8Array<ArrayBuffer> {
  const message = helloMessage({ extensions: [extension.serverName(name)] }).subarray(from, to);
  return datagram(initialPacket(frame.crypto(from, message), { size: 1200 }));
}

for (const path of ["local", "forward"] as const) {
  test(`on real packets, ${path}`, { timeout: 60_000 }, async () => {
    using roads = new Crossroads(0);
    const { left, right, leftCable } = roads;
    const { destination } = roads.path(path === "local" ? "OUTPUT" : "FORWARD", 4);
    const place = { host: destination, port: 443 };
    const from = path === "local" ? {} : { prefix: left.prefix };
    await using _server = await tlsServer(place, { prefix: right.prefix });
    await using client = await TlsClient.start(place, from);
    await using slow = await TlsClient.start(place, from);
    const way = path === "local" ? {} : { path, device: leftCable.device };
    const log: string[] = [];
    const host = await FilterHost.start(blockByName(names, way), {
      ...{ installRules, log: (message: string) => void log.push(message) },
    });
    try {
      using toServer = new Capture(4, roads.rightCable.device, { leaving: true });
      const bytes = () =>
        toServer.packets.map((packet) => parseLayers(packet).tcp?.payload.length ?? 0)
          .reduce((sum, length) => sum + length, 0);
      const waits = path === "local"
        ? slow.write([hello("example.org").subarray(0, 80)])
        : undefined;
      for (const name of blocked) {
        assert.equal(await client.ask({ name }), "ECONNRESET", name);
        assert.equal(await client.ask({ name, segment: 100 }), "ECONNRESET", "in short segments");
        // In the third segment, and one record over all.
        const pieces = cut(hello(name, 30), 60);
        assert.equal(await client.write(pieces), "ECONNRESET", `${pieces.length} pieces`);
      }
      assert.equal(await client.write(cut(hello("example.org"), 4)), "ECONNRESET");
      if (waits) assert.equal(await waits, "ECONNRESET", "one that stops in the midst of it");
      assert.equal(bytes(), 0, "the server has seen nothing");
      for (const name of allowed) {
        assert.equal(await client.ask({ name }), "got hello", name);
        assert.equal(await client.ask({ name, segment: 100 }), "got hello", name);
      }
      assert.equal(await client.ask({}), "got hello", "no name");
      const request = new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n");
      assert.equal(await client.write([request]), "got GET / HTTP/1.1\r\n\r\n");
      assert.ok(bytes() > 1000, "the capture sees what passes");
      assert.deepEqual(log, []);
    } finally {
      await host.stop();
    }
  });
}

test("on real packets, QUIC: the client hears of it", limit, async () => {
  using roads = new Crossroads(0);
  const { destination } = roads.path("OUTPUT", 4);
  await using client = new PythonProcess();
  const host = await FilterHost.start(blockByName(names), { installRules, log: () => {} });
  try {
    using toServer = new Capture(4, roads.rightCable.device, { leaving: true });
    await client.run(`
def ask(data):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(3)
    s.connect(('${destination}', 443))
    s.send(bytes.fromhex(data))
    try: return s.recv(100).decode()
    except OSError as error: return type(error).__name__`);
    const ask = (name: string) =>
      client.run(`say(ask('${Buffer.from(initial(name)).toString("hex")}'))`);
    assert.equal(await ask("www.example.org"), "ConnectionRefusedError");
    const isQuic = (packet: Uint8Array) => parseLayers(packet).udp?.destinationPort === 443;
    assert.deepEqual(toServer.packets.filter(isQuic), []);
    // Nobody is there: the neighbour itself refuses it.
    assert.equal(await ask("example.net"), "ConnectionRefusedError");
    assert.equal(toServer.packets.filter(isQuic).length, 1);
  } finally {
    await host.stop();
  }
});
