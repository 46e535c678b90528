// The same packet, once to the kernel's own REJECT and once to ours: the answers are compared field by
// field. REJECT does not exist in PREROUTING: there the answer is that of INPUT or of FORWARD.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PacketQueue, type RejectReason, SystemError } from "../../mod.ts";
import {
  buildPacket,
  finishChecksums,
  type PacketFields,
  parseLayers,
  type TcpFields,
} from "../../src/packet/mod.ts";
import { type Chain, Crossroads } from "../support/network/crossroads.ts";
import { inside } from "../support/network/inside.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { queueRule, Rule } from "../support/network/rules.ts";
import { Filter } from "../support/queue/filter.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { Capture, RawSender } from "../support/traffic/raw.ts";

requireIsolation();

const PORTS = { sourcePort: 41_000, destinationPort: 4712 } as const;

/** REJECT's words. */
const WORDS: Readonly<Record<RejectReason, readonly [over4: string, over6: string]>> = {
  "tcp-reset": ["tcp-reset", "tcp-reset"],
  "port-unreachable": ["icmp-port-unreachable", "icmp6-port-unreachable"],
  "host-unreachable": ["icmp-host-unreachable", "icmp6-addr-unreachable"],
  "network-unreachable": ["icmp-net-unreachable", "icmp6-no-route"],
  "admin-prohibited": ["icmp-admin-prohibited", "icmp6-adm-prohibited"],
};

interface Question {
  readonly name: string;
  readonly upper: PacketFields;
  readonly reasons: readonly RejectReason[];
  readonly trafficClass?: number;
}

const tcp = (fields: TcpFields) => ({ tcp: { ...PORTS, ...fields } });
const errors = Object.keys(WORDS).filter((reason) => reason !== "tcp-reset") as RejectReason[];
const questions: readonly Question[] = [
  {
    name: "SYN",
    upper: tcp({ syn: true, sequenceNumber: 0xfffffff0, options: Uint8Array.of(2, 4, 5, 180) }),
    reasons: ["tcp-reset", ...errors],
    trafficClass: 0xb9,
  },
  {
    name: "data",
    upper: {
      ...tcp({ ack: true, psh: true, sequenceNumber: 77, acknowledgmentNumber: 0x80000001 }),
      payload: new Uint8Array(1200).fill(66),
    },
    reasons: ["tcp-reset", "port-unreachable"],
  },
  {
    name: "FIN without ACK",
    upper: { ...tcp({ fin: true, sequenceNumber: 1000 }), payload: new Uint8Array(9) },
    reasons: ["tcp-reset"],
  },
  {
    name: "UDP",
    upper: { udp: PORTS, payload: new Uint8Array(1400).fill(67) },
    reasons: errors,
    trafficClass: 0x1c,
  },
];

/** At OUTPUT the kernel tells the sender at once that a rule dropped it. */
function sendRejected(send: () => void): void {
  try {
    send();
  } catch (error) {
    if (!(error instanceof SystemError) || error.code !== "EPERM") throw error;
  }
}

/** A packet without what differs at each send. */
function comparable(packet: Uint8Array): Uint8Array {
  const bytes = packet.slice();
  if (bytes[0]! >> 4 === 4) {
    // What may be split gets some identification.
    if (!parseLayers(bytes).ipv4!.dontFragment) bytes.fill(0, 4, 6);
  } else {
    // The kernel makes a flow label up for its own packets.
    bytes.fill(0, 2, 4);
    bytes[1]! &= 0xf0;
  }
  // The capture sees checksums that the device would finish.
  return finishChecksums(bytes);
}

/** Ours, and the kernel's. */
const places: readonly (readonly [Chain, Chain])[] = [
  ["OUTPUT", "OUTPUT"],
  ["INPUT", "INPUT"],
  ["FORWARD", "FORWARD"],
  ["PREROUTING", "INPUT"],
  ["PREROUTING", "FORWARD"],
];

for (const [chain, kernelChain] of places) {
  for (const family of [4, 6] as const) {
    test(`${chain} as ${kernelChain}, IPv${family}`, { timeout: 60_000 }, async () => {
      using crossroads = new Crossroads(1);
      const { client, source, destination, device } = crossroads.path(kernelChain, family);
      using capture = new Capture(family, device, { leaving: device !== "lo" });
      const openSender = () => new RawSender(family);
      using sender = client === undefined ? openSender() : inside(client, openSender);
      using queue = PacketQueue.open(nextQueue());
      let reason: RejectReason = "tcp-reset";
      await using _filter = new Filter(queue, (packet) => {
        packet.reject({ reason });
        assert.equal(packet.unanswered, undefined);
      });
      for (const { name, upper, reasons, trafficClass = 0 } of questions) {
        const question = (ttl: number) =>
          buildPacket({
            ...(family === 4
              ? {
                ipv4: {
                  ...{ source, destination, identification: 7, ttl, dontFragment: true },
                  ...{ dscp: trafficClass >> 2, ecn: trafficClass & 3 },
                },
              }
              : { ipv6: { source, destination, hopLimit: ttl, trafficClass } }),
            ...upper,
          });
        const answer = async (ttl: number) => {
          sendRejected(() => sender.send(question(ttl)));
          return await capture.find((packet) => {
            const { ip, tcp, icmp, icmpv6 } = parseLayers(packet);
            const types = icmp?.type === 3 || icmpv6?.type === 1;
            return ip?.destination === source && (types || tcp?.rst === true);
          }, `the answer to ${name}, ${reason}`);
        };
        const match = ["-p", upper.tcp === undefined ? "udp" : "tcp", "--dport", "4712"];
        for (reason of reasons) {
          const word = WORDS[reason][family === 4 ? 0 : 1];
          const jump = ["REJECT", "--reject-with", word];
          let right: Uint8Array;
          {
            using _rule = new Rule({ family, chain: kernelChain, match, jump });
            right = await answer(30);
          }
          const table = chain === "PREROUTING" ? "mangle" : "filter";
          using _rule = queueRule(queue.number, { family, chain, table, match });
          // Between the two a router counts down.
          const own = await answer(chain === kernelChain || kernelChain === "INPUT" ? 30 : 29);
          assert.deepEqual(comparable(own), comparable(right), `${name}, ${reason}`);
          assert.deepEqual(own, finishChecksums(own.slice()), "its checksums are right");
        }
      }
    });
  }
}
