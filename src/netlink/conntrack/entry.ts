// The conntrack entry inside NFQA_CT: <linux/netfilter/nfnetlink_conntrack.h>. Attribute headers
// are little-endian, the numbers inside big-endian.
import { inside, readText, readU16, readU32, readU64, readU8 } from "../attribute_reader.ts";
import {
  CONNTRACK_INFO,
  CONNTRACK_LABELS,
  CONNTRACK_STATUS,
  type ConntrackFlag,
  CTA,
  CTA_COUNTERS,
  CTA_HELP,
  CTA_PROTOINFO,
  CTA_PROTOINFO_SCTP,
  CTA_PROTOINFO_TCP,
  CTA_SECCTX,
  CTA_TIMESTAMP,
  SCTP_STATES,
  TCP_STATES,
} from "./numbers.ts";
import { type ConntrackTuple, readTuple } from "./tuple.ts";
import { checkBytes } from "../../base/checks.ts";
import { viewOf } from "../../base/bytes.ts";
import { type NetlinkAttribute, netlinkAttributes } from "../message.ts";

/** What TCP's tracking knows. */
export interface ConntrackTcp {
  /** As in /proc/net/nf_conntrack: `"SYN_SENT"`, `"ESTABLISHED"`, …; a number that has no name as text. */
  state: string;
  /** Window scale of the original direction, 0 to 14. */
  windowScaleOriginal?: number;
  /** Window scale of the answers. */
  windowScaleReply?: number;
  /** Bits of `IP_CT_TCP_FLAG_*` of the original direction. */
  flagsOriginal?: number;
  /** The same of the answers. */
  flagsReply?: number;
}

/** What SCTP's tracking knows. */
export interface ConntrackSctp {
  /** As in /proc/net/nf_conntrack: `"COOKIE_WAIT"`, `"ESTABLISHED"`, … */
  state: string;
  /** Verification tag (RFC 9260 §3.1) of the original direction, 0 to 0xffffffff. */
  verificationTagOriginal?: number;
  /** The same of the answers. */
  verificationTagReply?: number;
}

/** Packets and bytes of one direction; beyond 2⁵³ rounded. */
export interface ConntrackCounter {
  /** How many packets. */
  packets: number;
  /** How many bytes, from the network header on. */
  bytes: number;
}

/** An address, and a port where the protocol has them. */
export interface ConntrackEndpoint {
  /** IPv4 or IPv6, as text. */
  address: string;
  /** 0 to 65535; absent where the protocol has none. */
  port?: number;
}

/**
 * A conntrack entry. What the kernel did not send is absent, unless it is said otherwise. What it
 * tells of DCCP's state is not read.
 */
export interface Conntrack {
  /** The direction of the connection's first packet. */
  original?: ConntrackTuple;
  /** The direction of the answers. */
  reply?: ConntrackTuple;
  /** Of an expected connection: the original direction of the one that announced it. */
  master?: ConntrackTuple;
  /** `CONNTRACK_STATUS` bits; 0 when it was not sent. */
  status: number;
  /** The names of those bits. */
  flags: ConntrackFlag[];
  /** The connection's state for this packet, as rules name it. */
  state?: "NEW" | "ESTABLISHED" | "RELATED" | "UNTRACKED";
  /** Which way this packet goes. */
  direction?: "original" | "reply";
  /** Connection mark, host order; 0 when it was not sent, as the kernel leaves out a zero. */
  mark: number;
  /** Zone; 0, the default zone, when it was not sent. */
  zone: number;
  /** Numbers of the connection labels that are set, 0 to 127, ascending. */
  labels: number[];
  /** Seconds until the entry expires. */
  timeout?: number;
  /** The entry's id, 0 to 2³²−1. */
  id?: number;
  /** What is known of a TCP connection. */
  tcp?: ConntrackTcp;
  /** What is known of an SCTP association. */
  sctp?: ConntrackSctp;
  /** Name of the connection's helper: `"ftp"`, … */
  helper?: string;
  /** Security context of the connection. */
  securityContext?: string;
  /** Traffic so far; needs the sysctl nf_conntrack_acct. */
  counters?: { original?: ConntrackCounter; reply?: ConntrackCounter };
  /** When it began, microseconds since 1970; needs the sysctl nf_conntrack_timestamp. */
  started?: number;
  /** What became of the source by NAT; absent where nothing did. */
  sourceNat?: ConntrackEndpoint;
  /** What became of the destination by NAT. */
  destinationNat?: ConntrackEndpoint;
}

/** Names of bits, and the bits. */
const FLAGS = Object.entries(CONNTRACK_STATUS) as [ConntrackFlag, number][];

