// One verdict for all fragments; changed packets go on in fragments; limits, and what happens at each.

import assert from "node:assert/strict";
import { test } from "node:test";
import { finishChecksums, parseLayers } from "../../../src/packet/mod.ts";
import {
  Datagrams,
  type DatagramsOptions,
  type IncompleteDatagram,
} from "../../../src/streams/mod.ts";
import type { Packet } from "../../../mod.ts";
import { testKernel } from "../../../src/testing/mod.ts";
import { until } from "../../support/runtime/waiting.ts";
import { fragmentsOf, hand, joined, MadePacket, udpPacket, type Version } from "./made.ts";

const timeout = 60_000;
type Callback = DatagramsOptions<MadePacket>["datagram"];

/** Hands over the fragments of a packet. */
function run(
  parts: readonly Uint8Array[],
  datagram: Callback,
): { readonly packets: readonly MadePacket[]; readonly error: unknown } {
  using datagrams = new Datagrams({ datagram });
  const packets = parts.map((bytes) => new MadePacket(bytes));
  let error: unknown;
  for (const packet of packets) {
    try {
      hand(datagrams, packet);
    } catch (thrown) {
      error = thrown;
    }
  }
  return { packets, error };
}

const whole = (version: Version) => udpPacket(version, 1000);
const parts = (version: Version) => fragmentsOf(whole(version), [304, 608, 912]);

for (const version of [4, 6] as const) {
  test(`each verdict is that of every fragment, IPv${version}`, { timeout }, () => {
    const verdicts = [[0, "drop"], [1, "accept"], [4, "repeat"], [5, "stop"]] as const;
    for (const [verdict, method] of verdicts) {
      let calls = 0;
      const { packets } = run(parts(version), () => {
        calls++;
        return verdict;
      });
      assert.equal(calls, 1);
      assert.deepEqual(packets.map((packet) => packet.method), [method, method, method, method]);
      assert.ok(packets.every(({ replacement }) => replacement === undefined));
    }
  });

  test(`a packet that is none goes through the callback too, IPv${version}`, { timeout }, () => {
    const { packets: [accepted] } = run([whole(version)], ({ udp, fragments }) => {
      assert.equal(fragments, 1);
      udp!.destinationPort = 9;
      return 1;
    });
    assert.equal(parseLayers(accepted!.passed!).udp!.destinationPort, 9);
    const { packets: [dropped] } = run([whole(version)], () => 0);
    assert.equal(dropped!.method, "drop");
  });

  test(`changed packets of every length, IPv${version}`, { timeout }, () => {
    for (
      const size of [0, 1, 7, 8, 200, 296, 297, 999, 1000, 1001, 1207, 1208, 1209, 4000, 50_000]
    ) {
      for (const way of ["edited", "given"] as const) {
        const { packets, error } = run(parts(version), (datagram) => {
          datagram.udp!.payload = new Uint8Array(size).fill(7);
          return way === "edited" ? 1 : datagram.bytes;
        });
        assert.equal(error, undefined);
        const passed = packets.flatMap((
          { passed, sent },
        ) => [...(passed ? [passed] : []), ...sent]);
        const got = joined(passed)!;
        const { ip, udp, malformed } = parseLayers(got);
        assert.deepEqual([malformed, udp!.payload.length], [undefined, size], `${size} ${way}`);
        assert.ok(udp!.payload.every((byte) => byte === 7));
        const checked = got.slice();
        finishChecksums(checked);
        assert.deepEqual(got, checked);
        assert.equal(ip!.version, version);
        const most = Math.max(...parts(version).map(({ length }) => length));
        const larger = passed.filter(({ length }) => length > most);
        // Only IPv4 lets the kernel split what is left.
        assert.ok(larger.length === 0 || (version === 4 && larger.length === 1 && size > 1000));
        const sent = packets.flatMap(({ sent }) => sent);
        assert.equal(sent.length > 0, version === 6 && size > 1208, `${size}`);
        if (sent.length > 0) assert.ok(packets.every(({ method }) => method === "drop"));
        assert.ok(packets.every(({ method }) => method !== undefined));
      }
    }
  });

  test(`what throws drops all fragments, IPv${version}`, { timeout }, () => {
    const wrong: readonly (readonly [Callback, object])[] = [
      [() => {
        throw new Error("mine");
      }, { message: "mine" }],
      [() => undefined as never, TypeError],
      [() => 7 as never, TypeError],
      [() => Promise.resolve(1) as never, /asynchronous/],
      [() => new Uint8Array(0), RangeError],
      [() => whole(version === 4 ? 6 : 4), RangeError],
      [() => whole(version).subarray(0, 500), RangeError],
      [() => parts(version)[0]!, RangeError],
    ];
    for (const [at, [callback, expected]] of wrong.entries()) {
      const { packets, error } = run(parts(version), callback);
      assert.throws(
        () => {
          throw error;
        },
        expected as RegExp,
        `case ${at}`,
      );
      assert.ok(packets.every(({ method }) => method === "drop"), `case ${at}`);
      // Of a packet that is no fragment the queue decides.
      const single = new MadePacket(whole(version));
      using datagrams = new Datagrams({ datagram: callback });
      assert.throws(() => hand(datagrams, single));
      assert.equal(single.method, undefined);
    }
  });
}

