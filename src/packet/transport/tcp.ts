import { replaceData, requireUpper, writeUpper16, writeUpper32 } from "../edit/edit.ts";
import type { PacketBytes } from "../structure/packet_bytes.ts";
import { INSPECT, jsonFields, type JsonObject, shown } from "../../base/json_value.ts";
import { encodeOptions, padBytes, rawOptions, readOptions } from "../structure/header_options.ts";
import { TCP, TCP_HEADER_SIZE, TCP_OFFSET } from "../structure/upper_layouts.ts";
import { guardNames } from "../../base/name_guard.ts";
import type { Outline } from "../structure/outline.ts";
import {
  checkBoolean,
  checkedLength,
  checkInteger,
  checkU16,
  checkU32,
} from "../../base/checks.ts";
import { findTcpOption, setTcpOption, setTcpOptions, tcpHeaderEnd } from "../edit/tcp_edit.ts";
import { TCP_FLAG } from "./tcp_flags.ts";
import {
  decodeSackBlocks,
  encodeSackBlocks,
  encodeTimestamps,
  TCP_OPTION,
  type TcpOption,
  type TcpSackBlock,
  type TcpTimestamps,
} from "./tcp_options.ts";

const FIELD = TCP_OFFSET;

/** The fields in their order, for text and JSON; other forms of a value (numbers, bytes) are left out. */
export const TCP_FIELDS = [
  ...["sourcePort", "destinationPort", "sequenceNumber", "acknowledgmentNumber"] as const,
  ...["headerLength", "reserved", "flags"] as const,
  ...["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"] as const,
  ...["windowSize", "checksum", "urgentPointer", "options", "optionList"] as const,
  ...["mss", "windowScale", "sackPermitted", "sack", "timestamps"] as const,
] as const;

/**
 * A TCP header (RFC 9293) and its data. Made by `Layers`, which has checked that the fixed header
 * is there. Numbers are in host order. Borrows the packet's bytes: every use throws PacketReleasedError
 * once they were released.
 *
 * A field that is assigned changes the packet in place and brings the checksum along (RFC 1624). A
 * value out of range throws RangeError, one of the wrong type TypeError, and what the owner of the
 * memory forbids the owner's error, before anything is changed.
 */
export class TcpView {
  readonly #packet: PacketBytes;
  readonly #outline: Outline;

  /** `Layers` makes it: `layers.tcp`. */
  constructor(outline: Outline) {
    this.#packet = outline.packet;
    this.#outline = outline;
  }

  /** The source port, 0 to 65535. */
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

  /** Number of the first byte of data, or of SYN; 0 to 0xffffffff. */
  get sequenceNumber(): number {
    return this.#packet.u32(this.#outline.upperOffset + FIELD.sequenceNumber);
  }

