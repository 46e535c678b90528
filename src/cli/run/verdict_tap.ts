// A kernel whose queues tell what is decided: every verdict as it was sent, whoever gave it.
import type {
  Kernel,
  KernelQueue,
  KernelQueueOptions,
  ReadableListener,
  ReceiveMemory,
  SendMemory,
  Watcher,
} from "../../nfqueue/kernel_queue.ts";
import {
  decodeVerdict,
  decodeVerdictBatch,
  isVerdictBatch,
  type QueueVerdict,
} from "../../netlink/queue/verdict.ts";

/** Verdicts on their way. */
export interface VerdictListener {
  /** A verdict on one packet. Its payload is borrowed for the call. */
  decided(verdict: QueueVerdict): void;
  /** The same on all packets up to its id that wait. */
  decidedUpTo(verdict: QueueVerdict): void;
}

/** The same kernel, overheard. */
export function overheard(kernel: Kernel, listener: VerdictListener): Kernel {
  return {
    receiveMemory: (shape) => kernel.receiveMemory(shape),
    sendMemory: (capacity) => kernel.sendMemory(capacity),
    openSender: (mark) => kernel.openSender(mark),
    open: (options: KernelQueueOptions) => new OverheardQueue(kernel.open(options), listener),
    onExit: (callback) => kernel.onExit(callback),
  };
}

class OverheardQueue implements KernelQueue {
  readonly portId: number;
  readonly #queue: KernelQueue;
  readonly #listener: VerdictListener;

  constructor(queue: KernelQueue, listener: VerdictListener) {
    this.portId = queue.portId;
    this.#queue = queue;
    this.#listener = listener;
  }

  send(memory: SendMemory, length: number): boolean {
    return this.#tell(this.#queue.send(memory, length), memory, length);
  }

  sendInDoubt(memory: SendMemory, length: number): boolean {
    return this.#tell(this.#queue.sendInDoubt(memory, length), memory, length);
  }

  receive(memory: ReceiveMemory, first: number, most: number): number {
    return this.#queue.receive(memory, first, most);
  }

  receiveBlocking(
    memory: ReceiveMemory,
    first: number,
    most: number,
    milliseconds: number,
  ): number {
    return this.#queue.receiveBlocking(memory, first, most, milliseconds);
  }

  startBlocking(): () => void {
    return this.#queue.startBlocking();
  }

  watch(listener: ReadableListener): Watcher {
    return this.#queue.watch(listener);
  }

  sendConfiguration(message: Uint8Array): void {
    this.#queue.sendConfiguration(message);
  }

  drops(): number {
    return this.#queue.drops();
  }

  numbers(): ReturnType<KernelQueue["numbers"]> {
    return this.#queue.numbers();
  }

  changes(): number {
    return this.#queue.changes();
  }

  close(): void {
    this.#queue.close();
  }

  /** The messages of a datagram that was sent, one behind the other. */
  #tell(sent: boolean, { bytes, view }: SendMemory, length: number): boolean {
    for (let at = 0; sent && at < length;) {
      const size = view.getUint32(at, true);
      const message = bytes.subarray(at, at + size);
      if (isVerdictBatch(view, at)) this.#listener.decidedUpTo(decodeVerdictBatch(message));
      else this.#listener.decided(decodeVerdict(message));
      at += (size + 3) & ~3;
    }
    return sent;
  }
}
