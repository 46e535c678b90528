import { formatIpv4, parseIpv4 } from "../../base/address.ts";
import type { Flow } from "../structure/flow.ts";
import { quotedFlow } from "../structure/flow_of_packet.ts";
import type { PacketBytes } from "../structure/packet_bytes.ts";
import { INSPECT, jsonFields, type JsonObject, shown } from "../../base/json_value.ts";
import { ICMP, ICMP_HEADER_SIZE, ICMP_OFFSET } from "../structure/upper_layouts.ts";
import { guardNames } from "../../base/name_guard.ts";
import type { Outline } from "../structure/outline.ts";
import { ETHERTYPE } from "../structure/protocols.ts";
import { checkInteger, checkU16 } from "../../base/checks.ts";
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

const UNREACHABLE = 3;
/** The code of {@link UNREACHABLE} that tells an MTU (RFC 1191 §4). */
const FRAGMENTATION_NEEDED = 4;
const REDIRECT = 5;
const PARAMETER_PROBLEM = 12;

/** Names of ICMP types, after IANA's registry. */
const TYPE_NAMES: Readonly<Record<number, string>> = {
  0: "echo reply",
  3: "destination unreachable",
  4: "source quench",
  5: "redirect",
  8: "echo request",
  9: "router advertisement",
  10: "router solicitation",
  11: "time exceeded",
  12: "parameter problem",
  13: "timestamp request",
  14: "timestamp reply",
  15: "information request",
  16: "information reply",
  17: "address mask request",
  18: "address mask reply",
  42: "extended echo request",
  43: "extended echo reply",
};

const EXTENDED_ECHO_REQUEST = 42;
const EXTENDED_ECHO_REPLY = 43;

/** Types whose header has an identifier and a sequence number. */
const QUERIES: ReadonlySet<number> = new Set([
  ...[0, 8, 13, 14, 15, 16, 17, 18],
  ...[EXTENDED_ECHO_REQUEST, EXTENDED_ECHO_REPLY],
]);

/** Types that are about another packet, whose first bytes follow the header. */
const ERRORS: ReadonlySet<number> = new Set([3, 4, 5, 11, 12]);

/** The fields in their order, for text and JSON; other forms of a value (numbers, bytes) are left out. */
export const ICMP_FIELDS = [
  ...["type", "typeName", "code", "checksum", "identifier", "sequenceNumber"] as const,
  ...["mtu", "gateway", "pointer", "restOfHeader", "quotedFlow"] as const,
] as const;

/**
 * An ICMP header (RFC 792) and what follows it. Made by `Layers`, which has checked that the header
 * is there. Numbers are in host order. Borrows the packet's bytes: every use throws PacketReleasedError
 * once they were released.
 *
 * A field that is assigned changes the packet in place and brings the checksum along (RFC 1624). A
 * value out of range throws RangeError, one of the wrong type, or a field that messages of this type
 * do not have, TypeError, and what the owner of the memory forbids the owner's error, before
 * anything is changed.
 */
export class IcmpView {
  readonly #packet: PacketBytes;
  readonly #outline: Outline;

  /** `Layers` makes it: `layers.icmp`. */
  constructor(outline: Outline) {
    this.#packet = outline.packet;
    this.#outline = outline;
  }

  /** What the message is (RFC 792), 0 to 255: `typeName` has it in words. */
  get type(): number {
    return this.#packet.u8(this.#outline.upperOffset + FIELD.type);
  }

