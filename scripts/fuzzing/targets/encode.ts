/** Messages that are written, of fields of all sorts. */
import * as netlink from "../../../src/netlink/mod.ts";
import { FULL_FIELDS } from "../../../tests/netlink/ip_queue_samples.ts";
import { digestBytes } from "../digest.ts";
import { DOCUMENTED } from "../errors.ts";
import type { Random } from "../random.ts";
import { Finding, insist, requireDocumented, type Target } from "../target.ts";
import { chooseValue, NO_SCENE, type Sort, sortOf, VALUES } from "../values.ts";

/** What writes a message of an object, what reads it back, and an object with every field. */
interface Encoder {
  readonly name: string;
  readonly encode: (fields: never) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => unknown;
  readonly fields: Readonly<Record<string, unknown>>;
}

const bytes = Uint8Array.from([1, 2, 3, 4, 5, 6]);
const tuple = {
  ...{ source: "10.0.0.1", destination: "10.0.0.2", protocol: 6, sourcePort: 1 },
  ...{ destinationPort: 2, icmpIdentifier: 3, icmpType: 4, icmpCode: 5, zone: 6 },
};
const vlan = { protocol: 0x8100, tci: 5 };
const change = {
  ...{ mark: 1, markMask: 2, labels: [1, 2], labelsMask: [3], timeout: 4, status: 5 },
};
const expectation = { tuple, mask: tuple, helper: "ftp", class: 1, flags: 1 };
const batch = { queue: 1, id: 2, verdict: 1, mark: 3, sequence: 4 };
const changes = { priority: 1, vlan, layer2Header: bytes, conntrack: change, expectation };

/** The attributes of changes, as a verdict with them is read. */
function decodeChanges(attributes: Uint8Array): netlink.QueueVerdictChanges {
  const message = new Uint8Array(new ArrayBuffer(32 + attributes.length));
  message.set(netlink.encodeVerdict({ queue: 0, id: 0, verdict: 1 }));
  message.set(attributes, 32);
  new DataView(message.buffer).setUint32(0, message.length, true);
  const { priority, vlan, layer2Header, conntrack, expectation } = netlink.decodeVerdict(message);
  return {
    ...(priority !== undefined && { priority }),
    ...(vlan !== undefined && { vlan }),
    ...(layer2Header !== undefined && { layer2Header }),
    ...(conntrack !== undefined && { conntrack }),
    ...(expectation !== undefined && { expectation }),
  };
}

const ENCODERS: readonly Encoder[] = [
  {
    ...{ name: "verdict", encode: netlink.encodeVerdict, decode: netlink.decodeVerdict },
    fields: { ...batch, ...changes, payload: bytes },
  },
  {
    ...{ name: "batch", encode: netlink.encodeVerdictBatch, decode: netlink.decodeVerdictBatch },
    fields: batch,
  },
  { name: "changes", encode: netlink.encodeVerdictChanges, decode: decodeChanges, fields: changes },
  {
    ...{ name: "config", encode: netlink.encodeConfig, decode: netlink.decodeConfig },
    fields: {
      ...{ queue: 1, sequence: 2, acknowledge: true, command: "bind", family: 2 },
      ...{ copyMode: "packet", copyRange: 3, maxLength: 4, flags: 1, mask: 1 },
    },
  },
  {
    ...{ name: "packet", encode: netlink.encodePacketMessage, decode: netlink.decodePacketMessage },
    fields: {
      ...{ family: 2, queue: 1, sequence: 0, id: 1, hwProtocol: 0x800, hook: 3, mark: 5 },
      ...{ timestamp: { seconds: 1, microseconds: 2 }, inDeviceIndex: 1, outDeviceIndex: 2 },
      ...{ physicalInDeviceIndex: 1, physicalOutDeviceIndex: 2, hardwareAddress: bytes },
      ...{ payload: bytes, captureLength: 9, skbInfo: 1, uid: 1, gid: 1, securityContext: "a" },
      ...{ vlan, layer2Header: bytes, priority: 1, cgroupClassId: 1, conntrackInfo: 1 },
      ...{ conntrack: bytes, expectation: bytes },
    },
  },
  {
    ...{ name: "conntrack", encode: netlink.encodeConntrackChange, fields: change },
    decode: netlink.decodeConntrackChange,
  },
  {
    ...{ name: "expectation", encode: netlink.encodeExpectation, fields: expectation },
    decode: netlink.decodeExpectation,
  },
  {
    ...{ name: "ipq-packet", encode: netlink.encodeIpqPacket, decode: netlink.decodeIpqPacket },
    fields: { ...FULL_FIELDS },
  },
  {
    ...{ name: "ipq-mode", encode: netlink.encodeIpqMode, decode: netlink.decodeIpqMode },
    fields: { mode: 2, range: 4096, portId: 66 },
  },
  {
    ...{ name: "ipq-verdict", encode: netlink.encodeIpqVerdict, decode: netlink.decodeIpqVerdict },
    fields: { id: 1n, verdict: 1, dataLength: 6, portId: 66, payload: bytes },
  },
  {
    ...{ name: "ipq-error", encode: netlink.encodeIpqError, decode: netlink.ipqMessageError },
    fields: { error: 22, portId: 66, request: bytes },
  },
];

