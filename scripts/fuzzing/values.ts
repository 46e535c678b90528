/** Values to assign: some for every type that a field has, at the ends of its range and beyond. */
import { HOSTILE_BYTES, HOSTILE_OBJECTS, type Scene } from "./hostile.ts";
import type { Random } from "./random.ts";
import { HostileError } from "./target.ts";

/** What a field holds, or that a value fits nothing. */
export type Sort = "number" | "bigint" | "boolean" | "text" | "bytes" | "object" | "hostile";

/** A value by name. */
export interface Value {
  readonly name: string;
  readonly sort: Sort;
  make(scene: Scene): unknown;
}

const NUMBERS = [
  ...[
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    14,
    15,
    16,
    17,
    20,
    24,
    28,
    40,
    43,
    44,
    50,
    51,
    58,
    59,
    60,
    63,
    64,
  ],
  ...[127, 128, 132, 135, 255, 256, 1024, 1480, 0x0fff, 0x1000, 0x7fff, 0x8000, 0xfff8, 0xffff],
  ...[0x10000, 0xfffff, 0x100000, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 2 ** 48 - 1],
  ...[2 ** 48, 2 ** 53, 2 ** 64, -1, -2147483648, 0.5, NaN, Infinity, -Infinity, -0],
];
const BIGINTS = [0n, 1n, -1n, 0xffffn, 2n ** 64n - 1n, 2n ** 64n, 2n ** 128n - 1n, 2n ** 128n];
const TEXTS = [
  ...["", "x", "0", "10.9.8.7", "0.0.0.0", "255.255.255.255", "1.2.3", "1.2.3.256", "01.2.3.4"],
  ...["::", "::1", "fe80::1", "2001:db8::ff00:42:8329", "::ffff:1.2.3.4", "fe80::1%lo", ":::"],
  ...["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8:9", "0a:1b:2c:3d:4e:5f", "ff-ff-ff-ff-ff-ff", "0a:1b"],
  ...["é", "\ud800", "a\0b", "constructor", "__proto__"],
];
const LENGTHS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 14, 16, 20, 24, 33, 40, 41, 64, 255, 1480, 1481];
const LONG_LENGTHS = [65_468, 65_515, 65_535, 65_536, 70_000];

/** Bytes that count up from one. */
function counted(length: number): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(length));
  for (let at = 0; at < length; at++) bytes[at] = at + 1;
  return bytes;
}

const data = counted(5);
const OBJECTS: Readonly<Record<string, () => unknown>> = {
  "no-list": () => [],
  "router-alert": () => [{ type: 148, data: new Uint8Array(2) }],
  "two-options": () => [{ type: 0x1e, data }, { type: 1, data }],
  "source-route": () => [{ type: 131, data: Uint8Array.from([4, 10, 0, 0, 1, 10, 0, 0, 2]) }],
  "home-address": () => [{ type: 0xc9, data: counted(16) }],
  "long-option": () => [{ type: 0x3e, data: counted(255) }],
  "two-kinds": () => [{ kind: 253, data }, { kind: 1, data: new Uint8Array() }],
  "mss": () => [{ kind: 2, data: counted(2) }, { kind: 3, data: counted(1) }],
  "forty": () => [{ kind: 253, data: counted(38) }],
  "forty-one": () => [{ kind: 253, type: 253, data: counted(39) }],
  "block": () => [{ left: 1, right: 2 }],
  "blocks": () => Array.from({ length: 4 }, (_, left) => ({ left, right: 0xffffffff })),
  "wrong-block": () => [{ left: 1, right: 2 }, { left: -1, right: 0 }],
  "extension": () => [{ protocol: 60, data }],
  "extensions": () => [{ protocol: 0, data }, { protocol: 43, data: counted(22) }],
  "fragment-extension": () => [{ protocol: 44, data: new Uint8Array(6) }],
  "mobility": () => [{ protocol: 135, data: counted(14) }, { protocol: 60, data }],
  "no-extension": () => [{ protocol: 17, data }],
  "timestamps": () => ({ value: 1, echoReply: 0xffffffff }),
  "wrong-timestamps": () => ({ value: 1 }),
  "fragment": () => ({ offset: 8, moreFragments: true, identification: 3 }),
  "atomic": () => ({ offset: 0, moreFragments: false, identification: 0xffffffff }),
  "wrong-fragment": () => ({ offset: 4, moreFragments: false, identification: 3 }),
  "route": () => ({ type: 0, segmentsLeft: 0, data: new Uint8Array(4) }),
  "segments": () => ({ type: 4, segmentsLeft: 1, data: counted(20) }),
  "unknown-route": () => ({ type: 3, segmentsLeft: 1, data: counted(20) }),
  "authentication": () => ({
    ...{ securityParametersIndex: 1, sequenceNumber: 2, integrityCheckValue: counted(8) },
  }),
  "long-authentication": () => ({
    ...{ securityParametersIndex: 1, sequenceNumber: 2, integrityCheckValue: counted(1016) },
  }),
  "vlan": () => ({ id: 7, priority: 1 }),
  "labels": () => [1, 127],
  "object": () => ({}),
};

