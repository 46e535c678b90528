/** Answers to packets: each packet has one that can be sent, or a reason why not. */
import { icmpError } from "../../../src/answer/icmp_error.ts";
import { OffendingPacket } from "../../../src/answer/offending_packet.ts";
import { checkOutgoing } from "../../../src/answer/outgoing.ts";
import { ICMP_ERRORS, type IcmpReason } from "../../../src/answer/reasons.ts";
import { resetToReceiver, resetToSender } from "../../../src/answer/reset.ts";
import { whyUnanswered } from "../../../src/answer/unanswered.ts";
import { PacketBytes, parseLayers } from "../../../src/packet/mod.ts";
import { Outline } from "../../../src/packet/structure/outline.ts";
import { IP_PROTOCOL } from "../../../src/packet/structure/protocols.ts";
import { IP_PACKETS } from "../corpus.ts";
import { digestBytes, digestOf } from "../digest.ts";
import { insist, type Target } from "../target.ts";

/** RFC 1812 §4.3.2.3, RFC 4443 §2.4 (c). */
const MOST: Readonly<Record<number, number>> = { 4: 576, 6: 1280 };
const REASONS = Object.keys(ICMP_ERRORS) as IcmpReason[];

/** What is told beside the bytes. */
const FACTS = ["truncated", "unfinished", "local"] as const;

function offendingOf(bytes: Uint8Array, facts: ReadonlySet<string>): OffendingPacket {
  const truncated = facts.has("truncated");
  return new OffendingPacket({
    outline: new Outline(new PacketBytes(bytes), 0, 0),
    length: bytes.length + (truncated ? 100 : 0),
    ...{ truncated, unfinished: facts.has("unfinished"), local: facts.has("local") },
  });
}

function check(answer: Uint8Array, version: number): number {
  checkOutgoing("answer", answer);
  const layers = parseLayers(answer);
  insist(layers.malformed === undefined, "malformed answer", () => String(layers.malformed));
  insist(answer.length <= MOST[version]!, "long answer", () => `${answer.length} bytes`);
  const again = new OffendingPacket({
    outline: new Outline(new PacketBytes(answer), 0, 0),
    ...{ length: answer.length, truncated: false, unfinished: false, local: true },
  });
  insist(!again.damaged, "wrong checksum", () => [...answer].join(" "));
  // Two hosts that answer each other's answers would never stop.
  const kinds = ["reset", "icmp"] as const;
  const loops = kinds.filter((kind) => whyUnanswered(again, kind) === undefined);
  insist(loops.length === 0, "answered answer", () => loops.join());
  return digestBytes(answer);
}

const answers: Target = {
  ...{ name: "answers", errors: [], block: 500, calls: 5 },
  corpus: IP_PACKETS,
  operations: FACTS,
  choose: (random) => FACTS.flatMap((_, at) => random.once(3) ? [at] : []),
  run: (bytes, operations) => {
    const offending = offendingOf(bytes, new Set(operations.map((at) => FACTS[at]!)));
    const { version, protocol } = offending.outline;
    const digests: number[] = [];
    if (protocol === IP_PROTOCOL.TCP && whyUnanswered(offending, "reset") === undefined) {
      const onward = resetToReceiver(offending);
      digests.push(check(resetToSender(offending), version));
      if (onward !== undefined) digests.push(check(onward, version));
    }
    if (whyUnanswered(offending, "icmp") === undefined) {
      const source = new Uint8Array(version === 4 ? 4 : 16).fill(9);
      for (const reason of REASONS) {
        digests.push(check(icmpError(offending, { reason, source }), version));
      }
    }
    return digestOf(digests);
  },
};

export const ANSWER_TARGETS: readonly Target[] = [answers];
