// Every field that can be written, changed in flight: what arrives is what was written, and the
// kernel's own stack finds nothing wrong with it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Packet, PacketQueue } from "../../mod.ts";
import {
  buildPacket,
  finishChecksums,
  type PacketFields,
  parseLayers,
} from "../../src/wire/mod.ts";
import { command } from "../support/command.ts";
import { withoutBadPackets } from "../support/counters.ts";
import { Filter } from "../support/filter.ts";
import { requireIsolation } from "../support/isolation.ts";
import { awaitAddress6 } from "../support/namespaces.ts";
import { nextQueue } from "../support/numbers.ts";
import { Capture, RawSender } from "../support/raw.ts";
import { queueRule } from "../support/rules.ts";
import { counting, type LayerName, PLAIN_FIELDS, viewOf } from "../wire/edits.ts";

requireIsolation();

/** Addresses on loopback: where packets are sent, and others that they may be changed to. */
const ADDRESSES = {
  4: { from: "127.0.0.1", to: "127.0.0.9", others: ["127.0.0.10", "127.255.0.254"] },
  6: { from: "fd00::1", to: "fd00::9", others: ["fd00::a", "fd00::ff00:1"] },
} as const;

/** The IPv6 ones, which loopback does not have by itself. */
class Addresses implements Disposable {
  constructor() {
    // Without duplicate address detection an address is usable at once.
    for (const address of this.#list()) this.#change("add", address, "nodad");
    for (const address of this.#list()) awaitAddress6(address);
  }

  #list(): string[] {
    const { from, to, others } = ADDRESSES[6];
    return [from, to, ...others];
  }

  #change(what: string, address: string, ...words: readonly string[]): void {
    command("ip", ["addr", what, `${address}/128`, "dev", "lo", ...words]);
  }

