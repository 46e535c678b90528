// Packets that are changed on their way through loopback, and seen by a capture behind the queue.
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { PacketQueue } from "../../../mod.ts";
import { finishChecksums, type Layers, parseLayers } from "../../../src/packet/mod.ts";
import { command } from "../../support/runtime/command.ts";
import { badPacketsDuring } from "../../support/network/counters.ts";
import { Filter } from "../../support/queue/filter.ts";
import { awaitAddress6 } from "../../support/network/namespaces.ts";
import { nextQueue } from "../../support/queue/numbers.ts";
import { Capture, RawSender } from "../../support/traffic/raw.ts";
import { queueRule } from "../../support/network/rules.ts";
import { type LayerName, viewOf } from "../../packet/edits.ts";

/** Addresses on loopback: where packets are sent, and others that they may be changed to. */
export const ADDRESSES = {
  4: { from: "127.0.0.1", to: "127.0.0.9", others: ["127.0.0.10", "127.255.0.254"] },
  6: { from: "fd00::1", to: "fd00::9", others: ["fd00::a", "fd00::ff00:1"] },
} as const;

/** The IPv6 ones, which loopback does not have by itself. */
export class Addresses implements Disposable {
  private constructor() {
    for (const address of this.#list()) this.#change("add", address, "nodad");
  }

  /** Adds them to loopback. */
  static async open(): Promise<Addresses> {
    const addresses = new Addresses();
    for (const address of addresses.#list()) awaitAddress6(address);
    // Shortly afterwards the kernel makes their routes anew, and a packet that is in a queue then,
    // with the old one, is lost.
    await delay(100);
    return addresses;
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

/** The views of a packet: a queued one's, and those of any bytes. */
export type Views = Pick<Layers, "ip" | LayerName>;

/** What to do to a packet, and what must then be true of the one that arrives. */
export interface Change {
  readonly name: string;
  /** The setter that it is about, as `layer.field`. */
  readonly sets?: string;
  readonly act: (packet: Views) => void;
  readonly check: (layers: Layers) => void;
  /** What the kernel's own stack finds wrong with it; default nothing. */
  readonly bad?: Readonly<Record<string, number>>;
}

/** Assigns, and expects to read the same where it arrives, if nothing else is said. */
export function assignment(
  layer: LayerName,
  field: string,
  value: unknown,
  check: Change["check"] = (layers) =>
    assert.deepEqual(plain(viewOf(layers, layer)?.[field]), plain(value)),
): Change {
  return {
    name: `${layer}.${field} = ${JSON.stringify(plain(value), bigints)}`,
    sets: `${layer}.${field}`,
    act: (packet) => {
      const view = viewOf(packet, layer);
      assert.ok(view !== undefined, layer);
      assert.ok(Reflect.set(view, field, value));
    },
    check,
  };
}

function bigints(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}n` : value;
}

/** Bytes as arrays of numbers, also inside. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

/** Sends the packet once for each change, through a queue that makes it. */
export async function sendChanged(
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
  const send = async (next: Change): Promise<void> => {
    change = next;
    sent = undefined;
    sender.send(bytes);
    const arrival = capture.find((packet) => sent !== undefined && equal(packet, sent), next.name);
    const packet = await Promise.race([arrival, filter.done.then(() => assert.fail(next.name))]);
    if (next.bad === undefined) {
      assert.deepEqual(finishChecksums(packet.slice()), packet, next.name);
    }
    next.check(parseLayers(packet));
  };
  const quiet = changes.filter(({ bad }) => bad === undefined);
  const bad = await badPacketsDuring(async () => {
    for (const next of quiet) await send(next);
  });
  assert.deepEqual(bad, {});
  for (const next of changes) {
    if (next.bad === undefined) continue;
    assert.deepEqual(await badPacketsDuring(() => send(next)), next.bad, next.name);
  }
  assert.equal(queue.statistics.verdictErrors, 0);
}

function equal(one: Uint8Array, two: Uint8Array): boolean {
  return one.length === two.length && one.every((byte, index) => byte === two[index]);
}
