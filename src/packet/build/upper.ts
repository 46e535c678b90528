// Upper-layer headers from their fields, still without checksum.
import type { IcmpFields, TcpFields, UdpFields } from "./fields.ts";
import { checkWords, Header } from "./header_writer.ts";
import {
  encodeOptions,
  MAX_OPTIONS_SIZE,
  padOptions,
  type RawOption,
  rawOptions,
} from "../structure/header_options.ts";
import { IP_PROTOCOL } from "../structure/protocols.ts";
import { checkBoolean, checkBytes, checkInteger, checkU16 } from "../../base/checks.ts";
import { TCP_FLAG } from "../transport/tcp_flags.ts";
import { encodeSackBlocks, encodeTimestamps, TCP_OPTION } from "../transport/tcp_options.ts";
import {
  ICMP_HEADER_SIZE,
  ICMP_OFFSET,
  TCP_HEADER_SIZE,
  TCP_OFFSET,
  UDP_HEADER_SIZE,
  UDP_OFFSET,
} from "../structure/upper_layouts.ts";

const MAX_UDP_LENGTH = 0xffff;

/** A header of the upper layer, whose checksum is still to be written. */
export interface UpperPart {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly protocol: number;
  /** Where its checksum belongs, and what it is to be if that was given. */
  readonly checksumAt: number;
  readonly checksum: number | undefined;
}

export function buildTcp(fields: TcpFields): UpperPart {
  const options = tcpOptions(fields);
  const size = TCP_HEADER_SIZE + options.length;
  const { sourcePort = 0, destinationPort = 0, sequenceNumber = 0 } = fields;
  const { acknowledgmentNumber = 0, headerLength = size, reserved = 0 } = fields;
  const { windowSize = 0xffff, urgentPointer = 0, checksum } = fields;
  checkWords("tcp.headerLength", headerLength);
  checkInteger("tcp.reserved", reserved, 0, 15);
  if (checksum !== undefined) checkU16("tcp.checksum", checksum);
  const header = new Header("tcp", size);
  header.u16(TCP_OFFSET.sourcePort, "sourcePort", sourcePort);
  header.u16(TCP_OFFSET.destinationPort, "destinationPort", destinationPort);
  header.u32(TCP_OFFSET.sequenceNumber, "sequenceNumber", sequenceNumber);
  header.u32(TCP_OFFSET.acknowledgmentNumber, "acknowledgmentNumber", acknowledgmentNumber);
  header.u8(TCP_OFFSET.dataOffset, "headerLength", (headerLength << 2) | reserved);
  header.u8(TCP_OFFSET.flags, "flags", tcpFlags(fields));
  header.u16(TCP_OFFSET.window, "windowSize", windowSize);
  header.u16(TCP_OFFSET.urgentPointer, "urgentPointer", urgentPointer);
  header.bytes.set(options, TCP_HEADER_SIZE);
  return {
    bytes: header.bytes,
    protocol: IP_PROTOCOL.TCP,
    checksumAt: TCP_OFFSET.checksum,
    checksum,
  };
}

function tcpFlags({ flags = 0, fin, syn, rst, psh, ack, urg, ece, cwr }: TcpFields): number {
  checkInteger("tcp.flags", flags, 0, 255);
  let bits = flags;
  const named = { fin, syn, rst, psh, ack, urg, ece, cwr };
  for (const [name, value] of Object.entries(named)) {
    if (value === undefined) continue;
    const bit = TCP_FLAG[name.toUpperCase() as keyof typeof TCP_FLAG];
    bits = checkBoolean(`tcp.${name}`, value) ? bits | bit : bits & ~bit;
  }
  return bits;
}

