// reject, reset, answer and send of packets, over the stand-in kernel: what leaves, when, and what it counts.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Packet,
  PacketSender,
  QueueClosedError,
  TruncatedPacketError,
  Verdict,
  VerdictError,
} from "../../mod.ts";
import { TokenBucket } from "../../src/answer/token_bucket.ts";
import { buildPacket, type PacketFields, parseLayers } from "../../src/packet/mod.ts";
import type { StandInPacket } from "../../src/testing/passage.ts";
import { StandIn } from "../support/stand_ins/stand_in.ts";

const limit = { timeout: 10_000 } as const;
const V4 = { source: "10.0.0.1", destination: "10.0.0.2" } as const;
const V6 = { source: "2001:db8::1", destination: "2001:db8::2" } as const;
const PORTS = { sourcePort: 40_000, destinationPort: 80 } as const;
const SYN = { ipv4: V4, tcp: { ...PORTS, syn: true } };
const DATAGRAM = { ipv4: V4, udp: PORTS };
const [DROP, ACCEPT] = [0, 1];

/** Gives one packet to a handler; how it ended. */
function handle(
  stage: StandIn,
  fields: PacketFields,
  handler: (packet: Packet) => void,
  about: Partial<StandInPacket> = {},
): number | undefined {
  const passage = stage.kernel.send(stage.queue.number, { payload: buildPacket(fields), ...about });
  stage.queue.runSync(handler, { timeout: 0 });
  return passage.outcome?.verdict;
}

test("reject: a reset for TCP, port unreachable for all else", limit, () => {
  using stage = new StandIn();
  for (const [network, addresses] of [["ipv4", V4], ["ipv6", V6]] as const) {
    const { sent } = stage.kernel;
    sent.length = 0;
    assert.equal(
      handle(stage, { [network]: addresses, tcp: SYN.tcp }, (packet) => {
        packet.reject();
        assert.equal(packet.unanswered, undefined);
      }),
      DROP,
    );
    assert.equal(
      handle(stage, { [network]: addresses, udp: PORTS }, (packet) => packet.reject()),
      DROP,
    );
    assert.deepEqual(sent.map(({ mark }) => mark), [0x6e667101, 0x6e667101]);
    const [reset, error] = sent.map(({ bytes }) => parseLayers(bytes));
    assert.deepEqual([reset!.tcp!.rst, reset!.ip!.destination], [true, addresses.source]);
    const { type, code } = error!.icmp ?? error!.icmpv6!;
    assert.deepEqual([type, code], network === "ipv4" ? [3, 3] : [1, 4]);
    // Every address is the stand-in's own.
    assert.equal(error!.ip!.source, addresses.destination);
  }
  const { answered, answersLimited, dropped } = stage.queue.statistics;
  assert.deepEqual([answered, answersLimited, dropped], [4, 0, 4]);
});

test("reject with a reason", limit, () => {
  using stage = new StandIn();
  for (
    const [reason, code] of [
      ["host-unreachable", 1],
      ["network-unreachable", 0],
      ["admin-prohibited", 13],
      ["port-unreachable", 3],
    ] as const
  ) {
    for (const fields of [SYN, DATAGRAM]) {
      assert.equal(handle(stage, fields, (packet) => packet.reject({ reason })), DROP);
      const { icmp } = parseLayers(stage.kernel.sent.at(-1)!.bytes);
      assert.deepEqual([icmp!.type, icmp!.code], [3, code]);
    }
  }
});

test("reset: both ends, the receiver first", limit, () => {
  using stage = new StandIn();
  const tcp = { ...PORTS, ack: true, sequenceNumber: 7, acknowledgmentNumber: 9 };
  assert.equal(handle(stage, { ipv4: V4, tcp }, (packet) => packet.reset()), DROP);
  const sent = stage.kernel.sent.map(({ bytes }) => parseLayers(bytes));
  assert.deepEqual(sent.map(({ ip, tcp }) => [ip!.destination, tcp!.sequenceNumber, tcp!.rst]), [
    [V4.destination, 7, true],
    [V4.source, 9, true],
  ]);
  assert.equal(handle(stage, SYN, (packet) => packet.reset()), DROP);
  assert.equal(stage.kernel.sent.length, 3);
});