/** A field of an encoder, by its path. */
interface Place {
  readonly encoder: number;
  readonly path: readonly string[];
  readonly sort: Sort;
}

function placesOf(encoder: number, fields: object, before: readonly string[] = []): Place[] {
  return Object.entries(fields).flatMap(([name, value]) => {
    const path = [...before, name];
    const nested = typeof value === "object" && value !== null && !Array.isArray(value) &&
      !(value instanceof Uint8Array);
    const inner = nested ? placesOf(encoder, value as object, path) : [];
    return [{ encoder, path, sort: sortOf(value) }, ...inner];
  });
}

/** Every field, and first the whole object. */
const PLACES: readonly Place[] = ENCODERS.flatMap(({ fields }, encoder) => [
  { encoder, path: [], sort: "object" },
  ...placesOf(encoder, fields),
]);

/** An encoder alone is an operation too; what follows are its fields. */
const OPERATIONS: readonly string[] = [
  ...ENCODERS.map(({ name }) => name),
  ...PLACES.flatMap(({ encoder, path }) =>
    VALUES.map((value) => `${ENCODERS[encoder]!.name}:${path.join(".")}=${value.name}`)
  ),
];

function choose(random: Random): number[] {
  const encoder = random.below(ENCODERS.length);
  const operations = [encoder];
  const places = PLACES.flatMap((place, at) => place.encoder === encoder ? [at] : []);
  for (let left = random.below(4); left > 0; left--) {
    const place = random.pick(places);
    const value = chooseValue(random, PLACES[place]!.sort);
    operations.push(ENCODERS.length + place * VALUES.length + value);
  }
  return operations;
}

function copyOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return [...value];
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, copyOf(inner)]));
}

/** The object that these operations make of an encoder's own. */
function objectOf(encoder: number, operations: readonly number[]): unknown {
  let fields = copyOf(ENCODERS[encoder]!.fields);
  for (const operation of operations) {
    const at = operation - ENCODERS.length;
    if (at < 0) continue;
    const { path, encoder: owner } = PLACES[Math.floor(at / VALUES.length)]!;
    if (owner !== encoder) continue;
    const value = VALUES[at % VALUES.length]!.make(NO_SCENE);
    if (path.length === 0) {
      fields = value;
      continue;
    }
    let object = fields;
    for (const name of path.slice(0, -1)) {
      if (typeof object !== "object" || object === null) break;
      object = Reflect.getOwnPropertyDescriptor(object, name)?.value;
    }
    if (typeof object !== "object" || object === null || Array.isArray(object)) continue;
    Reflect.defineProperty(object, path.at(-1)!, {
      ...{ value, enumerable: true, configurable: true, writable: true },
    });
  }
  return fields;
}

const encode: Target = {
  ...{ name: "encode", errors: DOCUMENTED.encode, block: 300, operations: OPERATIONS, choose },
  corpus: [new Uint8Array(0)],
  run: (_bytes, operations) => {
    const number = operations.find((operation) => operation < ENCODERS.length) ?? 0;
    const { name, encode, decode } = ENCODERS[number]!;
    let written: Uint8Array;
    try {
      written = encode(objectOf(number, operations) as never);
    } catch (error) {
      requireDocumented(DOCUMENTED.encode, error);
      return 0;
    }
    let read: unknown;
    try {
      read = decode(written);
    } catch (cause) {
      throw new Finding("round trip", `${name} cannot be read back: ${cause}`, { cause });
    }
    if (name === "ipq-error") return digestBytes(written);
    const again = encode(read as never);
    const same = digestBytes(again) === digestBytes(written);
    insist(same, "round trip", () => `${name} is written in another way the second time`);
    return digestBytes(written);
  },
};

export const ENCODE_TARGETS: readonly Target[] = [encode];
