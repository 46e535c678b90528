/**
 * The switches of a queue that may be turned while packets flow.
 *
 * libnetfilter_queue's own calls would wait for their answer on the packets' socket and swallow what
 * comes before it, so these messages are ours and the receiving side recognises their answers.
 *
 * @module
 */

import { ERRNO, SystemError } from "../../linux/errno.ts";
import { NFQNL_COPY } from "../../netlink/queue/numbers.ts";
import { encodeConfig, type QueueConfig } from "../../netlink/queue/config.ts";
import { QueueClosedError } from "../packet/errors.ts";
import { stopMessage } from "../../nfqueue/closing.ts";
import { FLAG_BITS, type QueueFlags } from "../../nfqueue/flags.ts";
import type { KernelQueue } from "../../nfqueue/kernel_queue.ts";
import { DEFAULT_MAX_LENGTH, type Settings } from "../settings/options.ts";

/** Bytes that headers and attributes may take beside the payload. */
const ROOM = { always: 512, conntrack: 2048, securityContext: 4096 } as const;
/** Times an unanswered message is sent again. */
const TRIES = 8;

/** What a configuration needs of its queue. */
export interface ConfigurationLink {
  readonly kernel: Pick<KernelQueue, "sendConfiguration">;
  /** Receives once; the number of datagrams, which may hold the answer. */
  readonly receive: () => number;
  /** Hears before messages may become larger than this. */
  readonly growSlots: (slotSize: number) => void;
  /** Whether a listener has closed the queue meanwhile. */
  readonly closed: () => boolean;
}

/** Changes a bound queue. */
export class Configuration {
  readonly #queue: number;
  readonly #link: ConfigurationLink;
  /** Packets that may wait in the kernel. */
  maxLength: number;
  /** Answers that found no room: the socket's counter of losses has them too. */
  lostAnswers = 0;
  /** Of what comes now the payload is not asked for: it is there to have the length told. */
  hidesPayload = false;
  #failedOpen: boolean;
  #copyRange: number;
  #flags: QueueFlags;
  #sequence = 0;
  /** The request that changes `hidesPayload`, from its answer on. */
  #hiding: { readonly sequence: number; readonly hides: boolean } | undefined;
  #answer: { readonly sequence: number; readonly error: number } | undefined;

  constructor(
    { number, copyRange, maxLength = DEFAULT_MAX_LENGTH, flags }: Settings,
    link: ConfigurationLink,
  ) {
    this.#queue = number;
    this.maxLength = maxLength;
    this.#link = link;
    this.#copyRange = copyRange;
    this.#flags = flags;
    this.#failedOpen = flags.failOpen === true;
  }

  /** Whether packets that find no room pass, and whether they ever did. */
  get failOpen(): { readonly now: boolean; readonly ever: boolean } {
    return { now: this.#flags.failOpen === true, ever: this.#failedOpen };
  }

  /** Sets the copy mode too; before its first call the kernel queues nothing. */
  setCopyRange(copyRange: number): void {
    this.#copyRange = Math.max(copyRange, this.#copyRange);
    this.#link.growSlots(slotSize(this.#copyRange, this.#flags));
    // The mode for metadata alone does not tell the length; a range of 0 would mean everything.
    const hides = copyRange === 0;
    this.#hiding = { sequence: this.#sequence + 1, hides };
    this.#request("set the copy range", {
      copyMode: NFQNL_COPY.PACKET,
      copyRange: hides ? 1 : copyRange,
    });
    this.#copyRange = copyRange;
  }

  setMaxLength(maxLength: number): void {
    this.#request("set the queue length", { maxLength });
    this.maxLength = maxLength;
  }

  setFlags(changes: QueueFlags): void {
    this.#flags = { ...this.#flags, ...changes };
    if (changes.failOpen === true) this.#failedOpen = true;
    this.#link.growSlots(slotSize(this.#copyRange, this.#flags));
    let mask = 0;
    let flags = 0;
    for (const [name, bit] of Object.entries(FLAG_BITS)) {
      const wanted = changes[name as keyof QueueFlags];
      if (wanted !== undefined) mask |= bit;
      if (wanted === true) flags |= bit;
    }
    if (mask !== 0) this.#request("set the queue's flags", { flags, mask });
  }

  /** Makes the kernel queue no more packets; nothing is waited for. */
  stopPackets(): void {
    this.#link.kernel.sendConfiguration(stopMessage(this.#queue));
  }

  /** Takes the kernel's answer to a configuration message. */
  takeAnswer(sequence: number, error: number): void {
    this.#answer = { sequence, error };
    const hiding = this.#hiding;
    // A request that is sent again has a later number.
    if (hiding !== undefined && error === 0 && sequence >= hiding.sequence) {
      this.hidesPayload = hiding.hides;
      this.#hiding = undefined;
    }
  }

  /**
   * Sends a message and receives until its answer; packets before it are taken as always. The kernel
   * answers within the send, so an empty socket means that the answer found no room.
   */
  #request(request: string, message: Omit<QueueConfig, "queue">): void {
    const { kernel, receive } = this.#link;
    for (let tries = 0; tries < TRIES; tries++) {
      const sequence = ++this.#sequence;
      kernel.sendConfiguration(
        encodeConfig({ ...message, queue: this.#queue, sequence, acknowledge: true }),
      );
      while (receive() > 0) {
        const answer = this.#answer;
        if (answer?.sequence !== sequence) continue;
        if (answer.error !== 0) throw new SystemError(request, { errno: answer.error });
        return;
      }
      this.lostAnswers++;
      if (this.#link.closed()) throw new QueueClosedError(this.#queue);
    }
    const advice = "The kernel's answer found no room: use a larger receiveBuffer";
    throw new SystemError(request, { errno: ERRNO.ENOBUFS, advice });
  }
}

/** Bytes that the longest message takes, a multiple of 8. */
export function slotSize(copyRange: number, { conntrack, securityContext }: QueueFlags): number {
  const room = ROOM.always + (conntrack ? ROOM.conntrack : 0) +
    (securityContext ? ROOM.securityContext : 0);
  return (copyRange + room + 7) & ~7;
}
