// Packets whose checksum the kernel left to the hardware: what an edit of them may be. The packets are
// made here, as the kernel would tell of them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Packet, UnfinishedChecksumError } from "../../../mod.ts";
import {
  buildPacket,
  finishChecksums,
  type PacketFields,
  parseLayers,
  pseudoHeaderIpv4,
} from "../../../src/packet/mod.ts";
import { type Decider, messageOf, sentBytes } from "../../support/stand_ins/made_messages.ts";

const timeout = 20_000;
const NOTHING = new Uint8Array();

/** A packet; what its verdict sends comes to `sent`. */
function packetOf(payload: Uint8Array, skbInfo: number, sent: Uint8Array[] = []): Packet {
  const hwProtocol = payload[0]! >> 4 === 4 ? 0x800 : 0x86dd;
  const decider: Decider = {
    decide: (_packet, _verdict, _mark, changes) => {
      sent.push(sentBytes(changes) ?? NOTHING);
    },
  };
  return new Packet(decider, messageOf({ hwProtocol, payload, skbInfo }));
}

test("an unfinished checksum that is neither TCP's nor UDP's", { timeout }, () => {
  const ipv4 = { source: "10.0.0.1", destination: "10.0.0.2" } as const;
  const tunnel = buildPacket({ ipv4: { ...ipv4, protocol: 47 }, payload: new Uint8Array(60) });
  const unfinished = packetOf(tunnel, 1);
  assert.equal(unfinished.checksumNotReady, true);
  assert.throws(() => unfinished.ip!.ttl = 1, UnfinishedChecksumError);
  assert.deepEqual(unfinished.payload, tunnel);
  const finished = packetOf(tunnel, 0);
  finished.ip!.ttl = 1;
  assert.equal(finished.payload[8], 1);
  const bytes = started({ ipv4, udp: {} });
  const udp = packetOf(bytes, 1);
  udp.udp!.sourcePort = 9;
  const { checksum } = parseLayers(bytes).udp!;
  assert.equal(udp.udp!.checksum, checksum, "left alone until the verdict");
  // Of a tunnel in UDP it is the inner packet's checksum that is missing.
  for (const other of [0, checksum + 1]) {
    const tunnel = packetOf(buildPacket({ ipv4, udp: { checksum: other } }), 1);
    assert.throws(() => tunnel.udp!.sourcePort = 9, UnfinishedChecksumError);
    assert.throws(() => tunnel.ip!.ttl = 9, { protocol: 17 });
    assert.equal(tunnel.modified, false);
  }
});

/** A UDP packet with the sum of its pseudo-header in the checksum's place, as the kernel leaves it. */
function started(fields: PacketFields): Uint8Array {
  const bytes = buildPacket(fields);
  const { udp } = parseLayers(bytes);
  udp!.checksum = pseudoHeaderIpv4(bytes, 0, 17, udp!.length);
  return bytes;
}

test("an edit after which the checksum cannot be finished", { timeout }, () => {
  const ipv4 = { source: "10.0.0.1", destination: "10.0.0.2" } as const;
  const udp = { sourcePort: 9, destinationPort: 10 } as const;
  const payload = new Uint8Array(16);
  const cases: readonly [Uint8Array, (packet: Packet) => void, (packet: Packet) => void][] = [
    [
      started({ ipv4, udp, payload }),
      ({ ipv4 }) => ipv4!.moreFragments = true,
      ({ ipv4 }) => ipv4!.moreFragments = false,
    ],
    [
      started({ ipv4, udp, payload }),
      ({ ipv4 }) => ipv4!.fragmentOffset = 8,
      ({ ipv4 }) => ipv4!.fragmentOffset = 0,
    ],
    [
      started({ ipv4, udp, payload }),
      ({ udp }) => udp!.length = 500,
      ({ udp }) => udp!.length = 24,
    ],
  ];
  for (const [bytes, edit, undo] of cases) {
    const sent: Uint8Array[] = [];
    const packet = packetOf(bytes, 1, sent);
    edit(packet);
    assert.throws(() => packet.accept(), UnfinishedChecksumError);
    assert.equal(packet.verdict, undefined);
    undo(packet);
    packet.accept();
    assert.deepEqual(sent, [finishChecksums(bytes.slice())]);
    // What comes finished goes as it is told to.
    const finished = packetOf(bytes, 0);
    edit(finished);
    finished.accept();
  }
  // What the program makes another protocol of is its own matter.
  const other = packetOf(started({ ipv4, udp, payload }), 1);
  other.ipv4!.protocol = 47;
  other.accept();
  // On a route that is not understood nobody can tell what the checksum covers.
  const route = { protocol: 43, data: Uint8Array.from([3, 1, ...new Uint8Array(20)]) };
  const routed = packetOf(buildPacket({ ipv6: { extensions: [route] }, udp, payload }), 1);
  assert.throws(() => routed.ip!.ttl = 3, UnfinishedChecksumError);
});

test("a fragment in the place of an unfinished packet is edited as one", {
  timeout,
}, () => {
  const ipv4 = { source: "10.0.0.1", destination: "10.0.0.2" } as const;
  const udp = { sourcePort: 9, destinationPort: 10 } as const;
  const sent: Uint8Array[] = [];
  const packet = packetOf(buildPacket({ ipv4, udp }), 1, sent);
  const fragment = { ipv4: { ...ipv4, moreFragments: true }, payload: new Uint8Array(16) };
  packet.replacePayload(buildPacket({ ...fragment, udp }));
  packet.udp!.sourcePort = 77;
  packet.accept();
  assert.deepEqual(sent, [buildPacket({ ...fragment, udp: { ...udp, sourcePort: 77 } })]);
});
