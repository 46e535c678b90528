// What the views say, and what they must not say: lengths that cannot both be true, fields that a kind
// of message does not have, errors that keep their reason, flows that can be read.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  buildPacket,
  Flow,
  parseEthernet,
  parseLayers,
  summary,
  WireError,
  type WireProblem,
} from "../../src/packet/mod.ts";
import { runs } from "../support/runtime/quick.ts";
import { counting } from "./edits.ts";
import { hex, LIMIT, own, u16, u8 } from "./samples.ts";

const V4 = { source: "192.0.2.1", destination: "192.0.2.2" } as const;
const V6 = { source: "2001:db8::1", destination: "2001:db8::2" } as const;

test("UDP's length beyond IP's is said of a packet that is cut, too", LIMIT, () => {
  const head = hex("45000080000000004011f669c0000201c000020203e807d001f46dd2");
  const bytes = new Uint8Array(40);
  bytes.set(head);
  const expected = { layer: "udp header", offset: 20, need: 500, have: 108 };
  assert.deepEqual(parseLayers(bytes).malformed, expected);
  assert.deepEqual(parseLayers(head).malformed, expected);
  for (const length of [108, 109, 120]) {
    const udp = { sourcePort: 1, destinationPort: 2, length };
    const payload = counting(100);
    const four = buildPacket({ ipv4: V4, udp, payload });
    const six = buildPacket({ ipv6: V6, udp, payload });
    for (const [packet, header] of [[four, 20], [six, 40]] as const) {
      for (let captured = header + 8; captured <= packet.length; captured += 20) {
        const { malformed, udp } = parseLayers(packet.subarray(0, captured));
        assert.equal(malformed?.have, length > 108 ? 108 : undefined);
        assert.equal(malformed?.need, length > 108 ? length : undefined);
        assert.equal(udp?.length, length);
      }
    }
  }
  // The rest of a fragment's datagram is elsewhere.
  const fragment = buildPacket({
    ...{ ipv4: { ...V4, moreFragments: true }, udp: { length: 500 }, payload: counting(16) },
  });
  assert.equal(parseLayers(fragment).malformed, undefined);
  assert.equal(parseLayers(fragment.subarray(0, 30)).malformed, undefined);
});

test("an unreachable message has an MTU with code 4 alone (RFC 1191)", LIMIT, () => {
  for (let code = 0; code < 256; code++) {
    const bytes = buildPacket({ ipv4: V4, icmp: { type: 3, code, restOfHeader: 1400 } });
    const { icmp } = parseLayers(bytes);
    assert.ok(icmp !== undefined);
    assert.equal(icmp.mtu, code === 4 ? 1400 : undefined);
    assert.equal("mtu" in icmp.toJSON(), code === 4);
    if (code === 4) {
      icmp.mtu = 1280;
      assert.equal(icmp.restOfHeader, 1280);
      continue;
    }
    const before = own(bytes);
    assert.throws(() => icmp.mtu = 9, {
      name: "TypeError",
      message: `an ICMP message of type 3 (destination unreachable, code ${code}) has no mtu`,
    });
    assert.deepEqual(own(bytes), before);
  }
});

test("an extended echo's identifier, and its sequence number of 8 bits (RFC 8335)", LIMIT, () => {
  for (
    const [type, name] of [
      ...[[42, "extended echo request"], [43, "extended echo reply"]] as const,
      ...[[160, "extended echo request"], [161, "extended echo reply"]] as const,
    ]
  ) {
    const isFour = type < 100;
    const fields = { type, identifier: 0x1234, sequenceNumber: 0x56 };
    const bytes = buildPacket(isFour ? { ipv4: V4, icmp: fields } : { ipv6: V6, icmpv6: fields });
    const header = isFour ? 20 : 40;
    assert.deepEqual(own(bytes.subarray(header + 4, header + 8)), hex("1234 56 00"));
    // The L bit, or state and the address families, are beside it.
    bytes[header + 7] = 0x81;
    const { icmp, icmpv6 } = parseLayers(bytes);
    const view = (icmp ?? icmpv6)!;
    assert.equal(view.typeName, name);
    assert.equal(view.identifier, 0x1234);
    assert.equal(view.sequenceNumber, 0x56);
    view.identifier = 0xfedc;
    view.sequenceNumber = 0xff;
    assert.equal(view.restOfHeader, 0xfedcff81);
    assert.throws(() => view.sequenceNumber = 0x100, RangeError);
    assert.equal(view.restOfHeader, 0xfedcff81);
    const { identifier, sequenceNumber } = view.toJSON();
    assert.deepEqual([identifier, sequenceNumber], [0xfedc, 0xff]);
    assert.match(summary(parseLayers(bytes)), new RegExp(`${name}, id 65244, seq 255, length 8`));
    assert.throws(
      () => buildPacket({ ipv4: V4, icmp: { type: 42, sequenceNumber: 0x100 } }),
      /icmp\.sequenceNumber/,
    );
  }
});

