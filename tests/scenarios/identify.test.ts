// Names that are found in packets of a real queue: QUIC over two datagrams, and DNS.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as dns from "dns-packet";
import { Verdict } from "../../mod.ts";
import { dnsQuestions, QuicInitial } from "../../src/identify/mod.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { Scene } from "../support/queue/scene.ts";
import { extension, helloMessage } from "../support/traffic/client_hello.ts";
import { frame, initialPacket } from "../support/traffic/quic.ts";

requireIsolation();

const timeout = 30_000;

/** The two datagrams of a client that asks for a name, of which neither tells it alone. */
function datagrams(name: string, destination: number): [Uint8Array, Uint8Array] {
  const hello = helloMessage({ extensions: [extension.serverName(name), extension.padding(900)] });
  const middle = hello.indexOf(name.charCodeAt(0), 60) + 3;
  const parts = { destination: new Uint8Array(8).fill(destination), size: 1200 };
  return [
    initialPacket(frame.crypto(0, hello.subarray(0, middle)), { ...parts, packetNumber: 0 }),
    initialPacket(frame.crypto(middle, hello.subarray(middle)), { ...parts, packetNumber: 1 }),
  ];
}

for (const family of [4, 6] as const) {
  test(`a QUIC client's second datagram tells the name, IPv${family}`, { timeout }, async () => {
    await using scene = await Scene.udp({ family });
    const { receiver, sender } = scene;
    const flows = new Map<number, QuicInitial>();
    const seen: string[] = [];
    scene.run(({ udp }) => {
      // A connection is told by its id here: all come from one socket.
      const payload = udp!.payload;
      const initial = flows.get(payload[6]!) ?? new QuicInitial();
      flows.set(payload[6]!, initial);
      const result = initial.add(payload);
      seen.push(result.status === "found" ? `${result.serverName}` : result.status);
      return seen.at(-1) === "blocked.example" ? Verdict.Drop : Verdict.Accept;
    });
    const [blocked, rest] = datagrams("blocked.example", 1);
    const [allowed, end] = datagrams("allowed.example", 2);
    for (const bytes of [blocked, rest, allowed, end]) await sender.send(bytes, receiver);
    for (const bytes of [blocked, allowed, end]) {
      assert.deepEqual(new Uint8Array((await receiver.receive()).bytes), bytes);
    }
    assert.deepEqual(seen, ["more", "blocked.example", "more", "allowed.example"]);
  });
}

test("a DNS query for a name does not arrive", { timeout }, async () => {
  await using scene = await Scene.udp();
  const { receiver, sender } = scene;
  scene.run(({ udp }) => {
    const result = dnsQuestions(udp!.payload);
    const isBlocked = result.status === "found" && result.questions[0]?.name === "blocked.example";
    return isBlocked ? Verdict.Drop : Verdict.Accept;
  });
  const query = (name: string) =>
    new Uint8Array(dns.encode({
      ...{ type: "query", id: 1, flags: 0x100 },
      questions: [{ type: "A", name, class: "IN" }],
    }));
  await sender.send(query("BLOCKED.example"), receiver);
  await sender.send(query("allowed.example"), receiver);
  // The blocked one was sent first.
  const { bytes } = await receiver.receive();
  assert.deepEqual(new Uint8Array(bytes), query("allowed.example"));
});
