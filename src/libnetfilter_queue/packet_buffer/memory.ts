/**
 * The memory of one `struct pkt_buff`. C believes every length and offset it is given, so they are
 * kept here as well, and checked against each other before any call.
 *
 * @module
 */

import { backend } from "../../../ffi/backend.ts";
import { ERRNO, failedCall, prepareErrno, threadErrno } from "../../linux/errno.ts";
import { libnetfilterQueueFile } from "../../../ffi/libraries/libnetfilter_queue.ts";
import { libnetfilterQueuePackets } from "../../../ffi/libraries/libnetfilter_queue_packets.ts";
import { MissingSymbolError, type Pointer } from "../../../ffi/types.ts";
import { checkInteger } from "../guards/arguments.ts";
import { HandleClosedError } from "../guards/errors.ts";
import { lend, type LentBytes } from "../guards/lend.ts";

/** IPv4: the packet begins with its network header. */
export const AF_INET = 2;
/** A bridged packet: it begins with an Ethernet header. */
export const AF_BRIDGE = 7;
/** IPv6: the packet begins with its network header. */
export const AF_INET6 = 10;

/** The functions of pktbuff.h and its neighbours. */
export type PacketLibrary = ReturnType<typeof libnetfilterQueuePackets>;

/** What `pktb_alloc` takes. */
export interface PacketBufferContents {
  readonly family: number;
  readonly data: Uint8Array;
  readonly extra: number;
}

/** Far above any packet, far below where the library's 32-bit numbers would wrap. */
const MOST = 1 << 20;
const ETHERNET_HEADER = 14;
const EPROTONOSUPPORT: number = ERRNO.EPROTONOSUPPORT;
const NOT_IP = "A bridged packet must carry IPv4 or IPv6 right behind its Ethernet header";

/** Frees what nobody freed and nobody can reach any more. */
const abandoned = new FinalizationRegistry<Pointer>((pointer) => {
  libnetfilterQueuePackets().pktb_free(pointer);
});

/** A `struct pkt_buff` and where its parts are. All positions count from the start of its memory. */
export class PacketMemory {
  readonly library: PacketLibrary;
  /** Bytes of memory: the packet as it was given and the extra room behind it. */
  readonly capacity: number;
  /** Where the link-layer header is, if there is one. */
  readonly mac: number | null;
  /** Where the network header is. */
  readonly network: number;
  /** Where the transport header is, once it is set. */
  transport: number | null = null;
  /** Where the packet begins: after what `pktb_pull` took off. */
  #start = 0;
  /** Bytes of packet. */
  #length: number;
  /** Where the library believes the packet to end; see {@link trimMovesEnd}. */
  #libraryEnd: number;
  #pointer: Pointer | null;
  readonly #first: Pointer;
  #view: DataView<ArrayBuffer>;

