/**
 * Frames that are changed on a bridge: from the left host, through a queue, to the right one.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Packet, PacketQueue } from "../../../mod.ts";
import { parseEthernet } from "../../../src/packet/mod.ts";
import { Filter } from "../queue/filter.ts";
import type { FrameSocket } from "../traffic/frames.ts";
import { nextQueue } from "../queue/numbers.ts";
import { Bridge } from "./bridge.ts";
import { NftRule } from "./nft.ts";

/** What is to happen to a frame. */
export interface FrameChange {
  readonly name: string;
  readonly act: (packet: Packet) => void;
  /** What must arrive, made from the frame; without it what the packet says that it is. */
  readonly expect?: (frame: Uint8Array) => Uint8Array;
}

/** A bridge, and a queue for what the left host sends. */
export class FrameEditor implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly bridge: Bridge;
  readonly queue: PacketQueue;
  readonly #sender: FrameSocket;
  readonly #receiver: FrameSocket;
  readonly #filter: Filter;
  #pending: { readonly payload: Uint8Array; readonly change: FrameChange } | undefined;
  #sent: Uint8Array | undefined;

  constructor() {
    this.bridge = this.#stack.use(new Bridge());
    const { left, right } = this.bridge;
    this.#sender = this.#stack.use(left.frames());
    this.#receiver = this.#stack.use(right.frames());
    this.queue = this.#stack.use(PacketQueue.open(nextQueue()));
    const rule = `iifname ${left.port} queue num ${this.queue.number}`;
    this.#stack.use(new NftRule({ family: "bridge", hook: "forward" }, rule));
    this.#filter = this.#stack.use(
      new Filter(this.queue, (packet) => {
        const pending = this.#pending;
        // The hosts have things of their own to say.
        if (pending !== undefined && equal(packet.payload, pending.payload)) {
          this.#pending = undefined;
          pending.change.act(packet);
          this.#sent = frameOf(packet);
        }
        packet.accept();
      }),
    );
  }

  /** Sends a frame, has it changed, and waits for what must arrive. */
  async pass(frame: Uint8Array, change: FrameChange): Promise<Uint8Array> {
    const { layers } = parseEthernet(frame);
    assert.ok(layers !== undefined);
    this.#sent = undefined;
    this.#pending = { payload: frame.subarray(layers.networkOffset), change };
    const expected = change.expect?.(frame.slice());
    this.#sender.send(frame);
    const arrival = this.#receiver.find((seen) => {
      const sent = this.#sent;
      return sent !== undefined && equal(seen, expected ?? sent);
    }, change.name);
    const failure = this.#filter.done.then(() => assert.fail(change.name));
    const seen = await Promise.race([arrival, failure]);
    assert.equal(this.queue.statistics.verdictErrors, 0);
    return seen;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** The frame that a packet says that it is. */
function frameOf({ layer2Header, vlan, payload }: Packet): Uint8Array {
  assert.ok(layer2Header?.length === 14);
  const tag = vlan === undefined ? [] : [
    ...[vlan.protocol >> 8, vlan.protocol & 0xff],
    ...[(vlan.priority << 5) | (vlan.dropEligible ? 0x10 : 0) | (vlan.id >> 8), vlan.id & 0xff],
  ];
  return Uint8Array.of(
    ...layer2Header.subarray(0, 12),
    ...tag,
    ...layer2Header.subarray(12),
    ...payload,
  );
}

function equal(one: Uint8Array, two: Uint8Array): boolean {
  return one.length === two.length && one.every((byte, index) => byte === two[index]);
}
