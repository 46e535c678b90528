// Packets as JSON: complete, the same after a way through text, and enough to build them anew.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  buildPacket,
  type JsonObject,
  type JsonValue,
  type Layers,
  type PacketFields,
  parseEthernet,
  parseLayers,
} from "../../src/packet/mod.ts";
import { runs } from "../support/runtime/quick.ts";
import { counting, packetOf, PACKETS } from "./edits.ts";
import { hex, ICMP4, ICMP6, LIMIT, mutated, noise, own, TCP4, TCP6, u16, UDP4 } from "./samples.ts";

/** Properties that JSON leaves out, because another says the same. */
const OTHER_FORMS: ReadonlySet<string> = new Set([
  ...["sourceNumber", "destinationNumber", "sourceBytes", "destinationBytes"],
  ...["senderProtocolNumber", "targetProtocolNumber", "senderHardwareBytes"],
  ...["senderProtocolBytes", "targetHardwareBytes", "targetProtocolBytes"],
  ...["extensionHeaders"],
]);
/** The hop limit under IPv4's name. */
const ALIASES: Readonly<Record<string, string>> = { ttl: "hopLimit" };

const through = (value: object): JsonObject => JSON.parse(JSON.stringify(value)) as JsonObject;

const ETHERNET = buildPacket({
  ethernet: { source: "00:11:22:33:44:55", destination: "ff:ff:ff:ff:ff:ff" },
  vlan: [{ id: 5, priority: 7, dropEligible: true }, { id: 9 }],
  arp: { senderHardwareAddress: "00:11:22:33:44:55", senderProtocolAddress: "10.0.0.1" },
});

test("a packet's JSON", LIMIT, () => {
  assert.deepEqual(through(parseLayers(UDP4)), {
    ipv4: {
      ...{ version: 4, headerLength: 20, dscp: 0, ecn: 0, totalLength: 40, identification: 0 },
      ...{ reservedFlag: false, dontFragment: true, moreFragments: false, fragmentOffset: 0 },
      ...{ ttl: 64, protocol: 17, checksum: 0x3cc3, source: "127.0.0.1" },
      ...{ destination: "127.0.0.1", options: "", optionList: [] },
    },
    udp: { sourcePort: 5000, destinationPort: 53, length: 20, checksum: 0x5c17 },
    payload: "68656c6c6f20776f726c6421",
  });
  assert.deepEqual(through(parseLayers(TCP4.subarray(0, 30))), {
    ipv4: through(parseLayers(TCP4))["ipv4"],
    payload: "0fa000500000",
    malformed: { layer: "tcp header", offset: 24, need: 20, have: 6 },
  });
  const { tcp } = through(parseLayers(TCP4));
  assert.deepEqual(tcp, {
    ...{ sourcePort: 4000, destinationPort: 80, sequenceNumber: 1, acknowledgmentNumber: 0 },
    ...{ headerLength: 24, reserved: 0, flags: 2, fin: false, syn: true, rst: false, psh: false },
    ...{ ack: false, urg: false, ece: false, cwr: false, windowSize: 64240, checksum: 0x7942 },
    ...{ urgentPointer: 0, options: "020405b4", optionList: [{ kind: 2, data: "05b4" }] },
    ...{ mss: 1460, sackPermitted: false },
  });
  const { ipv6 } = through(parseLayers(TCP6));
  assert.deepEqual((ipv6 as JsonObject)["fragment"], {
    ...{ offset: 0, moreFragments: false, identification: 0xdeadbeef },
  });
  const { ethernet, vlans, arp } = through(parseEthernet(ETHERNET));
  assert.deepEqual(ethernet, {
    ...{ destination: "ff:ff:ff:ff:ff:ff", source: "00:11:22:33:44:55", etherType: 0x88a8 },
  });
  assert.deepEqual((vlans as JsonValue[])[1], {
    ...{ protocol: 0x8100, priority: 0, dropEligible: false, id: 9 },
    etherType: 0x806,
  });
  assert.equal((arp as JsonObject)["senderProtocolAddress"], "10.0.0.1");
  assert.deepEqual(through(parseEthernet(counting(3))), {
    malformed: { layer: "ethernet header", offset: 0, need: 14, have: 3 },
  });
});

test("a view's JSON has every property of the view, and its payload", LIMIT, () => {
  const samples = [TCP4, UDP4, ICMP4, ICMP6, TCP6, ...Object.keys(PACKETS).map(packetOf)];
  const redirect = buildPacket({ ipv4: {}, icmp: { type: 5, restOfHeader: 0x0a000001 } });
  const solicitation = buildPacket({ ipv6: {}, icmpv6: { type: 135 }, payload: counting(16) });
  let seen = 0;
  const check = (view: object | undefined) => {
    if (view === undefined) return;
    const json = through(view);
    const all = Object.getOwnPropertyDescriptors(Object.getPrototypeOf(view) as object);
    for (const [name, { get }] of Object.entries(all)) {
      if (get === undefined || OTHER_FORMS.has(name)) continue;
      const key = "hopLimit" in json ? ALIASES[name] ?? name : name;
      const value: unknown = Reflect.get(view, name);
      assert.deepEqual(json[key], value === undefined ? undefined : plain(value), name);
      seen++;
    }
  };
  for (const bytes of [...samples, redirect, solicitation]) {
    const { ipv4, ipv6, tcp, udp, icmp, icmpv6 } = parseLayers(bytes);
    for (const view of [ipv4, ipv6, tcp, udp, icmp, icmpv6]) check(view);
  }
  const { ethernet, vlans, layers } = parseEthernet(ETHERNET);
  for (const view of [ethernet, ...vlans, layers?.arp]) check(view);
  assert.ok(seen > 400, `${seen}`);
});

