// A packet grows into what its message left free of its receive slot, and never beyond (no kernel:
// messages of our own in slots of our own, so that every byte around a packet can be looked at).

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { OutgoingMessage } from "../../../ffi/memory.ts";
import type { SendMemory } from "../../../src/nfqueue/kernel_queue.ts";
import { Outbox } from "../../../src/queue/send/outbox.ts";
import { PacketMessage } from "../../../src/nfqueue/packet_message.ts";
import { OUTLINE } from "../../../src/queue/packet/friends.ts";
import { Packet } from "../../../src/queue/packet/packet.ts";
import { buildPacket } from "../../../src/packet/mod.ts";
import {
  ATTRIBUTE_STRIDE,
  decodeVerdict,
  encodePacketMessage,
  indexPacketMessage,
} from "../../../src/netlink/mod.ts";
import { runs } from "../../support/runtime/quick.ts";

const SLOTS = 3;

function message(id: number, data: number): Uint8Array {
  const address = "127.0.0.1";
  const payload = buildPacket({
    ipv4: { source: address, destination: address, dontFragment: false },
    udp: { sourcePort: 1, destinationPort: 2 },
    payload: new Uint8Array(data).fill(id),
  });
  return encodePacketMessage({
    ...{ family: 2, queue: 3, sequence: 0, id, hwProtocol: 0x800, hook: 3, mark: 7 },
    payload,
  });
}

/** Puts a last attribute behind the packet, which the kernel does not do. */
function withTrailer(bytes: Uint8Array): Uint8Array {
  const longer = new Uint8Array(bytes.length + 8);
  longer.set(bytes);
  longer.set([8, 0, 0x7f, 0, 0xaa, 0xaa, 0xaa, 0xaa], bytes.length);
  new DataView(longer.buffer).setUint32(0, longer.length, true);
  return longer;
}

/** The packets of messages in slots next to each other. */
function packetsOf(messages: readonly Uint8Array[], slotSize: number) {
  const bytes = new Uint8Array(new ArrayBuffer(slotSize * SLOTS)).fill(0xee);
  const view = new DataView(bytes.buffer);
  const index = new Int32Array(SLOTS * ATTRIBUTE_STRIDE);
  const sent: Uint8Array[] = [];
  const send = (out: SendMemory, length: number) => sent.push(out.bytes.slice(0, length)) > 0;
  const outbox: Outbox = new Outbox({
    queue: 3,
    flush: () => outbox.flush(),
    memory: (capacity) => new OutgoingMessage(capacity),
    kernel: { send, sendInDoubt: send, changes: () => 0 },
    refused: () => assert.fail("nothing is refused"),
  });
  const packets = messages.map((one, slot) => {
    bytes.set(one, slot * slotSize);
    indexPacketMessage(
      view,
      slot * slotSize,
      slot * slotSize + one.length,
      index,
      slot * ATTRIBUTE_STRIDE,
    );
    return new Packet(
      {
        decide: (_, verdict, mark, changes) => {
          assert.ok(changes !== undefined);
          outbox.addWithChanges(slot, verdict, mark, changes);
        },
      },
      new PacketMessage({ bytes, view, index, slotSize, single: false }, slot),
    );
  });
  return { bytes, packets, sent, outbox };
}

test("edits of any lengths stay in their slot, and go out whole", { timeout: 60_000 }, () => {
  const lengths = fc.array(fc.nat({ max: 700 }), { minLength: 1, maxLength: 6 });
  const property = fc.property(
    fc.nat({ max: 300 }),
    fc.nat({ max: 400 }).map((room) => room & ~7),
    lengths,
    fc.boolean(),
    (data, room, edits, trailer) => {
      const messages = [0, 1, 2].map((id) => message(id, data))
        .map((one) => trailer ? withTrailer(one) : one);
      const [, middle] = messages;
      assert.ok(middle !== undefined);
      const slotSize = ((middle.length + 7) & ~7) + room;
      const { bytes, packets: [, packet], sent, outbox } = packetsOf(messages, slotSize);
      assert.ok(packet?.udp !== undefined);
      const before = bytes.slice();
      for (const length of edits) {
        packet.udp.payload = new Uint8Array(length).fill(length);
        assert.equal(packet.mark, 7);
      }
      const last = edits.at(-1) ?? 0;
      const payload = packet.payload.slice();
      assert.equal(payload.length, 28 + last);
      assert.ok(payload.subarray(28).every((byte) => byte === (last & 0xff)));
      packet.accept();
      outbox.flush();
      const [verdict] = sent;
      assert.ok(verdict !== undefined);
      assert.deepEqual(decodeVerdict(verdict).payload, payload);

      const start = slotSize + 20 + 12 + 8 + 4;
      const free = trailer ? slotSize + middle.length - 8 : 2 * slotSize;
      assert.deepEqual(bytes.subarray(0, start), before.subarray(0, start), "what is before it");
      assert.deepEqual(bytes.subarray(free), before.subarray(free), "what is behind it");
    },
  );
  fc.assert(property, { numRuns: runs(500) });
});

test("a packet that grows within its slot needs no memory of its own", () => {
  const { bytes, packets: [packet] } = packetsOf([message(0, 64)], 512);
  assert.ok(packet?.udp !== undefined);
  packet.udp.payload = new Uint8Array(300);
  assert.ok(packet[OUTLINE].packet.endIn(bytes) > 0);
  packet.udp.payload = new Uint8Array(500);
  assert.equal(packet[OUTLINE].packet.endIn(bytes), 0);
});