test("IPv4 that must not be split is sent, as IPv6 is", { timeout }, () => {
  const packet = udpPacket(4, 1000, { dontFragment: true });
  const { packets } = run(fragmentsOf(packet, [304, 608]), ({ udp }) => {
    udp!.payload = new Uint8Array(3000).fill(7);
    return 1;
  });
  const sent = packets.flatMap(({ sent }) => sent);
  assert.equal(joined(sent)!.length, 3028);
  assert.ok(sent.every(({ length }) => length <= 420));
  assert.ok(sent.every((bytes) => (bytes[6]! & 0x40) !== 0));
});

test("a fragment that somebody else has decided is left alone", { timeout }, () => {
  const [a, b, c] = fragmentsOf(whole(4), [304, 608]).map((bytes) => new MadePacket(bytes));
  using datagrams = new Datagrams<MadePacket>({ datagram: () => 1 });
  hand(datagrams, a!);
  a!.drop();
  hand(datagrams, b!);
  hand(datagrams, c!);
  assert.deepEqual([a!.method, b!.method, c!.method], ["drop", "accept", "accept"]);
});

/** A first fragment of another datagram each. */
const first = (identification: number, size = 64) =>
  new MadePacket(fragmentsOf(udpPacket(4, 2 * size), [size], identification)[0]!);
const second = (identification: number, size = 64) =>
  new MadePacket(fragmentsOf(udpPacket(4, 2 * size), [size], identification)[1]!);