/** A second way from values to what JSON can hold. */
function plain(value: unknown): unknown {
  const text = JSON.stringify(value, (_key, inner: unknown) => {
    if (!(inner instanceof Uint8Array)) return inner;
    return Array.from(inner, (byte) => byte.toString(16).padStart(2, "0")).join("");
  });
  return JSON.parse(text) as unknown;
}

test("from its JSON a packet can be built anew", LIMIT, () => {
  for (const name of Object.keys(PACKETS)) {
    const bytes = packetOf(name);
    assert.deepEqual(buildPacket(fieldsOf(through(parseLayers(bytes)))), bytes, name);
  }
  const changed = fc.tuple(fc.constantFrom(...Object.keys(PACKETS)), u16, fc.boolean());
  fc.assert(
    fc.property(changed, ([name, number, wrong]) => {
      const bytes = packetOf(name);
      const layers = parseLayers(bytes);
      const view = layers.tcp ?? layers.udp;
      if (view !== undefined) view.sourcePort = number;
      if (view !== undefined && wrong) view.checksum = number;
      assert.deepEqual(buildPacket(fieldsOf(through(layers))), bytes);
    }),
    { numRuns: runs(200) },
  );
  assert.deepEqual(buildPacket(fieldsOf(through(parseEthernet(ETHERNET)))), ETHERNET);
});

/** The fields of `buildPacket` from JSON: bytes for hex, and the names it has for two of them. */
function fieldsOf(json: JsonObject): PacketFields {
  const { ethernet, vlans, payload, ...headers } = json as Record<string, JsonValue>;
  const fields: Record<string, unknown> = { payload: hex(payload as string) };
  if (ethernet !== undefined) {
    const tags = (vlans ?? []) as JsonObject[];
    const { etherType } = tags.at(-1) ?? ethernet as JsonObject;
    fields["ethernet"] = { ...ethernet as JsonObject, etherType };
    fields["vlan"] = tags;
  }
  for (const [name, header] of Object.entries(headers)) {
    const { options, extensions, mss, windowScale, sackPermitted, sack, timestamps, ...rest } =
      header as JsonObject;
    // All of these are options, which come as bytes.
    void [mss, windowScale, sackPermitted, sack, timestamps];
    fields[name] = {
      ...rest,
      ...(typeof options === "string" && { options: hex(options) }),
      ...(extensions !== undefined && {
        extensions: (extensions as JsonObject[]).map(({ protocol, data }) => ({
          protocol,
          data: hex(data as string),
        })),
      }),
    };
  }
  return fields;
}

test("any bytes: JSON never throws, and its size keeps to theirs", LIMIT, () => {
  const samples = [TCP4, UDP4, ICMP4, ICMP6, TCP6, ETHERNET];
  const input = fc.oneof(mutated(fc.constantFrom(...samples)), noise());
  fc.assert(
    fc.property(input, fc.constantFrom(0, 0x800, 0x86dd, 0x806), (bytes, protocol) => {
      for (const packet of [parseLayers(bytes, { protocol }), parseEthernet(bytes)]) {
        const text = JSON.stringify(packet);
        assert.ok(text.length <= 2500 + 40 * bytes.length, `${text.length}`);
        const json = JSON.parse(text) as JsonObject;
        assert.ok(typeof json === "object");
      }
    }),
    { numRuns: runs(3000) },
  );
  // Padding of one byte has the worst ratio: an object for each.
  const worst = buildPacket({
    ipv6: { extensions: [0, 60].map((protocol) => ({ protocol, data: new Uint8Array(2046) })) },
    payload: new Uint8Array(60_000),
  });
  assert.ok(JSON.stringify(parseLayers(worst)).length < 300_000);
});

test("views without memory", LIMIT, () => {
  const layers: Layers = parseLayers(TCP4.slice());
  const { ipv4, tcp } = layers;
  const INSPECT = Symbol.for("nodejs.util.inspect.custom");
  const shown = (value: object | undefined): unknown => {
    assert.ok(value !== undefined);
    return (Reflect.get(value, INSPECT) as () => unknown).call(value);
  };
  assert.deepEqual(shown(tcp), tcp?.toJSON());
  assert.deepEqual(own(layers.bytes.subarray()), TCP4);
  layers.bytes.release();
  for (const view of [layers, ipv4, tcp]) {
    assert.throws(() => JSON.stringify(view), { name: "PacketReleasedError" });
    assert.match(String(shown(view)), /^\[PacketReleasedError: /);
  }
});
