// Where an extension header goes that is put into a packet: RFC 8200 §4.1, and what the RFCs of the
// others say of their place (RFC 6275 §6.1.1, RFC 7401 §5.1, RFC 5533 §4).
import assert from "node:assert/strict";
import { test } from "node:test";
import { buildPacket, type Ipv6View, parseLayers } from "../../src/packet/mod.ts";
import { hex, LIMIT, own } from "./samples.ts";

const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const AUTHENTICATION = 51;
const DESTINATION = 60;
const MOBILITY = 135;
const HIP = 139;
const SHIM6 = 140;
const NOTHING_FOLLOWS = 59;

const options = [{ type: 5, data: new Uint8Array(2) }];
const INSERTED: readonly (readonly [number, (ipv6: Ipv6View) => void])[] = [
  [HOP_BY_HOP, (ipv6) => ipv6.hopByHopOptions = options],
  [ROUTING, (ipv6) => ipv6.routing = { type: 4, segmentsLeft: 0, data: new Uint8Array(20) }],
  [
    FRAGMENT,
    (ipv6) => ipv6.fragment = { offset: 0, moreFragments: false, identification: 7 },
  ],
  [AUTHENTICATION, (ipv6) => {
    const integrityCheckValue = new Uint8Array(12);
    ipv6.authentication = { securityParametersIndex: 1, sequenceNumber: 2, integrityCheckValue };
  }],
  [DESTINATION, (ipv6) => ipv6.destinationOptions = options],
];

/** The data of a header that a test starts from; its contents matter for Shim6 alone. */
function dataOf(kind: number, first: number): Uint8Array {
  if (kind === ROUTING) return Uint8Array.from([4, 0, ...new Uint8Array(20)]);
  const size = kind === AUTHENTICATION || kind === HIP ? 22 : 6;
  return Uint8Array.from([first, ...new Uint8Array(size - 1)]);
}

function viewOf(kinds: readonly number[], first = 0): Ipv6View {
  const extensions = kinds.map((protocol) => ({ protocol, data: dataOf(protocol, first) }));
  const ipv6 = { source: "2001:db8::1", destination: "2001:db8::2" };
  return parseLayers(buildPacket({ ipv6: { ...ipv6, protocol: NOTHING_FOLLOWS, extensions } }))
    .ipv6!;
}

const kindsOf = (ipv6: Ipv6View): number[] => ipv6.extensions.map(({ protocol }) => protocol);

test("hop-by-hop options before a Mobility header", LIMIT, () => {
  const packet = hex(`
    6000000000088740 20010db8000000000000000000000001 20010db8000000000000000000000002
    3b00000000000000`);
  const layers = parseLayers(packet);
  layers.ipv6!.hopByHopOptions = options;
  assert.deepEqual(kindsOf(layers.ipv6!), [HOP_BY_HOP, MOBILITY]);
  assert.deepEqual(
    own(layers.bytes.subarray(40)),
    hex("8700050200000100 3b00000000000000"),
  );
  assert.equal(layers.ipv6!.protocol, NOTHING_FOLLOWS);
});

test("messages that are extension headers stay behind all others", LIMIT, () => {
  for (const message of [MOBILITY, HIP, SHIM6]) {
    for (const [kind, insert] of INSERTED) {
      const ipv6 = viewOf([message]);
      insert(ipv6);
      assert.deepEqual(kindsOf(ipv6), [kind, message], `${kind} beside ${message}`);
    }
  }
});

test("Shim6's payload header is below fragments and what the end points protect", LIMIT, () => {
  for (const [kind, insert] of INSERTED) {
    const ipv6 = viewOf([SHIM6], 0x80);
    insert(ipv6);
    const before = kind === HOP_BY_HOP || kind === ROUTING;
    assert.deepEqual(kindsOf(ipv6), before ? [kind, SHIM6] : [SHIM6, kind]);
  }
});

test("each header finds its place among all others, in whatever order they come", LIMIT, () => {
  const right = [HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION, MOBILITY];
  const permutations = (list: typeof INSERTED): (typeof INSERTED)[] =>
    list.length === 0
      ? [[]]
      : list.flatMap((one, at) =>
        permutations(list.toSpliced(at, 1)).map((others) => [one, ...others])
      );
  for (const order of permutations(INSERTED)) {
    const ipv6 = viewOf([MOBILITY]);
    for (const [, insert] of order) insert(ipv6);
    assert.deepEqual(kindsOf(ipv6), right, order.map(([kind]) => kind).join());
  }
});

test(
  "destination options before a Routing header keep nobody from standing behind it",
  LIMIT,
  () => {
    for (const [kind, insert] of INSERTED) {
      if (kind === ROUTING || kind === DESTINATION) continue;
      const ipv6 = viewOf([DESTINATION, ROUTING]);
      insert(ipv6);
      const expected = kind === HOP_BY_HOP
        ? [kind, DESTINATION, ROUTING]
        : [DESTINATION, ROUTING, kind];
      assert.deepEqual(kindsOf(ipv6), expected);
    }
  },
);
