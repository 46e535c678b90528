/**
 * `struct nfq_data`: what came with a packet, as long as its callback runs.
 *
 * @module
 */

import { backend } from "../../ffi/backend.ts";
import { failedCall, prepareErrno, threadErrno } from "../linux/errno.ts";
import { libc } from "../../ffi/libraries/libc.ts";
import { libnetfilterQueueMessages } from "../../ffi/libraries/libnetfilter_queue_messages.ts";
import { textOf } from "../../ffi/memory.ts";
import type { Pointer } from "../../ffi/types.ts";
import { checkU32 } from "./guards/arguments.ts";
import { NFQ_XML_ALL } from "./constants.ts";
import { HandleClosedError } from "./guards/errors.ts";
import { NLIF_POINTER, NlifHandle } from "./nlif_handle.ts";

const IFNAMSIZ = 16;
/** sizeof nfqnl_msg_packet_hdr, nfqnl_msg_packet_hw, timeval */
const SIZES = { packetHeader: 7, packetHardware: 12, timeval: 16 } as const;
const HARDWARE_ADDRESS = { offset: 4, size: 8 } as const;
const XML_SIZE = 4096;
/** What cannot be the text of one packet: five characters a byte of the longest payload. */
const MOST_XML = 1 << 20;

/** What goes before the payload: `struct nfqnl_msg_packet_hdr`. */
export interface PacketHeader {
  /** `packet_id`: what a verdict names, 0…2³²−1. */
  readonly packetId: number;
  /** `hw_protocol`: the ethertype, 0x0800 for IPv4, in host order. */
  readonly hwProtocol: number;
  /** `hook`: 0 prerouting, 1 input, 2 forward, 3 output, 4 postrouting. */
  readonly hook: number;
}

/** When a packet arrived: `struct timeval`. */
export interface Timestamp {
  /** Whole seconds since 1970. */
  readonly seconds: number;
  /** And what is over, 0…999999. */
  readonly microseconds: number;
}

export const LEND: unique symbol = Symbol("lend");

type NameFunction =
  | "nfq_get_indev_name"
  | "nfq_get_outdev_name"
  | "nfq_get_physindev_name"
  | "nfq_get_physoutdev_name";

// Of this thread only, and never in use across a call into the program.
const scratch = new Uint8Array(new ArrayBuffer(IFNAMSIZ));
const scratchView = new DataView(scratch.buffer);

/**
 * What came with a packet (libnetfilter_queue.h, `nfq_get_*`). Good only until its callback returns;
 * every use after that throws `HandleClosedError`. What the methods give back is copied and stays
 * good.
 *
 * @throws {HandleClosedError} after the callback
 */
export class NfqData {
  #pointer: Pointer | undefined;

