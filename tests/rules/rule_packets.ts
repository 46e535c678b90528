// Rules, and packets that each of them queues or lets pass: every backend must agree.
import { INJECTED_MARK } from "../../src/linux/raw/own_marks.ts";
import type { Rule } from "../../src/rules/rule/rule.ts";
import type { RuleScene } from "./rule_scene.ts";

/** A packet to send; what is not named is a UDP packet over loopback. */
export interface SentPacket {
  /** Whether the rule sends it to its queue. */
  readonly queued: boolean;
  /** Default `"output"`: by a raw socket; `"near"`: it comes in by the scene's device. */
  readonly from?: "output" | "near";
  /** Default: loopback, of the other address's version. */
  readonly source?: string;
  readonly destination?: string;
  /** Default `"udp"`. */
  readonly protocol?: "udp" | "tcp" | "icmp" | number;
  /** Default 4000. */
  readonly sourcePort?: number;
  /** Default 4001. */
  readonly destinationPort?: number;
  /** Default: SYN. */
  readonly flags?: Readonly<Partial<Record<"syn" | "fin" | "ack", boolean>>>;
  readonly mark?: number;
}

/** A rule and packets, sent one after the other, each when the one before has its verdict. */
export interface RuleCase {
  readonly name: string;
  /** Its `queue` is given by the test. */
  readonly rule: Rule;
  readonly packets: readonly SentPacket[];
  /** How many queues the rule has; 1 by default. */
  readonly queues?: number;
  /** Which queues the packets come to, where there are several. */
  readonly spread?: "one" | "several" | "any";
  /** Only this backend can express it. */
  readonly only?: "nft";
}

const six = { destination: "::1" } as const;

/** A flow that both directions belong to. */
const there = (queued: boolean, port: number): SentPacket => ({
  ...{ queued, sourcePort: port, destinationPort: port + 1 },
});
const back = (queued: boolean, port: number): SentPacket => ({
  ...{ queued, sourcePort: port + 1, destinationPort: port },
});

