// Bytes of every kind at every function and method of ./ipq, over real queues.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  IPQ_COPY_PACKET,
  ipq_get_msgerr,
  ipq_get_packet,
  ipq_message_type,
  ipq_read,
  ipq_set_verdict,
  IpqHandle,
  NF_ACCEPT,
} from "../../src/ipq/mod.ts";
import { encodeIpqError, encodeIpqPacket } from "../../src/netlink/mod.ts";
import { Traffic } from "../support/ipq/forms.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { withUdpText } from "../support/traffic/packets.ts";
import { type Entry, tryKinds } from "./entries.ts";
import { KINDS } from "./kinds.ts";

requireIsolation();

const limit = { timeout: 60_000 } as const;
const packet = encodeIpqPacket({
  ...{ packetId: 1n, mark: 0n, timestampSeconds: 0, timestampMicroseconds: 0, hook: 0 },
  ...{ indevName: "eth0", outdevName: "", hwProtocol: 0x800, hwType: 1 },
  ...{ hwAddress: new Uint8Array(6).fill(1), dataLength: 50, payload: new Uint8Array(50).fill(2) },
});
const answer = encodeIpqError({ error: 1, portId: 1, request: new Uint8Array(40) });

const reads = (bytes: Uint8Array, use: (value: never) => unknown): Entry => ({
  open: () => ({ bytes, use: use as (value: unknown) => unknown, state: () => 0 }),
});

const ENTRIES: ReadonlyMap<string, Entry> = new Map([
  ["ipq_message_type", reads(packet, (value) => ipq_message_type(value))],
  ["ipq_get_packet", reads(packet, (value) => ipq_get_packet(value))],
  ["ipq_get_msgerr", reads(answer, (value) => ipq_get_msgerr(value))],
  ["IpqHandle.messageType", reads(packet, (value) => IpqHandle.messageType(value))],
  ["IpqHandle.getPacket", reads(packet, (value) => IpqHandle.getPacket(value))],
  ["IpqHandle.getMsgerr", reads(answer, (value) => IpqHandle.getMsgerr(value))],
]);

for (const [name, entry] of ENTRIES) {
  test(`bytes of every kind, ${name}`, limit, () => tryKinds(name, entry));
}

type Read = (handle: IpqHandle, buffer: Uint8Array) => number | Promise<number>;
const READS: Readonly<Record<string, Read>> = {
  ipq_read: (handle, buffer) => ipq_read(handle, buffer, 1024, 5_000_000),
  "IpqHandle.read": (handle, buffer) => handle.read(buffer, 5_000_000),
  "IpqHandle.readAsync": (handle, buffer) => handle.readAsync(buffer, { timeout: 5_000_000 }),
};

for (const [name, read] of Object.entries(READS)) {
  test(`bytes of every kind, ${name}`, limit, async () => {
    using traffic = await Traffic.open();
    traffic.setMode(IPQ_COPY_PACKET);
    for (const kind of KINDS) {
      await traffic.send("one");
      const given = kind.make(new Uint8Array(1024).fill(0xa5));
      let message: Uint8Array;
      if (kind.expected === "works") {
        const length = await read(traffic.handle, given.value as Uint8Array);
        assert.equal(length, 112 + 32, kind.name);
        assert.ok(given.content().subarray(length, 1024).every((byte) => byte === 0xa5), kind.name);
        message = given.content().subarray(0, length);
      } else {
        await assert.rejects(
          async () => await read(traffic.handle, given.value as Uint8Array),
          TypeError,
          kind.name,
        );
        message = traffic.message();
      }
      traffic.decide(IpqHandle.getPacket(message)!, NF_ACCEPT);
      assert.deepEqual(await traffic.receiver.take(1), ["one"], kind.name);
    }
  });
}

type Decide = (handle: IpqHandle, id: bigint, data: Uint8Array, length: number) => number;
const DECIDES: Readonly<Record<string, Decide>> = {
  ipq_set_verdict: (handle, id, data, length) =>
    ipq_set_verdict(handle, id, NF_ACCEPT, length, data),
  "IpqHandle.setVerdict": (handle, id, data) => handle.setVerdict(id, NF_ACCEPT, data),
};

for (const [name, decide] of Object.entries(DECIDES)) {
  test(`bytes of every kind, ${name}`, limit, async () => {
    using traffic = await Traffic.open();
    traffic.setMode(IPQ_COPY_PACKET);
    const text = "y".repeat(41);
    for (const kind of KINDS) {
      // Where no data is an answer of its own.
      await traffic.send("as it came");
      const { packetId, payload } = traffic.packet();
      const data = withUdpText(payload, text);
      const { value } = kind.make(data);
      const use = () => decide(traffic.handle, packetId, value as Uint8Array, data.length);
      if (kind.expected === "works") {
        assert.equal(use(), 40 + data.length, kind.name);
        assert.deepEqual(await traffic.receiver.take(1), [text], kind.name);
      } else {
        assert.throws(use, TypeError, kind.name);
        traffic.form.setVerdict(traffic.handle, packetId, NF_ACCEPT);
        assert.deepEqual(await traffic.receiver.take(1), ["as it came"], kind.name);
      }
    }
  });
}

test(
  "a buffer that goes away while readAsync waits: TypeError, and no packet is lost",
  limit,
  async () => {
    using traffic = await Traffic.open();
    traffic.setMode(IPQ_COPY_PACKET);
    const ways: Readonly<Record<string, (buffer: ArrayBuffer) => void>> = {
      transferred: (buffer) => void structuredClone(buffer, { transfer: [buffer] }),
      "resized away": (buffer) => buffer.resize(16),
    };
    for (const [name, away] of Object.entries(ways)) {
      const buffer = new ArrayBuffer(4096, { maxByteLength: 4096 });
      const reading = traffic.handle.readAsync(new Uint8Array(buffer, 64));
      reading.catch(() => {});
      away(buffer);
      await traffic.send(name);
      await assert.rejects(reading, /TypeError: buffer is gone/, name);
      traffic.decide(traffic.packet(), NF_ACCEPT);
      assert.deepEqual(await traffic.receiver.take(1), [name]);
    }
  },
);
