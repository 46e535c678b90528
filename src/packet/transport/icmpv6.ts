import { formatIpv6, parseIpv6 } from "../../base/address.ts";
import { requireUpper, writeUpperBytes } from "../edit/edit.ts";
import type { Flow } from "../structure/flow.ts";
import { quotedFlow } from "../structure/flow_of_packet.ts";
import type { PacketBytes } from "../structure/packet_bytes.ts";
import { INSPECT, jsonFields, type JsonObject, shown } from "../../base/json_value.ts";
import { ICMP_HEADER_SIZE, ICMP_OFFSET, ICMPV6 } from "../structure/upper_layouts.ts";
import { guardNames } from "../../base/name_guard.ts";
import type { Outline } from "../structure/outline.ts";
import { ETHERTYPE } from "../structure/protocols.ts";
import { checkU16, checkU32 } from "../../base/checks.ts";
import {
  messageData,
  sequenceNumberOf,
  writeChecksum,
  writeCode,
  writeMessage16,
  writePayload,
  writeRestOfHeader,
  writeSequenceNumber,
  writeType,
} from "./icmp_message.ts";

const FIELD = ICMP_OFFSET;

/** Names of ICMPv6 types, after IANA's registry. */
const TYPE_NAMES: Readonly<Record<number, string>> = {
  1: "destination unreachable",
  2: "packet too big",
  3: "time exceeded",
  4: "parameter problem",
  128: "echo request",
  129: "echo reply",
  130: "multicast listener query",
  131: "multicast listener report",
  132: "multicast listener done",
  133: "router solicitation",
  134: "router advertisement",
  135: "neighbor solicitation",
  136: "neighbor advertisement",
  137: "redirect",
  143: "multicast listener report v2",
  160: "extended echo request",
  161: "extended echo reply",
};

const ECHO_REQUEST = 128;
const ECHO_REPLY = 129;
const EXTENDED_ECHO_REQUEST = 160;
const EXTENDED_ECHO_REPLY = 161;
const PACKET_TOO_BIG = 2;
const PARAMETER_PROBLEM = 4;
/** Solicitation, advertisement, redirect: their target is the 16 bytes after the first 8. */
const NEIGHBOR_FIRST = 135;
const NEIGHBOR_LAST = 137;

/** Lower types are errors about another packet, whose first bytes follow the header (RFC 4443 §2.1). */
const FIRST_INFORMATIONAL = 128;

/** The fields in their order, for text and JSON; other forms of a value (numbers, bytes) are left out. */
export const ICMPV6_FIELDS = [
  ...["type", "typeName", "code", "checksum", "identifier", "sequenceNumber"] as const,
  ...["mtu", "pointer", "targetAddress", "restOfHeader", "quotedFlow"] as const,
] as const;

/**
 * An ICMPv6 header (RFC 4443) and what follows it. Made by `Layers`, which has checked that the header
 * is there. Numbers are in host order. Borrows the packet's bytes: every use throws PacketReleasedError
 * once they were released.
 *
 * A field that is assigned changes the packet in place and brings the checksum along (RFC 1624). A
 * value out of range throws RangeError, one of the wrong type, or a field that messages of this type
 * do not have, TypeError, and what the owner of the memory forbids the owner's error, before
 * anything is changed.
 */
export class Icmpv6View {
  readonly #packet: PacketBytes;
  readonly #outline: Outline;

  /** `Layers` makes it: `layers.icmpv6`. */
  constructor(outline: Outline) {
    this.#packet = outline.packet;
    this.#outline = outline;
  }

  /** What the message is (RFC 4443 §2.1), 0 to 255: `typeName` has it in words. */
  get type(): number {
    return this.#packet.u8(this.#outline.upperOffset + FIELD.type);
  }

