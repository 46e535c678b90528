import { formatIpv4, formatMac, parseIpv4, parseMac } from "../../base/address.ts";
import type { GivenBytes } from "../../base/bytes.ts";
import { requireArp } from "../edit/edit.ts";
import type { PacketBytes } from "../structure/packet_bytes.ts";
import { INSPECT, jsonFields, type JsonObject, shown } from "../../base/json_value.ts";
import { guardNames } from "../../base/name_guard.ts";
import type { Outline } from "../structure/outline.ts";
import { ARP_OFFSET } from "../structure/link_layouts.ts";
import { checkExactBytes, checkInteger, checkU16, checkU32 } from "../../base/checks.ts";

const FIELD = ARP_OFFSET;

const IPV4_SIZE = 4;

/** Values of {@link ArpView.operation}: RFC 826, RFC 903. */
export const ARP_OPERATION = {
  REQUEST: 1,
  REPLY: 2,
  REVERSE_REQUEST: 3,
  REVERSE_REPLY: 4,
} as const;

/** The fields in their order, for text and JSON; other forms of a value (numbers, bytes) are left out. */
export const ARP_FIELDS = [
  ...["hardwareType", "protocolType", "hardwareLength", "protocolLength", "operation"] as const,
  ...["senderHardwareAddress", "senderProtocolAddress"] as const,
  ...["targetHardwareAddress", "targetProtocolAddress"] as const,
] as const;

/**
 * An ARP packet (RFC 826), or one of RARP (RFC 903). Made by `Layers`, which has checked that all of it is there. Numbers are
 * in host order. Borrows the packet's bytes: every use throws PacketReleasedError once they were released.
 *
 * Hardware addresses are read as `00:11:22:33:44:55`, protocol addresses as `a.b.c.d` where they have
 * 4 bytes and like hardware addresses where they have others. A field that is assigned changes the
 * packet in place; there is no checksum. A value out of range throws RangeError, one of the wrong
 * type TypeError, and what the owner of the memory forbids the owner's error, before anything is
 * changed.
 */
export class ArpView {
  readonly #packet: PacketBytes;
  readonly #outline: Outline;

  /** `Layers` makes it: `layers.arp`. */
  constructor(outline: Outline) {
    this.#packet = outline.packet;
    this.#outline = outline;
  }

  /** 1 is Ethernet. */
  get hardwareType(): number {
    return this.#packet.u16(this.#at(FIELD.hardwareType));
  }

  set hardwareType(value: number) {
    this.#write16(FIELD.hardwareType, checkU16("hardwareType", value));
  }

  /** An ethertype: 0x0800 is IPv4. */
  get protocolType(): number {
    return this.#packet.u16(this.#at(FIELD.protocolType));
  }

  set protocolType(value: number) {
    this.#write16(FIELD.protocolType, checkU16("protocolType", value));
  }

  /** Bytes of a hardware address. */
  get hardwareLength(): number {
    return this.#packet.u8(this.#at(FIELD.hardwareLength));
  }

  /** Only the field, which says where the addresses are: so many that they still fit. */
  set hardwareLength(value: number) {
    const most = this.#room() - this.protocolLength;
    checkInteger("hardwareLength", value, 0, Math.min(255, most));
    this.#require();
    this.#packet.setU8(this.#at(FIELD.hardwareLength), value);
  }

  /** Bytes of a protocol address. */
  get protocolLength(): number {
    return this.#packet.u8(this.#at(FIELD.protocolLength));
  }

  /** Only the field, which says where the addresses are: so many that they still fit. */
  set protocolLength(value: number) {
    const most = this.#room() - this.hardwareLength;
    checkInteger("protocolLength", value, 0, Math.min(255, most));
    this.#require();
    this.#packet.setU8(this.#at(FIELD.protocolLength), value);
  }

  /** `ARP_OPERATION` names request and reply. */
  get operation(): number {
    return this.#packet.u16(this.#at(FIELD.operation));
  }

  set operation(value: number) {
    this.#write16(FIELD.operation, checkU16("operation", value));
  }

  /** The sender's hardware address, `aa:bb:cc:dd:ee:ff`. */
  get senderHardwareAddress(): string {
    return formatMac(this.senderHardwareBytes);
  }

  set senderHardwareAddress(value: string) {
    this.senderHardwareBytes = parseMac(value, "senderHardwareAddress");
  }

  /** The sender's protocol address, `a.b.c.d`. */
  get senderProtocolAddress(): string {
    return protocolText(this.senderProtocolBytes);
  }

  set senderProtocolAddress(value: string) {
    this.senderProtocolNumber = parseIpv4(value, "senderProtocolAddress");
  }

  /** The target's hardware address; zeros in a request. */
  get targetHardwareAddress(): string {
    return formatMac(this.targetHardwareBytes);
  }

