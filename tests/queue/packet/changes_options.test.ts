// From a verdict's options to the message that the kernel reads; without a kernel.

import assert from "node:assert/strict";
import { test } from "node:test";
import { VerdictError, type VerdictOptions } from "../../../mod.ts";
import { resolveChanges } from "../../../src/queue/packet/changes.ts";
import { Packet } from "../../../src/queue/packet/packet.ts";
import type { QueuePacketMessage } from "../../../src/netlink/queue/packet.ts";
import {
  appendAttributes,
  beginVerdict,
  decodeVerdict,
  VERDICT_SIZE,
} from "../../../src/netlink/queue/verdict.ts";
import { messageOf } from "../../support/stand_ins/made_messages.ts";

const limit = { timeout: 20_000 } as const;

/** A packet as the kernel would tell it. */
function packet(facts: Partial<QueuePacketMessage>): Packet {
  return new Packet(undefined, messageOf({ family: 7, queue: 0, hook: 2, ...facts }));
}

/** What the kernel reads from a verdict with these options. */
function sent(facts: Partial<QueuePacketMessage>, options: unknown) {
  const attributes = resolveChanges(packet(facts), options as VerdictOptions);
  if (attributes === undefined) return {};
  const bytes = new Uint8Array(new ArrayBuffer(VERDICT_SIZE + attributes.length));
  const view = new DataView(bytes.buffer);
  appendAttributes(view, bytes, 0, beginVerdict(view, 0, 7, 1, 1, 1), attributes);
  const { queue, id, verdict, sequence, ...changes } = decodeVerdict(bytes);
  assert.deepEqual([queue, id, verdict, sequence], [7, 1, 1, 1]);
  return changes;
}

const tracked = { family: 2, conntrack: new Uint8Array(0) };
const tagged = { vlan: { protocol: 0x88a8, tci: 0x7005 } };

test("options that change nothing add nothing", limit, () => {
  assert.deepEqual(sent({}, {}), {});
  assert.deepEqual(sent({}, { mark: 5, priority: undefined, vlan: undefined }), {});
});

test("a VLAN tag: what is not given is the packet's own, or 0", limit, () => {
  const tag = (tci: number, protocol: number) => ({ vlan: { tci, protocol } });
  assert.deepEqual(sent({}, { vlan: { id: 4095 } }), tag(0x0fff, 0x8100));
  assert.deepEqual(sent({}, { vlan: {} }), tag(0, 0x8100));
  assert.deepEqual(
    sent({}, { vlan: { id: 1, priority: 7, dropEligible: true } }),
    tag(0xf001, 0x8100),
  );
  assert.deepEqual(sent(tagged, { vlan: { id: 9 } }), tag(0x7009, 0x88a8));
  assert.deepEqual(
    sent(tagged, { vlan: { priority: 0, dropEligible: false, protocol: 0x8100 } }),
    tag(0x0005, 0x8100),
  );
});

test("a layer-2 header", limit, () => {
  const layer2Header = new Uint8Array(14).fill(7);
  const { layer2Header: got } = sent({ layer2Header: new Uint8Array(14) }, { layer2Header });
  assert.deepEqual(Uint8Array.from(got ?? []), layer2Header);
});

test("conntrack: marks, labels, timeout", limit, () => {
  const changed = (conntrack: unknown) => sent(tracked, { conntrack });
  assert.deepEqual(changed({}), { conntrack: {} });
  assert.deepEqual(changed({ mark: 0xffffffff }), { conntrack: { mark: 0xffffffff } });
  // The kernel flips what lies outside the mask, so it is taken away here.
  assert.deepEqual(changed({ mark: { value: 0xffffffff, mask: 0x8000000f } }), {
    conntrack: { mark: 0x8000000f, markMask: 0x8000000f },
  });
  assert.deepEqual(changed({ labels: [127, 0, 8] }), { conntrack: { labels: [0, 8, 127] } });
  assert.deepEqual(changed({ labels: { set: [3], clear: [2, 64] } }), {
    conntrack: { labels: [3], labelsMask: [2, 3, 64] },
  });
  assert.deepEqual(changed({ labels: { clear: [2] }, timeout: 60 }), {
    conntrack: { labels: [], labelsMask: [2], timeout: 60 },
  });
});

