/**
 * The kernel as a queue sees it. `system_kernel.ts` is the system's; a stand-in plays another one, without
 * any system call.
 *
 * @module
 */

import type { ReadableListener, Watcher } from "../../ffi/types.ts";
import type { Route } from "../linux/raw/raw_sender.ts";
import type { SlotShape } from "../linux/receive_slots.ts";
import type { QueueFlags } from "./flags.ts";
import type { QueueStatistics } from "./queue_table.ts";

export type { ReadableListener, Route, SlotShape, Watcher };

/** How a queue is opened. */
export interface KernelQueueOptions {
  /** The queue's number, 0 to 65535. */
  readonly number: number;
  /** Packets that may wait in the kernel; undefined leaves the kernel's own limit, 1024. */
  readonly maxLength: number | undefined;
  /** Receive buffer of the socket in bytes. */
  readonly receiveBuffer: number;
  /** Whether a receive fails with ENOBUFS after the socket was full. */
  readonly reportOverruns: boolean;
  readonly flags: QueueFlags;
}

/** Receive memory: equal slots, one datagram each; slot n begins at byte n × slotSize. */
export interface ReceiveMemory {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Over the same bytes. */
  readonly view: DataView<ArrayBuffer>;
  /** Bytes that the kernel wrote into a slot. */
  length(slot: number): number;
  /** Whether the datagram was longer than the slot. */
  wasCut(slot: number): boolean;
}

/** Memory that is sent as datagrams. */
export interface SendMemory {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Over the same bytes. */
  readonly view: DataView<ArrayBuffer>;
}

/** Where queues come from. */
export interface Kernel {
  /** Memory that this kernel's queues receive into. */
  receiveMemory(shape: SlotShape): ReceiveMemory;
  /** Memory that this kernel's queues send from. */
  sendMemory(capacity: number): SendMemory;
  /**
   * Binds a queue and sets its flags. It delivers nothing until a configuration message sets a copy
   * mode.
   *
   * @throws {SystemError} with advice
   */
  open(options: KernelQueueOptions): KernelQueue;
  /** Makes what sends packets of the program's own, with a mark. It opens nothing yet. */
  openSender(mark: number): KernelSender;
  /** Calls back before the program ends, if it can; the result forgets that. */
  onExit(callback: () => void): () => void;
}

/** What a packet of the program's own is sent for. */
export interface Beside {
  /** Index of the device by which a link-local address is reached, or of the packet's bridge; 0 for none. */
  readonly device: number;
  /** The queued packet beside which it goes. The system does not ask. */
  readonly queue: number;
  readonly id: number;
}

/** Sends whole IP packets, past every queue. `SystemSender` is the system's. */
export interface KernelSender {
  /**
   * Makes it ready for an IP version.
   *
   * @throws {SystemError} with advice
   */
  prepare(version: 4 | 6): void;
  /**
   * Sends a packet to the destination that its header names.
   *
   * @throws {RangeError | SystemError} with advice
   */
  send(bytes: Uint8Array, beside: Beside): void;
  /**
   * Makes it ready for frames of a bridge.
   *
   * @throws {SystemError} with advice
   */
  prepareFrames(): void;
  /**
   * Sends a frame by the device that `beside` names.
   *
   * @param header of the link layer
   * @throws {RangeError | SystemError}
   */
  sendFrame(header: Uint8Array, bytes: Uint8Array, beside: Beside): void;
  /** The way that packets of this host take to an address. */
  routeTo(version: 4 | 6, address: Uint8Array, device: number): Route;
  /** Idempotent. */
  close(): void;
}

/** One queue that is bound: packets and answers come as datagrams, verdicts leave as datagrams. */
export interface KernelQueue {
  /** The netlink port that owns the queue. */
  readonly portId: number;
  /**
   * Fills slots from `first` on without waiting.
   *
   * @returns datagrams received, or the negative errno: EAGAIN when there was none, ENOBUFS after an
   * overrun
   */
  receive(memory: ReceiveMemory, first: number, most: number): number;
  /**
   * The same, but blocks this thread until at least one datagram is there. Only between
   * `startBlocking` and the call of its result.
   *
   * @param milliseconds about how long; it may come back earlier with EAGAIN
   * @returns as `receive`; EINTR when a signal was delivered to this thread
   */
  receiveBlocking(memory: ReceiveMemory, first: number, most: number, milliseconds: number): number;
  /** Makes the queue ready to block; the result puts back what was changed. */
  startBlocking(): () => void;
  /** Calls the listener when a datagram is there, each time after it was armed. */
  watch(listener: ReadableListener): Watcher;
  /**
   * Sends the first `length` bytes, verdict messages, as one datagram.
   *
   * @returns false when all of them are refused, because this thread lacks CAP_NET_ADMIN
   * @throws {SystemError} when it was not taken; it can be sent again
   */
  send(memory: SendMemory, length: number): boolean;
  /** The same, and whatever fills the receive buffer, each verdict's refusal finds room. */
  sendInDoubt(memory: SendMemory, length: number): boolean;
  /**
   * Sends one configuration message; its acknowledgement comes with the packets.
   *
   * @throws {SystemError}
   */
  sendConfiguration(message: Uint8Array): void;
  /** Datagrams that found the receive buffer full: 32 bits, wrapping. */
  drops(): number;
  /** The kernel's own numbers of this queue; undefined where its table has none. */
  numbers(): { readonly statistics: QueueStatistics | undefined; readonly errno: number };
  /** Another number than before when the kernel may have let waiting packets go since. */
  changes(): number;
  /** Unbinds and closes; only once nothing is left to read. Idempotent. */
  close(): void;
}
