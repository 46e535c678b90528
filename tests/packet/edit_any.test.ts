// Any setter of any view, found on the prototypes, with values of all sorts in any order: lengths and
// checksums are what a full computation gives, what throws has changed nothing, and no byte outside
// the packet is touched.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import * as packets from "../../src/packet/mod.ts";
import {
  buildPacket,
  finishChecksums,
  type Layers,
  parseEthernet,
  WireError,
} from "../../src/packet/mod.ts";
import { runs } from "../support/runtime/quick.ts";
import { counting, PACKETS } from "./edits.ts";
import { embed, LIMIT, mutated, own } from "./samples.ts";

const VIEWS: readonly (readonly [name: string, prototype: object])[] = Object.entries(packets)
  .flatMap(([name, view]) =>
    name.endsWith("View") && typeof view === "function" ? [[name, view.prototype as object]] : []
  );

/** The setters of a view's prototype. */
function settersOf(prototype: object): string[] {
  return Object.entries(Object.getOwnPropertyDescriptors(prototype))
    .filter(([, { set }]) => set !== undefined).map(([name]) => name);
}

const ethernet = { destination: "02:00:00:00:00:02", source: "02:00:00:00:00:01" } as const;
const vlan = [{ id: 7, priority: 3 }, { id: 8 }] as const;
const FRAMES: readonly Uint8Array[] = [
  ...Object.values(PACKETS).map((fields) => buildPacket({ ...fields, ethernet, vlan })),
  buildPacket({ ethernet, vlan, arp: { senderProtocolAddress: "10.0.0.1" } }),
];

/** Fields that tell what the packet is, and may lie. */
const STRUCTURE: ReadonlySet<string> = new Set([
  ...["Ipv4View.headerLength", "Ipv4View.totalLength", "Ipv4View.moreFragments"],
  ...["Ipv4View.fragmentOffset", "Ipv4View.protocol", "Ipv6View.payloadLength"],
  ...["Ipv6View.nextHeader", "Ipv6View.protocol", "Ipv6View.fragment", "Ipv6View.extensions"],
  ...["TcpView.headerLength", "UdpView.length"],
  // A whole other upper layer, with lengths of its own; and a route that leads nowhere.
  ...["Ipv4View.payload", "Ipv6View.payload", "Ipv6View.routing"],
]);

const data = counting(5);
const NUMBERS = [0, 1, 3, 4, 6, 7, 8, 14, 20, 24, 40, 59, 255, 1480, 0x8000, 0xffff, 0xffffffff];
/** Values of all sorts; most setters take a few of them. */
const VALUES: readonly unknown[] = [
  ...[...NUMBERS, -1, 0.5, NaN, 0n, 2n ** 128n - 1n, -1n, true, false, null, undefined, "x"],
  ...["10.9.8.7", "0.0.0.0", "fe80::1", "::", "0a:1b:2c:3d:4e:5f", "ff:ff:ff:ff:ff:ff"],
  ...[0, 1, 4, 6, 7, 16, 33, 40].map((length) => counting(length)),
  ...[[], [{ type: 148, data: new Uint8Array(2) }], [{ type: 0x1e, data }, { type: 1, data }]],
  ...[[{ kind: 253, data }], [{ kind: 2, data: counting(2) }, { kind: 1, data: new Uint8Array() }]],
  ...[[{ left: 1, right: 2 }], [{ left: 0, right: 0xffffffff }, { left: -1, right: 0 }]],
  ...[[{ protocol: 60, data }], [{ protocol: 0, data }, { protocol: 44, data: new Uint8Array(6) }]],
  { value: 1, echoReply: 0xffffffff },
  { offset: 8, moreFragments: true, identification: 3 },
  { offset: 0, moreFragments: false, identification: 0xffffffff },
  { type: 0, segmentsLeft: 0, data: new Uint8Array(4) },
  { type: 4, segmentsLeft: 1, data: counting(20) },
  { securityParametersIndex: 1, sequenceNumber: 2, integrityCheckValue: counting(8) },
];

/** A view, a setter, and a value, as numbers that are brought into range. */
const edits = fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat(), fc.boolean()), { maxLength: 12 });

function viewsOf({ ethernet, vlans, layers }: packets.EthernetLayers): object[] {
  const { ip, arp, tcp, udp, icmp, icmpv6 } = layers ?? {};
  return [ethernet, ...vlans, ip, ip, arp, arp, tcp, tcp, udp, icmp, icmpv6]
    .filter((view) => view !== undefined);
}

