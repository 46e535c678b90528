// Random histories of an IPv4 and an IPv6 handle of one queue, on real packets, beside a model of two
// ip_queue sockets: every result, every message, every packet that arrives.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import type { IpqHandle } from "../../src/ipq/mod.ts";
import { isReadable } from "../support/runtime/descriptors.ts";
import { functions, methods, protocols } from "../support/ipq/forms.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { queueRule, udpTo } from "../support/network/rules.ts";
import { UdpSocket } from "../support/traffic/udp.ts";

requireIsolation();

const NONE = 0;
const META = 1;
const PACKET = 2;
const DROP = 0;
const ACCEPT = 1;
const QUEUE = 3;
const REPEAT = 4;
const EINVAL = 22;
const ENOENT = 2;
const TEXT = 12;

type Message =
  | { readonly kind: "packet"; readonly text: string; readonly length: number }
  | { readonly kind: "error"; readonly errno: number };

interface Step {
  readonly family: 4 | 6;
  readonly act:
    | "send"
    | "read"
    | "read async"
    | "read too short"
    | "verdict"
    | "unknown id"
    | "mode"
    | "fd"
    | "destroy"
    | "create";
  /** Chooses among verdicts, modes, open packets. */
  readonly choice: number;
  readonly range: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  family: fc.constantFrom(4, 6),
  act: fc.oneof(
    { weight: 8, arbitrary: fc.constant("send" as const) },
    { weight: 8, arbitrary: fc.constantFrom("read" as const, "read async" as const) },
    { weight: 8, arbitrary: fc.constant("verdict" as const) },
    { weight: 4, arbitrary: fc.constant("mode" as const) },
    {
      weight: 3,
      arbitrary: fc.constantFrom(
        ...["read too short", "unknown id", "fd", "destroy", "create"] as const,
      ),
    },
  ),
  choice: fc.nat(1000),
  range: fc.constantFrom(0, 10, 33, 500, 70_000),
}, { noNullPrototype: true });

const history = fc.record({
  steps: fc.array(step, { minLength: 5, maxLength: 60 }),
  form: fc.constantFrom(functions, methods),
}, { noNullPrototype: true });

/** One family: the handle, and what an ip_queue kernel would hold for it. */
class Side {
  readonly #family: 4 | 6;
  readonly #queue: number;
  readonly #receiver: UdpSocket;
  readonly #buffer = new Uint8Array(2048);
  #form = functions;
  #handle: IpqHandle | null = null;
  #sent = 0;
  #mode = NONE;
  #range = 0;
  #inbox: Message[] = [];
  #open: { id: bigint; text: string }[] = [];
  #arrives: string[] = [];
  #fd: number | undefined;

  constructor(family: 4 | 6, queue: number, receiver: UdpSocket) {
    this.#family = family;
    this.#queue = queue;
    this.#receiver = receiver;
  }

  get undecided(): number {
    return this.#open.length + this.#inbox.filter(({ kind }) => kind === "packet").length;
  }

  start(form: typeof functions): void {
    this.#form = form;
    this.#create();
  }

