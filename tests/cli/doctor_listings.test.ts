// The kernel's listings of rules, byte by byte, as doctor reads them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { legacyChains } from "../../src/cli/doctor/rules/legacy_tables.ts";
import { chainsOf } from "../../src/cli/doctor/rules/nft_messages.ts";
import type { Action } from "../../src/cli/doctor/rules/ruleset.ts";
import { AttributeWriter } from "../../src/netlink/attribute_writer.ts";
import { writeHeader } from "../../src/netlink/message.ts";

const timeout = 10_000;

/** A message of nf_tables. */
function message(family: number, fill: (writer: AttributeWriter) => void): Uint8Array {
  const writer = new AttributeWriter();
  fill(writer);
  const bytes = new Uint8Array(new ArrayBuffer(20 + writer.written.length));
  writeHeader(new DataView(bytes.buffer), 0, bytes.length, 0xa06, 0, 1);
  bytes[16] = family;
  bytes.set(writer.written, 20);
  return bytes;
}

type Fill = (writer: AttributeWriter) => void;
type Expression = readonly [name: string, fill: Fill];

function rule(family: number, expressions: readonly Expression[]): Uint8Array {
  return message(family, (writer) => {
    writer.text(1, "t");
    writer.text(2, "c");
    writer.bytes(3, new Uint8Array([0, 0, 0, 0, 0, 0, 0, 9]));
    writer.nest(4, () => {
      for (const [name, fill] of expressions) {
        writer.nest(1, () => {
          writer.text(1, name);
          writer.nest(2, () => fill(writer));
        });
      }
    });
  });
}

const chain = (family: number, fill: Fill = () => {}) =>
  message(family, (writer) => {
    writer.text(1, "t");
    writer.text(3, "c");
    fill(writer);
  });

/** What one rule in a chain of its own is read as. */
function read(...expressions: readonly Expression[]) {
  const [found] = chainsOf([chain(1)], [rule(1, expressions)]);
  assert.deepEqual(found?.rules.map(({ place }) => place), ["handle 9"]);
  return found!.rules[0]!;
}

const empty: Fill = () => {};
const verdict = (code: number, name?: string): Expression => ["immediate", (writer) => {
  writer.u32(1, 0);
  writer.nest(2, () =>
    writer.nest(2, () => {
      writer.u32(1, code);
      if (name !== undefined) writer.text(2, name);
    }));
}];
/** One that has counted nothing. */
const count = { packets: 0, bytes: 0 };
const counter: Expression = ["counter", empty];
const compare: Expression = ["cmp", empty];

test("nft's statement queue", { timeout }, () => {
  const queue = (fill: Fill) => read(counter, ["queue", fill]).action;
  assert.deepEqual(
    queue((writer) => {
      writer.u16(1, 3);
      writer.u16(2, 4);
      writer.u16(3, 1);
    }),
    { kind: "queue", numbers: { from: 3, to: 6 }, bypass: true },
  );
  // Fanout alone.
  assert.deepEqual(
    queue((writer) => {
      writer.u16(1, 3);
      writer.u16(2, 1);
      writer.u16(3, 2);
    }),
    { kind: "queue", numbers: { from: 3, to: 3 }, bypass: false },
  );
  // `queue to symhash mod 4 offset 3`
  const balanced = read(
    ["hash", (writer) => {
      writer.u32(4, 4);
      writer.u32(6, 3);
    }],
    ["queue", (writer) => writer.u32(4, 8)],
  );
  assert.deepEqual(balanced, {
    place: "handle 9",
    conditional: false,
    action: { kind: "queue", numbers: { from: 3, to: 6 }, bypass: false },
  });
  // `queue to ip daddr map @numbers`: the number comes from somewhere.
  assert.deepEqual(
    queue((writer) => {
      writer.u32(4, 8);
      writer.u16(3, 1);
    }),
    { kind: "queue", numbers: undefined, bypass: true },
  );
});

test("the xt target NFQUEUE in each of its revisions", { timeout }, () => {
  const target = (revision: number, info: readonly number[], name = "NFQUEUE") =>
    read([
      "target",
      (writer) => {
        writer.text(1, name);
        writer.u32(2, revision);
        writer.bytes(3, new Uint8Array(info));
      },
    ]).action;
  const queue = (from: number, to: number, bypass: boolean): Action => ({
    ...{ kind: "queue", numbers: { from, to }, bypass },
  });
  assert.deepEqual(target(0, [7, 1]), queue(263, 263, false));
  assert.deepEqual(target(1, [7, 0, 2, 0]), queue(7, 8, false));
  assert.deepEqual(target(2, [7, 0, 1, 0, 1, 0]), queue(7, 7, true));
  assert.deepEqual(target(3, [7, 0, 3, 0, 2, 0, 0, 0]), queue(7, 9, false));
  assert.deepEqual(target(3, [7, 0, 3, 0, 3, 0, 0, 0]), queue(7, 9, true));
  assert.deepEqual(target(3, [7]), { kind: "other" });
  assert.deepEqual(target(0, [0, 0, 0, 0], "REJECT"), { kind: "drop" });
  assert.deepEqual(target(2, [0, 0, 0, 0], "MARK"), { kind: "other" });
});

test("verdicts, jumps, offloading", { timeout }, () => {
  const actions: readonly [Expression, Action][] = [
    [verdict(0), { kind: "drop" }],
    [verdict(1), { kind: "accept" }],
    [verdict(-3, "deep"), { kind: "jump", chain: "deep" }],
    [verdict(-4, "deep"), { kind: "goto", chain: "deep" }],
    [verdict(-5), { kind: "return" }],
    [verdict(-1), { kind: "other" }],
    [["reject", empty], { kind: "drop" }],
    [["flow_offload", (writer) => writer.text(1, "fast")], { kind: "offload", flowtable: "fast" }],
    // A number that is loaded is no verdict.
    [["immediate", (writer) => writer.nest(2, () => writer.u32(1, 5))], { kind: "other" }],
  ];
  for (const [expression, action] of actions) {
    assert.deepEqual(read(counter, expression), {
      ...{ place: "handle 9", conditional: false, action, count },
    });
    assert.equal(read(compare, expression).conditional, true);
  }
});

