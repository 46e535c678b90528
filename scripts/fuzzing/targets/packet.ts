/** Queued packets: read, edited, replaced, copied, printed, and given a verdict. */
import { inspect } from "node:util";
import type { Packet } from "../../../src/queue/packet/packet.ts";
import type { VerdictOptions } from "../../../src/queue/packet/verdict_options.ts";
import { IP_PACKETS } from "../corpus.ts";
import { digestBytes, digestOf, gettersOf } from "../digest.ts";
import { DOCUMENTED } from "../errors.ts";
import type { Scene } from "../hostile.ts";
import { type Queued, queued, SHAPES } from "../message.ts";
import type { Random } from "../random.ts";
import { assignmentOf, ASSIGNMENTS, chooseAssignments, viewName, viewsOf } from "../setters.ts";
import { Finding, insist, requireDocumented, type Target } from "../target.ts";
import { BY_SORT, VALUES } from "../values.ts";
import { parseLayers } from "../../../src/packet/mod.ts";

const ERRORS = DOCUMENTED.packet;

/** Long bytes are tried as a packet's. */
const SHORT_VALUES = VALUES.filter(({ name }) => !/^bytes\d{5}|long-/.test(name));

/** Options of verdicts, each with any value. */
const OPTIONS = ["mark", "priority", "vlan", "layer2Header", "conntrack", "unknown"] as const;
const CONNTRACK_OPTIONS: readonly unknown[] = [
  ...[{ mark: 1 }, { mark: { value: 1, mask: 3 } }, { labels: [1, 2] }, { timeout: 5 }],
  ...[{ labels: { set: [1], clear: [2] } }, { labels: 5 }, { mark: { value: 1 } }, { nothing: 1 }],
  { expectation: { destination: "10.0.0.1", destinationPort: 21, protocol: 6, helper: "ftp" } },
  { expectation: { destination: "::1", source: "10.0.0.1", destinationPort: 21, protocol: 6 } },
  { expectation: null },
];

type Act = (packet: Packet, scene: Scene) => void;

const withOptions = (verdict: "accept" | "repeat" | "stop"): [string, Act][] => [
  ...OPTIONS.flatMap((option) =>
    SHORT_VALUES.map(({ name, make }): [string, Act] => [
      `${verdict}(${option}:${name})`,
      (packet, scene) => packet[verdict]({ [option]: make(scene) } as VerdictOptions),
    ])
  ),
  ...CONNTRACK_OPTIONS.map((conntrack, at): [string, Act] => [
    `${verdict}(conntrack${at})`,
    (packet) => packet[verdict]({ conntrack } as VerdictOptions),
  ]),
];

/** What ends it. */
const ENDS: readonly (readonly [string, Act])[] = [
  ...(["accept", "drop", "repeat", "stop"] as const).map((verdict): [string, Act] => [
    verdict,
    (packet) => packet[verdict](),
  ]),
  ["accept-changed", (packet) => packet.accept({ mark: { value: 5, mask: 7 }, priority: 3 })],
  ...withOptions("accept"),
  ...SHORT_VALUES.map(({ name, make }): [string, Act] => [
    `requeue(${name})`,
    (packet, scene) => packet.requeue(make(scene) as number, { bypass: true }),
  ]),
  ...SHORT_VALUES.map(({ name, make }): [string, Act] => [
    `accept(${name})`,
    (packet, scene) => packet.accept(make(scene) as VerdictOptions),
  ]),
];

/** What does not end it, besides assignments to views. */
const CALLS: readonly (readonly [string, Act])[] = [
  ["hold", (packet) => packet.hold()],
  ["toString", (packet) => void packet.toString()],
  ["toJSON", (packet) => void JSON.stringify(packet)],
  ["inspect", (packet) => void packet.inspect({ maxBytes: 32 })],
  ["console", (packet) => void inspect(packet)],
  ["copy", (packet) => compareCopy(packet)],
  ...VALUES.map(({ name, make }): [string, Act] => [
    `replacePayload(${name})`,
    (packet, scene) => packet.replacePayload(make(scene) as Uint8Array),
  ]),
  ...IP_PACKETS.map((bytes, at): [string, Act] => [
    `replacePayload(packet${at})`,
    (packet) => packet.replacePayload(bytes.slice()),
  ]),
  ...SHORT_VALUES.map(({ name, make }): [string, Act] => [
    `vlan=${name}`,
    (packet, scene) => {
      packet.vlan = make(scene) as NonNullable<Packet["vlan"]>;
    },
  ]),
  ...SHORT_VALUES.map(({ name, make }): [string, Act] => [
    `inspect(${name})`,
    (packet, scene) => void packet.inspect({ maxBytes: make(scene) as number }),
  ]),
];

