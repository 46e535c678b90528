// TCP options as values: RFC 9293 §3.1, RFC 2018, RFC 7323.
import type { PacketBytes } from "../structure/packet_bytes.ts";
import { checkObject } from "../../base/objects.ts";
import { checkList, checkU32 } from "../../base/checks.ts";

/** Kinds of TCP options that have a property of their own in `TcpView`; 0 ends the list, 1 pads. */
export const TCP_OPTION = {
  END: 0,
  NO_OPERATION: 1,
  MSS: 2,
  WINDOW_SCALE: 3,
  SACK_PERMITTED: 4,
  SACK: 5,
  TIMESTAMPS: 8,
} as const;

/** An option of a TCP header. */
export interface TcpOption {
  /** 1 to 255: `TCP_OPTION` names some; 1 is a byte of padding. */
  readonly kind: number;
  /** What follows the length byte. */
  readonly data: Uint8Array;
}

/** Data that has arrived out of order (RFC 2018 §3). */
export interface TcpSackBlock {
  /** First sequence number of the block. */
  readonly left: number;
  /** The one behind its last. */
  readonly right: number;
}

/** The timestamps option (RFC 7323 §3.2). */
export interface TcpTimestamps {
  /** The sender's clock, in ticks of its own, 0 to 0xffffffff. */
  readonly value: number;
  /** Meaningful in segments with ACK. */
  readonly echoReply: number;
}

/** So many find room in a header. */
const MAX_SACK_BLOCKS = 4;

/** The blocks of the SACK option at `at`; what makes no whole block is left out. */
export function decodeSackBlocks(packet: PacketBytes, at: number): TcpSackBlock[] {
  const blocks: TcpSackBlock[] = [];
  const end = at + packet.u8(at + 1);
  for (let block = at + 2; block + 8 <= end; block += 8) {
    blocks.push({ left: packet.u32(block), right: packet.u32(block + 4) });
  }
  return blocks;
}

/** The reverse: the option's data. */
export function encodeSackBlocks(blocks: readonly TcpSackBlock[]): number[] {
  return checkList("sack", blocks, MAX_SACK_BLOCKS).flatMap((block) => {
    checkObject("each of sack", block);
    return [...bytesOf("sack.left", block.left), ...bytesOf("sack.right", block.right)];
  });
}

/** Data of the timestamps option. */
export function encodeTimestamps(timestamps: TcpTimestamps): number[] {
  checkObject("timestamps", timestamps);
  const { value, echoReply } = timestamps;
  return [...bytesOf("timestamps.value", value), ...bytesOf("timestamps.echoReply", echoReply)];
}

function bytesOf(field: string, value: number): number[] {
  checkU32(field, value);
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}