/**
 * Reads the payload of NFQA_CT. Attributes that are unknown are skipped; of a repeated one the last
 * counts.
 *
 * @param info the packet's NFQA_CT_INFO: gives `state` and `direction`
 * @returns plain values, nothing borrowed.
 * @throws {WireError} when an attribute does not fit, or is shorter than its type demands.
 */
export function decodeConntrack(bytes: Uint8Array, info?: number): Conntrack {
  const entry = checkBytes("bytes", bytes);
  const view = viewOf(entry);
  const conntrack: Conntrack = { status: 0, flags: [], mark: 0, zone: 0, labels: [] };
  for (const attribute of netlinkAttributes(view, 0, entry.length, "conntrack attribute")) {
    readAttribute({ view, bytes: entry, attribute }, conntrack);
  }
  for (const [name, bit] of FLAGS) if ((conntrack.status & bit) !== 0) conntrack.flags.push(name);
  readNat(conntrack);
  if (info !== undefined) readInfo(info, conntrack);
  return conntrack;
}

/** An attribute, and the memory that it is in. */
interface Source {
  readonly view: DataView;
  readonly bytes: Uint8Array;
  readonly attribute: NetlinkAttribute;
}

function readAttribute(source: Source, conntrack: Conntrack): void {
  const { view, bytes, attribute } = source;
  switch (attribute.type) {
    case CTA.TUPLE_ORIG:
      conntrack.original = readTuple(view, bytes, attribute);
      break;
    case CTA.TUPLE_REPLY:
      conntrack.reply = readTuple(view, bytes, attribute);
      break;
    case CTA.TUPLE_MASTER:
      conntrack.master = readTuple(view, bytes, attribute);
      break;
    case CTA.STATUS:
      conntrack.status = readU32(view, attribute, "CTA_STATUS");
      break;
    case CTA.PROTOINFO:
      readProtoInfo(view, attribute, conntrack);
      break;
    case CTA.TIMEOUT:
      conntrack.timeout = readU32(view, attribute, "CTA_TIMEOUT");
      break;
    case CTA.MARK:
      conntrack.mark = readU32(view, attribute, "CTA_MARK");
      break;
    case CTA.ID:
      conntrack.id = readU32(view, attribute, "CTA_ID");
      break;
    case CTA.ZONE:
      conntrack.zone = readU16(view, attribute, "CTA_ZONE");
      break;
    case CTA.LABELS:
      conntrack.labels = readLabels(bytes, attribute);
      break;
    case CTA.COUNTERS_ORIG:
      (conntrack.counters ??= {}).original = readCounter(view, attribute);
      break;
    case CTA.COUNTERS_REPLY:
      (conntrack.counters ??= {}).reply = readCounter(view, attribute);
      break;
    case CTA.HELP:
      for (const inner of inside(view, attribute, "CTA_HELP attribute")) {
        if (inner.type === CTA_HELP.NAME) conntrack.helper = readText(bytes, inner);
      }
      break;
    case CTA.SECCTX:
      for (const inner of inside(view, attribute, "CTA_SECCTX attribute")) {
        if (inner.type === CTA_SECCTX.NAME) conntrack.securityContext = readText(bytes, inner);
      }
      break;
    case CTA.TIMESTAMP:
      for (const inner of inside(view, attribute, "CTA_TIMESTAMP attribute")) {
        if (inner.type !== CTA_TIMESTAMP.START) continue;
        conntrack.started = Math.floor(readU64(view, inner, "CTA_TIMESTAMP_START") / 1000);
      }
      break;
  }
}

/** The numbers of the bits of a bit map, ascending; CTA_LABELS is one in the order of its bytes. */
export function readLabels(bytes: Uint8Array, { offset, length }: NetlinkAttribute): number[] {
  const labels: number[] = [];
  const end = Math.min(8 * length, CONNTRACK_LABELS);
  for (let label = 0; label < end; label++) {
    if ((bytes[offset + (label >> 3)]! & (1 << (label & 7))) !== 0) labels.push(label);
  }
  return labels;
}

function readProtoInfo(view: DataView, outer: NetlinkAttribute, conntrack: Conntrack): void {
  for (const protocol of inside(view, outer, "CTA_PROTOINFO attribute")) {
    if (protocol.type === CTA_PROTOINFO.TCP) conntrack.tcp = readTcp(view, protocol);
    else if (protocol.type === CTA_PROTOINFO.SCTP) conntrack.sctp = readSctp(view, protocol);
  }
}