  set sequenceNumber(value: number) {
    this.#require();
    writeUpper32(this.#outline, FIELD.sequenceNumber, checkU32("sequenceNumber", value));
  }

  /** Meaningful when {@link ack} is set. */
  get acknowledgmentNumber(): number {
    return this.#packet.u32(this.#outline.upperOffset + FIELD.acknowledgmentNumber);
  }

  set acknowledgmentNumber(value: number) {
    this.#require();
    writeUpper32(
      this.#outline,
      FIELD.acknowledgmentNumber,
      checkU32("acknowledgmentNumber", value),
    );
  }

  /** Bytes of the header with its options, 20 to 60. Setting {@link options} sets it. */
  get headerLength(): number {
    return (this.#packet.u8(this.#outline.upperOffset + FIELD.dataOffset) >> 4) * 4;
  }

  /** A multiple of 4, not above the segment's length. What was data becomes options, or the reverse. */
  set headerLength(value: number) {
    const { upperOffset, end } = this.#outline;
    checkInteger("headerLength", value, TCP_HEADER_SIZE, Math.min(60, end - upperOffset));
    if (value % 4 !== 0) throw new RangeError(`headerLength must be a multiple of 4, got ${value}`);
    this.#writeBits(0x0fff, value << 10);
  }

  /** The four bits between data offset and control bits, 0 to 15; the lowest is AE (RFC 9768). */
  get reserved(): number {
    return this.#packet.u8(this.#outline.upperOffset + FIELD.dataOffset) & 15;
  }

  set reserved(value: number) {
    this.#writeBits(0xf0ff, checkInteger("reserved", value, 0, 15) << 8);
  }

  /** The eight control bits as a number: `TCP_FLAG` names them. */
  get flags(): number {
    return this.#packet.u8(this.#outline.upperOffset + FIELD.flags);
  }

  set flags(value: number) {
    this.#writeBits(0xff00, checkInteger("flags", value, 0, 255));
  }

  /** The sender has no more data. */
  get fin(): boolean {
    return (this.flags & TCP_FLAG.FIN) !== 0;
  }

  set fin(value: boolean) {
    this.#writeFlag("fin", TCP_FLAG.FIN, value);
  }

  /** Begins a connection: sequence numbers are synchronized. */
  get syn(): boolean {
    return (this.flags & TCP_FLAG.SYN) !== 0;
  }

  set syn(value: boolean) {
    this.#writeFlag("syn", TCP_FLAG.SYN, value);
  }

  /** Ends the connection at once. */
  get rst(): boolean {
    return (this.flags & TCP_FLAG.RST) !== 0;
  }

  set rst(value: boolean) {
    this.#writeFlag("rst", TCP_FLAG.RST, value);
  }

  /** The receiver shall hand the data to its program without delay. */
  get psh(): boolean {
    return (this.flags & TCP_FLAG.PSH) !== 0;
  }

  set psh(value: boolean) {
    this.#writeFlag("psh", TCP_FLAG.PSH, value);
  }

  /** {@link acknowledgmentNumber} is meaningful. */
  get ack(): boolean {
    return (this.flags & TCP_FLAG.ACK) !== 0;
  }

  set ack(value: boolean) {
    this.#writeFlag("ack", TCP_FLAG.ACK, value);
  }

  /** {@link urgentPointer} is meaningful. */
  get urg(): boolean {
    return (this.flags & TCP_FLAG.URG) !== 0;
  }

  set urg(value: boolean) {
    this.#writeFlag("urg", TCP_FLAG.URG, value);
  }

  /** Echo of a congestion mark; in a SYN, a wish for ECN (RFC 3168 §6.1). */
  get ece(): boolean {
    return (this.flags & TCP_FLAG.ECE) !== 0;
  }

  set ece(value: boolean) {
    this.#writeFlag("ece", TCP_FLAG.ECE, value);
  }

  /** The sender has reduced its congestion window (RFC 3168 §6.1). */
  get cwr(): boolean {
    return (this.flags & TCP_FLAG.CWR) !== 0;
  }

  set cwr(value: boolean) {
    this.#writeFlag("cwr", TCP_FLAG.CWR, value);
  }

  /** The window field, unscaled. */
  get windowSize(): number {
    return this.#packet.u16(this.#outline.upperOffset + FIELD.window);
  }

  set windowSize(value: number) {
    this.#write(FIELD.window, checkU16("windowSize", value));
  }

  /** The checksum as it stands. In packets that leave this machine it is often unfinished. */
  get checksum(): number {
    return this.#packet.u16(this.#outline.upperOffset + FIELD.checksum);
  }

  /**
   * Stands as it is given until another field changes, which brings it along by the difference.
   * Where the kernel left it to the hardware it is computed with the verdict all the same.
   */
  set checksum(value: number) {
    checkU16("checksum", value);
    this.#require();
    this.#packet.setU16(this.#outline.upperOffset + FIELD.checksum, value);
  }

  /** Meaningful when {@link urg} is set. */
  get urgentPointer(): number {
    return this.#packet.u16(this.#outline.upperOffset + FIELD.urgentPointer);
  }

  set urgentPointer(value: number) {
    this.#write(FIELD.urgentPointer, checkU16("urgentPointer", value));
  }

  /** The captured bytes of the options: a copy of a queued packet\'s, else borrowed. */
  get options(): Uint8Array {
    return this.#packet.bytes(
      this.#outline.upperOffset + TCP_HEADER_SIZE,
      tcpHeaderEnd(this.#outline),
    );
  }

  /**
   * At most 40 bytes, filled up with zeros to a multiple of 4. Data offset, lengths and checksum
   * follow.
   *
   * @throws {RangeError} when the packet would be too long, or is a fragment and their length would
   * change; so do all that follow.
   */
  set options(value: Uint8Array) {
    this.#setOptions(padBytes("options", value));
  }

  /**
   * The options one by one, without what fills them up at the end; their data is a copy. A broken
   * one ends the list.
   */
  get optionList(): readonly TcpOption[] {
    const { options } = readOptions(
      this.#packet,
      this.#outline.upperOffset + TCP_HEADER_SIZE,
      tcpHeaderEnd(this.#outline),
    );
    return options.map(([kind, data]) => ({ kind, data: new Uint8Array(data) }));
  }

  set optionList(value: readonly TcpOption[]) {
    const options = rawOptions("optionList", value, ({ kind, data }) => [kind, data]);
    this.#setOptions(encodeOptions("optionList", options));
  }

  /** Maximum segment size (RFC 9293 §3.7.1) in bytes, if the option is there. */
  get mss(): number | undefined {
    const at = this.#find(TCP_OPTION.MSS, 4);
    return at < 0 ? undefined : this.#packet.u16(at + 2);
  }

  /**
   * Like each of the following: changes the option, puts it in behind the others, or with `undefined`
   * takes it out.
   *
   * @throws {RangeError} when there is no room for it in the header.
   * @throws {WireError} when it is to be put in or out and one of the others is broken.
   */
  set mss(value: number | undefined) {
    if (value !== undefined) checkU16("mss", value);
    this.#setOption(TCP_OPTION.MSS, value === undefined ? value : [value >> 8, value & 0xff]);
  }

  /** Shift of the window scale option (RFC 7323), 0 to 14; more is there to be seen as it stands. */
  get windowScale(): number | undefined {
    const at = this.#find(TCP_OPTION.WINDOW_SCALE, 3);
    return at < 0 ? undefined : this.#packet.u8(at + 2);
  }

  set windowScale(value: number | undefined) {
    if (value !== undefined) checkInteger("windowScale", value, 0, 255);
    this.#setOption(TCP_OPTION.WINDOW_SCALE, value === undefined ? value : [value]);
  }

  /** Whether the option that permits selective acknowledgments (RFC 2018) is there. */
  get sackPermitted(): boolean {
    return this.#find(TCP_OPTION.SACK_PERMITTED, 2) >= 0;
  }

  set sackPermitted(value: boolean) {
    const data = checkBoolean("sackPermitted", value) ? [] : undefined;
    this.#setOption(TCP_OPTION.SACK_PERMITTED, data);
  }

  /** Blocks of a selective acknowledgment (RFC 2018), if the option is there. */
  get sack(): readonly TcpSackBlock[] | undefined {
    const at = this.#find(TCP_OPTION.SACK, 0);
    return at < 0 ? undefined : decodeSackBlocks(this.#packet, at);
  }

  set sack(value: readonly TcpSackBlock[] | undefined) {
    this.#setOption(TCP_OPTION.SACK, value === undefined ? value : encodeSackBlocks(value));
  }

  /** Timestamps (RFC 7323), if the option is there. */
  get timestamps(): TcpTimestamps | undefined {
    const at = this.#find(TCP_OPTION.TIMESTAMPS, 10);
    if (at < 0) return undefined;
    return { value: this.#packet.u32(at + 2), echoReply: this.#packet.u32(at + 6) };
  }

  set timestamps(value: TcpTimestamps | undefined) {
    this.#setOption(TCP_OPTION.TIMESTAMPS, value === undefined ? value : encodeTimestamps(value));
  }

  /** The captured bytes of the data: a copy of a queued packet\'s, else borrowed. */
  get payload(): Uint8Array {
    return this.#packet.bytes(tcpHeaderEnd(this.#outline), this.#outline.end);
  }

  /**
   * New data, as long as it likes: the IP header's length and the checksum follow. The sequence
   * numbers of the two ends do not: data of another length breaks the connection unless they are
   * changed in every later packet of it.
   *
   * @throws {RangeError} when the packet would be too long, or is a fragment and the data's length
   * would change.
   */
  set payload(value: Uint8Array) {
    const length = checkedLength("payload", value);
    this.#require();
    const part = { field: "payload", from: tcpHeaderEnd(this.#outline), to: this.#outline.end };
    replaceData(this.#outline, part, value, length);
  }

  /** Its fields under their names here; bytes are hex. */
  toJSON(): JsonObject {
    return jsonFields(this, [...TCP_FIELDS, "payload"]);
  }

  /** @ignore For console.log. */
  [INSPECT](): unknown {
    return shown(this);
  }

  #require(): void {
    requireUpper(this.#outline, TCP);
  }

  #write(offset: number, value: number): void {
    this.#require();
    writeUpper16(this.#outline, offset, value);
  }

  /** Writes the bits of data offset and flags that `keep` does not hold. */
  #writeBits(keep: number, bits: number): void {
    const old = this.#packet.u16(this.#outline.upperOffset + FIELD.dataOffset);
    this.#write(FIELD.dataOffset, (old & keep) | bits);
  }

  #writeFlag(field: string, bit: number, value: boolean): void {
    this.#writeBits(0xffff & ~bit, checkBoolean(field, value) ? bit : 0);
  }

  /** Where an option of this kind and length (0: any) begins, −1 when there is none. */
  #find(kind: number, length: number): number {
    return findTcpOption(this.#outline, kind, length);
  }

  #setOption(kind: number, data: readonly number[] | undefined): void {
    this.#require();
    setTcpOption(this.#outline, kind, data);
  }

  #setOptions(bytes: Uint8Array): void {
    this.#require();
    setTcpOptions(this.#outline, bytes);
  }
}

guardNames(TcpView, "tcp");
