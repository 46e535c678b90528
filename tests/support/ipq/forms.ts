/**
 * Handles of libipq over the transport nfqueue, in both of their forms.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  ipq_create_handle,
  ipq_destroy_handle,
  ipq_get_msgerr,
  ipq_get_packet,
  ipq_message_type,
  ipq_read,
  ipq_set_mode,
  ipq_set_verdict,
  IpqError,
  IpqHandle,
  type IpqPacketMessage,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
} from "../../../src/ipq/mod.ts";
import { nextQueue } from "../queue/numbers.ts";
import { queueRule, type Rule, udpTo } from "../network/rules.ts";
import { UdpSocket } from "../traffic/udp.ts";

/** Longest wait of a read that should find something (µs). */
export const patienceInMicroseconds = 5_000_000;

/** The protocol of each address family. */
export const protocols = { 4: NFPROTO_IPV4, 6: NFPROTO_IPV6 } as const;

/** The same calls in one of the two forms: what the class throws is −1, as from the functions. */
export interface Form {
  readonly name: string;
  create(protocol: number, queue: number): IpqHandle | null;
  setMode(handle: IpqHandle, mode: number, range?: number | bigint): number;
  read(handle: IpqHandle, buffer: Uint8Array, timeout?: number): number;
  setVerdict(handle: IpqHandle, id: bigint, verdict: number, data?: Uint8Array): number;
  messageType(buffer: Uint8Array): number;
  getPacket(buffer: Uint8Array): IpqPacketMessage | null;
  getMsgerr(buffer: Uint8Array): number;
  destroy(handle: IpqHandle): void;
}

/** The C names. */
export const functions: Form = {
  name: "functions",
  create: (protocol, queue) => ipq_create_handle(0, protocol, { transport: "nfqueue", queue }),
  setMode: (handle, mode, range = 0) => ipq_set_mode(handle, mode, range),
  read: (handle, buffer, timeout = 0) => ipq_read(handle, buffer, buffer.length, timeout),
  setVerdict: (handle, id, verdict, data) =>
    ipq_set_verdict(handle, id, verdict, data?.length ?? 0, data ?? null),
  messageType: ipq_message_type,
  getPacket: ipq_get_packet,
  getMsgerr: ipq_get_msgerr,
  destroy: (handle) => assert.equal(ipq_destroy_handle(handle), 0),
};

/** The class. */
export const methods: Form = {
  name: "class",
  create: (protocol, queue) =>
    caught(() => IpqHandle.create(0, protocol, { transport: "nfqueue", queue })) ?? null,
  setMode: (handle, mode, range) => numberOf(handle, () => handle.setMode(mode, range)),
  read: (handle, buffer, timeout) => numberOf(handle, () => handle.read(buffer, timeout)),
  setVerdict: (handle, id, verdict, data) =>
    numberOf(handle, () => handle.setVerdict(id, verdict, data)),
  messageType: (buffer) => IpqHandle.messageType(buffer),
  getPacket: (buffer) => IpqHandle.getPacket(buffer),
  getMsgerr: (buffer) => IpqHandle.getMsgerr(buffer),
  destroy: (handle) => handle.destroy(),
};

/** Both. */
export const forms: readonly Form[] = [functions, methods];

function caught<Value>(act: () => Value): Value | undefined {
  try {
    return act();
  } catch (error) {
    if (error instanceof IpqError) return undefined;
    throw error;
  }
}

/** What was thrown must be what the handle keeps. */
function numberOf(handle: IpqHandle, act: () => number): number {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof IpqError)) throw error;
    assert.deepEqual([error.code, error.errno], [handle.errno, handle.systemErrno]);
    return -1;
  }
}

/** An error answer of the kernel's, as it was read. */
export interface ErrorAnswer {
  readonly errno: number;
  /** Bytes of the whole message. */
  readonly length: number;
  /** The message that it answers. */
  readonly request: Uint8Array;
}

/** What {@link Traffic} is made of. */
export interface TrafficOptions {
  /** Default: the functions. */
  readonly form?: Form;
  readonly family?: 4 | 6;
  /** Default: a fresh one. */
  readonly queue?: number;
  /** Where packets go to the queue. Default OUTPUT. */
  readonly chain?: string;
  readonly table?: string;
}

/** A handle, and a receiver whose packets go through it. */
export class Traffic implements Disposable {
  readonly handle: IpqHandle;
  readonly form: Form;
  readonly queue: number;
  readonly receiver: UdpSocket;
  readonly sender: UdpSocket;
  readonly rule: Rule;
  readonly buffer: Uint8Array = new Uint8Array(new ArrayBuffer(70_000));
  readonly #stack: DisposableStack;

  private constructor(
    stack: DisposableStack,
    made: Pick<Traffic, "handle" | "form" | "queue" | "receiver" | "sender" | "rule">,
  ) {
    this.#stack = stack;
    this.handle = made.handle;
    this.form = made.form;
    this.queue = made.queue;
    this.receiver = made.receiver;
    this.sender = made.sender;
    this.rule = made.rule;
  }

  static async open(options: TrafficOptions = {}): Promise<Traffic> {
    const { form = functions, family = 4, queue = nextQueue(), chain = "OUTPUT", table } = options;
    using stack = new DisposableStack();
    const receiver = stack.use(await UdpSocket.open({ family }));
    const sender = stack.use(await UdpSocket.open({ family }));
    const handle = form.create(protocols[family], queue);
    assert.ok(handle, "no handle");
    stack.defer(() => form.destroy(handle));
    const match = udpTo(receiver.port);
    const rule = stack.use(
      queueRule(queue, { family, chain, match, ...(table === undefined ? {} : { table }) }),
    );
    return new Traffic(stack.move(), { handle, form, queue, receiver, sender, rule });
  }

  /** Sends texts to the receiver. */
  async send(...texts: string[]): Promise<void> {
    await this.sender.sendAll(texts, this.receiver);
  }

  setMode(mode: number, range?: number | bigint): void {
    assert.equal(this.form.setMode(this.handle, mode, range), 56);
  }

  /** Reads one message into {@link buffer}; gives its bytes. */
  message(timeout: number = patienceInMicroseconds): Uint8Array {
    const count = this.form.read(this.handle, this.buffer, timeout);
    assert.ok(count > 0, `read gave ${count}: ${this.handle.errstr()}`);
    return this.buffer.subarray(0, count);
  }

  /** The packet that comes next; its views are good until the next read. */
  packet(): IpqPacketMessage {
    const packet = this.form.getPacket(this.message());
    assert.ok(packet, "the message is no packet");
    return packet;
  }

  /** The error answer that comes next. */
  answer(): ErrorAnswer {
    const message = this.message();
    assert.equal(this.form.messageType(message), 2);
    assert.equal(this.form.getPacket(message), null);
    const errno = this.form.getMsgerr(message);
    return { errno, length: message.length, request: message.slice(20) };
  }

  /** Decides; gives the bytes sent. */
  decide(packet: IpqPacketMessage, verdict: number, data?: Uint8Array): number {
    return this.form.setVerdict(this.handle, packet.packetId, verdict, data);
  }

  /** Nothing is there to read. */
  quiet(): void {
    assert.equal(this.form.read(this.handle, this.buffer, -1), 0);
    assert.deepEqual([this.handle.errno, this.handle.systemErrno], [15, 0]);
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}