function readTcp(view: DataView, outer: NetlinkAttribute): ConntrackTcp {
  const tcp: ConntrackTcp = { state: "NONE" };
  for (const attribute of inside(view, outer, "CTA_PROTOINFO_TCP attribute")) {
    switch (attribute.type) {
      case CTA_PROTOINFO_TCP.STATE:
        tcp.state = nameOf(TCP_STATES, readU8(view, attribute, "CTA_PROTOINFO_TCP_STATE"));
        break;
      case CTA_PROTOINFO_TCP.WSCALE_ORIGINAL:
        tcp.windowScaleOriginal = readU8(view, attribute, "CTA_PROTOINFO_TCP_WSCALE_ORIGINAL");
        break;
      case CTA_PROTOINFO_TCP.WSCALE_REPLY:
        tcp.windowScaleReply = readU8(view, attribute, "CTA_PROTOINFO_TCP_WSCALE_REPLY");
        break;
      // struct nf_ct_tcp_flags: flags, then a mask for changes.
      case CTA_PROTOINFO_TCP.FLAGS_ORIGINAL:
        tcp.flagsOriginal = readU8(view, attribute, "CTA_PROTOINFO_TCP_FLAGS_ORIGINAL");
        break;
      case CTA_PROTOINFO_TCP.FLAGS_REPLY:
        tcp.flagsReply = readU8(view, attribute, "CTA_PROTOINFO_TCP_FLAGS_REPLY");
        break;
    }
  }
  return tcp;
}

function readSctp(view: DataView, outer: NetlinkAttribute): ConntrackSctp {
  const sctp: ConntrackSctp = { state: "NONE" };
  for (const attribute of inside(view, outer, "CTA_PROTOINFO_SCTP attribute")) {
    switch (attribute.type) {
      case CTA_PROTOINFO_SCTP.STATE:
        sctp.state = nameOf(SCTP_STATES, readU8(view, attribute, "CTA_PROTOINFO_SCTP_STATE"));
        break;
      case CTA_PROTOINFO_SCTP.VTAG_ORIGINAL:
        sctp.verificationTagOriginal = readU32(view, attribute, "CTA_PROTOINFO_SCTP_VTAG_ORIGINAL");
        break;
      case CTA_PROTOINFO_SCTP.VTAG_REPLY:
        sctp.verificationTagReply = readU32(view, attribute, "CTA_PROTOINFO_SCTP_VTAG_REPLY");
        break;
    }
  }
  return sctp;
}

function nameOf(names: readonly string[], state: number): string {
  return names[state] ?? String(state);
}

function readCounter(view: DataView, outer: NetlinkAttribute): ConntrackCounter {
  const counter: ConntrackCounter = { packets: 0, bytes: 0 };
  for (const attribute of inside(view, outer, "CTA_COUNTERS attribute")) {
    if (attribute.type === CTA_COUNTERS.PACKETS) {
      counter.packets = readU64(view, attribute, "CTA_COUNTERS_PACKETS");
    } else if (attribute.type === CTA_COUNTERS.BYTES) {
      counter.bytes = readU64(view, attribute, "CTA_COUNTERS_BYTES");
    }
  }
  return counter;
}

/** The answers go to the translated source, and come from the translated destination. */
function readNat(conntrack: Conntrack): void {
  const { status, reply } = conntrack;
  if ((status & CONNTRACK_STATUS.SRC_NAT) !== 0 && reply?.destination !== undefined) {
    conntrack.sourceNat = endpoint(reply.destination, reply.destinationPort);
  }
  if ((status & CONNTRACK_STATUS.DST_NAT) !== 0 && reply?.source !== undefined) {
    conntrack.destinationNat = endpoint(reply.source, reply.sourcePort);
  }
}

function endpoint(address: string, port: number | undefined): ConntrackEndpoint {
  return port === undefined ? { address } : { address, port };
}

function readInfo(info: number, conntrack: Conntrack): void {
  switch (info) {
    case CONNTRACK_INFO.ESTABLISHED:
    case CONNTRACK_INFO.ESTABLISHED_REPLY:
      conntrack.state = "ESTABLISHED";
      break;
    case CONNTRACK_INFO.RELATED:
    case CONNTRACK_INFO.RELATED_REPLY:
      conntrack.state = "RELATED";
      break;
    case CONNTRACK_INFO.NEW:
      conntrack.state = "NEW";
      break;
    case CONNTRACK_INFO.UNTRACKED:
      conntrack.state = "UNTRACKED";
      return;
    default:
      return;
  }
  const reply = info === CONNTRACK_INFO.ESTABLISHED_REPLY || info === CONNTRACK_INFO.RELATED_REPLY;
  conntrack.direction = reply ? "reply" : "original";
}