test("what must not be answered is dropped, and the packet says why", limit, () => {
  using stage = new StandIn();
  for (
    const [why, fields] of [
      ["reset", { ipv4: V4, tcp: { ...PORTS, rst: true } }],
      ["icmp-error", { ipv4: V4, icmp: { type: 3 } }],
      ["destination", { ipv4: { ...V4, destination: "224.0.0.1" }, udp: PORTS }],
      ["source", { ipv4: { ...V4, source: "127.0.0.1" }, udp: PORTS }],
    ] as const
  ) {
    assert.equal(
      handle(stage, fields, (packet) => {
        packet.reject();
        assert.equal(packet.unanswered, why);
      }),
      DROP,
    );
  }
  assert.equal(stage.kernel.sent.length, 0);
  assert.equal(stage.queue.statistics.answered, 0);
});

test(
  "answer and send: the bytes as they are, behind the verdicts that were given before",
  limit,
  () => {
    using stage = new StandIn();
    const bytes = buildPacket({ ipv4: { ...V4, destination: "10.0.0.3" }, udp: PORTS });
    stage.kernel.send(7, { payload: buildPacket(DATAGRAM) });
    stage.kernel.send(7, { payload: buildPacket(DATAGRAM) });
    stage.kernel.send(7, { payload: buildPacket(DATAGRAM) });
    const seen: number[][] = [];
    let count = 0;
    stage.queue.runSync((packet) => {
      count++;
      if (count === 1) return Verdict.Accept;
      if (count === 2) packet.send(bytes);
      else packet.answer(bytes);
      const { outcomes, sent } = stage.kernel;
      seen.push([outcomes.length, sent.length]);
      if (count === 2) return Verdict.Accept;
    }, { timeout: 0 });
    assert.deepEqual(seen, [[1, 1], [2, 2]]);
    assert.deepEqual(stage.kernel.outcomes.map(({ verdict }) => verdict), [ACCEPT, ACCEPT, DROP]);
    assert.deepEqual(stage.kernel.sent.map(({ bytes }) => bytes), [bytes, bytes]);
    assert.equal(stage.queue.statistics.answered, 1);
  },
);

test("a limit a second; what is sent beside is not under it", limit, () => {
  using stage = new StandIn({ answersPerSecond: 2 });
  const bytes = buildPacket(DATAGRAM);
  const why: unknown[] = [];
  const acts: ((packet: Packet) => void)[] = [
    (packet) => packet.reject(),
    (packet) => packet.reset(),
    (packet) => packet.reject(),
    (packet) => packet.reset(),
    (packet) => packet.answer(bytes),
  ];
  for (const act of acts) {
    assert.equal(
      handle(stage, SYN, (packet) => {
        packet.send(bytes);
        act(packet);
        why.push(packet.unanswered);
      }),
      DROP,
    );
  }
  assert.deepEqual(why, [undefined, undefined, "limit", "limit", "limit"]);
  assert.equal(stage.kernel.sent.length, 7);
  const { answered, answersLimited } = stage.queue.statistics;
  assert.deepEqual([answered, answersLimited], [2, 3]);
});

test("the limit's tokens come back with time", limit, () => {
  let now = 0;
  const bucket = new TokenBucket(10, () => now);
  const taken = () => {
    let count = 0;
    while (bucket.take()) count++;
    return count;
  };
  assert.equal(taken(), 10);
  now = 99;
  assert.equal(taken(), 0);
  now = 350;
  assert.equal(taken(), 3);
  now = 100_000;
  assert.equal(taken(), 10);
});

