/**
 * A handle of libipq(3) over NFQUEUE: ip_queue's return values, messages and answers on kernels that
 * no longer have it.
 *
 * @module
 */

import { backend } from "../../ffi/backend.ts";
import { ERRNO } from "../linux/errno.ts";
import { libc } from "../../ffi/libraries/libc.ts";
import { Doorbell } from "../linux/readiness.ts";
import {
  encodeIpqError,
  encodeIpqMode,
  encodeIpqVerdict,
  IPQ_COPY,
  IPQ_MAX_RANGE,
  IPQ_PEER_SIZE,
} from "../netlink/ip_queue/messages.ts";
import { MAX_COPY_RANGE, NF_VERDICT } from "../netlink/queue/numbers.ts";
import { decodeVerdict } from "../netlink/queue/verdict.ts";
import { NFPROTO_IPV6 } from "./constants.ts";
import { IPQ_ERROR, IpqError } from "./errors.ts";
import { type CopyMode, statedLength } from "./packet_writer.ts";
import { Peer } from "./peer.ts";
import { Pending } from "./pending.ts";
import { SENT, verdictId } from "./sent_verdicts.ts";
import { type Member, SharedQueue } from "./shared_queue.ts";
import { type IpqSettings, READ_INTERRUPTED, READ_TIMEOUT, type Transport } from "./transport.ts";

/** Bytes of the fixed IP header: ip_queue takes no payload that is shorter. */
const LEAST_PAYLOAD = { ipv4: 20, ipv6: 40 } as const;
/** The kernel's usual send buffer, less what it keeps: a longer message is refused. */
const LONGEST_SEND = 212_992 - 32;
/** The library wants room for a netlink header and an errno. */
const LEAST_BUFFER = 20;
const VERDICT_MASK = 0xffff;

