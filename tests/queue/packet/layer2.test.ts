// The Ethernet header and the VLAN tag of bridged packets, assigned to: what the verdict takes along.
// By hand, without a kernel; tests/vm has real bridges.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Packet, PacketReleasedError, Verdict, VerdictError } from "../../../mod.ts";
import { MOVE_OUT, SETTLE_BY_QUEUE } from "../../../src/queue/packet/friends.ts";
import { buildPacket } from "../../../src/packet/mod.ts";
import {
  appendAttributes,
  beginVerdict,
  decodeVerdict,
  type QueuePacketMessage,
  VERDICT_SIZE,
} from "../../../src/netlink/mod.ts";
import { type Decider, messageOf, sentBytes } from "../../support/stand_ins/made_messages.ts";

const limit = { timeout: 20_000 } as const;
const [own, other] = ["02:00:00:00:00:01", "02:00:00:00:00:02"] as const;
const header = Uint8Array.of(2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0);
const tag = { protocol: 0x8100, tci: 0x7005 };

/** What a verdict said. */
interface Sent {
  readonly verdict: number;
  readonly payload: Uint8Array | undefined;
  readonly layer2Header?: string;
  readonly vlan?: { readonly protocol: number; readonly tci: number };
}

/** A packet as the kernel would tell it, and what its verdicts say. */
function packetOf(
  facts: Partial<QueuePacketMessage>,
): { packet: Packet; sent: Sent[]; store: ReturnType<typeof messageOf> } {
  const store = messageOf({
    ...{ family: 7, queue: 0, hook: 2, layer2Header: header },
    ...{ payload: buildPacket({ ipv4: {}, udp: {} }), ...facts },
  });
  const sent: Sent[] = [];
  const decider: Decider = {
    decide(_packet, verdict, _mark, changes) {
      const attributes = changes?.attributes ?? new Uint8Array(new ArrayBuffer(0));
      const message = new Uint8Array(new ArrayBuffer(VERDICT_SIZE + attributes.length));
      const view = new DataView(message.buffer);
      appendAttributes(view, message, 0, beginVerdict(view, 0, 0, 1, 1, verdict), attributes);
      const { layer2Header, vlan } = decodeVerdict(message);
      sent.push({
        ...{ verdict, payload: sentBytes(changes) },
        ...(layer2Header && { layer2Header: hexOf(layer2Header) }),
        ...(vlan && { vlan }),
      });
    },
  };
  return { packet: new Packet(decider, store), sent, store };
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const plain = { verdict: Verdict.Accept, payload: undefined };

test("what is assigned goes with any verdict but drop", limit, () => {
  const layer2Header = "0200000000090200000000010800";
  const cases: readonly [(packet: Packet) => void, number][] = [
    [(packet) => packet.accept(), Verdict.Accept],
    [(packet) => packet.accept({ mark: 5 }), Verdict.Accept],
    [(packet) => packet.repeat(), Verdict.Repeat],
    [(packet) => packet.stop(), Verdict.Stop],
    [(packet) => packet.requeue(7), 0x70003],
  ];
  for (const [decide, verdict] of cases) {
    const { packet, sent } = packetOf({ vlan: tag });
    packet.ethernet!.destination = "02:00:00:00:00:09";
    packet.vlan = { id: 7 };
    assert.equal(packet.modified, true);
    assert.equal(hexOf(packet.layer2Header!), layer2Header);
    decide(packet);
    const vlan = { protocol: 0x8100, tci: 0x7007 };
    assert.deepEqual(sent, [{ ...plain, verdict, layer2Header, vlan }]);
  }
  const { packet, sent } = packetOf({ vlan: tag });
  packet.ethernet!.source = other;
  packet.vlan = { id: 7 };
  packet.drop();
  assert.deepEqual(sent, [{ ...plain, verdict: Verdict.Drop }]);
});

test("what the queue decides goes on as it came; so does what was only looked at", limit, () => {
  const edited = packetOf({});
  edited.packet.ethernet!.source = other;
  edited.packet[SETTLE_BY_QUEUE](Verdict.Accept, "deadline");
  assert.deepEqual(edited.sent, [plain]);
  const read = packetOf({ vlan: tag });
  assert.deepEqual([read.packet.ethernet?.source, read.packet.vlan?.id], [own, 5]);
  assert.equal(read.packet.ethernet, read.packet.ethernet);
  assert.equal(read.packet.modified, false);
  read.packet.accept();
  assert.deepEqual(read.sent, [plain]);
});

test("together with the packet's bytes, and where none were captured", limit, () => {
  const both = packetOf({});
  both.packet.ethernet!.etherType = 0x88b5;
  both.packet.ipv4!.ttl = 9;
  both.packet.accept();
  assert.equal(both.sent[0]?.payload?.[8], 9);
  assert.equal(both.sent[0]?.layer2Header, "02000000000202000000000188b5");
  const { packet, sent } = packetOf({ payload: new Uint8Array(0), captureLength: 60 });
  assert.equal(packet.truncated, true);
  packet.ethernet!.sourceNumber = 0x020000000007;
  packet.accept();
  assert.deepEqual(sent, [{ ...plain, layer2Header: "0200000000020200000000070800" }]);
});

test("an option of the verdict goes before what was assigned", limit, () => {
  const { packet, sent } = packetOf({ vlan: tag });
  packet.ethernet!.source = other;
  packet.vlan = { id: 7, protocol: 0x88a8 };
  packet.accept({ layer2Header: header, vlan: { priority: 1 } });
  const vlan = { protocol: 0x88a8, tci: 0x3007 };
  assert.deepEqual(sent, [{ ...plain, layer2Header: hexOf(header), vlan }]);
});

test("a tag is put on and changed, on bridges only, and never taken away", limit, () => {
  const { packet, sent } = packetOf({});
  assert.equal(packet.vlan, undefined);
  const wrong: readonly [unknown, typeof TypeError | typeof RangeError, RegExp][] = [
    [undefined, TypeError, /takes no VLAN tag away/],
    [null, TypeError, /vlan/],
    [7, TypeError, /vlan/],
    [{ identifier: 7 }, TypeError, /identifier/],
    [{ id: 4096 }, RangeError, /vlan\.id/],
    [{ priority: -1 }, RangeError, /vlan\.priority/],
  ];
  for (const [value, error, message] of wrong) {
    assert.throws(() => Reflect.set(packet, "vlan", value), (thrown) => {
      assert.ok(thrown instanceof error, `${thrown}`);
      assert.match(thrown.message, message);
      return true;
    });
  }
  assert.deepEqual([packet.vlan, packet.modified], [undefined, false]);
  packet.vlan = { id: 7 };
  packet.vlan = { dropEligible: true };
  const whole = { id: 7, priority: 0, dropEligible: true, protocol: 0x8100 };
  assert.deepEqual(packet.vlan, whole);
  // It would do nothing, so it is not allowed to look as if it did.
  assert.throws(() => Object.assign(packet.vlan as object, { id: 8 }), TypeError);
  packet.accept();
  assert.deepEqual(sent, [{ ...plain, vlan: { protocol: 0x8100, tci: 0x1007 } }]);

  const { packet: routed } = packetOf({ family: 2, layer2Header: new Uint8Array(0) });
  assert.equal(routed.ethernet, undefined);
  assert.throws(() => routed.vlan = { id: 7 }, VerdictError);
});

test("copies have it all, and may be changed; what is decided may not", limit, () => {
  const { packet, sent } = packetOf({ vlan: tag });
  packet.vlan = { id: 9 };
  packet.ethernet!.destination = own;
  const copy = packet.copy();
  const view = packet.ethernet!;
  packet.accept();
  assert.equal(sent.length, 1);
  assert.throws(() => packet.ethernet, PacketReleasedError);
  assert.throws(() => packet.vlan = { id: 7 }, PacketReleasedError);
  assert.throws(() => view.source, PacketReleasedError);
  assert.throws(() => view.source = own, PacketReleasedError);
  assert.deepEqual([copy.modified, copy.vlan?.id, copy.ethernet?.destination], [true, 9, own]);
  copy.ethernet!.destination = other;
  copy.vlan = { id: 10 };
  const again = copy.copy();
  assert.deepEqual([again.modified, again.vlan?.id, again.ethernet?.destination], [
    true,
    10,
    other,
  ]);
});

test("as text and as JSON", limit, () => {
  const { packet } = packetOf({});
  packet.ethernet!.source = other;
  const { ethernet, modified } = JSON.parse(JSON.stringify(packet));
  assert.deepEqual(ethernet, { destination: other, source: other, etherType: 0x800 });
  assert.equal(modified, true);
  assert.match(
    packet.inspect(),
    /\nethernet\n {2}destination {2}02:00:00:00:00:02\n {2}source +02:/,
  );
  assert.match(packet.inspect(), /\n {2}etherType {4}0x0800 \(IPv4\)\nIP /);
});

test("a tag that was assigned cannot be read after the verdict either", limit, () => {
  const { packet } = packetOf({});
  packet.vlan = { id: 7 };
  packet.accept();
  assert.throws(() => packet.vlan, PacketReleasedError);
});

test("an option that makes the packet move sends the header all the same", limit, () => {
  const { packet, sent, store } = packetOf({});
  packet.ethernet!.destination = "02:00:00:00:00:09";
  packet.accept({
    get mark(): number {
      // What a queue does with a getter that sets its copy range, say: it receives, and fills the
      // memory with the packets of others.
      packet[MOVE_OUT]();
      store.bytes.fill(0xee);
      return 1;
    },
  });
  const layer2Header = "0200000000090200000000010800";
  assert.deepEqual(sent, [{ ...plain, layer2Header }]);
});