  constructor({ family, data, extra }: PacketBufferContents) {
    if (family !== AF_INET && family !== AF_INET6 && family !== AF_BRIDGE) {
      const families = `AF_INET (${AF_INET}), AF_INET6 (${AF_INET6}) or AF_BRIDGE (${AF_BRIDGE})`;
      throw new RangeError(`family must be ${families}, got ${String(family)}`);
    }
    const packet = lend("data", data, { max: MOST });
    checkInteger("extra", extra, { max: MOST });
    if (family === AF_BRIDGE && packet.length < ETHERNET_HEADER) {
      throw new RangeError(
        `a bridged packet needs ${ETHERNET_HEADER} bytes of Ethernet header, got ${packet.length}`,
      );
    }
    this.library = libnetfilterQueuePackets();
    if (family !== AF_INET) requireVersion104(`pktb_alloc(${family}, …)`);
    this.capacity = packet.length + extra;
    this.mac = family === AF_BRIDGE ? 0 : null;
    this.network = family === AF_BRIDGE ? ETHERNET_HEADER : 0;
    this.#length = packet.length;
    this.#libraryEnd = packet.length;
    this.#pointer = allocate(this.library, { family, packet, extra });
    abandoned.register(this, this.#pointer, this);
    this.#first = this.library.pktb_data(this.#pointer)!;
    this.#view = new DataView(
      this.capacity === 0 ? new ArrayBuffer(0) : backend().viewOf(this.#first, this.capacity),
    );
    // What allocate() changed for the library's sake.
    if (family === AF_BRIDGE) this.#bytes(0, packet.length).set(packet.bytes);
  }

  /** The C structure. @throws {HandleClosedError} */
  get pointer(): Pointer {
    if (this.#pointer === null) throw freedError();
    return this.#pointer;
  }

  /** The whole memory; nobody may keep it. @throws {HandleClosedError} */
  get view(): DataView<ArrayBuffer> {
    if (this.#pointer === null) throw freedError();
    return this.#view;
  }

  /** Where the packet ends. */
  get end(): number {
    return this.#start + this.#length;
  }

  /** Bytes of packet from the network header on; negative when the packet ends before it. */
  get networkLength(): number {
    return this.end - this.network;
  }

  /** Bytes by which the packet can grow. */
  get room(): number {
    return this.capacity - this.end;
  }

  /** Bytes that were pulled off the front. */
  get headroom(): number {
    return this.#start;
  }

  /** A copy of the packet from `start` to its end. @throws {HandleClosedError} */
  copyFrom(start: number = this.#start): Uint8Array<ArrayBuffer> {
    const length = Math.max(this.end - start, 0);
    const copy = new Uint8Array(new ArrayBuffer(length));
    copy.set(this.#bytes(length === 0 ? 0 : start, length));
    return copy;
  }

  push(length: number): void {
    checkInteger("len", length, { max: this.#start });
    this.library.pktb_push(this.pointer, length);
    this.#start -= length;
    this.#length += length;
  }

  pull(length: number): void {
    checkInteger("len", length, { max: this.#length });
    this.library.pktb_pull(this.pointer, length);
    this.#start += length;
    this.#length -= length;
  }

  put(length: number): void {
    checkInteger("len", length, { max: this.room });
    this.library.pktb_put(this.pointer, length);
    this.#length += length;
    this.#libraryEnd += length;
  }

  trim(length: number): void {
    checkInteger("len", length, { max: this.capacity - this.#start });
    this.library.pktb_trim(this.pointer, length);
    this.#length = length;
    if (trimMovesEnd()) this.#libraryEnd = this.end;
  }

  /**
   * How a replacement of `matchLength` bytes at `at` by `length` others changes the packet, or null
   * when there is no room for it.
   *
   * @throws {RangeError} when the bytes to replace are not all inside the packet
   */
  growth(
    at: number,
    change: { readonly matchLength: number; readonly length: number },
  ): number | null {
    const { matchLength, length } = change;
    if (at < this.#start || at + matchLength > this.end) {
      throw new RangeError(
        `the ${matchLength} bytes to replace, at byte ${at - this.#start}, are not all inside ` +
          `the packet's ${this.#length}`,
      );
    }
    const growth = length - matchLength;
    // The library moves what is there up to where it believes the end to be.
    const last = Math.max(this.end, this.#libraryEnd) + Math.max(growth, 0);
    return this.#libraryEnd < at + matchLength || last > this.capacity ? null : growth;
  }

  /** Takes note of a replacement that the library made. */
  grew(growth: number): void {
    this.#length += growth;
    if (growth > 0) this.#libraryEnd += growth;
    else if (trimMovesEnd()) this.#libraryEnd = this.end;
  }

  /** The address of a position. @throws {HandleClosedError} */
  pointerAt(position: number): Pointer {
    if (this.#pointer === null) throw freedError();
    return backend().offset(this.#first, position);
  }

  free(): void {
    const pointer = this.#pointer;
    if (pointer === null) return;
    this.#pointer = null;
    this.#view = new DataView(new ArrayBuffer(0));
    abandoned.unregister(this);
    this.library.pktb_free(pointer);
  }

  #bytes(start: number, length: number): Uint8Array {
    return new Uint8Array(this.view.buffer, start, length);
  }
}

/** `pktb_alloc`, with errno when it fails. */
function allocate(
  library: PacketLibrary,
  { family, packet, extra }: { family: number; packet: LentBytes; extra: number },
): Pointer {
  const size = BigInt(packet.length);
  const room = BigInt(extra);
  prepareErrno();
  let pointer = library.pktb_alloc(family, packet.bytes, size, room);
  let errno = threadErrno();
  const { bytes } = packet;
  if (pointer === null && family === AF_BRIDGE && isIp(bytes)) {
    // The library (1.0.5 still) compares the ethertype in host order, and refuses every real frame.
    bytes.subarray(12, 14).reverse();
    pointer = library.pktb_alloc(family, bytes, size, room);
    errno = threadErrno();
    bytes.subarray(12, 14).reverse();
  }
  if (pointer !== null) return pointer;
  throw failedCall("pktb_alloc", errno, errno === EPROTONOSUPPORT ? NOT_IP : undefined);
}

function freedError(): HandleClosedError {
  return new HandleClosedError("the packet buffer", "is freed");
}

/** The ethertype says IPv4 or IPv6. */
function isIp(frame: Uint8Array): boolean {
  const ethertype = frame[12]! << 8 | frame[13]!;
  return ethertype === 0x0800 || ethertype === 0x86dd;
}

let moves: boolean | undefined;

/**
 * Whether `pktb_trim` moves the end of the packet. Before 1.0.4 it did not, and `pktb_mangle` moved
 * bytes up to the old end, over the end of the memory if it came to that.
 */
export function trimMovesEnd(): boolean {
  return moves ??= probe(libnetfilterQueuePackets());
}

/** A packet of 40 bytes is cut to 21: is there still room for a TCP header at byte 20? */
function probe(library: PacketLibrary): boolean {
  const bytes = new Uint8Array(new ArrayBuffer(40));
  bytes[0] = 0x45;
  const packet = { bytes, length: bytes.length };
  const pointer = allocate(library, { family: AF_INET, packet, extra: 0 });
  library.nfq_ip_set_transport_header(pointer, library.pktb_network_header(pointer));
  library.pktb_trim(pointer, 21);
  const gone = library.nfq_tcp_get_hdr(pointer) === null;
  library.pktb_free(pointer);
  return gone;
}

/**
 * Refuses what read or wrote outside the packet, or never worked, before 1.0.4.
 *
 * @throws {MissingSymbolError}
 */
export function requireVersion104(call: string): void {
  if (!trimMovesEnd()) throw new MissingSymbolError(call, "1.0.4", libnetfilterQueueFile.name);
}