  set targetHardwareAddress(value: string) {
    this.targetHardwareBytes = parseMac(value, "targetHardwareAddress");
  }

  /** The target's protocol address, `a.b.c.d`. */
  get targetProtocolAddress(): string {
    return protocolText(this.targetProtocolBytes);
  }

  set targetProtocolAddress(value: string) {
    this.targetProtocolNumber = parseIpv4(value, "targetProtocolAddress");
  }

  /** The sender's protocol address as a number, first byte highest; absent unless it has 4 bytes. */
  get senderProtocolNumber(): number | undefined {
    return this.protocolLength === IPV4_SIZE ? this.#packet.u32(this.#senderProtocol()) : undefined;
  }

  set senderProtocolNumber(value: number) {
    this.#writeNumber("senderProtocolNumber", this.#senderProtocol(), value);
  }

  /** The target's protocol address as a number, first byte highest; absent unless it has 4 bytes. */
  get targetProtocolNumber(): number | undefined {
    return this.protocolLength === IPV4_SIZE ? this.#packet.u32(this.#targetProtocol()) : undefined;
  }

  set targetProtocolNumber(value: number) {
    this.#writeNumber("targetProtocolNumber", this.#targetProtocol(), value);
  }

  /** Borrowed, like the three that follow. */
  get senderHardwareBytes(): Uint8Array {
    return this.#part(this.#at(FIELD.addresses), this.hardwareLength);
  }

  set senderHardwareBytes(value: Uint8Array) {
    const bytes = checkExactBytes("senderHardwareBytes", value, this.hardwareLength);
    this.#writeBytes(this.#at(FIELD.addresses), bytes);
  }

  /** Bytes of the sender's protocol address. */
  get senderProtocolBytes(): Uint8Array {
    return this.#part(this.#senderProtocol(), this.protocolLength);
  }

  set senderProtocolBytes(value: Uint8Array) {
    const bytes = checkExactBytes("senderProtocolBytes", value, this.protocolLength);
    this.#writeBytes(this.#senderProtocol(), bytes);
  }

  /** Bytes of the target's hardware address. */
  get targetHardwareBytes(): Uint8Array {
    return this.#part(this.#targetHardware(), this.hardwareLength);
  }

  set targetHardwareBytes(value: Uint8Array) {
    const bytes = checkExactBytes("targetHardwareBytes", value, this.hardwareLength);
    this.#writeBytes(this.#targetHardware(), bytes);
  }

  /** Bytes of the target's protocol address. */
  get targetProtocolBytes(): Uint8Array {
    return this.#part(this.#targetProtocol(), this.protocolLength);
  }

  set targetProtocolBytes(value: Uint8Array) {
    const bytes = checkExactBytes("targetProtocolBytes", value, this.protocolLength);
    this.#writeBytes(this.#targetProtocol(), bytes);
  }

  /** Its fields under their names here. */
  toJSON(): JsonObject {
    return jsonFields(this, ARP_FIELDS);
  }

  /** @ignore For console.log. */
  [INSPECT](): unknown {
    return shown(this);
  }

  #at(offset: number): number {
    return this.#outline.networkOffset + offset;
  }

  #senderProtocol(): number {
    return this.#at(FIELD.addresses) + this.hardwareLength;
  }

  #targetHardware(): number {
    return this.#senderProtocol() + this.protocolLength;
  }

  #targetProtocol(): number {
    return this.#targetHardware() + this.hardwareLength;
  }

  /** How many bytes a hardware and a protocol address may have together. */
  #room(): number {
    return (this.#packet.length - this.#at(FIELD.addresses)) >> 1;
  }

  #part(from: number, length: number): Uint8Array {
    return this.#packet.bytes(from, from + length);
  }

  #require(): void {
    requireArp(this.#outline);
  }

  #write16(offset: number, value: number): void {
    this.#require();
    this.#packet.setU16(this.#at(offset), value);
  }

  #writeBytes(at: number, bytes: GivenBytes): void {
    this.#require();
    this.#packet.setBytes(at, bytes);
  }

  #writeNumber(field: string, at: number, value: number): void {
    checkU32(field, value);
    this.#require();
    if (this.protocolLength !== IPV4_SIZE) {
      const { protocolLength } = this;
      throw new RangeError(
        `${field}: the packet's protocol addresses have ${protocolLength} bytes`,
      );
    }
    this.#packet.setU32(at, value);
  }
}

guardNames(ArpView, "arp");

function protocolText(bytes: Uint8Array): string {
  if (bytes.length !== IPV4_SIZE) return formatMac(bytes);
  const [a = 0, b = 0, c = 0, d = 0] = bytes;
  return formatIpv4(((a << 24) | (b << 16) | (c << 8) | d) >>> 0);
}
