/**
 * Queue messages built by the C library: the `nfq_nlmsg_*` functions.
 *
 * @module
 */

import { failedCall, prepareErrno, threadErrno } from "../linux/errno.ts";
import { libnetfilterQueueMessages } from "../../ffi/libraries/libnetfilter_queue_messages.ts";
import { NativeMemory } from "../../ffi/memory.ts";
import { checkInteger, checkU16, checkU32 } from "../base/checks.ts";
import { checkBytes } from "./guards/arguments.ts";
import { lend } from "./guards/lend.ts";

/** Bytes of `struct nlmsghdr` and `struct nfgenmsg`. */
const HEADER = 20;
/** Bytes of `struct nlattr`. */
const ATTRIBUTE = 4;
/** The longest payload that an attribute's 16-bit length can tell. */
const LONGEST_PAYLOAD = 0xffff - ATTRIBUTE;
/** A verdict (8 bytes), a mark (4) and the longest payload, with their headers. */
const VERDICT_WITH_EVERYTHING = HEADER + 12 + 8 + ATTRIBUTE + align4(LONGEST_PAYLOAD);
const MOST = 1 << 20;
const TYPE_MASK = 0x3fff;

/** How to make a {@link NlmsgBuilder}. */
export interface NlmsgBuilderOptions {
  /**
   * Bytes of message there is room for, 20 to 1 MiB. Default 65576: a verdict with a mark and the
   * longest payload.
   */
  readonly capacity?: number;
}

/**
 * Builds one netlink message at a time in a buffer of its own. The methods carry the C names and take
 * the C arguments, without the buffer. Numbers are in host order.
 *
 * Every put checks that its attribute fits first: RangeError when it does not, or when an argument is
 * outside its type's range, or when no message was begun; TypeError for a wrong type. Nothing has
 * changed then.
 *
 * @example
 * ```ts no-eval
 * import { NF_ACCEPT, NlmsgBuilder } from "@nfqueue/nfqueue/libnetfilter_queue";
 *
 * const builder = new NlmsgBuilder();
 * builder.nfq_nlmsg_put(1, 0); // NFQNL_MSG_VERDICT to queue 0
 * builder.nfq_nlmsg_verdict_put(42, NF_ACCEPT);
 * const message = builder.message();
 * ```
 */
export class NlmsgBuilder {
  readonly #library: ReturnType<typeof libnetfilterQueueMessages>;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView<ArrayBuffer>;

