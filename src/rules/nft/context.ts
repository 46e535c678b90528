// One nft in this process: a context of libnftables, with a socket of its own.
import { disposing } from "../../base/disposing.ts";
import { closeOnExec } from "../../linux/descriptors.ts";
import { ERRNO, prepareErrno, SystemError, threadErrno } from "../../linux/errno.ts";
import { AF_NETLINK, NetlinkAddress } from "../../linux/netlink_address.ts";
import { libc } from "../../../ffi/libraries/libc.ts";
import { libnftables } from "../../../ffi/libraries/libnftables.ts";
import { cString, textOf } from "../../../ffi/memory.ts";
import type { Pointer } from "../../../ffi/types.ts";
import { NetfilterSocket, NETLINK_NETFILTER, openNetfilter } from "./netfilter_socket.ts";

const SOL_SOCKET = 1;
const SO_PROTOCOL = 38;
const SO_DOMAIN = 39;
/** A new descriptor is the lowest free one; other threads may open some at the same time. */
const NEAR = 64;
const TRIES = 10;
const MOST_ERROR = 4096;

function option(descriptor: number, name: number): number {
  const value = new Uint8Array(new ArrayBuffer(4));
  const length = new Uint8Array(new ArrayBuffer(4));
  length[0] = value.length;
  if (libc().getsockopt(descriptor, SOL_SOCKET, name, value, length) < 0) return -1;
  return new DataView(value.buffer).getInt32(0, true);
}

/** The sockets to netfilter among the descriptors from `first` on. */
function netfilterSockets(first: number): ReadonlySet<number> {
  const numbers = Array.from({ length: NEAR }, (_, at) => first + at);
  return new Set(numbers.filter((descriptor) =>
    option(descriptor, SO_DOMAIN) === AF_NETLINK &&
    option(descriptor, SO_PROTOCOL) === NETLINK_NETFILTER
  ));
}

/** What nft said of a command that it refused. */
export class NftRefusal extends Error {
  override readonly name = "NftRefusal";
  readonly errno: number;

  constructor(words: string, errno: number) {
    super(words);
    this.errno = errno;
  }
}

/** A context of libnftables. */
export class NftContext implements Disposable {
  readonly #context: Pointer;
  #freed = false;
  /** nf_tables over the context's own socket: it owns what the context owns. */
  readonly socket: NetfilterSocket;

  /**
   * @throws {LibraryLoadError}
   * @throws {SystemError} where no socket can be opened
   */
  constructor() {
    const { context, descriptor } = openContext();
    this.#context = context;
    // A child process that had it too would keep an owned table alive.
    closeOnExec(descriptor);
    this.socket = new NetfilterSocket(descriptor);
  }

  /**
   * Runs commands of nft(8) as one transaction.
   *
   * @throws {NftRefusal}
   */
  run(commands: readonly string[]): void {
    if (commands.length === 0) return;
    prepareErrno();
    const text = cString(`${commands.join("\n")}\n`);
    if (libnftables().nft_run_cmd_from_buffer(this.#context, text) === 0) return;
    const errno = threadErrno();
    const words = new Uint8Array(new ArrayBuffer(MOST_ERROR));
    const buffer = libnftables().nft_ctx_get_error_buffer(this.#context);
    if (buffer !== null) libc().strncpy(words, buffer, BigInt(MOST_ERROR - 1));
    const line = textOf(words).split("\n").find((line) => line.trim() !== "") ?? "no reason given";
    // What stands before it is a place in a text that nobody sees.
    throw new NftRefusal(line.replace(/^.*?\bError: /, ""), errno || ERRNO.EINVAL);
  }

  /** Frees it. The kernel removes the tables that its socket owns. Idempotent. */
  [Symbol.dispose](): void {
    if (this.#freed) return;
    this.#freed = true;
    libnftables().nft_ctx_free(this.#context);
  }
}

/**
 * The first netlink socket of a process has the process's number as its port. When such a socket is
 * closed the kernel gives the port back first, and then deletes the tables that the port owns: if another
 * socket has the port by then, those are the wrong ones. So no context may have it.
 */
function takesOtherPort(descriptor: number): boolean {
  const { bind, getsockname, getpid } = libc();
  const address = new NetlinkAddress();
  const { bytes } = address;
  // libnftables leaves it to the first message. A bound one stays as it is.
  bind(descriptor, bytes, bytes.length);
  const length = new Uint8Array(new ArrayBuffer(4));
  length[0] = bytes.length;
  return getsockname(descriptor, bytes, length) === 0 && address.portId !== getpid();
}

interface OpenedContext {
  readonly context: Pointer;
  readonly descriptor: number;
}

/** Undefined where it cannot be told which socket is the context's. */
function tryContext(guard: NetfilterSocket): OpenedContext | undefined {
  const { nft_ctx_new, nft_ctx_free, nft_ctx_buffer_output, nft_ctx_buffer_error } = libnftables();
  guard.bind();
  const first = openNetfilter();
  libc().close(first);
  const before = netfilterSockets(first);
  const context = nft_ctx_new(0);
  if (context === null) throw new SystemError("nft_ctx_new", { errno: ERRNO.ENOMEM });
  const found = [...netfilterSockets(first)].filter((number) => !before.has(number));
  // Another thread may have opened one too: which is whose cannot be told.
  const usable = found.length === 1 && takesOtherPort(found[0]!) &&
    nft_ctx_buffer_output(context) === 0 && nft_ctx_buffer_error(context) === 0;
  if (usable) return { context, descriptor: found[0]! };
  nft_ctx_free(context);
  return undefined;
}

function openContext(): OpenedContext {
  for (let tries = 0; tries < TRIES; tries++) {
    // nft_ctx_new ends the process where it cannot open its socket: these throw. The one that stays open
    // meanwhile takes the process's port, if that is free.
    const opened = disposing(new NetfilterSocket(), tryContext);
    if (opened !== undefined) return opened;
  }
  throw new SystemError("nft_ctx_new", {
    errno: ERRNO.EBUSY,
    advice: "Other threads open netlink sockets all the time: try again",
  });
}
