// libipq over NFQUEUE: what the kernel answers to wrong calls, as messages to read.

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import {
  IPQ_COPY_META,
  IPQ_COPY_PACKET,
  NF_ACCEPT,
  NF_DROP,
  NF_STOLEN,
} from "../../src/ipq/mod.ts";
import { ping } from "../support/runtime/command.ts";
import { type ErrorAnswer, forms, functions, protocols, Traffic } from "../support/ipq/forms.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { Cable, Namespace } from "../support/network/namespaces.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { udpText } from "../support/traffic/packets.ts";
import { queueRule } from "../support/network/rules.ts";

requireIsolation();

const timeout = 20_000;
const ENOENT = 2;
const EINVAL = 22;

/** A message to ip_queue: nlmsghdr (length, type, NLM_F_REQUEST, 0, pid) and what follows. */
function request(length: number, type: number): DataView {
  const view = new DataView(new ArrayBuffer(length));
  view.setUint32(0, length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, 1, true);
  view.setUint32(12, process.pid, true);
  return view;
}

function modeRequest(mode: number, range: bigint): Uint8Array {
  const view = request(56, 0x11);
  view.setUint8(16, mode);
  view.setBigUint64(24, range, true);
  return new Uint8Array(view.buffer);
}

function verdictRequest(id: bigint, verdict: number, data: Uint8Array): Uint8Array {
  const view = request(40 + data.length, 0x12);
  view.setUint32(16, verdict, true);
  view.setBigUint64(24, id, true);
  view.setBigUint64(32, BigInt(data.length), true);
  const bytes = new Uint8Array(view.buffer);
  bytes.set(data, 40);
  return bytes;
}

const NO_DATA = new Uint8Array(0);
const expected = (errno: number, request: Uint8Array): ErrorAnswer => ({
  errno,
  length: 20 + request.length,
  request,
});

for (const form of forms) {
  for (const family of [4, 6] as const) {
    test(`an unknown mode, ${form.name}, IPv${family}`, { timeout }, async () => {
      using traffic = await Traffic.open({ form, family });
      for (const mode of [3, 77, 255]) {
        traffic.setMode(mode, 0x1234567890n);
        assert.deepEqual(traffic.answer(), expected(EINVAL, modeRequest(mode, 0x1234567890n)));
      }
      assert.deepEqual([traffic.handle.errno, traffic.handle.systemErrno], [0, 0]);
      traffic.quiet();
      // It does not undo the mode that was set.
      traffic.setMode(IPQ_COPY_META);
      traffic.setMode(3);
      assert.equal(traffic.answer().errno, EINVAL);
      await traffic.send("still on");
      traffic.decide(traffic.packet(), NF_ACCEPT);
      assert.deepEqual(await traffic.receiver.take(1), ["still on"]);
    });

    test(`an unknown id, ${form.name}, IPv${family}`, { timeout }, async () => {
      using traffic = await Traffic.open({ form, family });
      const { handle } = traffic;
      traffic.setMode(IPQ_COPY_PACKET);
      for (const id of [0n, 1n, 12345n, 2n ** 32n + 1n, 0xffff88003ddaeba0n, 2n ** 64n - 1n]) {
        assert.equal(form.setVerdict(handle, id, NF_ACCEPT), 40);
        const answer = traffic.answer();
        assert.equal(answer.length, 60);
        assert.deepEqual(answer, expected(ENOENT, verdictRequest(id, NF_ACCEPT, NO_DATA)));
      }
      const data = new Uint8Array(44).fill(7);
      assert.equal(form.setVerdict(handle, 12345n, NF_DROP, data), 84);
      assert.deepEqual(
        traffic.answer(),
        expected(ENOENT, verdictRequest(12345n, NF_DROP, data)),
      );
      traffic.quiet();
    });
  }

  test(`the answer to an odd payload ends in padding, ${form.name}`, { timeout }, async () => {
    using traffic = await Traffic.open({ form });
    const data = new Uint8Array(41).fill(7);
    assert.equal(form.setVerdict(traffic.handle, 9n, NF_DROP, data), 81);
    const message = traffic.message();
    // Like the kernel's: the message's own length is not rounded up, the datagram's is.
    assert.deepEqual([message.length, message[0]], [104, 101]);
    assert.equal(form.getMsgerr(message), ENOENT);
    assert.deepEqual(message.slice(20, 101), verdictRequest(9n, NF_DROP, data));
    assert.deepEqual([...message.subarray(101)], [0, 0, 0]);
  });

  test(`impossible verdicts leave the packet queued, ${form.name}`, { timeout }, async () => {
    using traffic = await Traffic.open({ form });
    traffic.setMode(IPQ_COPY_PACKET);
    await traffic.send("survives");
    const packet = traffic.packet();
    for (const verdict of [NF_STOLEN, 6, 99, 0x10003, 0x8000_0003, 0xffff_ffff]) {
      assert.equal(traffic.decide(packet, verdict), 40);
      const sent = verdictRequest(packet.packetId, verdict, NO_DATA);
      assert.deepEqual(traffic.answer(), expected(EINVAL, sent), `verdict ${verdict}`);
    }
    // The verdict is looked at before the id.
    assert.equal(form.setVerdict(traffic.handle, 12345n, 99), 40);
    assert.equal(traffic.answer().errno, EINVAL);
    assert.equal(traffic.decide(packet, NF_ACCEPT), 40);
    assert.deepEqual(await traffic.receiver.take(1), ["survives"]);
    traffic.quiet();
  });

  test(`a second verdict, ${form.name}`, { timeout }, async () => {
    using traffic = await Traffic.open({ form });
    traffic.setMode(IPQ_COPY_META);
    await traffic.send("once");
    const packet = traffic.packet();
    assert.equal(traffic.decide(packet, NF_ACCEPT), 40);
    assert.equal(traffic.decide(packet, NF_DROP), 40);
    const sent = verdictRequest(packet.packetId, NF_DROP, NO_DATA);
    assert.deepEqual(traffic.answer(), expected(ENOENT, sent));
    assert.deepEqual(await traffic.receiver.take(1), ["once"]);
  });

  test(`an id of a packet that was not read yet, ${form.name}`, { timeout }, async () => {
    using traffic = await Traffic.open({ form });
    traffic.setMode(IPQ_COPY_META);
    await traffic.send("first", "second");
    const { packetId } = traffic.packet();
    traffic.form.setVerdict(traffic.handle, packetId, NF_ACCEPT);
    // Ids over NFQUEUE count up: a guess is refused or hits the packet, and then it is decided.
    assert.equal(form.setVerdict(traffic.handle, packetId + 1n, NF_DROP), 40);
    traffic.decide(traffic.packet(), NF_ACCEPT);
    const { errno } = traffic.answer();
    assert.equal(errno, ENOENT);
    assert.deepEqual(await traffic.receiver.take(1), ["first"]);
  });

  test(`answers come behind the packets before them, ${form.name}`, { timeout }, async () => {
    using traffic = await Traffic.open({ form });
    const { handle } = traffic;
    traffic.setMode(IPQ_COPY_PACKET);
    const order: string[] = [];
    await traffic.send("1", "2");
    form.setVerdict(handle, 12345n, NF_ACCEPT);
    await traffic.send("3");
    form.setMode(handle, 9);
    form.setVerdict(handle, 12345n, 99);
    await traffic.send("4", "5");
    for (let count = 0; count < 8; count++) {
      const message = traffic.message();
      const packet = form.getPacket(message);
      order.push(packet === null ? `errno ${form.getMsgerr(message)}` : udpText(packet.payload));
      if (packet !== null) traffic.decide(packet, NF_ACCEPT);
    }
    assert.deepEqual(order, ["1", "2", "errno 2", "3", "errno 22", "errno 22", "4", "5"]);
    assert.deepEqual(await traffic.receiver.take(5), ["1", "2", "3", "4", "5"]);
    traffic.quiet();
  });
}

