// A TCP segment in the words of tcpdump.
import { PacketBytes } from "../structure/packet_bytes.ts";
import { formatHex } from "../../base/hex.ts";
import { describeMptcp } from "./summary_mptcp.ts";
import { readOptions } from "../structure/header_options.ts";
import { TCP_HEADER_SIZE } from "../structure/upper_layouts.ts";
import { tcpOptionName } from "../structure/protocol_names.ts";
import { flagLetters, TCP_FLAG } from "../transport/tcp_flags.ts";
import { TCP_OPTION, type TcpOption } from "../transport/tcp_options.ts";
import type { TcpView } from "../transport/tcp.ts";

const MULTIPATH = 30;

/** `Flags [S], seq 1, win 64240, options [mss 1460], length 0`; `length` is that of the data. */
export function describeTcp(tcp: TcpView, length: number): string {
  const { flags, sequenceNumber } = tcp;
  const parts = [`Flags [${flagLetters(flags)}]`];
  if (length > 0) parts.push(`seq ${sequenceNumber}:${(sequenceNumber + length) >>> 0}`);
  else if ((flags & (TCP_FLAG.SYN | TCP_FLAG.FIN | TCP_FLAG.RST)) !== 0) {
    parts.push(`seq ${sequenceNumber}`);
  }
  if (tcp.ack) parts.push(`ack ${tcp.acknowledgmentNumber}`);
  parts.push(`win ${tcp.windowSize}`);
  if (tcp.urg) parts.push(`urg ${tcp.urgentPointer}`);
  if (tcp.headerLength > TCP_HEADER_SIZE) parts.push(`options [${describeOptions(tcp)}]`);
  parts.push(`length ${length}`);
  return parts.join(", ");
}

function describeOptions(tcp: TcpView): string {
  const bytes = tcp.options;
  const { options, problem } = readOptions(new PacketBytes(bytes), 0, bytes.length);
  const texts = options.map(([kind, data]) => describeTcpOption({ kind, data }));
  if (bytes.length < tcp.headerLength - TCP_HEADER_SIZE) texts.push("[cut]");
  else if (problem !== undefined) texts.push("[bad opt]");
  else if (options.reduce((sum, [kind, data]) => sum + sizeOf(kind, data), 0) < bytes.length) {
    texts.push("eol");
  }
  return texts.join(",");
}

function sizeOf(kind: number, data: Uint8Array): number {
  return kind === TCP_OPTION.NO_OPERATION ? 1 : 2 + data.length;
}

/** `mss 1460`, `TS val 1 ecr 0`, `unknown-253 0x61626364`. */
export function describeTcpOption({ kind, data }: TcpOption): string {
  const name = tcpOptionName(kind) ?? `unknown-${kind}`;
  const raw = data.length === 0 ? name : `${name} 0x${formatHex(data)}`;
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  switch (kind) {
    case TCP_OPTION.MSS:
      return data.length === 2 ? `${name} ${view.getUint16(0)}` : raw;
    case TCP_OPTION.WINDOW_SCALE:
      return data.length === 1 ? `${name} ${view.getUint8(0)}` : raw;
    case TCP_OPTION.TIMESTAMPS:
      return data.length === 8 ? `${name} val ${view.getUint32(0)} ecr ${view.getUint32(4)}` : raw;
    case TCP_OPTION.SACK: {
      if (data.length === 0 || data.length % 8 !== 0) return raw;
      const blocks = Array.from(
        { length: data.length / 8 },
        (_, block) => `{${view.getUint32(8 * block)}:${view.getUint32(8 * block + 4)}}`,
      );
      return `${name} ${blocks.length} ${blocks.join("")}`;
    }
    case MULTIPATH:
      return describeMptcp(data);
    default:
      return raw;
  }
}