for (const incomplete of ["drop", "pass"] as const) {
  const method = incomplete === "drop" ? "drop" : "accept";
  const open = (limits: object) => {
    const given: IncompleteDatagram[] = [];
    const datagrams = new Datagrams<MadePacket>({
      datagram: () => 1,
      ...{ limits, incomplete, onIncomplete: (one: IncompleteDatagram) => given.push(one) },
    });
    return { given, datagrams, [Symbol.dispose]: () => datagrams.close() };
  };

  test(`too many datagrams: the oldest goes, ${incomplete}`, { timeout }, () => {
    using state = open({ datagrams: 3 });
    const packets = [1, 2, 3, 4].map((id) => hand(state.datagrams, first(id)));
    assert.deepEqual(packets.map(({ method }) => method), [
      ...[method, undefined, undefined, undefined],
    ]);
    assert.deepEqual(
      state.given.map(({ reason, then, fragments, bytes }) => [
        ...[reason, then, fragments, bytes],
      ]),
      [["datagrams", incomplete, 1, 64]],
    );
    // The rest of it fares alike, at once.
    assert.equal(hand(state.datagrams, second(1)).method, method);
    assert.equal(hand(state.datagrams, second(2)).method, "accept");
    assert.equal(state.datagrams.statistics.assembled, 1);
  });

  test(`too many fragments and bytes, ${incomplete}`, { timeout }, () => {
    using few = open({ fragments: 2 });
    const packets = [1, 2, 3].map((id) => hand(few.datagrams, first(id)));
    assert.deepEqual(packets.map(({ method }) => method), [method, undefined, undefined]);
    assert.equal(few.given[0]!.reason, "fragments");
    // One datagram of more fragments than may wait ends itself.
    const many = fragmentsOf(udpPacket(4, 200), [8, 16, 24], 9).map((one) => new MadePacket(one));
    for (const packet of many) hand(few.datagrams, packet);
    assert.ok(many.every((packet) => packet.method === method));
    assert.equal(few.datagrams.statistics.waitingFragments, 0);

    using small = open({ bytes: 65_536 });
    const large = [1, 2, 3].map((id) => hand(small.datagrams, first(id, 32_000)));
    assert.deepEqual(large.map(({ method }) => method), [method, undefined, undefined]);
    assert.equal(small.given[0]!.reason, "bytes");
    assert.ok(small.datagrams.statistics.waitingBytes <= 65_536);
  });

  test(`too late, by the timer, ${incomplete}`, { timeout }, async () => {
    using state = open({ milliseconds: 30 });
    const packet = hand(state.datagrams, first(1));
    await until(() => packet.method !== undefined, { what: "it is given up" });
    assert.equal(packet.method, method);
    assert.equal(state.given[0]!.reason, "time");
    // What comes later is another datagram.
    assert.equal(hand(state.datagrams, second(1)).method, undefined);
    assert.equal(state.datagrams.statistics.incomplete.time, 1);
  });

  test(`close gives everything up, ${incomplete}`, { timeout }, () => {
    using state = open({});
    const packets = [1, 2].map((id) => hand(state.datagrams, first(id)));
    state.datagrams.close();
    state.datagrams.close();
    assert.deepEqual(packets.map((packet) => packet.method), [method, method]);
    assert.equal(state.datagrams.statistics.incomplete.closed, 2);
    assert.equal(state.datagrams.statistics.waitingBytes, 0);
  });

  test(`a fragment that was cut, ${incomplete}`, { timeout }, () => {
    using state = open({});
    const [bytes] = parts(4);
    const packet = new MadePacket(bytes!.subarray(0, 100), { truncated: true });
    assert.equal(hand(state.datagrams, packet).method, method);
    assert.deepEqual(state.given.map(({ reason }) => reason), ["truncated"]);
    assert.match(state.given[0]!.message, /copyRange/);
  });
}

test("the test kit's packets are put together too", { timeout }, async () => {
  for (const version of [4, 6] as const) {
    const kernel = testKernel();
    const queue = kernel.open(0);
    const flows: string[] = [];
    using datagrams = new Datagrams<Packet>({
      datagram: ({ udp, flow, packet, fragments }) => {
        flows.push(`${packet.hook} ${fragments} ${flow?.destinationPort}`);
        udp!.destinationPort = 4444;
        return 1;
      },
    });
    const done = queue.run(datagrams.handler);
    const all = [...parts(version).toReversed(), whole(version)];
    const results = await Promise.all(
      all.map((bytes) => kernel.send(bytes, { hook: "prerouting" })),
    );
    queue.close();
    await done;
    assert.deepEqual(flows, ["prerouting 4 2222", "prerouting 1 2222"]);
    const alone = results.pop()!;
    for (const bytes of [joined(results.map(({ bytes }) => bytes))!, alone.bytes]) {
      assert.equal(parseLayers(bytes).udp!.destinationPort, 4444);
    }
  }
});

test("options are checked", { timeout }, () => {
  const datagram: Callback = () => 1;
  const wrong: readonly (readonly [unknown, RegExp])[] = [
    [undefined, /options/],
    [{}, /datagram must be a function/],
    [{ datagram, limit: {} }, /limits/],
    [{ datagram, limits: { fragments: 1 } }, /limits\.fragments/],
    [{ datagram, limits: { bytes: 1000 } }, /limits\.bytes/],
    [{ datagram, limits: { datagrams: 0 } }, /limits\.datagrams/],
    [{ datagram, limits: { milliseconds: -1 } }, /limits\.milliseconds/],
    [{ datagram, limits: { seconds: 1 } }, /seconds/],
    [{ datagram, incomplete: "accept" }, /incomplete/],
    [{ datagram, onIncomplete: 5 }, /onIncomplete/],
  ];
  for (const [options, message] of wrong) {
    assert.throws(() => new Datagrams(options as never), (error: Error) => {
      assert.ok(error instanceof TypeError || error instanceof RangeError);
      assert.match(error.message, message);
      return true;
    });
  }
});
