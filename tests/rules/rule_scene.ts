// Sends the packets of rule_packets.ts, and sees which of them a queue gets.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { buildPacket } from "../../src/packet/mod.ts";
import { type Packet, PacketQueue, Verdict } from "../../mod.ts";
import type { Rule } from "../../src/rules/rule/rule.ts";
import { queueStatistics } from "../../src/nfqueue/statistics.ts";
import { command } from "../support/runtime/command.ts";
import { until } from "../support/runtime/waiting.ts";
import { Cable, Namespace } from "../support/network/namespaces.ts";
import { Filter } from "../support/queue/filter.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { FrameSocket } from "../support/traffic/frames.ts";
import { ipHeaderLength } from "../support/traffic/packets.ts";
import { RawSender } from "../support/traffic/raw.ts";
import type { RuleCase, SentPacket } from "./rule_packets.ts";

const LOOPBACK = { 4: "127.0.0.1", 6: "::1" } as const;
const TEXT = "numbered ";
const UPPER_LENGTHS: Readonly<Record<number, number>> = { 1: 8, 6: 20, 17: 8, 58: 8 };

function* numbers(): Generator<number, never> {
  for (let number = 1;; number++) yield number;
}

/** The number of a packet that was sent here; undefined for answers, which may quote or repeat one. */
function numberOf(bytes: Uint8Array): number | undefined {
  const protocol = bytes[bytes[0]! >> 4 === 6 ? 6 : 9]!;
  const header = ipHeaderLength(bytes);
  const isIcmp = protocol === 1 || protocol === 58;
  if (isIcmp && ![8, 128].includes(bytes[header]!)) return undefined;
  const at = header + (UPPER_LENGTHS[protocol] ?? 0);
  const text = new TextDecoder().decode(bytes.subarray(at));
  return text.startsWith(TEXT) ? Number(text.slice(TEXT.length)) : undefined;
}

function bytesOf(packet: SentPacket, number: number): Uint8Array {
  const { source, destination, protocol = "udp", flags = { syn: true } } = packet;
  const version = `${source}${destination}`.includes(":") ? 6 : 4;
  const header = {
    source: source ?? LOOPBACK[version],
    destination: destination ?? LOOPBACK[version],
    ...(typeof protocol === "number" ? { protocol } : {}),
  };
  const ports = {
    sourcePort: packet.sourcePort ?? 4000,
    destinationPort: packet.destinationPort ?? 4001,
  };
  const upper = protocol === "udp"
    ? { udp: ports }
    : protocol === "tcp"
    ? { tcp: { ...ports, ...flags } }
    : protocol !== "icmp"
    ? {}
    : version === 4
    ? { icmp: { type: 8, identifier: 7 } }
    : { icmpv6: { type: 128, identifier: 7 } };
  const payload = new TextEncoder().encode(`${TEXT}${number}`);
  return buildPacket({
    ...(version === 4 ? { ipv4: header } : { ipv6: header }),
    ...upper,
    payload,
  });
}

/** This host between two others, as a router. */
export class RuleScene implements Disposable {
  readonly #stack = new DisposableStack();
  readonly #frames: FrameSocket;
  readonly #hardwareAddress: Uint8Array;
  readonly #numbers = numbers();
  /** Packets with `from: "near"` come in by its device. */
  readonly near: Cable;
  readonly far: Cable;

  constructor() {
    const namespace = this.#stack.use(new Namespace());
    this.near = new Cable(namespace);
    this.far = new Cable(this.#stack.use(new Namespace()));
    writeFileSync("/proc/sys/net/ipv4/ip_forward", "1");
    writeFileSync("/proc/sys/net/ipv6/conf/all/forwarding", "1");
    const far = command("ip", ["-n", namespace.name, "-o", "link", "show", this.near.farDevice]);
    this.#frames = this.#stack.use(new FrameSocket(namespace.name, Number(far.split(":")[0])));
    const near = command("ip", ["link", "show", this.near.device]);
    const address = /link\/ether ([0-9a-f:]+)/.exec(near)?.[1] ?? "";
    this.#hardwareAddress = Uint8Array.from(address.split(":"), (byte) => parseInt(byte, 16));
  }

  /** Sends a packet; the number that it carries. */
  send(packet: SentPacket): number {
    const number = this.#numbers.next().value;
    const bytes = bytesOf(packet, number);
    const version = bytes[0]! >> 4 === 6 ? 6 : 4;
    if (packet.from === "near") {
      const frame = new Uint8Array(14 + bytes.length);
      frame.set(this.#hardwareAddress);
      frame.set([2, 0, 0, 0, 0, 9, ...(version === 4 ? [8, 0] : [0x86, 0xdd])], 6);
      frame.set(bytes, 14);
      this.#frames.send(frame);
      return number;
    }
    // A new socket each time: one that was connected keeps its own address.
    using sender = new RawSender(version);
    sender.send(bytes, packet.mark ?? 0);
    return number;
  }

  /**
   * Sends the packets of a case, and checks which come to which queue.
   *
   * @param install puts the rule in; it is disposed afterwards
   */
  async check(
    { name, rule, packets, queues: count = 1, spread }: RuleCase,
    install: (rule: Rule) => Disposable,
  ): Promise<void> {
    await using stack = new AsyncDisposableStack();
    const first = nextQueue(count);
    const seen = new Map<number, number>();
    for (let number = first; number < first + count; number++) {
      const queue = stack.use(PacketQueue.open(number));
      stack.use(
        new Filter(queue, (packet: Packet) => {
          const found = numberOf(packet.payload);
          if (found !== undefined) {
            assert.ok(!seen.has(found), `${name}: packet ${found} came twice`);
            seen.set(found, number);
          }
          return Verdict.Accept;
        }),
      );
    }
    const queue = count === 1 ? first : { from: first, to: first + count - 1 };
    stack.use(install({ ...rule, queue }));
    const waiting = () => queueStatistics().reduce((sum, { length }) => sum + length, 0);
    const wanted = new Set<number>();
    const texts = new Map<number, string>();
    for (const packet of packets) {
      const number = this.send(packet);
      texts.set(number, JSON.stringify(packet));
      if (!packet.queued) continue;
      wanted.add(number);
      const what = `${name}: ${JSON.stringify(packet)} comes to its queue`;
      await until(() => seen.has(number) && waiting() === 0, { what });
    }
    const unwanted = [...seen.keys()].filter((number) => !wanted.has(number))
      .map((number) => texts.get(number));
    assert.deepEqual(unwanted, [], `${name}: these should pass`);
    const used = new Set(seen.values()).size;
    if (spread === "one") assert.equal(used, 1, name);
    if (spread === "several") assert.ok(used > 1, `${name}: all came to one queue`);
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}