  /**
   * An empty buffer.
   *
   * @throws {TypeError | RangeError} when the capacity is out of its range
   * @throws {LibraryLoadError} when the library cannot be opened
   */
  constructor(options: NlmsgBuilderOptions = {}) {
    const { capacity = VERDICT_WITH_EVERYTHING } = options;
    checkInteger("capacity", capacity, HEADER, MOST);
    this.#library = libnetfilterQueueMessages();
    this.#bytes = new Uint8Array(new ArrayBuffer(capacity));
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** A copy of the message as it is now; empty before `nfq_nlmsg_put`. */
  message(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  /**
   * Begins a new message, in place of an earlier one: netlink header (NLM_F_REQUEST, sequence and
   * port 0) and queue header.
   *
   * @param type `enum nfqnl_msg_types`, 0 to 255: 1 is NFQNL_MSG_VERDICT, 2 NFQNL_MSG_CONFIG, 3
   * NFQNL_MSG_VERDICT_BATCH
   * @param queue_num 0 to 65535
   * @throws {MissingSymbolError} before libnetfilter_queue 1.0.4
   */
  nfq_nlmsg_put(type: number, queue_num: number): void {
    checkInteger("type", type, 0, 0xff);
    checkU16("queue_num", queue_num);
    this.#library.nfq_nlmsg_put(this.#bytes, type, queue_num);
  }

  /**
   * Adds the verdict.
   *
   * @param id packet id, 0 to 2³²−1
   * @param verdict `NF_…`, 0 to 2³²−1: a queue number to go to sits in the upper 16 bits
   */
  nfq_nlmsg_verdict_put(id: number, verdict: number): void {
    checkU32("id", id);
    checkU32("verdict", verdict);
    this.#reserve(8);
    this.#library.nfq_nlmsg_verdict_put(this.#bytes, id | 0, verdict | 0);
  }

  /**
   * Adds the packet's new mark.
   *
   * @param mark 0 to 2³²−1
   */
  nfq_nlmsg_verdict_put_mark(mark: number): void {
    checkU32("mark", mark);
    this.#reserve(4);
    this.#library.nfq_nlmsg_verdict_put_mark(this.#bytes, mark);
  }

  /**
   * Adds the packet's new bytes.
   *
   * @param pkt at most 65531: what an attribute can hold
   */
  nfq_nlmsg_verdict_put_pkt(pkt: Uint8Array): void {
    const { bytes, length } = lend("pkt", pkt, { max: LONGEST_PAYLOAD });
    this.#reserve(length);
    this.#library.nfq_nlmsg_verdict_put_pkt(this.#bytes, bytes, length);
  }

  /**
   * Adds a configuration command.
   *
   * @param pf protocol family, 0 to 65535
   * @param cmd `enum nfqnl_msg_config_cmds`, 0 to 255: 1 is NFQNL_CFG_CMD_BIND
   */
  nfq_nlmsg_cfg_put_cmd(pf: number, cmd: number): void {
    checkU16("pf", pf);
    checkInteger("cmd", cmd, 0, 0xff);
    this.#reserve(4);
    this.#library.nfq_nlmsg_cfg_put_cmd(this.#bytes, pf, cmd);
  }

  /**
   * Adds how much of each packet is copied.
   *
   * @param mode `NFQNL_COPY_…`, 0 to 255
   * @param range bytes, 0 to 2³²−1
   */
  nfq_nlmsg_cfg_put_params(mode: number, range: number): void {
    checkInteger("mode", mode, 0, 0xff);
    checkU32("range", range);
    this.#reserve(5);
    this.#library.nfq_nlmsg_cfg_put_params(this.#bytes, mode, range | 0);
  }

  /**
   * Adds how many packets may wait.
   *
   * @param qmaxlen packets, 0 to 2³²−1
   */
  nfq_nlmsg_cfg_put_qmaxlen(qmaxlen: number): void {
    checkU32("qmaxlen", qmaxlen);
    this.#reserve(4);
    this.#library.nfq_nlmsg_cfg_put_qmaxlen(this.#bytes, qmaxlen);
  }

  /**
   * Finds the attributes of a queue message. Types that this version of the library does not know are
   * left out (1.0.5 knows up to NFQA_SECCTX, 18).
   *
   * @param message begins with a netlink header; what follows its `nlmsg_len` bytes is not read
   * @returns a copy of each payload by attribute type (`NFQA_…`), in the order of their types; of a
   * repeated one the last
   * @throws {RangeError} when the message, or an attribute in it, does not fit
   * @throws {SystemError} ERANGE when an attribute has not the length of its type. (1.0.5 takes
   * NFQA_SECCTX for a number, and so refuses every message with a label that is not 4 bytes long.)
   */
  static nfq_nlmsg_parse(message: Uint8Array): Map<number, Uint8Array<ArrayBuffer>> {
    const given = checkBytes("message", message, { min: HEADER, max: MOST });
    // Room for the padding of the last attribute, which C counts in.
    const copy = new NativeMemory(align4(given.length));
    copy.bytes.set(given);
    const { end, highest } = walk(copy.view, given.length);
    copy.view.setUint32(0, end, true);
    // C fills the slots of types that are in the message, so none is behind the highest.
    const slots = new NativeMemory((highest + 1) * 8);
    const { nfq_nlmsg_parse } = libnetfilterQueueMessages();
    prepareErrno();
    const result = nfq_nlmsg_parse(copy.bytes, slots.bytes);
    const errno = threadErrno();
    if (result < 0) throw failedCall("nfq_nlmsg_parse", errno);

    const attributes = new Map<number, Uint8Array<ArrayBuffer>>();
    for (let type = 0; type <= highest; type++) {
      const address = Number(slots.view.getBigUint64(type * 8, true));
      if (address === 0) continue;
      const at = address - copy.address;
      const length = copy.view.getUint16(at, true);
      attributes.set(type, copy.bytes.slice(at + ATTRIBUTE, at + length));
    }
    return attributes;
  }

  get #length(): number {
    return this.#view.getUint32(0, true);
  }

  /** An attribute of `length` bytes, with header and padding, must fit. */
  #reserve(length: number): void {
    const used = this.#length;
    if (used === 0) throw new RangeError("no message to add to: call nfq_nlmsg_put first");
    const need = ATTRIBUTE + align4(length);
    const room = this.#bytes.length - used;
    if (need > room) {
      throw new RangeError(`the attribute needs ${need} bytes, the message has room for ${room}`);
    }
    // libmnl 1.0.4 leaves the padding as it finds it: with bytes of an earlier message.
    this.#bytes.fill(0, used + need - 4, used + need);
  }
}

/** Where the last attribute ends, and the highest type among them. */
function walk(view: DataView, have: number): { readonly end: number; readonly highest: number } {
  const length = view.getUint32(0, true);
  if (length < HEADER || length > have) {
    throw new RangeError(`nlmsg_len must be ${HEADER} to the ${have} bytes given, is ${length}`);
  }
  let highest = 0;
  let at = HEADER;
  // One to three bytes left over are padding; C would take them, padded, for an attribute.
  while (length - at >= ATTRIBUTE) {
    const size = view.getUint16(at, true);
    if (size < ATTRIBUTE || size > length - at) {
      throw new RangeError(`the attribute at byte ${at} has ${size} bytes of ${length - at}`);
    }
    highest = Math.max(highest, view.getUint16(at + 2, true) & TYPE_MASK);
    at += align4(size);
  }
  return { end: Math.min(at, length), highest };
}

function align4(length: number): number {
  return (length + 3) & ~3;
}
