import type { PacketBytes } from "../structure/packet_bytes.ts";
import { INSPECT, jsonFields, type JsonObject, shown } from "../../base/json_value.ts";
import { VLAN_OFFSET, VLAN_TAG_SIZE } from "../structure/link_layouts.ts";
import { guardNames } from "../../base/name_guard.ts";
import { checkBoolean, checkInteger, checkU16 } from "../../base/checks.ts";

const FIELD = VLAN_OFFSET;

/** The fields in their order, for text and JSON; other forms of a value (numbers, bytes) are left out. */
export const VLAN_FIELDS = ["protocol", "priority", "dropEligible", "id", "etherType"] as const;

/**
 * A VLAN tag (802.1Q, 802.1ad) in an Ethernet frame, together with the ethertype behind it. Numbers
 * are in host order. Borrows the packet's bytes: every use throws PacketReleasedError once they were
 * released. A field that is assigned changes the tag in place; a value out of range throws
 * RangeError, one of the wrong type TypeError.
 */
export class VlanView {
  readonly #packet: PacketBytes;
  readonly #start: number;

  /**
   * Lends the tag's bytes.
   *
   * @param start where the tag's protocol identifier stands: in the place of the ethertype.
   * @throws {RangeError} when there are no 6 bytes there.
   */
  constructor(packet: PacketBytes, start: number) {
    if (!(start >= 0 && start + VLAN_TAG_SIZE + 2 <= packet.length)) {
      throw new RangeError(
        `a VLAN tag and its ethertype have 6 bytes, got ${packet.length - start}`,
      );
    }
    this.#packet = packet;
    this.#start = start;
  }

  /** 0x8100 for a customer's tag, 0x88a8 for a provider's. */
  get protocol(): number {
    return this.#packet.u16(this.#start + FIELD.protocol);
  }

  set protocol(value: number) {
    checkU16("protocol", value);
    this.#packet.setU16(this.#start + FIELD.protocol, value);
  }

  /** Priority code point, 0 to 7. */
  get priority(): number {
    return this.#control() >> 13;
  }

  set priority(value: number) {
    this.#write(0x1fff, checkInteger("priority", value, 0, 7) << 13);
  }

  /** Drop eligible indicator. */
  get dropEligible(): boolean {
    return (this.#control() & 0x1000) !== 0;
  }

  set dropEligible(value: boolean) {
    this.#write(0xefff, checkBoolean("dropEligible", value) ? 0x1000 : 0);
  }

  /** VLAN identifier, 0 to 4095; 0 is a tag for the priority alone. */
  get id(): number {
    return this.#control() & 0xfff;
  }

  set id(value: number) {
    this.#write(0xf000, checkInteger("id", value, 0, 0xfff));
  }

  /** What follows the tag. */
  get etherType(): number {
    return this.#packet.u16(this.#start + FIELD.etherType);
  }

  set etherType(value: number) {
    this.#packet.setU16(this.#start + FIELD.etherType, checkU16("etherType", value));
  }

  /** Its fields under their names here. */
  toJSON(): JsonObject {
    return jsonFields(this, VLAN_FIELDS);
  }

  /** @ignore For console.log. */
  [INSPECT](): unknown {
    return shown(this);
  }

  #control(): number {
    return this.#packet.u16(this.#start + FIELD.control);
  }

  #write(keep: number, bits: number): void {
    this.#packet.setU16(this.#start + FIELD.control, (this.#control() & keep) | bits);
  }
}

guardNames(VlanView, "vlan");