  [Symbol.dispose](): void {
    for (const address of this.#list()) this.#change("del", address);
  }
}

const ports = { sourcePort: 40001, destinationPort: 40002 } as const;
const UPPER: Readonly<Record<string, PacketFields>> = {
  tcp: { tcp: { ...ports, sequenceNumber: 5, syn: true, mss: 1400, windowScale: 5 } },
  "tcp with data": { tcp: { ...ports, ack: true, acknowledgmentNumber: 9 }, payload: counting(33) },
  udp: { udp: ports, payload: counting(21) },
  ping4: { icmp: { identifier: 3, sequenceNumber: 4 }, payload: counting(15) },
  ping6: { icmpv6: { identifier: 3, sequenceNumber: 4 }, payload: counting(15) },
};

function packetFor(family: 4 | 6, upper: PacketFields): Uint8Array {
  const { from: source, to: destination } = ADDRESSES[family];
  return buildPacket(
    family === 4
      ? { ipv4: { source, destination, identification: 0x4444 }, ...upper }
      : { ipv6: { source, destination }, ...upper },
  );
}

/** What to do to a packet, and what must then be true of the one that arrives. */
interface Change {
  readonly name: string;
  readonly act: (packet: Packet) => void;
  readonly check: (layers: ReturnType<typeof parseLayers>) => void;
}

/** One for every value of every field that this packet has. */
function fieldChanges(family: 4 | 6, bytes: Uint8Array): Change[] {
  const { others } = ADDRESSES[family];
  const layers = parseLayers(bytes);
  return PLAIN_FIELDS.flatMap((field): Change[] => {
    const view = viewOf(layers, field.layer);
    const old = view?.[field.name];
    if (old === undefined) return [];
    let values = field.values;
    // An address must be one that loopback knows, in whichever form it is written.
    if (/^(source|destination)(Number|Bytes)?$/.test(field.name)) {
      values = others.map((address) => valueOf(family, field.name, address));
    }
    return values.map((value) => ({
      name: `${field.layer}.${field.name} = ${value}`,
      act: (packet) => write(packet, field.layer, field.name, value),
      check: (layers) =>
        assert.deepEqual(plain(viewOf(layers, field.layer)?.[field.name]), plain(value)),
    }));
  });
}

function plain(value: unknown): unknown {
  return value instanceof Uint8Array ? [...value] : value;
}

/** An address as the field of this name holds it. */
function valueOf(family: 4 | 6, field: string, source: string): unknown {
  const { ip } = parseLayers(
    buildPacket(family === 4 ? { ipv4: { source } } : { ipv6: { source } }),
  );
  const name = field.replace("destination", "source") as "source" | "sourceNumber" | "sourceBytes";
  return ip?.[name];
}

function write(packet: Packet, layer: LayerName, field: string, value: unknown): void {
  const view = packet[layer];
  assert.ok(view !== undefined);
  assert.ok(Reflect.set(view, field, value));
}

/** Sends the packet once for each change, through a queue that makes it. */
async function sendChanged(
  family: 4 | 6,
  bytes: Uint8Array,
  changes: readonly Change[],
): Promise<void> {
  using queue = PacketQueue.open(nextQueue());
  using capture = new Capture(family);
  using sender = new RawSender(family);
  const match = ["-d", ADDRESSES[family].to];
  using _rule = queueRule(queue.number, { family, chain: "OUTPUT", match });
  let change: Change | undefined;
  let sent: Uint8Array | undefined;
  await using filter = new Filter(queue, (packet) => {
    if (change === undefined) return packet.accept();
    change.act(packet);
    change = undefined;
    sent = packet.payload.slice();
    packet.accept();
  });
  for (const next of changes) {
    change = next;
    sent = undefined;
    sender.send(bytes);
    const arrival = capture.find((packet) => sent !== undefined && equal(packet, sent), next.name);
    const packet = await Promise.race([arrival, filter.done.then(() => assert.fail(next.name))]);
    assert.deepEqual(finishChecksums(packet.slice()), packet, next.name);
    next.check(parseLayers(packet));
  }
  assert.equal(queue.statistics.verdictErrors, 0);
}

function equal(one: Uint8Array, two: Uint8Array): boolean {
  return one.length === two.length && one.every((byte, index) => byte === two[index]);
}

for (const family of [4, 6] as const) {
  for (const [name, upper] of Object.entries(UPPER)) {
    if (name === (family === 4 ? "ping6" : "ping4")) continue;
    test(`every field of ${name} over IPv${family}`, { timeout: 60_000 }, async () => {
      using _addresses = new Addresses();
      const bytes = packetFor(family, upper);
      const changes = fieldChanges(family, bytes);
      assert.ok(changes.length > 40, `${changes.length}`);
      await withoutBadPackets(() => sendChanged(family, bytes, changes));
    });

    test(`parts of ${name} over IPv${family}`, { timeout: 60_000 }, async () => {
      using _addresses = new Addresses();
      const bytes = packetFor(family, upper);
      await withoutBadPackets(() => sendChanged(family, bytes, partChanges(family)));
    });
  }
}

/** Changes of length and structure. */
function partChanges(family: 4 | 6): Change[] {
  const changes: Change[] = [];
  for (const length of [0, 1, 8, 33, 100, 101, 1400, 9000, 30_000]) {
    changes.push({
      name: `a payload of ${length} bytes`,
      act: ({ tcp, udp, icmp, icmpv6 }) => {
        (tcp ?? udp ?? icmp ?? icmpv6)!.payload = counting(length);
      },
      check: ({ tcp, udp, icmp, icmpv6 }) => {
        assert.deepEqual([...(tcp ?? udp ?? icmp ?? icmpv6)!.payload], [...counting(length)]);
      },
    });
  }
  changes.push({
    name: "TCP options",
    act: ({ tcp }) => {
      if (tcp === undefined) return;
      tcp.mss = 536;
      tcp.windowScale = undefined;
      tcp.timestamps = { value: 7, echoReply: 0 };
      tcp.sackPermitted = true;
      tcp.optionList = [...tcp.optionList, { kind: 253, data: counting(3) }];
    },
    check: ({ tcp }) => {
      if (tcp === undefined) return;
      assert.deepEqual(tcp.optionList.map(({ kind }) => kind), [2, 8, 4, 253]);
      assert.deepEqual([tcp.mss, tcp.timestamps?.value], [536, 7]);
    },
  });
  if (family === 4) {
    changes.push({
      name: "IPv4 options",
      act: ({ ipv4 }) => ipv4!.optionList = [{ type: 148, data: new Uint8Array(2) }],
      check: ({ ipv4 }) => assert.deepEqual([...ipv4!.options], [148, 4, 0, 0]),
    }, {
      name: "protocol",
      act: ({ ipv4 }) => ipv4!.protocol = 253,
      check: ({ ipv4 }) => assert.equal(ipv4!.protocol, 253),
    });
  } else {
    changes.push({
      name: "extension headers",
      act: ({ ipv6 }) => {
        ipv6!.destinationOptions = [{ type: 0x1e, data: counting(9) }];
        ipv6!.hopByHopOptions = [{ type: 0x3e, data: counting(1) }];
        ipv6!.fragment = { offset: 0, moreFragments: false, identification: 0x12345678 };
      },
      check: ({ ipv6 }) => {
        assert.deepEqual(ipv6!.extensions.map(({ protocol }) => protocol), [0, 44, 60]);
        assert.equal(ipv6!.fragment?.identification, 0x12345678);
      },
    }, {
      name: "protocol",
      act: ({ ipv6 }) => ipv6!.protocol = 253,
      check: ({ ipv6 }) => assert.equal(ipv6!.protocol, 253),
    });
  }
  return changes;
}