  set type(value: number) {
    writeType(ICMPV6, this.#outline, value);
  }

  /** The type in words, `type 200` when it has none. */
  get typeName(): string {
    const { type } = this;
    return TYPE_NAMES[type] ?? `type ${type}`;
  }

  /** Tells more of the type, 0 to 255. */
  get code(): number {
    return this.#packet.u8(this.#outline.upperOffset + FIELD.code);
  }

  set code(value: number) {
    writeCode(ICMPV6, this.#outline, value);
  }

  /** The checksum as it stands; nobody has verified it. */
  get checksum(): number {
    return this.#packet.u16(this.#outline.upperOffset + FIELD.checksum);
  }

  /** Stands as it is given until another field changes, which brings it along by the difference. */
  set checksum(value: number) {
    writeChecksum(ICMPV6, this.#outline, value);
  }

  /** Identifier of an echo or extended echo message; else absent. */
  get identifier(): number | undefined {
    if (!this.#isEcho() && !this.#isExtendedEcho()) return undefined;
    return this.#packet.u16(this.#outline.upperOffset + FIELD.identifier);
  }

  set identifier(value: number) {
    checkU16("identifier", value);
    if (!this.#isEcho() && !this.#isExtendedEcho()) this.#refuse("identifier");
    writeMessage16(ICMPV6, this.#outline, FIELD.identifier, value);
  }

  /** Sequence number of the same messages, 8 bits in an extended echo (RFC 8335); else absent. */
  get sequenceNumber(): number | undefined {
    const extended = this.#isExtendedEcho();
    if (!extended && !this.#isEcho()) return undefined;
    return sequenceNumberOf(this.#outline, extended);
  }

  set sequenceNumber(value: number) {
    checkU16("sequenceNumber", value);
    const extended = this.#isExtendedEcho();
    if (!extended && !this.#isEcho()) this.#refuse("sequenceNumber");
    writeSequenceNumber(ICMPV6, this.#outline, value, extended);
  }

  /** The largest packet that would have passed, of a "packet too big"; else absent. */
  get mtu(): number | undefined {
    return this.type === PACKET_TOO_BIG ? this.restOfHeader : undefined;
  }

  set mtu(value: number) {
    checkU32("mtu", value);
    if (this.type !== PACKET_TOO_BIG) this.#refuse("mtu");
    this.restOfHeader = value;
  }

  /** The byte that a "parameter problem" is about; else absent. */
  get pointer(): number | undefined {
    return this.type === PARAMETER_PROBLEM ? this.restOfHeader : undefined;
  }

  set pointer(value: number) {
    checkU32("pointer", value);
    if (this.type !== PARAMETER_PROBLEM) this.#refuse("pointer");
    this.restOfHeader = value;
  }

  /** Target of a neighbor solicitation, advertisement or redirect (RFC 4861); else absent. */
  get targetAddress(): string | undefined {
    if (!this.#hasTarget()) return undefined;
    return formatIpv6(messageData(this.#outline));
  }

  set targetAddress(value: string) {
    const address = parseIpv6(value, "targetAddress");
    if (!this.#hasTarget()) this.#refuse("targetAddress");
    requireUpper(this.#outline, ICMPV6);
    writeUpperBytes(this.#outline, this.#outline.upperOffset + ICMP_HEADER_SIZE, address);
  }

  /** The flow of the packet that an error quotes, as in `IcmpView`; else absent. */
  get quotedFlow(): Flow | undefined {
    const isError = this.type < FIRST_INFORMATIONAL;
    return isError ? quotedFlow(messageData(this.#outline), ETHERTYPE.IPV6) : undefined;
  }

  /** Bytes 4 to 7 as one number: what they mean depends on the type (the MTU of type 2). */
  get restOfHeader(): number {
    return this.#packet.u32(this.#outline.upperOffset + FIELD.restOfHeader);
  }

  set restOfHeader(value: number) {
    writeRestOfHeader(ICMPV6, this.#outline, value);
  }

  /** The captured bytes after the 8 of the header: a copy of a queued packet\'s, else borrowed. */
  get payload(): Uint8Array {
    const { upperOffset, end } = this.#outline;
    return this.#packet.bytes(upperOffset + ICMP_HEADER_SIZE, end);
  }

  /**
   * Other bytes after the 8 of the header: the IP header's length and the checksum follow.
   *
   * @throws {RangeError} when the packet would be too long, or is a fragment and their number would
   * change.
   */
  set payload(value: Uint8Array) {
    writePayload(ICMPV6, this.#outline, value);
  }

  /** Its fields under their names here; bytes are hex. */
  toJSON(): JsonObject {
    return jsonFields(this, [...ICMPV6_FIELDS, "payload"]);
  }

  /** @ignore For console.log. */
  [INSPECT](): unknown {
    return shown(this);
  }

  #refuse(field: string): never {
    throw new TypeError(
      `an ICMPv6 message of type ${this.type} (${this.typeName}) has no ${field}`,
    );
  }

  #isEcho(): boolean {
    const { type } = this;
    return type === ECHO_REQUEST || type === ECHO_REPLY;
  }

  #isExtendedEcho(): boolean {
    const { type } = this;
    return type === EXTENDED_ECHO_REQUEST || type === EXTENDED_ECHO_REPLY;
  }

  #hasTarget(): boolean {
    const { type } = this;
    return type >= NEIGHBOR_FIRST && type <= NEIGHBOR_LAST &&
      messageData(this.#outline).length >= 16;
  }
}

guardNames(Icmpv6View, "icmpv6");