  async run({ act, choice, range }: Step): Promise<void> {
    const handle = this.#handle;
    if (act === "create") return this.#create();
    if (act === "send") return await this.#send();
    if (handle === null) return;
    if (act === "read") this.#read(this.#form.read(handle, this.#buffer, -1));
    else if (act === "read async") {
      // Without a time limit where something must be there.
      const timeout = this.#inbox.length > 0 ? 0 : -1;
      this.#read(await handle.readAsync(this.#buffer, { timeout }));
    } else if (act === "read too short") this.#readTooShort(handle);
    else if (act === "mode") this.#setMode(handle, choice % 10 === 9 ? 7 : choice % 3, range);
    else if (act === "verdict") this.#decide(handle, choice);
    else if (act === "unknown id") {
      assert.equal(this.#form.setVerdict(handle, 2n ** 40n + BigInt(choice), ACCEPT), 40);
      this.#inbox.push({ kind: "error", errno: ENOENT });
    } else if (act === "fd") this.#fd = handle.fd;
    else this.destroy();
    if (this.#fd !== undefined && this.#inbox.length > 0) assert.ok(isReadable(this.#fd), "fd");
  }

  /** All that is left is read; then nothing is to be seen. */
  async end(): Promise<void> {
    while (this.#handle !== null && this.#inbox.length > 0) {
      this.#read(this.#form.read(this.#handle, this.#buffer, -1));
    }
    if (this.#handle !== null) this.#read(this.#form.read(this.#handle, this.#buffer, -1));
    assert.deepEqual(await this.#receiver.take(this.#arrives.length), this.#arrives);
    assert.deepEqual(this.#receiver.pending, []);
    this.#arrives = [];
  }

  destroy(): void {
    if (this.#handle === null) return;
    this.#form.destroy(this.#handle);
    assert.equal(this.#handle.fd, -1);
    this.#handle = null;
    this.#fd = undefined;
    [this.#mode, this.#range, this.#inbox, this.#open] = [NONE, 0, [], []];
  }

  #create(): void {
    const handle = this.#form.create(protocols[this.#family], this.#queue);
    if (this.#handle !== null) assert.equal(handle, null);
    else this.#handle = handle;
    assert.ok(this.#handle);
  }

  async #send(): Promise<void> {
    const text = `${this.#family}: ${++this.#sent}`.padEnd(TEXT, ".");
    await this.#receiver.send(text, this.#receiver);
    this.#queued(text);
  }

  #queued(text: string): void {
    if (this.#handle === null || this.#mode === NONE) return;
    const whole = (this.#family === 4 ? 28 : 48) + TEXT;
    const length = this.#range === 0 ? whole : Math.min(this.#range, whole);
    this.#inbox.push({ kind: "packet", text, length: this.#mode === META ? 0 : length });
  }

  #read(count: number): void {
    const expected = this.#inbox.shift();
    if (expected === undefined) {
      assert.equal(count, 0, "nothing is there");
      if (this.#fd !== undefined) assert.ok(!isReadable(this.#fd), "nothing to read");
      return;
    }
    const message = this.#buffer.subarray(0, count);
    if (expected.kind === "error") {
      assert.equal(this.#form.getMsgerr(message), expected.errno);
      return;
    }
    const packet = this.#form.getPacket(message);
    assert.ok(packet, `an error instead of ${expected.text}`);
    assert.equal(packet.dataLength, expected.length);
    const text = new TextDecoder().decode(packet.payload.subarray(-TEXT));
    if (expected.length >= TEXT + 28 + (this.#family === 4 ? 0 : 20)) {
      assert.equal(text, expected.text);
    }
    this.#open.push({ id: packet.packetId, text: expected.text });
  }

  #readTooShort(handle: IpqHandle): void {
    const part = this.#buffer.subarray(0, 40);
    const count = this.#form.read(handle, part, -1);
    const expected = this.#inbox.shift();
    if (expected === undefined) assert.equal(count, 0);
    else {
      assert.deepEqual([count, handle.errno], [-1, 10]);
      // The packet is still queued, and its id is among these bytes.
      const id = new DataView(part.buffer).getBigUint64(16, true);
      if (expected.kind === "packet") this.#open.push({ id, text: expected.text });
    }
  }

  #setMode(handle: IpqHandle, mode: number, range: number): void {
    assert.equal(this.#form.setMode(handle, mode, range), 56);
    if (mode > PACKET) this.#inbox.push({ kind: "error", errno: EINVAL });
    else [this.#mode, this.#range] = [mode, range];
  }

  #decide(handle: IpqHandle, choice: number): void {
    const at = choice % Math.max(1, this.#open.length);
    const packet = this.#open[at];
    if (packet === undefined) return;
    const verdict = [ACCEPT, DROP, ACCEPT, REPEAT, ACCEPT, QUEUE, 99][choice % 7]!;
    assert.equal(this.#form.setVerdict(handle, packet.id, verdict), 40);
    if (verdict === 99) {
      this.#inbox.push({ kind: "error", errno: EINVAL });
      return;
    }
    this.#open.splice(at, 1);
    if (verdict === ACCEPT) this.#arrives.push(packet.text);
    if (verdict === REPEAT || verdict === QUEUE) this.#queued(packet.text);
  }
}

/** Packets that the kernel holds. */
function held(number: number): number {
  const table = readFileSync("/proc/net/netfilter/nfnetlink_queue", "utf8").split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number));
  return table.find(([queue]) => queue === number)?.[2] ?? 0;
}

test("random histories", { timeout: 60_000 }, async () => {
  using receiver4 = await UdpSocket.open({ family: 4 });
  using receiver6 = await UdpSocket.open({ family: 6 });
  const queue = nextQueue();
  using _rule4 = queueRule(queue, { chain: "OUTPUT", match: udpTo(receiver4.port) });
  using _rule6 = queueRule(queue, { family: 6, chain: "OUTPUT", match: udpTo(receiver6.port) });
  const property = fc.asyncProperty(history, async ({ steps, form }) => {
    const four = new Side(4, queue, receiver4);
    const six = new Side(6, queue, receiver6);
    try {
      four.start(form);
      six.start(form);
      for (const each of steps) await (each.family === 4 ? four : six).run(each);
      const undecided = four.undecided + six.undecided;
      await four.end();
      await six.end();
      assert.equal(held(queue), undecided);
    } finally {
      four.destroy();
      six.destroy();
      // A history that failed leaves nothing to the next one.
      await new Promise((resolve) => setTimeout(resolve, 1));
      await receiver4.take(receiver4.pending.length);
      await receiver6.take(receiver6.pending.length);
    }
  });
  await fc.assert(property, { numRuns: 150 });
});