  set type(value: number) {
    writeType(ICMP, this.#outline, value);
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
    writeCode(ICMP, this.#outline, value);
  }

  /** The checksum as it stands; nobody has verified it. */
  get checksum(): number {
    return this.#packet.u16(this.#outline.upperOffset + FIELD.checksum);
  }

  /** Stands as it is given until another field changes, which brings it along by the difference. */
  set checksum(value: number) {
    writeChecksum(ICMP, this.#outline, value);
  }

  /** Identifier of an echo, extended echo, timestamp, information or address mask message; else absent. */
  get identifier(): number | undefined {
    if (!QUERIES.has(this.type)) return undefined;
    return this.#packet.u16(this.#outline.upperOffset + FIELD.identifier);
  }

  set identifier(value: number) {
    checkU16("identifier", value);
    if (!QUERIES.has(this.type)) this.#refuse("identifier");
    writeMessage16(ICMP, this.#outline, FIELD.identifier, value);
  }

  /** Sequence number of the same messages, 8 bits in an extended echo (RFC 8335); else absent. */
  get sequenceNumber(): number | undefined {
    if (!QUERIES.has(this.type)) return undefined;
    return sequenceNumberOf(this.#outline, this.#isExtendedEcho());
  }

  set sequenceNumber(value: number) {
    checkU16("sequenceNumber", value);
    if (!QUERIES.has(this.type)) this.#refuse("sequenceNumber");
    writeSequenceNumber(ICMP, this.#outline, value, this.#isExtendedEcho());
  }

  /** MTU of the next hop in "fragmentation needed", type 3 with code 4 (RFC 1191 §4); else absent. */
  get mtu(): number | undefined {
    if (!this.#hasMtu()) return undefined;
    return this.#packet.u16(this.#outline.upperOffset + FIELD.sequenceNumber);
  }

  set mtu(value: number) {
    checkU16("mtu", value);
    if (!this.#hasMtu()) this.#refuse("mtu");
    writeMessage16(ICMP, this.#outline, FIELD.sequenceNumber, value);
  }

  /** The better gateway that a "redirect" names; else absent. */
  get gateway(): string | undefined {
    return this.type === REDIRECT ? formatIpv4(this.restOfHeader) : undefined;
  }

  set gateway(value: string) {
    const address = parseIpv4(value, "gateway");
    if (this.type !== REDIRECT) this.#refuse("gateway");
    this.restOfHeader = address;
  }

  /** The byte that a "parameter problem" is about; else absent. */
  get pointer(): number | undefined {
    if (this.type !== PARAMETER_PROBLEM) return undefined;
    return this.#packet.u8(this.#outline.upperOffset + FIELD.restOfHeader);
  }

  set pointer(value: number) {
    checkInteger("pointer", value, 0, 255);
    if (this.type !== PARAMETER_PROBLEM) this.#refuse("pointer");
    const low = this.#packet.u8(this.#outline.upperOffset + FIELD.restOfHeader + 1);
    writeMessage16(ICMP, this.#outline, FIELD.restOfHeader, (value << 8) | low);
  }

  /**
   * The flow of the packet that an error quotes: its `key` is that of the connection that the error
   * belongs to. Anybody can make up an error, with any packet in it. Absent in other messages, and
   * where no IP header is quoted.
   *
   * The quoted packet itself is `parseLayers(icmp.payload)`; to change it (NAT does) edit a copy of
   * these bytes, and assign `layers.bytes` of it to {@link payload}.
   */
  get quotedFlow(): Flow | undefined {
    return ERRORS.has(this.type)
      ? quotedFlow(messageData(this.#outline), ETHERTYPE.IPV4)
      : undefined;
  }

  /** Bytes 4 to 7 as one number: what they mean depends on the type. */
  get restOfHeader(): number {
    return this.#packet.u32(this.#outline.upperOffset + FIELD.restOfHeader);
  }

  set restOfHeader(value: number) {
    writeRestOfHeader(ICMP, this.#outline, value);
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
    writePayload(ICMP, this.#outline, value);
  }

  /** Its fields under their names here; bytes are hex. */
  toJSON(): JsonObject {
    return jsonFields(this, [...ICMP_FIELDS, "payload"]);
  }

  /** @ignore For console.log. */
  [INSPECT](): unknown {
    return shown(this);
  }

  #refuse(field: string): never {
    const { type, typeName, code } = this;
    const coded = type === UNREACHABLE ? `${typeName}, code ${code}` : typeName;
    throw new TypeError(`an ICMP message of type ${type} (${coded}) has no ${field}`);
  }

  #hasMtu(): boolean {
    return this.type === UNREACHABLE && this.code === FRAGMENTATION_NEEDED;
  }

  #isExtendedEcho(): boolean {
    const { type } = this;
    return type === EXTENDED_ECHO_REQUEST || type === EXTENDED_ECHO_REPLY;
  }
}

guardNames(IcmpView, "icmp");
