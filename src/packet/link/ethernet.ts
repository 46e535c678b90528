import { formatMac, parseMac } from "../../base/address.ts";
import type { PacketBytes } from "../structure/packet_bytes.ts";
import { INSPECT, jsonFields, type JsonObject, shown } from "../../base/json_value.ts";
import { ETHERNET_HEADER_SIZE, ETHERNET_OFFSET, MAC_SIZE } from "../structure/link_layouts.ts";
import { guardNames } from "../../base/name_guard.ts";
import { checkExactBytes, checkInteger, checkU16 } from "../../base/checks.ts";

const FIELD = ETHERNET_OFFSET;

const MAX_MAC = 0xffffffffffff;

/** The fields in their order, for text and JSON; other forms of a value (numbers, bytes) are left out. */
export const ETHERNET_FIELDS = ["destination", "source", "etherType"] as const;

/**
 * An Ethernet header. Numbers are in host order. Borrows the packet's bytes: every use throws
 * PacketReleasedError once they were released. A field that is assigned changes the header in
 * place; a value out of range throws RangeError, one of the wrong type TypeError.
 */
export class EthernetView {
  readonly #packet: PacketBytes;
  readonly #start: number;

  /**
   * Lends the header's bytes.
   *
   * @param start where the destination address begins; default 0.
   * @throws {RangeError} when there are no 14 bytes at `start`.
   */
  constructor(packet: PacketBytes, start: number = 0) {
    if (!(start >= 0 && start + ETHERNET_HEADER_SIZE <= packet.length)) {
      throw new RangeError(`an Ethernet header has 14 bytes, got ${packet.length - start}`);
    }
    this.#packet = packet;
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
    return this.#address(FIELD.destination);
  }

  set destinationBytes(value: Uint8Array) {
    const bytes = checkExactBytes("destinationBytes", value, MAC_SIZE);
    this.#packet.setBytes(this.#start + FIELD.destination, bytes);
  }

  /** The six bytes of the source address: a copy of a queued packet\'s, else borrowed. */
  get sourceBytes(): Uint8Array {
    return this.#address(FIELD.source);
  }

  set sourceBytes(value: Uint8Array) {
    const bytes = checkExactBytes("sourceBytes", value, MAC_SIZE);
    this.#packet.setBytes(this.#start + FIELD.source, bytes);
  }

  /** Destination address as a number of 48 bits, first byte highest. */
  get destinationNumber(): number {
    return this.#number(FIELD.destination);
  }

  set destinationNumber(value: number) {
    this.#writeNumber("destinationNumber", FIELD.destination, value);
  }

  /** Source address as a number of 48 bits, first byte highest. */
  get sourceNumber(): number {
    return this.#number(FIELD.source);
  }

  set sourceNumber(value: number) {
    this.#writeNumber("sourceNumber", FIELD.source, value);
  }

  /** What follows: 0x0800 IPv4, 0x8100 a VLAN tag, …; below 0x0600 the length of an 802.3 frame. */
  get etherType(): number {
    return this.#packet.u16(this.#start + FIELD.etherType);
  }

  set etherType(value: number) {
    this.#packet.setU16(this.#start + FIELD.etherType, checkU16("etherType", value));
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
    return this.#packet.bytes(at, at + MAC_SIZE);
  }

  #number(field: number): number {
    const at = this.#start + field;
    return this.#packet.u16(at) * 0x100000000 + this.#packet.u32(at + 2);
  }

  #writeNumber(name: string, field: number, value: number): void {
    checkInteger(name, value, 0, MAX_MAC);
    const at = this.#start + field;
    this.#packet.setU16(at, Math.floor(value / 0x100000000));
    this.#packet.setU32(at + 2, value % 0x100000000);
  }
}

guardNames(EthernetView, "ethernet");
