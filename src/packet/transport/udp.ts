import { replaceData, requireUpper, writeUpper16 } from "../edit/edit.ts";
import type { PacketBytes } from "../structure/packet_bytes.ts";
import { INSPECT, jsonFields, type JsonObject, shown } from "../../base/json_value.ts";
import { UDP, UDP_HEADER_SIZE, UDP_OFFSET } from "../structure/upper_layouts.ts";
import { guardNames } from "../../base/name_guard.ts";
import type { Outline } from "../structure/outline.ts";
import { checkedLength, checkInteger, checkU16 } from "../../base/checks.ts";
import { isUnsummed, renewUpper } from "../structure/sums.ts";

const FIELD = UDP_OFFSET;

/** The fields in their order, for text and JSON; other forms of a value (numbers, bytes) are left out. */
export const UDP_FIELDS = ["sourcePort", "destinationPort", "length", "checksum"] as const;

/**
 * A UDP header (RFC 768) and its data. Made by `Layers`, which has checked that the header is
 * there. Numbers are in host order. Borrows the packet's bytes: every use throws PacketReleasedError once
 * they were released.
 *
 * A field that is assigned changes the packet in place and brings the checksum along (RFC 1624),
 * unless there is none. A value out of range throws RangeError, one of the wrong type TypeError, and
 * what the owner of the memory forbids the owner's error, before anything is changed.
 */
export class UdpView {
  readonly #packet: PacketBytes;
  readonly #outline: Outline;

  /** `Layers` makes it: `layers.udp`. */
  constructor(outline: Outline) {
    this.#packet = outline.packet;
    this.#outline = outline;
  }

  /** The source port, 0 to 65535; 0 where no answer is expected. */
  get sourcePort(): number {
    return this.#packet.u16(this.#outline.upperOffset + FIELD.sourcePort);
  }

  set sourcePort(value: number) {
    this.#write(FIELD.sourcePort, checkU16("sourcePort", value));
  }

  /** The destination port, 0 to 65535. */
  get destinationPort(): number {
    return this.#packet.u16(this.#outline.upperOffset + FIELD.destinationPort);
  }

  set destinationPort(value: number) {
    this.#write(FIELD.destinationPort, checkU16("destinationPort", value));
  }

  /** Bytes of header and data as the header says. */
  get length(): number {
    return this.#packet.u16(this.#outline.upperOffset + FIELD.length);
  }

  /**
   * Only the field: the bytes stay. 8 or more, or 0 for "as long as the packet" (RFC 2675). The
   * checksum is computed anew if all that it then covers is here; else it stays as it is.
   */
  set length(value: number) {
    if (value !== 0) checkInteger("length", value, UDP_HEADER_SIZE, 0xffff);
    this.#require();
    const outline = this.#outline;
    const unsummed = isUnsummed(outline);
    this.#packet.setU16(outline.upperOffset + FIELD.length, value);
    outline.refresh();
    if (!unsummed) renewUpper(outline);
  }

  /** The checksum as it stands; 0 over IPv4 means that there is none. */
  get checksum(): number {
    return this.#packet.u16(this.#outline.upperOffset + FIELD.checksum);
  }

  /**
   * Stands as it is given until another field changes, which brings it along by the difference; 0
   * stays 0. Where the kernel left it to the hardware it is computed with the verdict all the same.
   */
  set checksum(value: number) {
    checkU16("checksum", value);
    this.#require();
    this.#packet.setU16(this.#outline.upperOffset + FIELD.checksum, value);
  }

  /** The captured bytes of the data: a copy of a queued packet\'s, else borrowed; never more than `length` says. */
  get payload(): Uint8Array {
    return this.#packet.bytes(this.#outline.upperOffset + UDP_HEADER_SIZE, this.#end());
  }

  /**
   * New data, as long as it likes: UDP's length, the IP header's and the checksum follow.
   *
   * @throws {RangeError} when the packet would be too long, or is a fragment and the data's length
   * would change.
   */
  set payload(value: Uint8Array) {
    const length = checkedLength("payload", value);
    this.#require();
    const from = this.#outline.upperOffset + UDP_HEADER_SIZE;
    replaceData(this.#outline, { field: "payload", from, to: this.#end() }, value, length);
  }

  /** Its fields under their names here; bytes are hex. */
  toJSON(): JsonObject {
    return jsonFields(this, [...UDP_FIELDS, "payload"]);
  }

  /** @ignore For console.log. */
  [INSPECT](): unknown {
    return shown(this);
  }

  #end(): number {
    const { upperOffset, end } = this.#outline;
    const { length } = this;
    return length === 0 ? end : Math.min(upperOffset + length, end);
  }

  #require(): void {
    requireUpper(this.#outline, UDP);
  }

  #write(offset: number, value: number): void {
    this.#require();
    writeUpper16(this.#outline, offset, value);
  }
}

guardNames(UdpView, "udp");
