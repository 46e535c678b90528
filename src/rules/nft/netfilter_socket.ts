// Transactions and listings of nf_tables over a netlink socket. The kernel answers within the send, so
// nothing here waits.
import { ERRNO, failedCall, prepareErrno, threadErrno } from "../../linux/errno.ts";
import { AF_NETLINK, NetlinkAddress } from "../../linux/netlink_address.ts";
import {
  decodeError,
  type NetlinkMessage,
  netlinkMessages,
  NLM_F,
  NLMSG,
} from "../../netlink/message.ts";
import { libc } from "../../../ffi/libraries/libc.ts";
import { begin, end, type Request } from "./messages.ts";

export const NETLINK_NETFILTER = 12;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
/** The kernel's parts of a listing have 32 KiB at most. */
const RECEIVE_SIZE = 1 << 16;
const LISTING_TRIES = 100;

/**
 * Opens a socket to netfilter.
 *
 * @throws {SystemError}
 */
export function openNetfilter(): number {
  prepareErrno();
  const descriptor = libc().socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  if (descriptor < 0) throw failedCall("socket", threadErrno());
  return descriptor;
}

/** What a transaction came to: positive errnos, 0 where all went well. */
export interface Outcome {
  /** Why the whole of it was refused. */
  readonly refused: number;
  /** Of each request. */
  readonly errnos: readonly number[];
}

/** A socket that nf_tables answers on. */
export class NetfilterSocket implements Disposable {
  readonly #descriptor: number;
  readonly #lent: boolean;
  readonly #buffer = new Uint8Array(new ArrayBuffer(RECEIVE_SIZE));
  #sequence = 1;

  /** @param lent a socket that others own and close; a new one without it */
  constructor(lent?: number) {
    this.#lent = lent !== undefined;
    this.#descriptor = lent ?? openNetfilter();
  }

  /** Takes a port now, and not at the first message. */
  bind(): void {
    const address = new NetlinkAddress().bytes;
    prepareErrno();
    if (libc().bind(this.#descriptor, address, address.length) < 0) {
      throw failedCall("bind", threadErrno());
    }
  }

  /**
   * Sends requests as one transaction.
   *
   * @param commit whether they take effect; else they are tried and undone
   * @throws {SystemError} when it cannot be sent
   */
  transact(requests: readonly Request[], { commit }: { readonly commit: boolean }): Outcome {
    const first = this.#sequence;
    this.#send([begin, ...requests, ...(commit ? [end] : [])]);
    const errnos = requests.map(() => 0);
    let refused = 0;
    for (const { view, message } of this.#received()) {
      if (message.type !== NLMSG.ERROR) continue;
      const { error, originalSequence } = decodeError(view, message.offset);
      const at = originalSequence - first - 1;
      if (at >= 0 && at < errnos.length) errnos[at] = error;
      else refused ||= error;
    }
    return { refused, errnos };
  }

  /**
   * Sends one request outside of any transaction, which asks for an answer (`NLM_F_ACK`).
   *
   * @returns its errno, 0 where all went well
   * @throws {SystemError} when it cannot be sent
   */
  ask(request: Request): number {
    this.#send([request]);
    let errno = 0;
    for (const { view, message } of this.#received()) {
      if (message.type === NLMSG.ERROR) errno ||= decodeError(view, message.offset).error;
    }
    return errno;
  }

  /**
   * Sends requests as one transaction, and has it done.
   *
   * @throws {SystemError} and nothing was done
   */
  commit(requests: readonly Request[]): void {
    if (requests.length === 0) return;
    const { refused, errnos } = this.transact(requests, { commit: true });
    const errno = refused || errnos.find((errno) => errno !== 0);
    if (errno) throw failedCall("nf_tables", errno);
  }

  /**
   * Asks for a listing.
   *
   * @param read what is wanted of a message; undefined for what is not
   * @throws {SystemError}
   */
  list<Entry>(
    request: Request,
    read: (view: DataView, message: NetlinkMessage) => Entry | undefined,
  ): readonly Entry[] {
    for (let tries = 1;; tries++) {
      this.#send([request]);
      const entries: Entry[] = [];
      let changed = false;
      let errno = 0;
      for (const { view, message } of this.#received()) {
        changed ||= (message.flags & NLM_F.DUMP_INTR) !== 0;
        if (message.type === NLMSG.ERROR) errno ||= decodeError(view, message.offset).error;
        const entry = read(view, message);
        if (entry !== undefined) entries.push(entry);
      }
      // A table that is not there has nothing in it.
      if (errno !== 0 && errno !== ERRNO.ENOENT) throw failedCall("nf_tables", errno);
      // Rules were changed while they were listed.
      if (!changed || tries === LISTING_TRIES) return entries;
    }
  }

  #send(requests: readonly Request[]): void {
    const parts = requests.map((request) => request(this.#sequence++));
    const bytes = new Uint8Array(
      new ArrayBuffer(parts.reduce((sum, part) => sum + part.length, 0)),
    );
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    prepareErrno();
    if (libc().send(this.#descriptor, bytes, BigInt(bytes.length), 0) < 0) {
      throw failedCall("send", threadErrno());
    }
  }

  /** Every message that is there; none may stay behind, whoever has the socket next. */
  *#received(): Generator<{ readonly view: DataView; readonly message: NetlinkMessage }> {
    const { recv } = libc();
    for (;;) {
      const count = recv(this.#descriptor, this.#buffer, BigInt(RECEIVE_SIZE), MSG_DONTWAIT);
      if (count < 0) {
        const errno = threadErrno();
        if (errno === ERRNO.EINTR) continue;
        if (errno === ERRNO.EAGAIN) return;
        throw failedCall("recv", errno);
      }
      const view = new DataView(this.#buffer.buffer, 0, count);
      for (const message of netlinkMessages(this.#buffer.subarray(0, count))) {
        yield { view, message };
      }
    }
  }

  [Symbol.dispose](): void {
    if (!this.#lent) libc().close(this.#descriptor);
  }
}