test("an expectation: the kernel wants whole tuples and masks", limit, () => {
  const changed = (expectation: unknown) => sent(tracked, { conntrack: { expectation } });
  const to = { destination: "192.0.2.1", destinationPort: 20, protocol: 6 };
  assert.deepEqual(changed(to), {
    conntrack: {},
    expectation: {
      tuple: { source: "0.0.0.0", sourcePort: 0, ...to },
      mask: {
        ...{ source: "0.0.0.0", destination: "255.255.255.255" },
        ...{ protocol: 6, sourcePort: 0, destinationPort: 0xffff },
      },
    },
  });
  const to6 = { destination: "2001:db8::1", destinationPort: 5060, protocol: 17 };
  const from6 = { source: "2001:db8::2", sourcePort: 1024 };
  const all = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
  assert.deepEqual(changed({ ...to6, ...from6, helper: "sip", class: 1, permanent: true }), {
    conntrack: {},
    expectation: {
      ...{ helper: "sip", class: 1, flags: 1 },
      tuple: { ...from6, ...to6 },
      mask: {
        ...{ source: all, destination: all },
        ...{ protocol: 17, sourcePort: 0xffff, destinationPort: 0xffff },
      },
    },
  });
});

test("arguments that are wrong", limit, () => {
  const to = { destination: "192.0.2.1", destinationPort: 20, protocol: 6 };
  const header = { layer2Header: new Uint8Array(14) };
  const cases: [unknown, RegExp, typeof TypeError | typeof RangeError | typeof VerdictError][] = [
    [{ priority: -1 }, /priority/, RangeError],
    [{ vlan: { id: 4096 } }, /vlan\.id/, RangeError],
    [{ vlan: { id: "5" } }, /vlan\.id/, TypeError],
    [{ vlan: { priority: 8 } }, /vlan\.priority/, RangeError],
    [{ vlan: { dropEligible: 1 } }, /vlan\.dropEligible/, TypeError],
    [{ vlan: { protocol: 0x10000 } }, /vlan\.protocol/, RangeError],
    [{ vlan: null }, /vlan/, TypeError],
    [{ layer2Header: new Uint8Array(13) }, /layer2Header must be as long/, RangeError],
    [{ layer2Header: [] }, /layer2Header/, TypeError],
    [{ conntrack: { mark: 2 ** 32 } }, /conntrack\.mark/, RangeError],
    [{ conntrack: { mark: "1" } }, /conntrack\.mark/, TypeError],
    [{ conntrack: { mark: { value: 1 } } }, /conntrack\.mark\.mask/, TypeError],
    [{ conntrack: { labels: [128] } }, /labels/, RangeError],
    [{ conntrack: { labels: ["1"] } }, /labels/, TypeError],
    [{ conntrack: { labels: 5 } }, /labels/, TypeError],
    [{ conntrack: { labels: { set: 5 } } }, /labels/, TypeError],
    [{ conntrack: { labels: { add: [5] } } }, /add/, TypeError],
    [{ conntrack: { timeout: 1.5 } }, /timeout/, RangeError],
    [{ conntrack: { expectation: {} } }, /expectation\.destination/, TypeError],
    [{ conntrack: { expectation: { ...to, protocol: 256 } } }, /protocol/, RangeError],
    [{ conntrack: { expectation: { ...to, destinationPort: -1 } } }, /destinationPort/, RangeError],
    [{ conntrack: { expectation: { ...to, sourcePort: "x" } } }, /sourcePort/, TypeError],
    [{ conntrack: { expectation: { ...to, source: "::1" } } }, /same family/, TypeError],
    [{ conntrack: { expectation: { ...to, source: "nowhere" } } }, /nowhere/, RangeError],
    [{ conntrack: { expectation: { ...to, helper: 5 } } }, /helper/, TypeError],
    [{ conntrack: { expectation: { ...to, helper: "" } } }, /helper must have/, RangeError],
    [{ conntrack: { expectation: { ...to, helper: "é".repeat(8) } } }, /got 16/, RangeError],
    [{ conntrack: { expectation: { ...to, helper: "x".repeat(70_000) } } }, /helper/, RangeError],
    [{ conntrack: { expectation: { ...to, permanent: 1 } } }, /permanent/, TypeError],
  ];
  for (const [options, message, error] of cases) {
    assert.throws(
      () => sent({ ...header, conntrack: new Uint8Array(0) }, options),
      (thrown) => {
        assert.ok(thrown instanceof error, `${JSON.stringify(options)}: ${thrown}`);
        assert.match(thrown.message, message);
        return true;
      },
      JSON.stringify(options),
    );
  }
  assert.throws(() => sent({ family: 2 }, { vlan: { id: 1 } }), VerdictError);
  assert.throws(() => sent({ family: 2 }, { conntrack: {} }), VerdictError);
  assert.throws(() => sent({}, { layer2Header: new Uint8Array(14) }), VerdictError);
});