const shapes = Object.entries(SHAPES);
const OPERATIONS: readonly string[] = [
  ...shapes.map(([name]) => `shape:${name}`),
  ...ENDS.map(([name]) => `end:${name}`),
  ...CALLS.map(([name]) => `call:${name}`),
  ...ASSIGNMENTS,
];
const FIRST = {
  end: shapes.length,
  call: shapes.length + ENDS.length,
  assignment: shapes.length + ENDS.length + CALLS.length,
} as const;

function choose(random: Random, bytes: Uint8Array): number[] {
  const operations: number[] = [];
  for (let left = random.below(3); left > 0; left--) operations.push(random.below(shapes.length));
  const views = viewsOf(parseLayers(bytes));
  for (let left = random.below(4); left > 0; left--) {
    if (random.once(3)) operations.push(FIRST.call + callAtRandom(random));
    else {
      const assignments = chooseAssignments(random, views, 2);
      operations.push(...assignments.map((operation) => FIRST.assignment + operation));
    }
  }
  if (random.once(8)) return operations;
  operations.push(FIRST.end + (random.once(2) ? random.below(5) : random.below(ENDS.length)));
  // A second verdict must be refused.
  if (random.once(8)) operations.push(FIRST.end + random.below(5));
  return operations;
}

function callAtRandom(random: Random): number {
  if (random.once(2)) return random.below(6);
  if (random.once(2)) return 6 + VALUES.length + random.below(IP_PACKETS.length);
  if (random.once(2)) return 6 + random.pick(BY_SORT.hostile);
  return random.below(CALLS.length);
}

/** What can be read of a packet; each getter answers, or throws what it documents. */
function readAll(packet: Packet, errors: readonly string[]): number {
  let digest = 0;
  for (const name of gettersOf(Object.getPrototypeOf(packet) as object)) {
    try {
      digest = digestOf((packet as unknown as Readonly<Record<string, unknown>>)[name], digest);
    } catch (error) {
      requireDocumented(errors, error);
    }
  }
  return digest;
}

/** One of the getters, which all throw the same after the verdict: errors take long. */
function readOne(packet: Packet, which: number): number {
  const names = gettersOf(Object.getPrototypeOf(packet) as object);
  const name = names[which % names.length]!;
  try {
    return digestOf((packet as unknown as Readonly<Record<string, unknown>>)[name]);
  } catch (error) {
    const released = packet.verdict !== undefined;
    requireDocumented(released ? ["PacketReleasedError"] : ["WireError"], error);
    return 0;
  }
}

function compareCopy(packet: Packet): void {
  const copy = packet.copy();
  const [one, other] = [packet, copy].map((each) => JSON.stringify(each));
  insist(one === other, "difference", () => `a copy tells something else: ${other} for ${one}`);
  const same = digestBytes(copy.payload) === digestBytes(packet.payload);
  insist(same, "difference", () => "a copy has other bytes");
}

/** A packet in the queue under operations. */
class Session implements Scene {
  readonly #queued: Queued;
  readonly #before: Uint8Array;
  /** So many bytes of the message are not the packet's. */
  readonly #head: number;
  #ended = false;
  #disturbed = false;
  #nested = false;

  constructor(queued: Queued, length: number) {
    this.#queued = queued;
    this.#before = queued.memory.slice();
    // Behind it there is padding alone.
    this.#head = queued.memory.length - ((length + 3) & ~3);
  }

  get packet(): Packet {
    return this.#queued.packet;
  }

