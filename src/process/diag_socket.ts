/**
 * The kernel's answers about sockets, over one netlink socket: sock_diag(7).
 *
 * @module
 */

import { libc } from "../../ffi/libraries/libc.ts";
import { OutgoingMessage } from "../../ffi/memory.ts";
import { ERRNO, failedCall, prepareErrno, threadErrno } from "../linux/errno.ts";
import { AF_NETLINK } from "../linux/netlink_address.ts";
import { NetlinkSocket } from "../linux/netlink_socket.ts";
import { decodeError, decodeHeader, NLM_F, NLMSG } from "../netlink/message.ts";
import {
  QUESTION_SIZE,
  readSocketAnswer,
  SOCK_DIAG_BY_FAMILY,
  type SocketAnswer,
  type SocketEnds,
  type SocketList,
  writeListQuestion,
  writeSocketQuestion,
} from "../netlink/sock_diag.ts";

const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const NETLINK_SOCK_DIAG = 4;
const MSG_DONTWAIT = 0x40;
/** The kernel fills no more than 32 KiB at once. */
const ROOM = 32 * 1024;
/** Lists that the kernel says changed while it made them are asked for again. */
const TRIES = 4;

/** Asks the kernel about the sockets of the network namespace in which it was opened. */
export class DiagSocket implements Disposable {
  readonly #libc = libc();
  readonly #socket: NetlinkSocket;
  readonly #question = new OutgoingMessage(QUESTION_SIZE);
  readonly #bytes = new Uint8Array(new ArrayBuffer(ROOM));
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #room = BigInt(ROOM);
  #sequence = 0;

  /** @throws {SystemError} where the kernel has no sock_diag, or no descriptor is left */
  constructor() {
    prepareErrno();
    const descriptor = this.#libc.socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_SOCK_DIAG);
    if (descriptor < 0) throw failedCall("socket", threadErrno());
    this.#socket = new NetlinkSocket(descriptor);
    try {
      this.#socket.connect();
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** The one socket with these ends; see `writeSocketQuestion`. */
  find(ends: SocketEnds): SocketAnswer | undefined {
    writeSocketQuestion(this.#question.view, ends, this.#next());
    let found: SocketAnswer | undefined;
    this.#ask((answer) => found = answer);
    return found;
  }

  /**
   * Sockets of one kind; `fits` says which are wanted.
   *
   * @returns undefined where this kernel cannot list them
   */
  list(list: SocketList, fits: (answer: SocketAnswer) => boolean): SocketAnswer[] | undefined {
    for (let tries = 1;; tries++) {
      const found: SocketAnswer[] = [];
      writeListQuestion(this.#question.view, list, this.#next());
      const end = this.#ask((answer) => fits(answer) && found.push(answer));
      if (end === "failed") return undefined;
      if (end === "whole" || tries === TRIES) return found;
    }
  }

  [Symbol.dispose](): void {
    this.#libc.close(this.#socket.descriptor);
  }

  #next(): number {
    return this.#sequence = (this.#sequence + 1) >>> 0;
  }

  /** Sends the question, and reads until its last answer. The kernel has it ready when the call returns. */
  #ask(take: (answer: SocketAnswer) => void): "whole" | "changed" | "failed" {
    if (this.#socket.send(this.#question, QUESTION_SIZE) !== 0) return "failed";
    let changed = false;
    for (;;) {
      const { descriptor } = this.#socket;
      const length = this.#libc.recv(descriptor, this.#bytes, this.#room, MSG_DONTWAIT);
      if (length < 0) {
        const errno = threadErrno();
        if (errno === ERRNO.EINTR) continue;
        return "failed";
      }
      for (let at = 0; at < length;) {
        const message = decodeHeader(this.#view, at, length);
        at += (message.length + 3) & ~3;
        // The rest of an answer that somebody did not wait for.
        if (message.sequence !== this.#sequence) continue;
        changed ||= (message.flags & NLM_F.DUMP_INTR) !== 0;
        const end = message.offset + message.length;
        if (message.type === NLMSG.DONE) return changed ? "changed" : "whole";
        if (message.type === NLMSG.ERROR) {
          return decodeError(this.#view, message.offset, end).error === 0 ? "whole" : "failed";
        }
        if (message.type !== SOCK_DIAG_BY_FAMILY) continue;
        const answer = readSocketAnswer(this.#view, message.offset, end);
        if (answer !== undefined) take(answer);
        if ((message.flags & NLM_F.MULTI) === 0) return "whole";
      }
    }
  }
}