const named = (sort: Sort, values: readonly unknown[]): Value[] =>
  values.map((value) => ({
    name: Object.is(value, -0) ? "-0" : typeof value === "bigint" ? `${value}n` : String(value),
    sort,
    make: () => value,
  }));

/** All of them; names are different from each other, and have no comma. */
export const VALUES: readonly Value[] = [
  ...named("number", NUMBERS),
  ...named("bigint", BIGINTS),
  ...named("boolean", [true, false]),
  ...TEXTS.map((text): Value => ({
    name: JSON.stringify(text),
    sort: "text",
    make: () => text,
  })),
  ...[...LENGTHS, ...LONG_LENGTHS].map((length): Value => ({
    name: `bytes${length}`,
    sort: "bytes",
    make: () => counted(length),
  })),
  ...Object.entries(OBJECTS).map(([name, make]): Value => ({ name, sort: "object", make })),
  { name: "undefined", sort: "object", make: () => undefined },
  { name: "null", sort: "hostile", make: () => null },
  ...[...HOSTILE_BYTES, ...HOSTILE_OBJECTS].map(({ name, make }): Value => ({
    ...{ name, make },
    sort: "hostile",
  })),
];

/** Numbers of the values of each sort. */
export const BY_SORT: Readonly<Record<Sort, readonly number[]>> = {
  ...{ number: ofSort("number"), bigint: ofSort("bigint"), boolean: ofSort("boolean") },
  ...{ text: ofSort("text"), bytes: ofSort("bytes"), object: ofSort("object") },
  hostile: ofSort("hostile"),
};

function ofSort(sort: Sort): number[] {
  return VALUES.flatMap((value, at) => value.sort === sort ? [at] : []);
}

const LONG = LONG_LENGTHS.map((length) => `bytes${length}`);
const SLOW: ReadonlySet<string> = new Set(["long-text", "growing-list", "iterator-liar"]);

/** A value for a field of this sort: mostly one that fits, seldom one that takes long. */
export function chooseValue(random: Random, sort: Sort): number {
  for (;;) {
    const at = random.once(4) ? random.below(VALUES.length) : random.pick(BY_SORT[sort]);
    const { name } = VALUES[at]!;
    // In the place of anything else they only take long.
    if (LONG.includes(name) && (sort !== "bytes" || !random.once(16))) continue;
    if ([...SLOW].some((slow) => name.endsWith(slow)) && !random.once(16)) continue;
    return at;
  }
}

/** The sort of values that a field takes which holds this. */
export function sortOf(value: unknown): Sort {
  switch (typeof value) {
    case "number":
    case "bigint":
    case "boolean":
      return typeof value as Sort;
    case "string":
      return "text";
    default:
      return value instanceof Uint8Array ? "bytes" : "object";
  }
}

/** For values that are assigned to no packet. */
export const NO_SCENE: Scene = {
  edit: () => {
    throw new HostileError("edit");
  },
  own: () => counted(40),
};
