// Verdicts that the kernel refuses come back as events, each with its packet's id.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Packet,
  PacketQueue,
  SystemError,
  Verdict,
  type VerdictErrorEvent,
} from "../../../mod.ts";
import { Filter } from "../../support/queue/filter.ts";
import { requireIsolation } from "../../support/network/isolation.ts";
import { Cable, Namespace } from "../../support/network/namespaces.ts";
import { nextQueue } from "../../support/queue/numbers.ts";
import { udpText } from "../../support/traffic/packets.ts";
import { queueRule, udpTo } from "../../support/network/rules.ts";
import { UdpSocket } from "../../support/traffic/udp.ts";
import { until } from "../../support/runtime/waiting.ts";

requireIsolation();

interface Scene extends AsyncDisposable {
  readonly queue: PacketQueue;
  readonly held: Packet[];
  readonly errors: VerdictErrorEvent[];
  /** Sends to the far end of the cable: held, and gone when the cable is pulled. */
  readonly sendFar: (text: string) => Promise<void>;
  readonly sendNear: (text: string) => Promise<void>;
  readonly receiver: UdpSocket;
  readonly cable: Cable;
}

async function scene(): Promise<Scene> {
  const stack = new AsyncDisposableStack();
  const namespace = stack.use(new Namespace());
  const cable = stack.use(new Cable(namespace));
  const receiver = stack.use(await UdpSocket.open());
  const sender = stack.use(await UdpSocket.open({ address: "0.0.0.0" }));
  const queue = stack.use(PacketQueue.open(nextQueue()));
  stack.use(queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) }));
  const held: Packet[] = [];
  const errors: VerdictErrorEvent[] = [];
  queue.addEventListener("verdicterror", (event) => errors.push(event));
  stack.use(
    new Filter(queue, (packet) => {
      packet.hold();
      held.push(packet);
    }),
  );
  return {
    ...{ queue, held, errors, receiver, cable },
    sendFar: (text) => sender.send(text, { address: cable.farAddress, port: receiver.port }),
    sendNear: (text) => sender.send(text, receiver),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

test("a packet whose interface went down: ENOENT, with its id", { timeout: 30_000 }, async () => {
  await using stage = await scene();
  const { queue, held, errors, receiver } = stage;
  await stage.sendNear("before");
  await stage.sendFar("doomed");
  await stage.sendNear("after");
  await until(() => held.length === 3, { what: "three packets are held" });
  stage.cable.down();
  const doomed = held.find((packet) => udpText(packet.payload) === "doomed");
  assert.ok(doomed);
  for (const packet of held) packet.accept({ mark: packet.id });
  assert.deepEqual(await receiver.take(2), ["before", "after"]);
  await until(() => errors.length > 0, { what: "the kernel's answer is reported" });
  assert.equal(errors.length, 1);
  const [event] = errors;
  assert.equal(event?.packetId, doomed.id);
  assert.ok(event?.error instanceof SystemError);
  assert.equal(event.error.code, "ENOENT");
  assert.equal(event.error.errno, 2);
  assert.ok(event.error.message.length > 20, event.error.message);
  assert.equal(queue.statistics.verdictErrors, 1);
  // The queue works on.
  await stage.sendNear("again");
  await until(() => held.length === 4, { what: "the next packet is held" });
  held[3]?.accept();
  assert.deepEqual(await receiver.take(1), ["again"]);
});

test("each of several refused verdicts names its packet", { timeout: 30_000 }, async () => {
  await using stage = await scene();
  const { held, errors } = stage;
  for (let count = 0; count < 6; count++) await stage.sendFar(`doomed ${count}`);
  await until(() => held.length === 6, { what: "six packets are held" });
  stage.cable.down();
  // The last first, so that none of them may leave in a batch.
  for (const packet of held.toReversed()) packet.drop();
  await until(() => errors.length === 6, { what: "six refusals are reported" });
  assert.deepEqual(
    errors.map(({ packetId }) => packetId).sort((a, b) => a - b),
    held.map(({ id }) => id),
  );
});

test("a refused batch is reported too", { timeout: 30_000 }, async () => {
  await using stage = await scene();
  const { held, errors, queue } = stage;
  for (let count = 0; count < 6; count++) await stage.sendFar(`doomed ${count}`);
  await until(() => held.length === 6, { what: "six packets are held" });
  stage.cable.down();
  for (const packet of held) packet.drop();
  await until(() => errors.length > 0, { what: "the refusal is reported" });
  // One message for all: its id is the last one's.
  assert.equal(errors.at(-1)?.packetId, held[5]?.id);
  assert.equal(errors.at(-1)?.error.code, "ENOENT");
  assert.equal(queue.statistics.outstanding, 0);
});

test("refused verdicts are reported by runSync", { timeout: 30_000 }, async () => {
  using namespace = new Namespace();
  using cable = new Cable(namespace);
  using sender = await UdpSocket.open({ address: "0.0.0.0" });
  using queue = PacketQueue.open(nextQueue());
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(7777) });
  const ids: number[] = [];
  queue.addEventListener("verdicterror", (event) => ids.push(event.packetId));
  await sender.send("doomed", { address: cable.farAddress, port: 7777 });
  let id = 0;
  queue.runSync((packet) => {
    id = packet.id;
    cable.down();
    return Verdict.Accept;
  }, { timeout: 100 });
  assert.deepEqual(ids, [id]);
  assert.equal(queue.statistics.verdictErrors, 1);
});
