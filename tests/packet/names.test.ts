// A name that is none of a view's is never assigned in silence: the error says which was meant.

import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { ALIASES } from "../../src/base/alias_names.ts";
import { unknownKey } from "../../src/base/names.ts";
import {
  buildPacket,
  Flow,
  type Layers,
  parseEthernet,
  parseLayers,
} from "../../src/packet/mod.ts";
import { packetOf, PACKETS } from "./edits.ts";
import { LIMIT, own } from "./samples.ts";

interface Property {
  readonly name: string;
  readonly get: (() => unknown) | undefined;
  readonly set: ((value: unknown) => void) | undefined;
}

/** Every accessor of an object, those of its last class first; what is overridden is left out. */
function properties(view: object): Property[] {
  const found = new Map<string, Property>();
  for (let at = Object.getPrototypeOf(view); at !== Object.prototype; at = next(at)) {
    for (const [name, { get, set }] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      const accessor = get !== undefined || set !== undefined;
      if (accessor && !found.has(name)) found.set(name, { name, get, set });
    }
  }
  return [...found.values()];
}

const next = (at: object): object => Object.getPrototypeOf(at);

/** What of it can be assigned: the setters of a view's own prototype, which all work. */
function settersOf(view: object): string[] {
  const all = Object.getOwnPropertyDescriptors(Object.getPrototypeOf(view) as object);
  return Object.entries(all).filter(([, { set }]) => set !== undefined).map(([name]) => name);
}

/** One view of each kind, by the name that messages call it by, and the bytes that they show. */
function allViews(): Map<string, readonly [view: object, bytes: () => Uint8Array]> {
  const views = new Map<string, readonly [object, () => Uint8Array]>();
  const ethernet = { destination: "02:00:00:00:00:02", source: "02:00:00:00:00:01" } as const;
  const frames = [
    ...Object.values(PACKETS).map((fields) =>
      buildPacket({ ...fields, ethernet, vlan: { id: 7 } })
    ),
    buildPacket({ ethernet, arp: { senderProtocolAddress: "10.0.0.1" } }),
  ].map(parseEthernet);
  for (const { packetBytes: frame, ethernet, vlans: [vlan], layers } of frames) {
    const { ipv4, ipv6, tcp, udp, icmp, icmpv6, arp } = layers!;
    const here = { ethernet, vlan, ipv4, ipv6, tcp, udp, icmp, icmpv6, arp };
    for (const [name, view] of Object.entries(here)) {
      if (view !== undefined) views.set(name, [view, () => own(frame.subarray())]);
    }
  }
  assert.equal(views.size, 9);
  return views;
}

function assign(view: object, name: string, value: unknown = 1): void {
  (view as Record<string, unknown>)[name] = value;
}

/** The message of the TypeError that an assignment gets. */
function refusal(view: object, name: string, value: unknown = 1): string {
  let message = "";
  assert.throws(() => assign(view, name, value), (error: unknown) => {
    assert.ok(error instanceof TypeError, `${name}: ${error}`);
    message = error.message;
    return true;
  }, name);
  return message;
}

