// What is no object where one is asked for, and lists where there is none: refused by name, at once.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  buildPacket,
  describeProblem,
  Flow,
  inspect,
  parseLayers,
  summary,
  WireError,
} from "../../src/packet/mod.ts";
import {
  encodeConfig,
  encodeConntrackChange,
  encodeExpectation,
  encodeIpqError,
  encodeIpqMode,
  encodeIpqPacket,
  encodeIpqVerdict,
  encodePacketMessage,
  encodeVerdict,
  encodeVerdictBatch,
  encodeVerdictChanges,
} from "../../src/netlink/mod.ts";
import { LIMIT } from "./samples.ts";

/** What a property could still be read of, and what not. */
const NONE: readonly unknown[] = [undefined, null, 5, "x", true, Symbol("x"), () => {}];

const ENCODERS: readonly ((fields: never) => Uint8Array)[] = [
  ...[encodeConfig, encodeConntrackChange, encodeExpectation, encodeIpqError, encodeIpqMode],
  ...[encodeIpqPacket, encodeIpqVerdict, encodePacketMessage, encodeVerdict, encodeVerdictBatch],
  encodeVerdictChanges,
];

test("a message that is no object", LIMIT, () => {
  for (const encode of ENCODERS) {
    for (const fields of NONE) {
      const error = { name: "TypeError", message: /^\w+ must be an object, got / };
      assert.throws(() => encode(fields as never), error, `${encode.name} of ${String(fields)}`);
    }
  }
});

test("a packet, a problem, or options that are no object", LIMIT, () => {
  const bytes = buildPacket({ ipv4: {}, udp: {} });
  const layers = parseLayers(bytes);
  for (const none of NONE) {
    const error = { name: "TypeError", message: /^\w+ must be an object, got / };
    const value = none as never;
    const calls: (() => unknown)[] = [
      () => Flow.of(value),
      () => inspect(value),
      () => summary(value),
      () => describeProblem(value),
      () => new WireError(value),
    ];
    if (none !== undefined) {
      calls.push(() => parseLayers(bytes, value));
      calls.push(() => inspect(layers, value), () => summary(layers, value));
    }
    for (const call of calls) assert.throws(call, error, `${call} with ${String(none)}`);
    assert.throws(() => layers.flow!.equals(value), {
      name: "TypeError",
      message: /^other must be/,
    });
  }
});

test("a part of a message that is no object", LIMIT, () => {
  const tuple = { source: "10.0.0.1" };
  const packet = { family: 2, queue: 1, sequence: 0, id: 1, hwProtocol: 0x800, hook: 3 };
  const parts: Readonly<Record<string, (part: never) => unknown>> = {
    timestamp: (timestamp) => encodePacketMessage({ ...packet, timestamp }),
    vlan: (vlan) => encodePacketMessage({ ...packet, vlan }),
    conntrack: (conntrack) => encodeVerdictChanges({ conntrack }),
    expectation: (expectation) => encodeVerdictChanges({ expectation }),
    tuple: (tuple) => encodeExpectation({ tuple, mask: {} }),
    mask: (mask) => encodeExpectation({ tuple, mask }),
  };
  for (const [name, encode] of Object.entries(parts)) {
    for (const part of NONE.filter((part) => part !== undefined || /tuple|mask/.test(name))) {
      const message = new RegExp(`^${name} must be an object, got `);
      assert.throws(() => encode(part as never), { name: "TypeError", message });
    }
  }
  for (const securityContext of [5, null, {}, Object.create(null), Symbol("x")]) {
    const error = { name: "TypeError", message: /^securityContext must be a string, got / };
    assert.throws(() => encodePacketMessage({ ...packet, securityContext } as never), error);
  }
  const message = /^vlan must be an object/;
  assert.throws(() => encodeVerdictChanges({ vlan: null as never }), { message });
});

test("lists in the place of headers, and lists of tags without an end", LIMIT, () => {
  // Reading all of it would take minutes.
  const list = new Array<never>(2 ** 32 - 1);
  assert.throws(
    () => buildPacket({ ethernet: {}, vlan: list }),
    /RangeError: vlan must have 0 to 16383 entries, got 4294967295/,
  );
  buildPacket({ ipv4: {}, tcp: list as never });
  assert.throws(() => buildPacket({ ethernet: {}, vlan: [{}, undefined as never] }), {
    ...{ name: "TypeError", message: "vlan must be an object, got undefined" },
  });
  assert.throws(() => buildPacket({ ipv4: {}, tcp: [{ mss: 5 }] as never }), /tcp has no "0"/);
  const length = Object.create(null) as never;
  assert.throws(() => buildPacket({ ipv4: {}, udp: { length } }), {
    ...{ name: "TypeError", message: /^udp\.length must be a number/ },
  });
});

test("a header whose fields only say that they are an array of bytes", LIMIT, () => {
  for (const layer of ["udp", "tcp", "ipv4", "icmp"]) {
    for (const fields of [Object.create(Uint8Array.prototype), new Uint8Array(8)]) {
      const error = { name: "TypeError", message: `${layer} must be an object of fields` };
      assert.throws(() => buildPacket({ ipv4: {}, [layer]: fields }), error);
    }
  }
});