for (const family of [4, 6] as const) {
  test(`a packet that the kernel has given up, IPv${family}`, { timeout }, async () => {
    using namespace = new Namespace();
    using cable = new Cable(namespace);
    const queue = nextQueue();
    using handle = functions.create(protocols[family], queue);
    assert.ok(handle);
    functions.setMode(handle, IPQ_COPY_PACKET);
    const match = ["-p", family === 4 ? "icmp" : "icmpv6"];
    const echo = family === 4 ? ["--icmp-type", "8"] : ["--icmpv6-type", "128"];
    using _rule = queueRule(queue, { family, chain: "INPUT", match: [...match, ...echo] });
    const address = family === 4 ? cable.address : cable.address6;
    const pinging = ping(address, { prefix: namespace.prefix, count: 2, wait: 0.2 });
    const buffer = new Uint8Array(2048);
    const packets = [];
    for (let count = 0; count < 2; count++) {
      assert.ok(await handle.readAsync(buffer, { timeout: 5_000_000 }) > 0);
      const packet = functions.getPacket(buffer);
      assert.ok(packet);
      packets.push({ id: packet.packetId, payload: packet.payload.slice() });
    }
    // Taking a device down makes the kernel drop what is queued of it.
    cable.down();
    const [first, second] = packets;
    assert.ok(first && second);
    assert.equal(functions.setVerdict(handle, first.id, NF_ACCEPT), 40);
    const length = 40 + second.payload.length;
    assert.equal(functions.setVerdict(handle, second.id, NF_ACCEPT, second.payload), length);
    const requests = [
      verdictRequest(first.id, NF_ACCEPT, NO_DATA),
      verdictRequest(second.id, NF_ACCEPT, second.payload),
    ];
    for (const request of requests) {
      const count = functions.read(handle, buffer, 5_000_000);
      assert.equal(count, 20 + request.length);
      assert.equal(functions.getMsgerr(buffer.subarray(0, count)), ENOENT);
      assert.deepEqual(buffer.slice(20, count), request);
    }
    assert.equal((await pinging).received, 0);
  });
}

test("answers that nobody reads: bounded, and the loss is told", { timeout }, async () => {
  using traffic = await Traffic.open();
  for (let count = 0; count < 30_000; count++) {
    assert.equal(functions.setVerdict(traffic.handle, 1n, NF_ACCEPT), 40);
  }
  assert.equal(functions.read(traffic.handle, traffic.buffer, -1), -1);
  assert.deepEqual([traffic.handle.errno, traffic.handle.systemErrno], [6, 105]);
  let read = 0;
  while (functions.read(traffic.handle, traffic.buffer, -1) === 60) read++;
  assert.equal(traffic.handle.errno, 15);
  assert.ok(read >= 1000 && read < 30_000, `${read} were kept`);
  traffic.setMode(IPQ_COPY_META);
  await traffic.send("goes on");
  traffic.decide(traffic.packet(), NF_ACCEPT);
  assert.deepEqual(await traffic.receiver.take(1), ["goes on"]);
});