const udp = (): Layers => parseLayers(packetOf("UDP over IPv4"));
const tcp = (): Layers => parseLayers(packetOf("TCP over IPv4"));
const plain = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
const words = (name: string): string =>
  name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`.toLowerCase());

test("what scapy, C and the RFCs call a field", LIMIT, () => {
  const { ip, udp: view } = udp();
  assert.ok(view !== undefined && ip !== undefined);
  assert.equal(refusal(view, "dport"), "udp has no dport: it is destinationPort");
  assert.equal(refusal(view, "uh_sum"), "udp has no uh_sum: it is checksum");
  assert.equal(refusal(ip, "src", "10.0.0.9"), "ipv4 has no src: it is source");
  assert.equal(refusal(ip, "tos"), "ipv4 has no tos: it is dscp or ecn");
  assert.equal(refusal(tcp().tcp!, "window"), "tcp has no window: it is windowSize");
  assert.equal(
    refusal(ip, "dport"),
    "ipv4 has no dport: it is packet.tcp.destinationPort or packet.udp.destinationPort",
  );
  assert.equal(refusal(udp(), "ttl"), "layers has no ttl: it is layers.ip.ttl");
  assert.equal(refusal(view, "lenght"), "udp has no lenght: did you mean length?");
  assert.equal(
    refusal(view, "colour"),
    "udp has no colour; what can be assigned is sourcePort, destinationPort, length, checksum, payload",
  );
  assert.match(refusal(view, `a${"\n".repeat(1000)}`), /^udp has no "a(\\n){39}…"; what can be/);
});

test("every word of the table stands for properties that exist, and is told", LIMIT, () => {
  const views = allViews();
  let told = 0;
  for (const [view, table] of Object.entries(ALIASES)) {
    const [object, bytes] = views.get(view) ?? [];
    if (object === undefined || bytes === undefined) {
      assert.ok(["flow", "packet", "options", "filter"].includes(view), view);
      continue;
    }
    const names = properties(object).map(({ name }) => name);
    const before = bytes();
    for (const [property, aliases] of Object.entries(table)) {
      assert.ok(names.includes(property), `${view}.${property}`);
      for (const alias of aliases.split(" ")) {
        assert.equal(alias, plain(alias), `${view}: ${alias}`);
        assert.ok(!names.some((name) => plain(name) === alias), `${view}.${alias} exists`);
        assert.match(refusal(object, alias), new RegExp(`\\b${property}\\b`), `${view}.${alias}`);
        told++;
      }
    }
    assert.deepEqual(bytes(), before, view);
  }
  assert.ok(told > 250, `${told}`);
});

test("every slip in the name of every setter is caught, and no byte changes", LIMIT, () => {
  for (const [view, [object, bytes]] of allViews()) {
    const names = settersOf(object);
    const before = bytes();
    assert.ok(names.length >= 5, view);
    for (const name of names) {
      const value: unknown = Reflect.get(object, name);
      const slips = Array.from(name, (_, at) => [
        name.slice(0, at) + name.slice(at + 1),
        name.slice(0, at) + "q" + name.slice(at),
        name.slice(0, at) + name.slice(at, at + 2).split("").reverse().join("") +
        name.slice(at + 2),
      ]).flat();
      for (const slip of [...slips, words(name), name.toUpperCase(), `_${name}`, `${name} `]) {
        if (slip in object) continue;
        const message = refusal(object, slip, value);
        // Of a long name one letter is no other word.
        if (name.length > 5) {
          assert.match(message, new RegExp(`\\b${name}\\b`), `${view}: ${message}`);
        }
      }
    }
    for (const name of ["", "0", "\u0000", "x".repeat(10_000), "then"]) refusal(object, name);
    assert.deepEqual(bytes(), before, view);
    assert.deepEqual(Reflect.ownKeys(object), [], view);
  }
});

test("what can only be read says so", LIMIT, () => {
  const objects: [string, object][] = [...allViews()].map(([name, [view]]) => [name, view]);
  const layers = udp();
  objects.push(["layers", layers], ["flow", layers.flow!]);
  let count = 0;
  for (const [view, object] of objects) {
    const setters = view === "flow" || view === "layers" ? [] : settersOf(object);
    for (const { name, get } of properties(object)) {
      if (setters.includes(name) || get === undefined) continue;
      const before: unknown = get.call(object);
      const expected = `${view}.${name} cannot be assigned: it can only be read`;
      assert.equal(refusal(object, name, before), expected);
      assert.deepEqual(Reflect.get(object, name), before);
      count++;
    }
  }
  assert.ok(count > 25, `${count}`);
});

test("reading stays as it was, whoever reads", LIMIT, async () => {
  const layers = udp();
  const flow = layers.flow!;
  for (const object of [layers, layers.ip!, layers.udp!, flow]) {
    for (const name of ["dport", "then", "toJson", "length_", "0", "window"]) {
      assert.equal(Reflect.get(object, name), undefined, name);
      assert.equal(name in object, false, name);
    }
    assert.equal(await object, object);
    assert.ok(object instanceof Object);
    assert.equal(`${object.valueOf === Object.prototype.valueOf}`, "true");
    assert.deepEqual(object, object);
    assert.deepEqual({ ...object }, {});
    assert.deepEqual(structuredClone(object), {});
    assert.deepEqual(Object.keys(object), []);
    const seen: string[] = [];
    // deno-lint-ignore guard-for-in
    for (const name in object) seen.push(name);
    assert.deepEqual(seen, []);
    assert.match(inspect(object), /443|192\.0\.2\.200/);
    assert.ok(inspect(object, { customInspect: false, showHidden: true }).length > 0);
    assert.match(JSON.stringify(object), /443|192\.0\.2\.200/);
  }
  assert.equal(`${flow}`, flow.toString());
  assert.equal(Object.prototype.toString.call(flow), "[object Object]");
  assert.notDeepEqual(layers.udp, udp().ip);
});

test("what exists is assigned as before, in every way", LIMIT, () => {
  const { udp: view, ip, packetBytes: frame } = udp();
  assert.ok(view !== undefined && ip !== undefined);
  Object.assign(view, { destinationPort: 53, sourcePort: 7 });
  assert.equal(view.destinationPort, 53);
  assert.equal(Reflect.set(ip, "ttl", 9), true);
  assert.equal(frame.u8(8), 9);
  const before = own(frame.subarray());
  assert.throws(() => Object.assign(view, { dport: 54 }), /destinationPort/);
  assert.throws(() => Reflect.set(view, "dport", 54), /destinationPort/);
  assert.deepEqual(own(frame.subarray()), before);
  // A program's own: a symbol is no slip, nor is what is defined, nor a method that is replaced.
  const tag = Symbol("tag");
  Reflect.set(view, tag, 5);
  assert.equal(Reflect.get(view, tag), 5);
  Object.defineProperty(view, "dport", { value: 6, configurable: true });
  assert.equal(Reflect.get(view, "dport"), 6);
  view.toJSON = () => ({ own: true });
  assert.equal(JSON.stringify(view), '{"own":true}');
});

test("a subclass may have fields and setters of its own", LIMIT, () => {
  const base = udp().udp!.constructor as new (outline: unknown) => object;
  class Named extends base {
    note = "x";
    set alias(value: string) {
      this.note = value;
    }
  }
  // The view looks at what it is given only when it is read.
  const named = new Named({});
  named.alias = "y";
  assert.equal(named.note, "y");
  assert.throws(() => assign(named, "dport"), /^TypeError: udp has no dport/);
});

test("keys of what a packet is built of, and of options", LIMIT, () => {
  const build = (fields: object) => () => buildPacket(fields);
  assert.throws(
    build({ udp: { dport: 5 } }),
    /udp has no "dport"; it knows it as destinationPort$/,
  );
  assert.throws(build({ ipv4: { sorce: "10.0.0.1" } }), /ipv4 has no "sorce"; it knows source$/);
  assert.throws(build({ tcp: { window: 5 } }), /it knows it as windowSize$/);
  assert.equal(
    unknownKey("x", "constructor", ["one", "two"]),
    'x has no "constructor"; it knows one, two',
  );
  assert.equal(
    unknownKey("options", "max_len", ["maxLength"]),
    'options has no "max_len"; it knows it as maxLength',
  );
});

test("a flow is told apart", LIMIT, () => {
  const flow = Flow.of({ protocol: 17, source: "10.0.0.1", destination: "10.0.0.2" });
  assert.match(
    refusal(flow, "dport"),
    /^flow has no dport: it is destinationPort, which cannot be/,
  );
  assert.match(refusal(flow, "colour"), /^flow has no colour, and none of its properties can be/);
});
