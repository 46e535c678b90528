// Any bytes: everything that can be asked of a packet, by what the prototypes have, answers or throws
// what is documented, comes to an end, and reads nothing outside.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  buildPacket,
  type EthernetLayers,
  Flow,
  inspect,
  type Layers,
  parseEthernet,
  parseLayers,
  summary,
} from "../../src/packet/mod.ts";
import { runs } from "../support/runtime/quick.ts";
import { counting, packetOf, PACKETS } from "./edits.ts";
import { embed, LIMIT, mutated, noise } from "./samples.ts";

const SHOW = Symbol.for("nodejs.util.inspect.custom");
/** Methods without arguments that only read. */
const METHODS: readonly PropertyKey[] = ["toString", "toJSON", SHOW, "reversed"];

/** Every getter and reading method, and those of the objects that they give; bytes as they are then. */
function readAll(value: unknown, depth: number = 0): unknown {
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map((entry) => readAll(entry, depth));
  if (typeof value !== "object" || value === null) return value;
  const seen: [string, unknown][] = Object.entries(value)
    .filter(([name]) => name !== "packetBytes").map((
      [name, inner],
    ) => [name, readAll(inner, depth + 1)]);
  const prototype = Object.getPrototypeOf(value) as object;
  // Packets in packets, and the frame with its memory, are not gone into.
  if (prototype === Object.prototype || depth > 3) return seen;
  const all = Object.getOwnPropertyDescriptors(prototype) as Record<
    PropertyKey,
    PropertyDescriptor
  >;
  for (const name of Reflect.ownKeys(all)) {
    const { get, value: method } = all[name]!;
    if (name === "packetBytes") continue;
    if (get !== undefined) {
      seen.push([String(name), readAll(get.call(value), depth + 1)]);
    } else if (METHODS.includes(name)) {
      const result: unknown = (method as () => unknown).call(value);
      seen.push([`${String(name)}()`, result instanceof Flow ? String(result) : result]);
    }
  }
  return seen;
}

/** The same with the numbers of words, and with what is made of whole packets. */
function everything(packet: Layers | EthernetLayers): unknown {
  const layers = "ip" in packet ? packet : packet.layers;
  const words = ([0, 1, 2, 3] as const).map((index) => [
    layers?.ipv6?.sourceWord(index),
    layers?.ipv6?.destinationWord(index),
  ]);
  const flow = layers?.flow;
  assert.equal(flow === undefined, layers?.ip === undefined);
  if (flow !== undefined) {
    const back = flow.reversed();
    assert.deepEqual([back.key, back.hash], [flow.key, flow.hash]);
    assert.ok(Flow.of(flow.toJSON()).equals(flow));
  }
  return [readAll(packet), words, summary(packet), inspect(packet), JSON.stringify(packet)];
}

const quoting = buildPacket({
  ipv4: {},
  icmp: { type: 3, code: 3 },
  payload: buildPacket({ ipv4: {}, icmp: { type: 11 }, payload: packetOf("ICMP unreachable") }),
});
const arp = buildPacket({ arp: { senderProtocolAddress: "10.0.0.1" } });
const packets = [...Object.keys(PACKETS).map(packetOf), quoting, arp];
const ethernet = Uint8Array.from([...counting(12), 0x81, 0, 0x20, 5, 0x88, 0xa8, 0, 7]);
const framed = packets.map((bytes) => {
  const type = bytes === arp ? [8, 6] : bytes[0]! >> 4 === 4 ? [8, 0] : [0x86, 0xdd];
  return Uint8Array.from([...ethernet, ...type, ...bytes]);
});
/** Noise that begins like an IP header. */
const headed = noise(140).map((bytes) =>
  bytes.map((byte, at) => at === 0 ? (byte & 0x0f) | ((byte & 0x10) !== 0 ? 0x40 : 0x60) : byte)
);

test("any bytes: all that can be read of a packet", LIMIT, () => {
  const input = fc.oneof(mutated(fc.constantFrom(...packets, ...framed)), headed, noise(300));
  fc.assert(
    fc.property(input, fc.constantFrom(0, 0x800, 0x86dd, 0x806, 1), (bytes, protocol) => {
      const [zeros, ones] = [0x00, 0xff].map((fill) => {
        const inside = embed(bytes, fill);
        return [parseLayers(inside, { protocol }), parseEthernet(inside)].map(everything);
      });
      assert.deepEqual(zeros, ones);
    }),
    { numRuns: runs(2500) },
  );
});
