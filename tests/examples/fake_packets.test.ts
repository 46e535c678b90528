// examples/fake_packets.ts: one decoy before the first data of a connection, which the server never sees.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fakePackets } from "../../examples/fake_packets.ts";
import { Verdict } from "../../mod.ts";
import { FilterHost } from "../../src/filter/host.ts";
import { installRules } from "../../src/filter/system_rules.ts";
import { type PacketFields, parseLayers } from "../../src/packet/mod.ts";
import { testFilter } from "../../src/testing/mod.ts";
import { Crossroads } from "../support/network/crossroads.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { command } from "../support/runtime/command.ts";
import { PythonProcess } from "../support/runtime/python.ts";
import { Capture } from "../support/traffic/raw.ts";

requireIsolation();

const limit = { timeout: 30_000 };
const DATA = new TextEncoder().encode("hello");

test("in the test kit: numbers, hops, once a connection", limit, async () => {
  await using kit = await testFilter(fakePackets(3));
  const tcp = { sourcePort: 4000, destinationPort: 443, sequenceNumber: 77, ack: true };
  const sends = async (fields: PacketFields) => {
    const { verdict, sent } = await kit.send(fields, { hook: "output", queued: true });
    assert.equal(verdict, Verdict.Accept);
    return sent;
  };
  for (
    const ip of [
      { source: "10.0.0.1", destination: "10.0.0.2" },
      { source: "2001:db8::1", destination: "2001:db8::2" },
    ]
  ) {
    assert.equal((await sends({ ip, tcp: { ...tcp, ack: false, syn: true } })).length, 0);
    const [decoy, more] = await sends({ ip, tcp, payload: DATA });
    assert.equal(more, undefined);
    const layers = parseLayers(decoy!);
    const { ip: head } = layers;
    assert.equal(head!.version === 4 ? head!.ttl : head!.hopLimit, 3);
    assert.deepEqual([layers.tcp!.sequenceNumber, [...layers.tcp!.payload]], [77, [0, 0, 0, 0, 0]]);
    assert.equal((await sends({ ip, tcp, payload: DATA })).length, 0);
  }
});

test("on real packets, where a rule before the server stands for further hops", limit, async () => {
  using crossroads = new Crossroads(0);
  const { destination, device } = crossroads.path("FORWARD", 4);
  const { left, right } = crossroads;
  await using server = new PythonProcess({ prefix: right.prefix });
  await using client = new PythonProcess({ prefix: left.prefix });
  command("nsenter", [
    `--net=/run/netns/${right.name}`,
    ...["iptables", "-t", "raw", "-A", "PREROUTING", "-m", "ttl", "--ttl-eq", "1", "-j", "DROP"],
  ]);
  await server.run(`l = socket.create_server(('${destination}', 443)); say(1)`);
  const host = await FilterHost.start(fakePackets(1), { installRules, log: () => {} });
  try {
    using toServer = new Capture(4, crossroads.rightCable.device, { leaving: true });
    using fromClient = new Capture(4, device);
    await client.run(`c = socket.create_connection(('${destination}', 443), 5); c.sendall(b'hello')
say(1)`);
    const got = await server.run<string>(`c, _ = l.accept(); say(c.recv(100).decode())`);
    assert.equal(got, "hello");
    const withData = (capture: Capture) =>
      capture.packets.map((bytes) => parseLayers(bytes))
        .filter(({ tcp }) => tcp?.destinationPort === 443 && tcp.payload.length > 0);
    assert.ok(withData(fromClient).length >= 1);
    const texts = withData(toServer).map(({ ip, tcp }) =>
      `${ip!.version === 4 ? ip!.ttl : 0} ${new TextDecoder().decode(tcp!.payload)}`
    );
    assert.deepEqual(texts, ["1 \0\0\0\0\0", "63 hello"]);
  } finally {
    await host.stop();
  }
});
