// Questions to netfilter over a netlink socket of one's own: each is answered within the call.
import { libc } from "../../../../ffi/libraries/libc.ts";
import { viewOf } from "../../../base/bytes.ts";
import { decodeError, netlinkMessages, NLM_F, NLMSG } from "../../../netlink/message.ts";
import { ERRNO, failedCall, prepareErrno, threadErrno } from "../../../linux/errno.ts";
import { AF_NETLINK } from "../../../linux/netlink_address.ts";

/** SOCK_RAW | SOCK_CLOEXEC */
const SOCKET_TYPE = 3 | 0o2000000;
const NETLINK_NETFILTER = 12;
const MSG_DONTWAIT = 0x40;
/** The kernel makes the parts of a listing no longer than 32 KiB. */
const ROOM = 1 << 16;
/** A listing that changed while it was read is read anew, so often. */
const TRIES = 5;

/** The errno of a request, by its sequence number. */
export type Answers = ReadonlyMap<number, number>;

/** One socket. */
export class NetfilterSocket implements Disposable {
  readonly descriptor: number;
  readonly #buffer = new Uint8Array(new ArrayBuffer(ROOM));

  /** @throws {SystemError} */
  constructor() {
    prepareErrno();
    this.descriptor = libc().socket(AF_NETLINK, SOCKET_TYPE, NETLINK_NETFILTER);
    if (this.descriptor < 0) throw failedCall("socket", threadErrno());
  }

  /**
   * Sends messages as one datagram.
   *
   * @returns what the kernel answered to those that failed, or that asked for an answer
   * @throws {SystemError} where the datagram itself is refused
   */
  ask(datagram: Uint8Array<ArrayBuffer>): Answers {
    this.#send(datagram);
    const answers = new Map<number, number>();
    for (let part = this.#receive(); part !== undefined; part = this.#receive()) {
      const view = viewOf(part);
      for (const { type, offset } of netlinkMessages(part)) {
        if (type !== NLMSG.ERROR) continue;
        const { originalSequence, error } = decodeError(view, offset);
        answers.set(originalSequence, error);
      }
    }
    return answers;
  }

  /**
   * Asks for a listing (`NLM_F_DUMP`).
   *
   * @returns its messages, each with its headers
   * @throws {SystemError} where the kernel refuses it
   */
  list(request: Uint8Array<ArrayBuffer>, what: string): readonly Uint8Array[] {
    for (let tries = 1;; tries++) {
      const { messages, whole } = this.#list(request, what);
      if (whole || tries === TRIES) return messages;
    }
  }

  [Symbol.dispose](): void {
    libc().close(this.descriptor);
  }

  #list(
    request: Uint8Array<ArrayBuffer>,
    what: string,
  ): { readonly messages: readonly Uint8Array[]; readonly whole: boolean } {
    this.#send(request);
    const messages: Uint8Array[] = [];
    let whole = true;
    for (let part = this.#receive(); part !== undefined; part = this.#receive()) {
      const view = viewOf(part);
      for (const { type, flags, offset, length } of netlinkMessages(part)) {
        if ((flags & NLM_F.DUMP_INTR) !== 0) whole = false;
        if (type === NLMSG.DONE) return { messages, whole };
        if (type !== NLMSG.ERROR) messages.push(part.slice(offset, offset + length));
        else throw failedCall(what, decodeError(view, offset).error);
      }
    }
    return { messages, whole };
  }

  #send(datagram: Uint8Array<ArrayBuffer>): void {
    const { send } = libc();
    for (;;) {
      if (send(this.descriptor, datagram, BigInt(datagram.length), 0) >= 0) return;
      const errno = threadErrno();
      if (errno !== ERRNO.EINTR) throw failedCall("send", errno);
    }
  }

  /** Borrowed until the next call; undefined where nothing is left. */
  #receive(): Uint8Array | undefined {
    const { recv } = libc();
    const length = recv(this.descriptor, this.#buffer, BigInt(ROOM), MSG_DONTWAIT);
    return length <= 0 ? undefined : this.#buffer.subarray(0, length);
  }
}