test("what throws leaves the packet undecided", limit, () => {
  using stage = new StandIn();
  const bytes = buildPacket(DATAGRAM);
  const acts: readonly (readonly [(packet: Packet) => void, RegExp])[] = [
    [
      (packet) => packet.reject({ reason: "go-away" as never }),
      /^TypeError: reason must be one of tcp-/,
    ],
    [(packet) => packet.reject({ reasons: 1 } as never), /^TypeError: options has no "reasons"/],
    [(packet) => packet.reject({ reason: "tcp-reset" }), /^RangeError: only a TCP packet/],
    [(packet) => packet.reset(), /^RangeError: only a TCP packet/],
    [(packet) => packet.answer(bytes.subarray(1)), /^RangeError: bytes must hold a whole IPv4/],
    [(packet) => packet.send(bytes.subarray(0, 27)), /^RangeError: bytes has 27 bytes/],
    [(packet) => packet.answer("" as never), /^TypeError: bytes must be a Uint8Array/],
    [(packet) => packet.copy().reject(), /^VerdictError: .* a copy takes no verdict/],
    [(packet) => packet.copy().send(bytes), /^VerdictError: .* a copy sends nothing/],
  ];
  for (const [act, message] of acts) {
    assert.equal(
      handle(stage, DATAGRAM, (packet) => {
        assert.throws(() => act(packet), message);
        packet.accept();
        assert.throws(() => packet.reject(), VerdictError);
      }),
      ACCEPT,
    );
  }
  assert.equal(stage.kernel.sent.length, 0);
});

test("too little captured", limit, () => {
  using stage = new StandIn({ copyRange: 24 });
  const check = (packet: Packet) => {
    assert.throws(() => packet.reject(), TruncatedPacketError);
    packet.accept();
  };
  assert.equal(handle(stage, DATAGRAM, check), ACCEPT);
  assert.equal(handle(stage, SYN, check), ACCEPT);
  stage.queue.setCopyRange(40);
  const payload = new Uint8Array(1000);
  for (const fields of [SYN, DATAGRAM]) {
    assert.equal(handle(stage, { ...fields, payload }, (packet) => packet.reject()), DROP);
  }
  assert.equal(stage.kernel.sent.length, 2);
  assert.equal(parseLayers(stage.kernel.sent[0]!.bytes).tcp!.acknowledgmentNumber, 1001);
  assert.equal(stage.kernel.sent[1]!.bytes.length, 28 + 40);
});

test("the bridge family cannot be answered", limit, () => {
  using stage = new StandIn();
  const act = (packet: Packet) => {
    assert.throws(() => packet.reject(), /VerdictError.*bridge/);
    assert.throws(() => packet.reset(), /VerdictError.*bridge/);
    assert.throws(() => packet.answer(buildPacket(DATAGRAM)), /VerdictError.*bridge/);
    packet.drop();
  };
  assert.equal(handle(stage, SYN, act, { family: 7 }), DROP);
});

test("this library's own packets that are queued again pass unseen", limit, () => {
  using stage = new StandIn();
  const never = () => assert.fail("the handler saw it");
  const mark = PacketSender.defaultMark;
  assert.equal(handle(stage, DATAGRAM, never, { mark }), ACCEPT);
  // The next one is that of packets which are not tracked.
  assert.equal(handle(stage, DATAGRAM, never, { mark: mark + 1 }), ACCEPT);
  const { received, accepted, ownAccepted } = stage.queue.statistics;
  assert.deepEqual([received, accepted, ownAccepted], [2, 2, 2]);
  let seen = 0;
  handle(stage, DATAGRAM, () => void seen++, { mark: mark + 2 });
  assert.equal(seen, 1);
});

test("a closed queue sends nothing", limit, () => {
  using stage = new StandIn();
  let held: Packet | undefined;
  handle(stage, DATAGRAM, (packet) => {
    packet.hold();
    held = packet;
  });
  stage.queue.close();
  assert.throws(() => held!.send(buildPacket(DATAGRAM)), QueueClosedError);
  assert.throws(() => held!.reject(), VerdictError);
});

test("sent beside after the verdict", limit, () => {
  using stage = new StandIn();
  const bytes = buildPacket(DATAGRAM);
  handle(stage, DATAGRAM, (packet) => {
    packet.accept();
    packet.send(bytes);
    assert.equal(stage.kernel.outcomes.length, 1);
  });
  assert.deepEqual(stage.kernel.sent.map(({ bytes }) => bytes), [bytes]);
});

test("answersPerSecond is checked", limit, () => {
  assert.throws(() => new StandIn({ answersPerSecond: 0 }), /RangeError: answersPerSecond must be/);
});