test("RARP is read and written as ARP is (RFC 903)", LIMIT, () => {
  const mac = "00:11:22:33:44:55";
  const arp = { operation: 3, senderHardwareAddress: mac, targetHardwareAddress: mac };
  const frame = buildPacket({ ethernet: { source: mac, etherType: 0x8035 }, arp });
  for (
    const layers of [
      parseEthernet(frame).layers!,
      parseLayers(frame.subarray(14), { protocol: 0x8035 }),
    ]
  ) {
    assert.equal(layers.malformed, undefined);
    assert.equal(layers.arp?.operation, 3);
    assert.equal(layers.arp.targetHardwareAddress, mac);
    assert.match(
      summary(layers),
      /Reverse Request who-is 00:11:22:33:44:55 tell 00:11:22:33:44:55/,
    );
    layers.arp.targetProtocolAddress = "10.0.0.7";
    assert.equal(layers.arp.targetProtocolNumber, 0x0a000007);
  }
  const { malformed } = parseLayers(frame.subarray(14, 40), { protocol: 0x8035 });
  assert.deepEqual(malformed, { layer: "arp packet", offset: 0, need: 28, have: 26 });
});

test("a WireError keeps the reason of its problem", LIMIT, () => {
  const problem: WireProblem = { layer: "tcp option", offset: 20, need: 2, have: 4, reason: "why" };
  const error = new WireError(problem);
  const { layer, offset, need, have, reason } = error;
  assert.deepEqual({ layer, offset, need, have, reason }, problem);
  const { reason: _, ...short } = problem;
  assert.equal(new WireError(short).reason, undefined);
  // What an edit throws.
  const { tcp } = parseLayers(buildPacket({ ipv4: V4, tcp: { options: hex("0500 0000") } }));
  assert.throws(() => tcp!.mss = 5, (thrown: unknown) => {
    assert.ok(thrown instanceof WireError);
    assert.match(thrown.reason ?? "", /less than 2/);
    assert.ok(thrown.message.endsWith(thrown.reason!));
    return true;
  });
});

const address = (version: number): fc.Arbitrary<string> =>
  version === 4 ? fc.ipV4() : fc.ipV6().filter((text) => !text.includes("."));
const flows = fc.constantFrom(4, 6).chain((version) =>
  fc.record({
    ...{ protocol: u8, source: address(version), destination: address(version) },
    ...{ sourcePort: u16, destinationPort: u16 },
  })
).map(Flow.of);

test("a flow's text begins with the protocol's name", LIMIT, () => {
  const six = { source: "2001:db8::1", destination: "fe80::2" };
  assert.equal(
    String(Flow.of({ ...six, protocol: 6, sourcePort: 9 })),
    "TCP [2001:db8::1]:9 > [fe80::2]:0",
  );
  for (
    const [protocol, name] of [[1, "ICMP"], [17, "UDP"], [132, "SCTP"], [58, "ICMP6"], [
      253,
      "ip-proto-253",
    ]] as const
  ) {
    assert.equal(String(Flow.of({ ...V4, protocol })), `${name} 192.0.2.1:0 > 192.0.2.2:0`);
  }
});

test("a flow made of a key is the one that the key was made of", LIMIT, () => {
  fc.assert(
    fc.property(flows, (flow) => {
      assert.ok(Flow.fromKey(flow.directedKey).equals(flow));
      const found = Flow.fromKey(flow.key);
      assert.ok(found.equals(flow) || found.equals(flow.reversed()));
      assert.equal(found.key, flow.key);
      assert.equal(found.directedKey, flow.key);
    }),
    { numRuns: runs(2000) },
  );
  const { key } = Flow.of({ ...V4, protocol: 6 });
  for (
    const wrong of [
      "",
      "6 192.0.2.1:0",
      key.slice(1),
      `${key}x`,
      `\uffff${key.slice(1)}`,
      `\u0005${key.slice(1)}`,
    ]
  ) {
    assert.throws(() => Flow.fromKey(wrong), {
      name: "RangeError",
      message: "key must be a flow's key",
    });
  }
  assert.throws(() => Flow.fromKey(5 as never), TypeError);
});
