// IPQM_PACKET for the fast path of who plays the kernel's part.
import {
  i32At,
  IPQ_NAME_SIZE,
  IPQ_PACKET_OFFSET as AT,
  IPQ_PACKET_SIZE,
  IPQM,
} from "./messages.ts";
import { align4, writeHeader } from "../message.ts";
import { checkedLength } from "../../base/checks.ts";

const LENGTH_OFFSET = 0;
const MAX_ADDRESS = 8;
const TWO_32 = 0x100000000;

/**
 * The part of an IPQM_PACKET before the payload, to be filled for packet after packet and copied
 * out: nothing is allocated after it was made.
 *
 * A new one is all zeros but its header (type IPQM_PACKET, length 112). Each setter writes its
 * field whole; what is not set keeps its value. Nothing is checked: numbers wrap to the width of
 * their field.
 */
export class IpqPacketHeader {
  /** The 112 bytes. Their address stays the same while this object lives. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView<ArrayBuffer>;

  constructor() {
    const buffer = new ArrayBuffer(IPQ_PACKET_SIZE);
    this.bytes = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
    writeHeader(this.#view, 0, IPQ_PACKET_SIZE, IPQM.PACKET, 0, 0);
  }

  /** The packet's id, of 32 bits; the upper half of the field stays 0. */
  setPacketId(id: number): void {
    this.#view.setUint32(AT.packetId, id, true);
  }

  /** The packet's mark, of 32 bits; the upper half of the field stays 0. */
  setMark(mark: number): void {
    this.#view.setUint32(AT.mark, mark, true);
  }

  /** Seconds since the epoch and microseconds after them, integers up to 2⁵³ in magnitude. */
  setTimestamp(seconds: number, microseconds: number): void {
    this.#setI64(AT.timestampSeconds, seconds);
    this.#setI64(AT.timestampMicroseconds, microseconds);
  }

  /** The netfilter hook. */
  setHook(hook: number): void {
    this.#view.setUint32(AT.hook, hook, true);
  }

  /** The first 16 bytes of `name`, or as many as there are and NULs; they are copied. */
  setIndevName(name: Uint8Array): void {
    this.#setName(AT.indevName, name);
  }

  /** The first 16 bytes of `name`, or as many as there are and NULs; they are copied. */
  setOutdevName(name: Uint8Array): void {
    this.#setName(AT.outdevName, name);
  }

  /** The ethertype as a number (0x0800 for IPv4); the field is big-endian. */
  setHwProtocol(protocol: number): void {
    this.#view.setUint16(AT.hwProtocol, protocol, false);
  }

  /** The link type, `ARPHRD_*`. */
  setHwType(type: number): void {
    this.#view.setUint16(AT.hwType, type, true);
  }

  /**
   * The link-layer address: `length` bytes of `view` at `offset`, at most 8 of them (and the length
   * is then 8). A length of 0 takes it away.
   */
  setHwAddress(view: DataView, offset: number, length: number): void {
    const bytes = this.bytes;
    const stop = Math.min(length, MAX_ADDRESS);
    bytes[AT.hwAddressLength] = stop;
    for (let i = 0; i < stop; i++) bytes[AT.hwAddress + i] = view.getUint8(offset + i);
    for (let i = stop; i < MAX_ADDRESS; i++) bytes[AT.hwAddress + i] = 0;
  }

  /**
   * Bytes of payload that follow, and with it the message's length (`nlmsg_len`).
   *
   * @returns that length: 112 + `length`, rounded up to a multiple of 4.
   */
  setDataLength(length: number): number {
    const total = align4(IPQ_PACKET_SIZE + length);
    this.#view.setUint32(AT.dataLength, length, true);
    this.#view.setUint32(LENGTH_OFFSET, total, true);
    return total;
  }

  #setI64(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
    this.#view.setInt32(at + 4, Math.floor(value / TWO_32), true);
  }

  #setName(at: number, name: Uint8Array): void {
    checkedLength("name", name);
    for (let i = 0; i < IPQ_NAME_SIZE; i += 4) this.#view.setInt32(at + i, i32At(name, i), true);
  }
}