function tcpOptions(fields: TcpFields): Uint8Array {
  const { options = [], mss, windowScale, sackPermitted = false, sack, timestamps } = fields;
  const further: RawOption[] = [];
  const add = (kind: number, data: readonly number[]) =>
    further.push([kind, Uint8Array.from(data)]);
  if (mss !== undefined) {
    checkU16("tcp.mss", mss);
    add(TCP_OPTION.MSS, [mss >> 8, mss & 0xff]);
  }
  if (windowScale !== undefined) {
    add(TCP_OPTION.WINDOW_SCALE, [checkInteger("tcp.windowScale", windowScale, 0, 255)]);
  }
  if (checkBoolean("tcp.sackPermitted", sackPermitted)) add(TCP_OPTION.SACK_PERMITTED, []);
  if (sack !== undefined) add(TCP_OPTION.SACK, encodeSackBlocks(sack));
  if (timestamps !== undefined) add(TCP_OPTION.TIMESTAMPS, encodeTimestamps(timestamps));
  if (!(options instanceof Uint8Array)) {
    const listed = rawOptions("tcp.options", options, ({ kind, data }) => [kind, data] as const);
    return encodeOptions("tcp.options", [...listed, ...further]);
  }
  const raw = checkBytes("tcp.options", options, MAX_OPTIONS_SIZE);
  const encoded = encodeOptions("tcp.options", further);
  return padOptions("tcp.options", [...raw, ...encoded]);
}

/** @param data bytes that follow. */
export function buildUdp(fields: UdpFields, data: number): UpperPart {
  const { sourcePort = 0, destinationPort = 0, checksum } = fields;
  const { length = UDP_HEADER_SIZE + data } = fields;
  if (typeof length === "number" && length > MAX_UDP_LENGTH) {
    throw new RangeError(`udp.length must be at most ${MAX_UDP_LENGTH}, it would be ${length}`);
  }
  if (checksum !== undefined) checkU16("udp.checksum", checksum);
  const header = new Header("udp", UDP_HEADER_SIZE);
  header.u16(UDP_OFFSET.sourcePort, "sourcePort", sourcePort);
  header.u16(UDP_OFFSET.destinationPort, "destinationPort", destinationPort);
  header.u16(UDP_OFFSET.length, "length", length);
  return {
    bytes: header.bytes,
    protocol: IP_PROTOCOL.UDP,
    checksumAt: UDP_OFFSET.checksum,
    checksum,
  };
}

export function buildIcmp(fields: IcmpFields, name: "icmp" | "icmpv6"): UpperPart {
  const isIpv6 = name === "icmpv6";
  const { type = isIpv6 ? 128 : 8, code = 0, checksum } = fields;
  const { identifier = 0, sequenceNumber = 0, restOfHeader, mtu, pointer, gateway } = fields;
  if (checksum !== undefined) checkU16(`${name}.checksum`, checksum);
  const header = new Header(name, ICMP_HEADER_SIZE);
  header.u8(ICMP_OFFSET.type, "type", type);
  header.u8(ICMP_OFFSET.code, "code", code);
  header.u16(ICMP_OFFSET.identifier, "identifier", identifier);
  // An extended echo has 8 bits of it (RFC 8335 §2).
  if ((isIpv6 ? [160, 161] : [42, 43]).includes(type)) {
    header.u8(ICMP_OFFSET.sequenceNumber, "sequenceNumber", sequenceNumber);
  } else header.u16(ICMP_OFFSET.sequenceNumber, "sequenceNumber", sequenceNumber);
  if (restOfHeader !== undefined) {
    header.u32(ICMP_OFFSET.restOfHeader, "restOfHeader", restOfHeader);
  }
  if (gateway !== undefined) header.ipv4(ICMP_OFFSET.restOfHeader, "gateway", gateway);
  if (mtu !== undefined) {
    isIpv6
      ? header.u32(ICMP_OFFSET.restOfHeader, "mtu", mtu)
      : header.u16(ICMP_OFFSET.sequenceNumber, "mtu", mtu);
  }
  if (pointer !== undefined) {
    isIpv6
      ? header.u32(ICMP_OFFSET.restOfHeader, "pointer", pointer)
      : header.u8(ICMP_OFFSET.restOfHeader, "pointer", pointer);
  }
  const protocol = isIpv6 ? IP_PROTOCOL.ICMPV6 : IP_PROTOCOL.ICMP;
  return { bytes: header.bytes, protocol, checksumAt: ICMP_OFFSET.checksum, checksum };
}