  /** @ignore Makes the data of one packet, and ends it. */
  static [LEND](pointer: Pointer): { readonly data: NfqData; readonly end: () => void } {
    const data = new NfqData(pointer);
    return { data, end: () => data.#pointer = undefined };
  }

  private constructor(pointer: Pointer) {
    this.#pointer = pointer;
  }

  /**
   * Id, protocol and hook:
   * `struct nfqnl_msg_packet_hdr *nfq_get_msg_packet_hdr(struct nfq_data *nfad)`.
   *
   * @returns a copy; undefined where the message has none, which the kernel never sends
   */
  nfq_get_msg_packet_hdr(): PacketHeader | undefined {
    const header = libnetfilterQueueMessages().nfq_get_msg_packet_hdr(this.#valid);
    if (header === null) return undefined;
    libc().memcpy(scratch, header, BigInt(SIZES.packetHeader));
    return {
      packetId: scratchView.getUint32(0),
      hwProtocol: scratchView.getUint16(4),
      hook: scratchView.getUint8(6),
    };
  }

  /**
   * The packet's mark: `uint32_t nfq_get_nfmark(struct nfq_data *nfad)`.
   *
   * @returns in host order, 0 where it has none
   */
  nfq_get_nfmark(): number {
    return libnetfilterQueueMessages().nfq_get_nfmark(this.#valid);
  }

  /**
   * When the packet arrived: `int nfq_get_timestamp(struct nfq_data *nfad, struct timeval *tv)`.
   *
   * @returns the time; undefined where the kernel noted none: on the way out it never does
   */
  nfq_get_timestamp(): Timestamp | undefined {
    if (libnetfilterQueueMessages().nfq_get_timestamp(this.#valid, scratch) < 0) return undefined;
    return {
      seconds: Number(scratchView.getBigInt64(0, true)),
      microseconds: Number(scratchView.getBigInt64(8, true)),
    };
  }

  /**
   * The device it came in by: `uint32_t nfq_get_indev(struct nfq_data *nfad)`.
   *
   * @returns its index, 0 for none
   */
  nfq_get_indev(): number {
    return libnetfilterQueueMessages().nfq_get_indev(this.#valid);
  }

  /**
   * The bridge port it came in by: `uint32_t nfq_get_physindev(struct nfq_data *nfad)`.
   *
   * @returns its index, 0 for none
   */
  nfq_get_physindev(): number {
    return libnetfilterQueueMessages().nfq_get_physindev(this.#valid);
  }

  /**
   * The device it leaves by: `uint32_t nfq_get_outdev(struct nfq_data *nfad)`.
   *
   * @returns its index, 0 for none
   */
  nfq_get_outdev(): number {
    return libnetfilterQueueMessages().nfq_get_outdev(this.#valid);
  }

  /**
   * The bridge port it leaves by: `uint32_t nfq_get_physoutdev(struct nfq_data *nfad)`.
   *
   * @returns its index, 0 for none
   */
  nfq_get_physoutdev(): number {
    return libnetfilterQueueMessages().nfq_get_physoutdev(this.#valid);
  }

  /**
   * Name of the device it came in by:
   * `int nfq_get_indev_name(struct nlif_handle *nlif_handle, struct nfq_data *nfad, char *name)`.
   *
   * @param nlif an open table, which `nlif_query` has filled
   * @returns the name; undefined where `nlif` does not know it; `"*"` where there is no device
   * @throws {HandleClosedError} also when `nlif` is closed
   */
  nfq_get_indev_name(nlif: NlifHandle): string | undefined {
    return this.#name("nfq_get_indev_name", nlif);
  }

  /**
   * Name of the bridge port it came in by:
   * `int nfq_get_physindev_name(struct nlif_handle *nlif_handle, struct nfq_data *nfad, char *name)`.
   *
   * @param nlif as for `nfq_get_indev_name`
   * @returns as `nfq_get_indev_name`
   * @throws {HandleClosedError} also when `nlif` is closed
   */
  nfq_get_physindev_name(nlif: NlifHandle): string | undefined {
    return this.#name("nfq_get_physindev_name", nlif);
  }

  /**
   * Name of the device it leaves by:
   * `int nfq_get_outdev_name(struct nlif_handle *nlif_handle, struct nfq_data *nfad, char *name)`.
   *
   * @param nlif as for `nfq_get_indev_name`
   * @returns as `nfq_get_indev_name`
   * @throws {HandleClosedError} also when `nlif` is closed
   */
  nfq_get_outdev_name(nlif: NlifHandle): string | undefined {
    return this.#name("nfq_get_outdev_name", nlif);
  }

  /**
   * Name of the bridge port it leaves by:
   * `int nfq_get_physoutdev_name(struct nlif_handle *nlif_handle, struct nfq_data *nfad, char *name)`.
   *
   * @param nlif as for `nfq_get_indev_name`
   * @returns as `nfq_get_indev_name`
   * @throws {HandleClosedError} also when `nlif` is closed
   */
  nfq_get_physoutdev_name(nlif: NlifHandle): string | undefined {
    return this.#name("nfq_get_physoutdev_name", nlif);
  }

  /**
   * The sender's link-layer address:
   * `struct nfqnl_msg_packet_hw *nfq_get_packet_hw(struct nfq_data *nfad)`.
   *
   * @returns its bytes (6 for Ethernet, 8 at most), undefined where there is none
   */
  nfq_get_packet_hw(): Uint8Array<ArrayBuffer> | undefined {
    const hardware = libnetfilterQueueMessages().nfq_get_packet_hw(this.#valid);
    if (hardware === null) return undefined;
    libc().memcpy(scratch, hardware, BigInt(SIZES.packetHardware));
    const length = Math.min(scratchView.getUint16(0), HARDWARE_ADDRESS.size);
    return scratch.slice(HARDWARE_ADDRESS.offset, HARDWARE_ADDRESS.offset + length);
  }

  /**
   * What is special about the packet: `uint32_t nfq_get_skbinfo(struct nfq_data *nfad)`.
   *
   * @returns a sum of `NFQA_SKB_*`, 0 where nothing is
   * @throws {MissingSymbolError} before libnetfilter_queue 1.0.4
   */
  nfq_get_skbinfo(): number {
    return libnetfilterQueueMessages().nfq_get_skbinfo(this.#valid);
  }

  /**
   * The user of the socket that sent it: `int nfq_get_uid(struct nfq_data *nfad, uint32_t *uid)`.
   *
   * @returns its id; undefined unless the queue has `NFQA_CFG_F_UID_GID` and the packet a local socket
   * @throws {MissingSymbolError} before libnetfilter_queue 1.0.3
   */
  nfq_get_uid(): number | undefined {
    const found = libnetfilterQueueMessages().nfq_get_uid(this.#valid, scratch);
    return found > 0 ? scratchView.getUint32(0, true) : undefined;
  }

  /**
   * The group of the socket that sent it: `int nfq_get_gid(struct nfq_data *nfad, uint32_t *gid)`.
   *
   * @returns its id; undefined as `nfq_get_uid`
   * @throws {MissingSymbolError} before libnetfilter_queue 1.0.3
   */
  nfq_get_gid(): number | undefined {
    const found = libnetfilterQueueMessages().nfq_get_gid(this.#valid, scratch);
    return found > 0 ? scratchView.getUint32(0, true) : undefined;
  }

  /**
   * The security context: `int nfq_get_secctx(struct nfq_data *nfad, unsigned char **secdata)`.
   *
   * @returns its text; undefined unless the queue has `NFQA_CFG_F_SECCTX` and the packet a label
   * @throws {MissingSymbolError} before libnetfilter_queue 1.0.3
   */
  nfq_get_secctx(): string | undefined {
    const length = libnetfilterQueueMessages().nfq_get_secctx(this.#valid, scratch);
    return length > 0 ? textOf(this.#copy(length)) : undefined;
  }

  /**
   * The packet from its network header on:
   * `int nfq_get_payload(struct nfq_data *nfad, unsigned char **data)`.
   *
   * @returns a copy, as long as the copy range allows; empty where the message has none
   */
  nfq_get_payload(): Uint8Array<ArrayBuffer> {
    const length = libnetfilterQueueMessages().nfq_get_payload(this.#valid, scratch);
    return this.#copy(Math.max(0, length));
  }

  /**
   * The packet as a line of XML:
   * `int nfq_snprintf_xml(char *buf, size_t len, struct nfq_data *tb, int flags)`.
   *
   * @param flags a sum of `NFQ_XML_*`
   * @returns the text, whole however long the packet is
   * @throws {SystemError}
   */
  nfq_snprintf_xml(flags: number = NFQ_XML_ALL): string {
    const bits = checkU32("flags", flags) | 0;
    const { nfq_snprintf_xml } = libnetfilterQueueMessages();
    prepareErrno();
    for (let size = XML_SIZE;;) {
      const text = new Uint8Array(new ArrayBuffer(size));
      const length = nfq_snprintf_xml(text, BigInt(size), this.#valid, bits);
      if (length < 0 || length >= MOST_XML) {
        throw failedCall("nfq_snprintf_xml", threadErrno());
      }
      if (length < size) return textOf(text);
      size = length + 1;
    }
  }

  /** The C pointer. @throws {HandleClosedError} */
  get #valid(): Pointer {
    if (this.#pointer === undefined) {
      throw new HandleClosedError("NfqData", "is good only while its callback runs");
    }
    return this.#pointer;
  }

  #name(call: NameFunction, nlif: NlifHandle): string | undefined {
    const table = NlifHandle[NLIF_POINTER](nlif);
    const result = libnetfilterQueueMessages()[call](table, this.#valid, scratch);
    return result < 0 ? undefined : textOf(scratch);
  }

  /** The bytes at the address that C left in the scratch memory. */
  #copy(length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(new ArrayBuffer(length));
    const from = backend().pointerTo(Number(scratchView.getBigUint64(0, true)));
    if (length > 0 && from !== null) libc().memcpy(bytes, from, BigInt(length));
    return bytes;
  }
}