/** Assigns one value, or the one that is there; returns the setter's name, if it took it. */
function assignAny(
  frame: packets.EthernetLayers,
  [which, setter, pick, same]: readonly [number, number, number, boolean],
): string | undefined {
  const views = viewsOf(frame);
  const view = views[which % views.length];
  if (view === undefined) return undefined;
  const names = settersOf(Object.getPrototypeOf(view) as object);
  const field = names[setter % names.length]!;
  const old: unknown = Reflect.get(view, field);
  // Of the type of what is there most are taken.
  const fitting = VALUES.filter((value) => typeof value === typeof old);
  const values = same && fitting.length > 0 ? fitting : VALUES;
  return assign(frame, view, field, pick % 9 === 0 ? old : values[pick % values.length]);
}

function assign(
  { bytes: frame }: packets.EthernetLayers,
  view: object,
  field: string,
  value: unknown,
): string | undefined {
  const name = `${view.constructor.name}.${field}`;
  const before = own(frame.subarray());
  try {
    Reflect.set(view, field, value);
    return name;
  } catch (error) {
    const known = error instanceof RangeError || error instanceof TypeError ||
      error instanceof WireError;
    assert.ok(known, `${name}: ${error}`);
    assert.deepEqual(own(frame.subarray()), before, name);
    return undefined;
  }
}

function checkLengths(
  { ipv4, ipv6, tcp, udp, bytes: frame, networkOffset }: Layers,
  why: string,
): void {
  const length = frame.length - networkOffset;
  if (ipv4 !== undefined) assert.equal(ipv4.totalLength, length, why);
  if (ipv6 !== undefined) assert.equal(40 + ipv6.payloadLength, length, why);
  const rest = length - ((ipv4 ?? ipv6)?.headerLength ?? 0);
  if (udp !== undefined) assert.equal(udp.length, rest, why);
  if (tcp !== undefined) assert.equal(tcp.headerLength + tcp.payload.length, rest, why);
}

function checkSums({ bytes: frame, networkOffset, udp, ip }: Layers, why: string): void {
  const bytes = own(frame.subarray(networkOffset));
  const expected = finishChecksums(bytes.slice());
  if (udp?.checksum === 0) expected.set([0, 0], ip!.headerLength + 6);
  assert.deepEqual(bytes, expected, why);
}

/** Lengths and checksums, as far as the edits so far leave them to the library. */
function check({ layers }: packets.EthernetLayers, done: readonly string[]): void {
  if (layers?.ip === undefined) return;
  const why = done.join(", ");
  if (!done.some((name) => STRUCTURE.has(name))) checkLengths(layers, why);
  // A checksum stands as it is given; what lies about layers may find zeros in the place of one.
  if (done.some((name) => name.endsWith(".checksum"))) return;
  if (layers.udp?.checksum !== 0) checkSums(layers, why);
}

function checkAround(inside: Uint8Array): void {
  const { buffer, byteOffset, length } = inside;
  const around = [new Uint8Array(buffer, 0, byteOffset)];
  around.push(new Uint8Array(buffer, byteOffset + length));
  for (const margin of around) assert.ok(margin.every((byte) => byte === 0xee));
}

test("every setter once with every value, in every packet that has it", LIMIT, () => {
  const used = new Set<string>();
  for (const bytes of FRAMES) {
    const names = viewsOf(parseEthernet(bytes))
      .map((view) => settersOf(Object.getPrototypeOf(view) as object));
    for (const [which, fields] of names.entries()) {
      for (const field of fields) {
        for (const value of VALUES) {
          const inside = embed(bytes, 0xee, 256);
          const frame = parseEthernet(inside);
          const name = assign(frame, viewsOf(frame)[which]!, field, value);
          if (name === undefined) continue;
          used.add(name);
          check(frame, [name]);
          checkAround(inside);
        }
      }
    }
  }
  const all = VIEWS.flatMap(([name, view]) => settersOf(view).map((field) => `${name}.${field}`));
  assert.ok(all.length > 120, `${all.length}`);
  assert.deepEqual(all.filter((name) => !used.has(name)), []);
});

test("any setters, any values: lengths and checksums", LIMIT, () => {
  fc.assert(
    fc.property(fc.constantFrom(...FRAMES), edits, (bytes, edits) => {
      const inside = embed(bytes, 0xee, 256);
      const frame = parseEthernet(inside);
      const done: string[] = [];
      let unsummed = false;
      for (const edit of edits) {
        const name = assignAny(frame, edit);
        if (name === undefined) continue;
        done.push(name);
        unsummed ||= frame.layers?.udp?.checksum === 0;
        if (!unsummed) check(frame, done);
      }
      checkAround(inside);
    }),
    { numRuns: runs(6000) },
  );
});

test("any setters, any values, any bytes: documented errors, nothing outside", LIMIT, () => {
  fc.assert(
    fc.property(mutated(fc.constantFrom(...FRAMES)), edits, (bytes, edits) => {
      const inside = embed(bytes, 0xee, 256);
      const frame = parseEthernet(inside);
      for (const edit of edits) assignAny(frame, edit);
      checkAround(inside);
    }),
    { numRuns: runs(4000) },
  );
});
