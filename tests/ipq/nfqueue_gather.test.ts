// libipq over NFQUEUE: verdicts that leave together, by when they must have left, and none that waits
// with `gather: false`.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { IPQ_COPY_META, IpqHandle, NF_ACCEPT, NFPROTO_IPV4 } from "../../src/ipq/mod.ts";
import { functions } from "../support/ipq/forms.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { queueRule, udpTo } from "../support/network/rules.ts";
import { UdpSocket } from "../support/traffic/udp.ts";

requireIsolation();

const timeout = 20_000;
const COUNT = 250;
/** Enough for verdicts to be gathered, and not at an end of what is received together. */
const SOME = 230;
const buffer = new Uint8Array(200);

/** Packets that the kernel holds for a queue. */
function held(number: number): number {
  const table = readFileSync("/proc/net/netfilter/nfnetlink_queue", "utf8").split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number));
  return table.find(([queue]) => queue === number)?.[2] ?? 0;
}

interface Burst extends Disposable {
  readonly handle: IpqHandle;
  readonly queue: number;
  readonly receiver: UdpSocket;
  readonly texts: readonly string[];
  /** Reads and accepts the next so many packets without a pause. */
  decide(count: number): void;
}

/** A handle with COUNT packets to read. */
async function burst(gather: boolean | undefined): Promise<Burst> {
  using stack = new DisposableStack();
  const receiver = stack.use(await UdpSocket.open());
  const queue = nextQueue();
  const handle = stack.use(IpqHandle.create(0, NFPROTO_IPV4, {
    ...{ transport: "nfqueue", queue },
    ...(gather === undefined ? {} : { gather }),
  }));
  handle.setMode(IPQ_COPY_META);
  stack.use(queueRule(queue, { chain: "INPUT", match: udpTo(receiver.port) }));
  const texts = Array.from({ length: COUNT }, (_, index) => `${index}`);
  await receiver.sendAll(texts, receiver);
  const decide = (count: number): void => {
    for (let left = count; left > 0; left--) {
      assert.equal(handle.read(buffer, 5_000_000), 112);
      assert.equal(handle.setVerdict(functions.getPacket(buffer)!.packetId, NF_ACCEPT), 40);
    }
  };
  const all = stack.move();
  return { handle, queue, receiver, texts, decide, [Symbol.dispose]: () => all.dispose() };
}

test("with gather: false each has left when the call returns", { timeout }, async () => {
  using packets = await burst(false);
  for (let left = COUNT; left > 0; left -= 5) {
    assert.equal(held(packets.queue), left);
    packets.decide(5);
  }
  assert.equal(held(packets.queue), 0);
  using more = await burst(false);
  more.decide(SOME);
  assert.equal(held(more.queue), COUNT - SOME);
  assert.deepEqual(await packets.receiver.take(COUNT), packets.texts);
});

test("a loop to the last packet", { timeout }, async () => {
  using packets = await burst(undefined);
  packets.decide(COUNT);
  assert.equal(held(packets.queue), 0, "the last one waits for nothing");
  assert.deepEqual(await packets.receiver.take(COUNT), packets.texts);
});

/** What must make all verdicts leave; half of the packets are decided. */
const occasions: Readonly<Record<string, (packets: Burst) => void | Promise<void>>> = {
  "other events": () => new Promise((resolve) => setTimeout(resolve, 5)),
  "a read that finds nothing": ({ handle }) => {
    for (let left = COUNT - SOME; left > 0; left--) assert.equal(handle.read(buffer, -1), 112);
    assert.equal(handle.read(buffer, -1), 0);
  },
  "another handle's read that waits": () => {
    using other = IpqHandle.create(0, NFPROTO_IPV4, { transport: "nfqueue", queue: nextQueue() });
    assert.equal(other.read(buffer, 1000), 0);
  },
  "the descriptor": ({ handle, decide, queue }) => {
    assert.ok(handle.fd > 2);
    decide(1);
    assert.equal(held(queue), COUNT - SOME - 1);
  },
};

for (const [occasion, act] of Object.entries(occasions)) {
  test(`all have left after ${occasion}`, { timeout }, async () => {
    using packets = await burst(undefined);
    packets.decide(SOME);
    await act(packets);
    const left = COUNT - SOME - (occasion === "the descriptor" ? 1 : 0);
    assert.equal(held(packets.queue), left);
    assert.deepEqual(
      await packets.receiver.take(COUNT - left),
      packets.texts.slice(0, COUNT - left),
    );
  });
}

test("destroy sends them, and drops the rest", { timeout }, async () => {
  using packets = await burst(undefined);
  packets.decide(SOME);
  packets.handle.destroy();
  assert.deepEqual(await packets.receiver.take(SOME), packets.texts.slice(0, SOME));
  assert.deepEqual(packets.receiver.pending, []);
});

test("a second verdict on one that waits is refused", { timeout }, async () => {
  using packets = await burst(undefined);
  packets.decide(SOME);
  const { packetId } = functions.getPacket(buffer)!;
  assert.equal(packets.handle.setVerdict(packetId, 0), 40);
  packets.decide(COUNT - SOME);
  assert.equal(packets.handle.read(buffer, 5_000_000), 60);
  assert.equal(functions.getMsgerr(buffer), 2);
  assert.deepEqual(await packets.receiver.take(COUNT), packets.texts);
});

test("what is no boolean", { timeout }, () => {
  for (const gather of [0, 1, null, "yes", {}]) {
    const options = { transport: "nfqueue", queue: nextQueue(), gather } as unknown as object;
    assert.throws(() => IpqHandle.create(0, 2, options), { name: "TypeError" });
  }
});