  edit(): void {
    if (this.#nested || this.#ended) return;
    this.#nested = true;
    try {
      const { ip, udp } = this.packet;
      if (ip !== undefined) ip.ttl = ip.ttl ^ 1;
      if (udp !== undefined) udp.payload = new Uint8Array(3);
    } catch (error) {
      requireDocumented(ERRORS, error);
    } finally {
      this.#nested = false;
    }
    this.#disturbed = true;
  }

  own(): Uint8Array {
    return this.#ended ? new Uint8Array(40) : this.packet.payload;
  }

  do(operation: number): void {
    if (operation >= FIRST.assignment) this.#guarded(() => this.#assign(operation));
    else if (operation >= FIRST.call) {
      const [, act] = CALLS[operation - FIRST.call]!;
      this.#guarded(() => act(this.packet, this));
    } else this.#end(ENDS[operation - FIRST.end]!);
  }

  /** The bytes of the message around the packet are as they came. */
  checkMemory(): void {
    const { memory } = this.#queued;
    for (let at = 0; at < this.#head; at++) {
      insist(memory[at] === this.#before[at], "write outside", () => `byte ${at} of the message`);
    }
  }

  #assign(operation: number): void {
    const [setter, value] = assignmentOf(operation - FIRST.assignment);
    const { ethernet, ip, arp, tcp, udp, icmp, icmpv6 } = this.packet;
    const view = [ethernet, ip, arp, tcp, udp, icmp, icmpv6]
      .find((view) => view !== undefined && viewName(view) === setter.view);
    if (view !== undefined) setter.set.call(view, value.make(this));
  }

  /** What throws has changed nothing, but for what hostile values did themselves. */
  #guarded(act: () => void): void {
    const { packet } = this;
    const released = this.#ended;
    const before = released ? undefined : this.#state();
    this.#disturbed = false;
    try {
      act();
    } catch (error) {
      const name = requireDocumented(ERRORS, error);
      if (released) {
        const right = name === "PacketReleasedError" || name === "VerdictError";
        insist(right || this.#disturbed, "released", () => `threw ${name} after the verdict`);
        return;
      }
      const same = this.#disturbed || before === this.#state();
      insist(same, "changed after a throw", () => `${error} for packet ${packet.id}`);
    }
  }

  #state(): number {
    const { packet } = this;
    return digestOf(packet.modified, digestBytes(packet.payload, readAll(packet, ERRORS)));
  }

  #end([name, act]: readonly [string, Act]): void {
    const { packet } = this;
    const { modified, truncated, payload, checksumNotReady, gso } = this.#ended
      ? { modified: false, truncated: false, payload: NO_BYTES, checksumNotReady: true, gso: true }
      : packet;
    // Not `slice()`: it may be a hostile one.
    const bytes = new Uint8Array(payload);
    const before = this.#queued.sent().length;
    this.#guarded(() => act(packet, this));
    const given = this.#queued.sent().slice(before);
    if (packet.verdict === undefined || this.#ended) {
      insist(given.length === 0, "verdict", () => `${name} sent a verdict all the same`);
      return;
    }
    this.#ended = true;
    const [verdict] = given;
    if (given.length !== 1 || verdict === undefined) {
      throw new Finding("verdict", `${name} sent ${given.length} verdicts`);
    }
    insist(verdict.id === packet.id, "verdict", () => `${name}: for packet ${verdict.id}`);
    insist(verdict.verdict === packet.verdict, "verdict", () => `${name}: ${verdict.verdict}`);
    const sent = verdict.payload;
    if (name === "drop" || !modified) {
      insist(sent === undefined || this.#disturbed, "verdict", () => `${name} sent bytes`);
    }
    if (sent === undefined) return;
    insist(!truncated, "verdict", () => `${name} sent a part of a packet back`);
    if (checksumNotReady || gso || this.#disturbed) return;
    const same = digestBytes(sent) === digestBytes(bytes);
    insist(same, "verdict", () => `${name} sent other bytes than the packet had`);
  }
}

const NO_BYTES = new Uint8Array(new ArrayBuffer(0));

const packet: Target = {
  ...{ name: "packet", errors: ERRORS, block: 60, calls: 12, corpus: IP_PACKETS },
  ...{ operations: OPERATIONS, choose },
  run: (bytes, operations) => {
    let shape = {};
    for (const operation of operations) {
      if (operation < FIRST.end) shape = { ...shape, ...shapes[operation]![1] };
    }
    const { length } = bytes;
    const session = new Session(queued(bytes, shape), length);
    const { packet } = session;
    const flow = packet.flow;
    const layers = parseLayers(bytes, { protocol: packet.etherType });
    const same = String(flow) === String(layers.flow);
    insist(same, "difference", () => `flow ${flow} of the message, ${layers.flow} of the layers`);
    for (const operation of operations) if (operation >= FIRST.end) session.do(operation);
    session.checkMemory();
    return digestOf(String(packet), readOne(packet, length + operations.length));
  },
};

export const PACKET_TARGETS: readonly Target[] = [packet];
