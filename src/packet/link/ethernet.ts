import { formatMac, parseMac } from "../../base/address.ts";
import type { Frame } from "../structure/packet_bytes.ts";
import { INSPECT, jsonFields, type JsonObject, shown } from "../../base/json_value.ts";
import { ETHERNET_HEADER_SIZE, ETHERNET_OFFSET, MAC_SIZE } from "../structure/link_layouts.ts";
import { guardNames } from "../../base/name_guard.ts";
import { checkExactBytes, checkInteger, checkU16 } from "../../base/checks.ts";

const MAX_MAC = 0xffffffffffff;

/** The fields in their order, for text and JSON; other forms of a value (numbers, bytes) are left out. */
export const ETHERNET_FIELDS = ["destination", "source", "etherType"] as const;

/**
 * An Ethernet header. Numbers are in host order. Borrows the frame: every use throws
 * PacketReleasedError once the frame was released. A field that is assigned changes the header in
 * place; a value out of range throws RangeError, one of the wrong type TypeError.
 */
export class EthernetView {
  readonly #frame: Frame;
  readonly #start: number;

  /** @throws {RangeError} when the frame has no 14 bytes at `start`. */
  constructor(frame: Frame, start: number = 0) {
    if (!(start >= 0 && start + ETHERNET_HEADER_SIZE <= frame.length)) {
      throw new RangeError(`an Ethernet header has 14 bytes, got ${frame.length - start}`);
    }
    this.#frame = frame;
    this.#start = start;
  }

  /** Destination address, `00:11:22:33:44:55`. */
  get destination(): string {
    return formatMac(this.destinationBytes);
  }

  set destination(value: string) {
    this.destinationBytes = parseMac(value, "destination");
  }

  /** Source address, `00:11:22:33:44:55`. */
  get source(): string {
    return formatMac(this.sourceBytes);
  }

  set source(value: string) {
    this.sourceBytes = parseMac(value, "source");
  }

  /** The six bytes of the destination address: a copy of a queued packet\'s, else borrowed. */
  get destinationBytes(): Uint8Array {
    return this.#address(ETHERNET_OFFSET.destination);
  }

  set destinationBytes(value: Uint8Array) {
    const bytes = checkExactBytes("destinationBytes", value, MAC_SIZE);
    this.#frame.setBytes(this.#start + ETHERNET_OFFSET.destination, bytes);
  }

  /** The six bytes of the source address: a copy of a queued packet\'s, else borrowed. */
  get sourceBytes(): Uint8Array {
    return this.#address(ETHERNET_OFFSET.source);
  }

  set sourceBytes(value: Uint8Array) {
    const bytes = checkExactBytes("sourceBytes", value, MAC_SIZE);
    this.#frame.setBytes(this.#start + ETHERNET_OFFSET.source, bytes);
  }

  /** Destination address as a number of 48 bits, first byte highest. */
  get destinationNumber(): number {
    return this.#number(ETHERNET_OFFSET.destination);
  }

  set destinationNumber(value: number) {
    this.#writeNumber("destinationNumber", ETHERNET_OFFSET.destination, value);
  }

  /** Source address as a number of 48 bits, first byte highest. */
  get sourceNumber(): number {
    return this.#number(ETHERNET_OFFSET.source);
  }

  set sourceNumber(value: number) {
    this.#writeNumber("sourceNumber", ETHERNET_OFFSET.source, value);
  }

  /** What follows: 0x0800 IPv4, 0x8100 a VLAN tag, …; below 0x0600 the length of an 802.3 frame. */
  get etherType(): number {
    return this.#frame.u16(this.#start + ETHERNET_OFFSET.etherType);
  }

  set etherType(value: number) {
    this.#frame.setU16(this.#start + ETHERNET_OFFSET.etherType, checkU16("etherType", value));
  }

  /** Its fields under their names here. */
  toJSON(): JsonObject {
    return jsonFields(this, ETHERNET_FIELDS);
  }

  /** @ignore For console.log. */
  [INSPECT](): unknown {
    return shown(this);
  }

  #address(field: number): Uint8Array {
    const at = this.#start + field;
    return this.#frame.bytes(at, at + MAC_SIZE);
  }

  #number(field: number): number {
    const at = this.#start + field;
    return this.#frame.u16(at) * 0x100000000 + this.#frame.u32(at + 2);
  }

  #writeNumber(name: string, field: number, value: number): void {
    checkInteger(name, value, 0, MAX_MAC);
    const at = this.#start + field;
    this.#frame.setU16(at, Math.floor(value / 0x100000000));
    this.#frame.setU32(at + 2, value % 0x100000000);
  }
}

guardNames(EthernetView, "ethernet");