/** The cases, with the devices and addresses of a scene. */
export function ruleCases({ near, far }: RuleScene): readonly RuleCase[] {
  return [
    {
      name: "everything",
      rule: { hook: "output" },
      packets: [
        ...[{ queued: true }, { queued: true, ...six }, { queued: true, protocol: 47 }],
        ...[{ queued: false, mark: INJECTED_MARK }, { queued: true, mark: INJECTED_MARK + 0x100 }],
      ],
    },
    {
      name: "a protocol by name, both versions",
      rule: { hook: "output", protocol: "tcp" },
      packets: [
        ...[{ queued: false }, { queued: false, protocol: "icmp" } as const],
        ...[{ queued: true, protocol: "tcp" } as const, { queued: false, ...six }],
        { queued: true, protocol: "tcp", ...six },
      ],
    },
    {
      name: "icmp is ICMPv6 for IPv6",
      rule: { hook: "output", protocol: "icmp" },
      packets: [
        ...[{ queued: false }, { queued: true, protocol: "icmp" } as const],
        ...[{ queued: true, protocol: "icmp", ...six } as const, { queued: false, ...six }],
      ],
    },
    {
      name: "protocols by number",
      rule: { hook: "output", protocol: [47, 132] },
      packets: [
        ...[{ queued: false }, { queued: true, protocol: 47 }, { queued: false, protocol: 50 }],
        ...[{ queued: true, protocol: 132 }, { queued: true, protocol: 47, ...six }],
      ],
    },
    {
      name: "a destination port, whatever the protocol",
      rule: { hook: "output", destinationPort: 5353 },
      packets: [
        ...[{ queued: false }, { queued: false, sourcePort: 5353 }],
        ...[{ queued: true, destinationPort: 5353 }, { queued: false, destinationPort: 5352 }],
        ...[{ queued: true, protocol: "tcp", destinationPort: 5353 } as const],
        ...[{ queued: true, destinationPort: 5353, ...six }, { queued: false, protocol: 47 }],
      ],
    },
    {
      name: "ports in lists and ranges, of one protocol",
      rule: {
        ...{ hook: "output", protocol: "udp", sourcePort: { from: 100, to: 200 } },
        destinationPort: [7, { from: 1000, to: 1999 }, 65535],
      },
      packets: [
        ...[99, 100, 200, 201].map((port) => (
          { queued: port === 100 || port === 200, sourcePort: port, destinationPort: 7 }
        )),
        ...[6, 7, 8, 999, 1000, 1999, 2000, 65535].map((port) => ({
          ...{ queued: [7, 1000, 1999, 65535].includes(port), sourcePort: 150 },
          destinationPort: port,
        })),
        { queued: false, protocol: "tcp", sourcePort: 150, destinationPort: 7 },
      ],
    },
    {
      name: "forty ports",
      rule: {
        ...{ hook: "output", protocol: "udp" },
        destinationPort: Array.from({ length: 40 }, (_, at) => 1000 + 2 * at),
      },
      packets: [1000, 1001, 1040, 1077, 1078, 1079, 1080].map((port) => (
        { queued: port % 2 === 0 && port < 1080, destinationPort: port }
      )),
    },
    {
      name: "addresses and prefixes of both versions",
      rule: { hook: "output", destination: ["127.5.0.0/16", "127.9.9.9", "::1"] },
      packets: [
        ...["127.4.255.255", "127.5.0.1", "127.5.255.254", "127.6.0.0", "127.9.9.8", "127.9.9.9"]
          .map((destination) => (
            { queued: /^127\.(5\.|9\.9\.9)/.test(destination), destination }
          )),
        { queued: true, ...six },
      ],
    },
    {
      name: "a range of addresses",
      rule: { hook: "output", source: { from: "127.0.0.9", to: "127.0.1.2" } },
      packets: [
        ...["127.0.0.8", "127.0.0.9", "127.0.0.255", "127.0.1.2", "127.0.1.3"].map((source) => (
          { queued: !["127.0.0.8", "127.0.1.3"].includes(source), source }
        )),
        { queued: false, ...six },
      ],
    },
    {
      name: "only IPv4",
      rule: { hook: "output", family: "ipv4" },
      packets: [{ queued: false, ...six }, { queued: true }],
    },
    {
      name: "only IPv6",
      rule: { hook: "output", family: "ipv6", protocol: "udp" },
      packets: [{ queued: false }, { queued: true, ...six }],
    },
    {
      name: "where it leaves",
      rule: { hook: "output", outDevice: "lo" },
      packets: [{ queued: false, destination: far.farAddress }, { queued: true }],
    },
    {
      name: "where it leaves, by a pattern or a name",
      rule: { hook: "postrouting", outDevice: ["nobody", `${far.device.slice(0, 3)}*`] },
      packets: [{ queued: false }, { queued: true, destination: far.farAddress }],
    },
    {
      name: "where it came in",
      rule: { hook: "input", inDevice: near.device },
      packets: [
        { queued: false, destination: near.address },
        { queued: true, from: "near", source: near.farAddress, destination: near.address },
        { queued: true, from: "near", source: near.farAddress6, destination: near.address6 },
      ],
    },
    {
      name: "what is forwarded from one device to another",
      rule: { hook: "forward", inDevice: near.device, outDevice: far.device, protocol: "udp" },
      packets: [
        { queued: false, from: "near", source: near.farAddress, destination: near.address },
        { queued: true, from: "near", source: near.farAddress, destination: far.farAddress },
        { queued: true, from: "near", source: near.farAddress6, destination: far.farAddress6 },
        {
          ...{ queued: false, from: "near", protocol: "icmp" },
          ...{ source: near.farAddress, destination: far.farAddress },
        },
      ],
    },
    {
      name: "two hooks, an early priority",
      rule: { hook: ["prerouting", "postrouting"], priority: "mangle", destinationPort: 4100 },
      packets: [
        { queued: false },
        {
          ...{ queued: true, from: "near", source: near.farAddress, destination: near.address },
          destinationPort: 4100,
        },
        { queued: true, destination: far.farAddress, destinationPort: 4100 },
      ],
    },
    {
      name: "new connections",
      rule: { hook: "output", protocol: "udp", state: "new" },
      packets: [there(true, 4200), back(false, 4200), there(false, 4200), there(true, 4210)],
    },
    {
      name: "established connections",
      rule: { hook: "output", protocol: "udp", state: ["established", "related"] },
      packets: [there(false, 4300), back(true, 4300), there(true, 4300), there(false, 4310)],
    },
    {
      name: "what conntrack cannot make sense of",
      rule: { hook: "output", protocol: "tcp", state: "invalid" },
      packets: [
        { queued: false, protocol: "tcp", destinationPort: 4400 },
        { queued: true, protocol: "tcp", destinationPort: 4401, flags: { syn: true, fin: true } },
      ],
    },
    {
      name: "marks",
      rule: { hook: "output", protocol: "udp", mark: [7, { value: 0x10, mask: 0x30 }] },
      packets: [0, 6, 7, 8, 0x10, 0x20, 0x30, 0x1f, 0xffffffff].map((mark) => (
        { queued: mark === 7 || (mark & 0x30) === 0x10, mark }
      )),
    },
    {
      name: "no mark",
      rule: { hook: "output", protocol: "udp", mark: 0 },
      packets: [{ queued: false, mark: 1 }, { queued: true }],
    },
    {
      name: "this user",
      rule: { hook: "output", protocol: "udp", user: [0, 4294967294] },
      packets: [{ queued: true }, { queued: true, ...six }],
    },
    {
      name: "another user",
      rule: { hook: "output", user: 12345 },
      packets: [{ queued: false }, { queued: false, ...six }],
    },
    {
      name: "not, each field by itself",
      rule: {
        ...{ hook: "output", protocol: "udp" },
        not: { destinationPort: [22, { from: 80, to: 90 }], source: ["127.3.0.0/16", "fd00::/8"] },
      },
      packets: [
        ...[21, 22, 79, 80, 90, 91].map((port) => (
          { queued: [21, 79, 91].includes(port), destinationPort: port }
        )),
        ...[{ queued: false, source: "127.3.4.5" }, { queued: true, source: "127.4.0.1" }],
        ...[{ queued: true, ...six }, { queued: false, destinationPort: 22, ...six }],
      ],
    },
    {
      name: "not: marks, protocols, users, devices",
      rule: {
        hook: "output",
        not: { mark: { value: 1, mask: 1 }, protocol: "tcp", user: 12345, outDevice: "nobody" },
      },
      packets: [
        ...[{ queued: false, mark: 5 }, { queued: true, mark: 4 }, { queued: true, ...six }],
        ...[{ queued: false, protocol: "tcp" } as const],
      ],
    },
    {
      name: "not this user",
      rule: { hook: "output", not: { user: 0 } },
      packets: [{ queued: false }],
    },
    {
      name: "not new",
      rule: { hook: "output", protocol: "udp", not: { state: ["new", "invalid"] } },
      packets: [there(false, 4500), back(true, 4500), there(true, 4500)],
    },
    {
      name: "the first packets of a connection",
      rule: { hook: "output", protocol: "udp", firstPackets: 3 },
      packets: [
        ...[there(true, 4600), there(true, 4600), back(true, 4600)],
        ...[there(false, 4600), back(false, 4600), there(true, 4610), there(true, 4610)],
      ],
    },
    {
      name: "queues shared by addresses",
      rule: { hook: "output", protocol: "udp", balance: "addresses" },
      packets: Array.from({ length: 8 }, (_, at) => there(true, 5000 + 2 * at)),
      ...{ queues: 4, spread: "one" },
    },
    {
      name: "queues shared by addresses, many of them",
      rule: { hook: "output", protocol: "udp" },
      packets: Array.from({ length: 16 }, (_, at) => ({ queued: true, source: `127.0.0.${at}` })),
      ...{ queues: 4, spread: "several" },
    },
    {
      name: "queues shared by processor",
      rule: { hook: "output", protocol: "udp", balance: "cpu" },
      packets: Array.from({ length: 4 }, (_, at) => there(true, 5100 + 2 * at)),
      ...{ queues: 3, spread: "any" },
    },
    {
      name: "queues shared by connection",
      rule: { hook: "output", protocol: "udp", balance: "flow" },
      packets: Array.from({ length: 16 }, (_, at) => there(true, 5200 + 2 * at)),
      ...{ queues: 4, spread: "several", only: "nft" },
    },
    {
      name: "a connection stays at its queue",
      rule: { hook: "output", protocol: "udp", balance: "flow" },
      packets: [there(true, 5300), back(true, 5300), there(true, 5300), back(true, 5300)],
      ...{ queues: 4, spread: "one", only: "nft" },
    },
    {
      name: "nft's own words",
      rule: { hook: "output", expression: "udp length 8-40 udp dport { 5400, 5402-5404 }" },
      packets: [5400, 5401, 5402, 5404, 5405].map((port) => (
        { queued: port !== 5401 && port !== 5405, destinationPort: port }
      )),
      only: "nft",
    },
  ];
}