test("chains: hooks, priorities, policies, families", { timeout }, () => {
  const base = (family: number, [number, priority, policy]: readonly [number, number, number]) =>
    chainsOf([
      chain(family, (writer) => {
        writer.nest(4, () => {
          writer.u32(1, number);
          writer.u32(2, priority);
        });
        writer.u32(5, policy);
      }),
    ], [])[0];
  const { base: first, family } = base(2, [4, -150, 0])!;
  assert.deepEqual([family, first], ["ip", {
    ...{ hook: "postrouting", priority: -150, policy: "drop" },
  }]);
  assert.equal(base(5, [0, 0, 1])?.base?.hook, "ingress");
  assert.equal(base(3, [1, 0, 1])?.base?.hook, "output");
  assert.equal(base(1, [5, 0, 1])?.base?.hook, "ingress");
  assert.equal(chainsOf([chain(99)], [])[0]?.family, "family 99");
  // A rule of another family's table of the same name is not this chain's.
  assert.deepEqual(chainsOf([chain(1)], [rule(2, [counter])])[0]?.rules, []);
});

test("whatever is cut is an error, and no endless loop", { timeout }, () => {
  const whole = rule(1, [counter, verdict(-3, "deep"), ["queue", (writer) => writer.u16(1, 3)]]);
  let refused = 0;
  for (let length = 20; length < whole.length; length++) {
    try {
      chainsOf([chain(1)], [whole.slice(0, length)]);
    } catch (error) {
      assert.equal((error as Error).name, "WireError");
      refused++;
    }
  }
  assert.ok(refused > 20, `${refused}`);
});

/** An entry of iptables-legacy: 112 bytes, and its target. */
function entry(
  target: string,
  info: readonly number[],
  { protocol = 0, revision = 0 }: { readonly protocol?: number; readonly revision?: number } = {},
): Uint8Array {
  const size = 32 + Math.ceil(info.length / 8) * 8;
  const bytes = new Uint8Array(new ArrayBuffer(112 + size));
  const view = new DataView(bytes.buffer);
  view.setUint16(80, protocol, true);
  view.setUint16(88, 112, true);
  view.setUint16(90, bytes.length, true);
  view.setUint16(112, size, true);
  new TextEncoder().encodeInto(target, bytes.subarray(114));
  bytes[143] = revision;
  bytes.set(info, 144);
  return bytes;
}

const standard = (code: number) => entry("", [...new Uint8Array(new Int32Array([code]).buffer)]);
const heading = (name: string) =>
  entry("ERROR", [...new TextEncoder().encode(name), ...new Array(30 - name.length).fill(0)]);

function table(entries: readonly Uint8Array[], starts: Readonly<Record<number, number>>) {
  const size = entries.reduce((sum, { length }) => sum + length, 0);
  const bytes = new Uint8Array(new ArrayBuffer(size));
  let at = 0;
  const places = entries.map((entry) => {
    bytes.set(entry, at);
    at += entry.length;
    return at - entry.length;
  });
  const info = new Uint8Array(new ArrayBuffer(84));
  const view = new DataView(info.buffer);
  for (const [hook, index] of Object.entries(starts)) {
    view.setUint32(32, view.getUint32(32, true) | 1 << Number(hook), true);
    view.setUint32(36 + 4 * Number(hook), places[index]!, true);
  }
  return { layout: "ip", name: "filter", info, entries: bytes, places } as const;
}

test("iptables-legacy: chains, policies, jumps, queues", { timeout }, () => {
  const queue = entry("NFQUEUE", [5, 0, 4, 0, 1, 0, 0, 0], { revision: 3 });
  // FORWARD: a rule that jumps, policy drop. OUTPUT: policy accept. own: queue, return.
  const size = standard(0).length;
  const jump = size * 3 + heading("own").length;
  const found = legacyChains(table([
    ...[standard(jump), standard(-1), standard(-2), heading("own")],
    ...[queue, standard(-5), heading("ERROR")],
  ], { 2: 0, 3: 2 }));
  assert.deepEqual(found.map(({ name, base, rules }) => ({ name, base, rules })), [
    {
      name: "FORWARD",
      base: { hook: "forward", priority: 0, policy: "drop" },
      rules: [{
        place: "rule 1",
        conditional: false,
        action: { kind: "jump", chain: "own" },
        count,
      }],
    },
    { name: "OUTPUT", base: { hook: "output", priority: 0, policy: "accept" }, rules: [] },
    {
      name: "own",
      base: undefined,
      rules: [{
        place: "rule 1",
        conditional: false,
        action: { kind: "queue", numbers: { from: 5, to: 8 }, bypass: true },
        count,
      }],
    },
  ]);
});

test("iptables-legacy: a match makes a rule conditional; nonsense is an error", { timeout }, () => {
  const udp = entry("REJECT", [0, 0, 0, 0], { protocol: 17 });
  const [chain] = legacyChains(table([udp, standard(-2), heading("ERROR")], { 1: 0 }));
  assert.deepEqual(chain?.rules, [
    { place: "rule 1", conditional: true, action: { kind: "drop" }, count },
  ]);
  const whole = table([udp, standard(-2)], { 1: 0 });
  whole.entries[90] = 0;
  whole.entries[91] = 0;
  assert.throws(() => legacyChains(whole), RangeError);
});
