// Packets that were changed at random: each gets an answer that can be sent, or a reason why not.

import assert from "node:assert/strict";
import { test } from "node:test";
import { icmpError } from "../../src/answer/icmp_error.ts";
import { OffendingPacket } from "../../src/answer/offending_packet.ts";
import { checkOutgoing } from "../../src/answer/outgoing.ts";
import { resetToReceiver, resetToSender } from "../../src/answer/reset.ts";
import { whyUnanswered } from "../../src/answer/unanswered.ts";
import {
  buildPacket,
  finishChecksums,
  PacketBytes,
  type PacketFields,
  parseLayers,
} from "../../src/packet/mod.ts";
import { Outline } from "../../src/packet/structure/outline.ts";
import { runs } from "../support/runtime/quick.ts";

const V4 = { source: "10.0.0.1", destination: "10.0.0.2" } as const;
const V6 = { source: "2001:db8::1", destination: "2001:db8::2" } as const;
const data = Uint8Array.from({ length: 90 }, (_, at) => at);
const tcp = { sourcePort: 1, destinationPort: 2, syn: true, options: Uint8Array.of(1, 1, 1, 0) };
const extensions = [
  { protocol: 0, data: new Uint8Array(6) },
  { protocol: 43, data: new Uint8Array(22) },
  { protocol: 44, data: new Uint8Array(6) },
];
const SEEDS = ([
  { ipv4: V4, tcp },
  { ipv4: { ...V4, options: new Uint8Array(8).fill(1) }, udp: {} },
  { ipv4: V4, icmp: {} },
  { ipv6: V6, tcp },
  { ipv6: { ...V6, extensions }, udp: {} },
  { ipv6: V6, icmpv6: {} },
] satisfies PacketFields[]).map((fields) => buildPacket({ ...fields, payload: data }));

/** The same numbers at each run (mulberry32). */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) % below;
  };
}

test("changed at random", { timeout: 60_000 }, () => {
  const random = numbers(20_261_201);
  let answers = 0;
  for (let run = 0; run < runs(60_000); run++) {
    const whole = SEEDS[random(SEEDS.length)]!.slice();
    for (let changes = random(4); changes > 0; changes--) {
      whole[random(random(2) === 0 ? 60 : whole.length)] = random(256);
    }
    // Half of them with right checksums, which come further.
    if (random(2) === 0) finishChecksums(whole);
    const captured = random(3) === 0 ? random(whole.length + 1) : whole.length;
    const bytes = whole.slice(0, captured);
    const before = bytes.slice();
    const offending = new OffendingPacket({
      outline: new Outline(new PacketBytes(bytes), 0, 0),
      ...{ length: whole.length, truncated: captured < whole.length },
      ...{ unfinished: random(4) === 0, local: random(2) === 0 },
    });
    const { version, protocol } = offending.outline;
    const made: Uint8Array[] = [];
    if (protocol === 6 && whyUnanswered(offending, "reset") === undefined) {
      made.push(resetToSender(offending));
      made.push(resetToReceiver(offending) ?? made[0]!);
    }
    if (whyUnanswered(offending, "icmp") === undefined) {
      const source = new Uint8Array(version === 4 ? 4 : 16).fill(9);
      made.push(icmpError(offending, { reason: "port-unreachable", source }));
    }
    for (const answer of made) {
      checkOutgoing("answer", answer);
      assert.equal(parseLayers(answer).malformed, undefined);
      assert.ok(answer.length <= (version === 4 ? 576 : 1280));
      answers++;
    }
    assert.deepEqual(bytes, before);
  }
  // So that it tries something.
  assert.ok(answers > runs(60_000) / 8, `${answers} answers`);
});