/** One handle of a shared queue. */
export class NfqueueTransport implements Transport, Member {
  readonly name = "nfqueue";
  readonly family: number;
  readonly undecided: Set<number> = new Set();
  readonly cut: Map<number, Uint8Array> = new Map();
  readonly pending: Pending = new Pending((some) => this.#changed(some));
  readonly gather: boolean;
  readonly warn: boolean;
  copy: CopyMode = { mode: IPQ_COPY.NONE, range: 0 };

  readonly #peer: Peer;
  readonly #queue: SharedQueue;
  readonly #portId = libc().getpid();
  #doorbell: Doorbell | undefined;
  /** Readers that wait for what others may come upon. */
  readonly #wakers = new Set<() => void>();
  /** What set the mode last, for an error answer of the kernel. */
  #modeRequest: Uint8Array = encodeIpqMode({ mode: IPQ_COPY.NONE, range: 0, portId: this.#portId });

  /** @throws {IpqError} codes 3 and 4 {@link LibraryLoadError} */
  constructor(protocol: number, { queue, gather, warn }: Omit<IpqSettings, "transport">) {
    this.family = protocol;
    this.gather = gather;
    this.warn = warn;
    this.#peer = new Peer(protocol, queue);
    try {
      this.#queue = SharedQueue.join(queue, this);
    } catch (error) {
      this.#peer.release();
      throw error;
    }
  }

  /** An epoll descriptor: readable while the socket is, or while messages of this handle wait. */
  get descriptor(): number {
    if (this.#doorbell === undefined) {
      this.#doorbell = new Doorbell(this.#queue.descriptor);
      this.#queue.receiveOneByOne();
      this.#doorbell.ring(!this.pending.empty);
    }
    return this.#doorbell.descriptor;
  }

  setMode(mode: number, range: bigint): number {
    const request = encodeIpqMode({ mode, range, portId: this.#portId });
    const refused = this.#queue.bind(this);
    if (refused !== 0) this.#answer(refused, request);
    else if (mode > IPQ_COPY.PACKET) this.#answer(ERRNO.EINVAL, request);
    else {
      // What is in the socket was queued in the old mode.
      this.#queue.drain();
      this.#modeRequest = request;
      // C's size_t reached ip_queue as an unsigned int.
      const bytes = Number(BigInt.asUintN(32, range));
      const clamped = Math.min(bytes, IPQ_MAX_RANGE);
      this.copy = { mode, range: mode === IPQ_COPY.PACKET ? clamped : 0 };
      this.#queue.applyModes(this);
    }
    return request.length;
  }

  read(buffer: Uint8Array, timeout: number): number {
    if (buffer.length < LEAST_BUFFER) throw new IpqError(IPQ_ERROR.BUFFER_SIZE);
    const deadline = timeout > 0 ? performance.now() + timeout / 1000 : Infinity;
    for (;;) {
      const length = this.#take(buffer);
      // As far as the message itself is here; what follows it is padding.
      if (length > buffer.length && messageLength(buffer) > buffer.length) {
        throw new IpqError(IPQ_ERROR.RECEIVED_TRUNCATED);
      }
      if (length > 0) return Math.min(length, buffer.length);
      if (timeout < 0) return READ_TIMEOUT;
      const left = timeout === 0 ? undefined : (deadline - performance.now()) * 1000;
      if (left !== undefined && left <= 0) return READ_TIMEOUT;
      const ready = this.#queue.wait(left);
      if (ready === -ERRNO.EINTR) return READ_INTERRUPTED;
      if (ready < 0) throw new IpqError(IPQ_ERROR.RECEIVE, { errno: -ready });
    }
  }

  setVerdict(id: bigint, verdict: number, data: Uint8Array | undefined): number {
    const length = data?.length ?? 0;
    const sent = IPQ_PEER_SIZE + length;
    if (sent > LONGEST_SEND) throw new IpqError(IPQ_ERROR.SEND, { errno: ERRNO.EMSGSIZE });
    const refused = this.#queue.bind(this);
    const known = id <= 0xffffffffn && this.undecided.has(Number(id));
    const error = refused !== 0
      ? refused
      : verdict > NF_VERDICT.STOP || verdict === NF_VERDICT.STOLEN
      ? ERRNO.EINVAL
      : known
      ? 0
      : ERRNO.ENOENT;
    if (error === 0) this.#decide(Number(id), verdict, data);
    else {
      const payload = data === undefined ? {} : { payload: data };
      const request = encodeIpqVerdict({ id, verdict, portId: this.#portId, ...payload });
      this.#answer(error, request);
    }
    return sent;
  }

  whenReadable(callback: () => void): () => void {
    this.#queue.receiveOneByOne();
    const wake = (): void => {
      if (!this.#wakers.has(wake)) return;
      stop();
      callback();
    };
    const withdraw = backend().onceReadable(this.#queue.descriptor, wake);
    const stop = (): void => {
      this.#wakers.delete(wake);
      withdraw();
    };
    this.#wakers.add(wake);
    // What came after the last read may be pending by now, and in the socket no longer.
    if (!this.pending.empty) queueMicrotask(wake);
    return stop;
  }

  close(): void {
    try {
      this.#queue.leave(this);
    } catch (error) {
      // What cannot be sent any more, the kernel drops, as it does with all that is undecided.
      if (!(error instanceof IpqError)) throw error;
    } finally {
      this.#peer.release();
      this.#doorbell?.close();
      this.#doorbell = undefined;
    }
  }

  /** The kernel's own refusal, as ip_queue would have put it: the packet was gone. */
  addKernelError(error: number, request: Uint8Array): void {
    const message = this.#asIpq(request);
    // ip_queue kept what it refused; unknown is what the kernel has let go.
    const id = verdictId(request);
    if (id !== undefined && error !== ERRNO.ENOENT) this.undecided.add(id);
    this.pending.addError(encodeIpqError({ error, portId: this.#portId, request: message }));
  }

  #take(buffer: Uint8Array): number {
    if (this.pending.takeOverrun()) {
      throw new IpqError(IPQ_ERROR.RECEIVE, { errno: ERRNO.ENOBUFS });
    }
    const length = this.pending.empty ? this.#queue.read(this, buffer) : 0;
    if (length > 0) return length;
    const message = this.pending.take();
    if (message === undefined) return 0;
    buffer.set(message.length <= buffer.length ? message : message.subarray(0, buffer.length));
    return message.length;
  }

  #decide(id: number, verdict: number, data: Uint8Array | undefined): void {
    const least = this.family === NFPROTO_IPV6 ? LEAST_PAYLOAD.ipv6 : LEAST_PAYLOAD.ipv4;
    if (data === undefined || data.length < least) this.#queue.decide(this, id, { verdict });
    else if (data.length > IPQ_MAX_RANGE) {
      // ip_queue too drops a packet that it cannot make so long.
      this.#queue.decide(this, id, { verdict: NF_VERDICT.DROP });
    } else {
      const payload = this.#replacement(id, verdict, data);
      this.#queue.decide(this, id, { verdict, payload });
    }
  }

  /**
   * What can replace a packet; undefined where it can stay as it is. ip_queue carried four bytes more
   * of a packet than a netlink attribute holds.
   */
  #replacement(id: number, verdict: number, data: Uint8Array): Uint8Array | undefined {
    const cut = this.cut.get(id);
    const whole = data.length <= MAX_COPY_RANGE &&
      (cut === undefined || (data.length < cut.length && statedLength(data) <= data.length));
    if (whole) return data;
    const unchanged = cut !== undefined && data.length === cut.length &&
      cut.every((byte, index) => byte === data[index]);
    if (unchanged || verdict === NF_VERDICT.DROP) return undefined;
    throw new IpqError(IPQ_ERROR.SEND, {
      errno: ERRNO.EMSGSIZE,
      advice:
        `NFQUEUE carries at most ${MAX_COPY_RANGE} bytes of a packet: one that is longer can ` +
        "pass as it is (a verdict without data), or be replaced by a whole one that is shorter",
    });
  }

  /** ip_queue's error answer, behind all that came before it. */
  #answer(error: number, request: Uint8Array): void {
    this.#queue.drain();
    this.pending.addError(encodeIpqError({ error, portId: this.#portId, request }));
  }

  #asIpq(request: Uint8Array): Uint8Array {
    const id = verdictId(request);
    if (id === undefined) return this.#modeRequest;
    const view = new DataView(request.buffer);
    const whole = view.getUint32(0, true) <= request.length;
    const { payload } = whole ? decodeVerdict(request) : {};
    return encodeIpqVerdict({
      id: BigInt(id),
      verdict: view.getUint32(SENT.verdict, false) & VERDICT_MASK,
      portId: this.#portId,
      ...(payload && { payload }),
    });
  }

  #changed(some: boolean): void {
    this.#doorbell?.ring(some);
    if (some) { for (const wake of [...this.#wakers]) wake(); }
  }
}

function messageLength(buffer: Uint8Array): number {
  return new DataView(buffer.buffer, buffer.byteOffset).getUint32(0, true);
}
