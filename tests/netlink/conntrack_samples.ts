// Random conntrack changes and expectations.
import fc from "fast-check";
import { formatIpv4, formatIpv6 } from "../../src/base/address.ts";
import type { ConntrackChange, ConntrackExpectation } from "../../src/netlink/conntrack/change.ts";
import type { ConntrackTuple } from "../../src/netlink/conntrack/tuple.ts";
import { u16, u32, u8 } from "../packet/samples.ts";

const labels = fc.uniqueArray(fc.integer({ min: 0, max: 127 }), { maxLength: 12 })
  .map((numbers) => numbers.toSorted((a, b) => a - b));

export const conntrackChange: fc.Arbitrary<ConntrackChange> = fc.record({
  ...{ mark: u32, markMask: u32, timeout: u32, status: u32 },
  ...{ labels, labelsMask: labels },
}, { requiredKeys: [], noNullPrototype: true });

function tupleOf(address: fc.Arbitrary<string>, icmp: 1 | 58): fc.Arbitrary<ConntrackTuple> {
  const addresses = { source: address, destination: address, zone: u16 };
  const ports = {
    protocol: fc.constantFrom(6, 17, 47, 132),
    sourcePort: u16,
    destinationPort: u16,
  };
  return fc.oneof(
    fc.record({ ...addresses, ...ports }, { requiredKeys: [], noNullPrototype: true }),
    fc.record({
      ...addresses,
      ...{ protocol: fc.constant(icmp), icmpIdentifier: u16, icmpType: u8, icmpCode: u8 },
    }, { noNullPrototype: true }),
  );
}

export const tuple: fc.Arbitrary<ConntrackTuple> = fc.oneof(
  tupleOf(u32.map(formatIpv4), 1),
  tupleOf(fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => formatIpv6(bytes)), 58),
);

export const expectation: fc.Arbitrary<ConntrackExpectation> = fc.record({
  ...{ tuple, mask: tuple, class: u32, flags: u32 },
  helper: fc.string({ unit: "grapheme", minLength: 1, maxLength: 15 }).filter((text) =>
    !text.includes("\0") && new TextEncoder().encode(text).length <= 15
  ),
}, { requiredKeys: ["tuple", "mask"], noNullPrototype: true });
