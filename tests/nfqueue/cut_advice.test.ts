// What to do about a packet that was captured in part: only what can help is advised.

import assert from "node:assert/strict";
import { type AddressInfo, connect, createServer } from "node:net";
import { test } from "node:test";
import { type Packet, PacketQueue, TruncatedPacketError, Verdict } from "../../mod.ts";
import { Scene } from "../support/queue/scene.ts";
import { command } from "../support/runtime/command.ts";
import { Filter } from "../support/queue/filter.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { queueRule, tcpTo } from "../support/network/rules.ts";
import { until } from "../support/runtime/waiting.ts";

requireIsolation();

const limit = { timeout: 30_000 } as const;

/** The sentence for a packet's edit, and for its replacement, which is the same. */
function sentence(packet: Packet): string {
  const messages = [
    () => void (packet.ip!.ttl = 9),
    () => packet.replacePayload(packet.payload),
  ].map((edit) => {
    try {
      edit();
    } catch (error) {
      assert.ok(error instanceof TruncatedPacketError, String(error));
      assert.equal(error.length, packet.length);
      assert.equal(error.captured, packet.payload.length);
      return error.message;
    }
    throw new Error("a part could be edited");
  });
  assert.equal(messages[0], messages[1]);
  return messages[0]!;
}

async function datagram(size: number, copyRange?: number): Promise<string> {
  await using scene = await Scene.udp({ queue: copyRange === undefined ? {} : { copyRange } });
  const { receiver, sender } = scene;
  let said = "";
  scene.run((packet) => {
    said = sentence(packet);
    return Verdict.Accept;
  });
  const text = "x".repeat(size);
  await sender.send(text, receiver);
  assert.deepEqual(await receiver.take(1), [text]);
  return said;
}

test("a larger copyRange, and how large", limit, async () => {
  assert.match(await datagram(1000, 128), /copyRange of 1028 or more/);
  assert.match(await datagram(65_503, 65_530), /copyRange of 65531 or more/);
});

test("what is too long for the kernel's way back cannot be changed", limit, async () => {
  for (const copyRange of [undefined, 128]) {
    for (const size of [65_504, 65_507]) {
      const said = await datagram(size, copyRange);
      assert.match(
        said,
        /more than 65531 cannot go back to the kernel, so it can pass or be dropped/,
      );
      assert.doesNotMatch(said, /copyRange|gso/);
    }
  }
});

test("longer ones of several segments: gso: false", limit, async () => {
  using _loopback = new BigLoopback();
  let received = 0;
  const server = createServer((socket) => {
    socket.on("data", (chunk: Uint8Array) => void (received += chunk.length));
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "::1", resolve));
  const { port } = server.address() as AddressInfo;
  const client = connect({ port, host: "::1" });
  try {
    using queue = PacketQueue.open(nextQueue());
    using _rule = queueRule(queue.number, { family: 6, chain: "OUTPUT", match: tcpTo(port) });
    let said = "";
    await using _filter = new Filter(queue, (packet) => {
      if (packet.truncated && packet.gso) said = sentence(packet);
      return Verdict.Accept;
    });
    const all = 32 << 20;
    client.write(new Uint8Array(all));
    await until(() => said !== "" || received >= all, { what: "a cut packet of segments" });
    assert.match(said, /more than 65531 cannot go back.*gso: false, then it comes in segments/);
    assert.doesNotMatch(said, /copyRange/);
    await until(() => received >= all, { what: "all passes" });
  } finally {
    client.destroy();
    server.close();
  }
});

/** Loopback that takes packets of several times 64 KiB over IPv6, as fast devices do (BIG TCP). */
class BigLoopback implements Disposable {
  constructor() {
    command("ip", ["link", "set", "lo", "gso_max_size", "196608"]);
  }

  [Symbol.dispose](): void {
    command("ip", ["link", "set", "lo", "gso_max_size", "65536"]);
  }
}
