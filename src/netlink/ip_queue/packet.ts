// IPQM_PACKET as a plain object, and back. Reading one is on the path of every packet of a libipq
// program. It reads bytes, not a DataView: making a view costs as much as all the rest together,
// and a remembered one would keep the program's buffer alive.
import { WireError } from "../../base/errors.ts";
import { checkObject } from "../../base/objects.ts";
import {
  i32At,
  IPQ_MAX_LENGTH,
  IPQ_PACKET_OFFSET as AT,
  IPQ_PACKET_SIZE,
  IPQM,
  ipqMessageType,
  u16At,
} from "./messages.ts";
import { ipqDeviceName, IpqNameReader } from "./device_name.ts";
import { viewOf } from "../../base/bytes.ts";
import { align4, writeHeader } from "../message.ts";
import { checkBytes, checkInteger, checkU16, checkU32, checkU64 } from "../../base/checks.ts";

/** A queued packet as ip_queue tells of it: `struct ipq_packet_msg`, with the same fields. */
export interface IpqPacketMessage {
  /** What the verdict has to name; the kernel reuses ids. 0 to 2⁶⁴−1. */
  readonly packetId: bigint;
  /** Packet mark, 0 to 2⁶⁴−1 (an unsigned long; marks have 32 bits). */
  readonly mark: bigint;
  /** Arrival time in seconds since the epoch; 0 for this machine's own. Beyond 2⁵³ rounded. */
  readonly timestampSeconds: number;
  /** Microseconds after it. Beyond 2⁵³ rounded. */
  readonly timestampMicroseconds: number;
  /** Netfilter hook: 0 prerouting, 1 input, 2 forward, 3 output, 4 postrouting. */
  readonly hook: number;
  /** Name of the interface the packet came in by, `""` for none. */
  readonly indevName: string;
  /** Name of the interface the packet leaves by, `""` for none. */
  readonly outdevName: string;
  /** Ethertype as a number: 0x0800 for IPv4. (The C field is in network order: ntohs is done.) */
  readonly hwProtocol: number;
  /** Link type, `ARPHRD_*`: 1 for Ethernet, 772 for loopback. */
  readonly hwType: number;
  /** The sender's link-layer address, at most 8 bytes: its length is `hw_addrlen`. */
  readonly hwAddress: Uint8Array;
  /** Bytes of payload; fewer than the packet has when the range is smaller. 0 in mode META. */
  readonly dataLength: number;
  /** The packet's bytes from the network header on. */
  readonly payload: Uint8Array;
}

const MAX_ADDRESS = 8;
const TWO_32 = 0x100000000;
const EMPTY = new Uint8Array(new ArrayBuffer(0));

// Bytes go in, a bigint comes out: the only way that makes no other bigint.
const idBytes = new Uint8Array(new ArrayBuffer(8));
const idWord = new BigUint64Array(idBytes.buffer);

/**
 * Reads an IPQM_PACKET. The result is null where the message is of another type (an NLMSG_ERROR).
 * `hwAddress` and `payload` borrow from `bytes`: they are good until the next message is read into
 * it. A stated address length beyond 8 is taken as 8; bytes of a name that are not UTF-8 become
 * U+FFFD.
 *
 * @throws {WireError} when there is no whole header, or the message says that it is shorter than a
 * packet message, longer than `bytes`, or shorter than its payload.
 */
export function decodeIpqPacket(given: Uint8Array): IpqPacketMessage | null {
  const bytes = checkBytes("bytes", given);
  if (ipqMessageType(bytes) !== IPQM.PACKET) return null;
  const have = bytes.length;
  const length = i32At(bytes, 0) >>> 0;
  if (length < IPQ_PACKET_SIZE) throw bad("IPQM_PACKET", 0, IPQ_PACKET_SIZE, length);
  if (length > have) throw bad("IPQM_PACKET", 0, length, have);
  const dataLength = u64At(bytes, AT.dataLength);
  const room = length - IPQ_PACKET_SIZE;
  if (dataLength > room) throw bad("IPQM_PACKET payload", IPQ_PACKET_SIZE, dataLength, room);

  const mark = (i32At(bytes, AT.mark) | i32At(bytes, AT.mark + 4)) === 0
    ? 0n
    : bigintAt(bytes, AT.mark);
  const addressLength = Math.min(bytes[AT.hwAddressLength]!, MAX_ADDRESS);
  return {
    packetId: bigintAt(bytes, AT.packetId),
    mark,
    timestampSeconds: i64At(bytes, AT.timestampSeconds),
    timestampMicroseconds: i64At(bytes, AT.timestampMicroseconds),
    hook: i32At(bytes, AT.hook) >>> 0,
    indevName: indevNames.read(bytes, AT.indevName),
    outdevName: outdevNames.read(bytes, AT.outdevName),
    hwProtocol: bytes[AT.hwProtocol]! << 8 | bytes[AT.hwProtocol + 1]!,
    hwType: u16At(bytes, AT.hwType),
    hwAddress: part(bytes, AT.hwAddress, addressLength),
    dataLength,
    payload: part(bytes, AT.payload, dataLength),
  };
}

function bad(layer: string, offset: number, need: number, have: number): WireError {
  return new WireError({ layer, offset, need, have });
}

function u64At(bytes: Uint8Array, offset: number): number {
  return (i32At(bytes, offset + 4) >>> 0) * TWO_32 + (i32At(bytes, offset) >>> 0);
}

function i64At(bytes: Uint8Array, offset: number): number {
  return i32At(bytes, offset + 4) * TWO_32 + (i32At(bytes, offset) >>> 0);
}

function bigintAt(bytes: Uint8Array, offset: number): bigint {
  for (let i = 0; i < 8; i++) idBytes[i] = bytes[offset + i]!;
  return idWord[0]!;
}

/** The shared empty one for no bytes. */
function part(bytes: Uint8Array, offset: number, length: number): Uint8Array {
  return length === 0 ? EMPTY : new Uint8Array(bytes.buffer, bytes.byteOffset + offset, length);
}

const indevNames = new IpqNameReader();
const outdevNames = new IpqNameReader();

/**
 * The bytes ip_queue would send for this packet, padded with zeros to a multiple of 4; for tests,
 * tools and replays.
 *
 * @throws {TypeError | RangeError} naming the field that is out of its range. Names have at most 15
 * bytes, and `dataLength` is the payload's length.
 */
export function encodeIpqPacket(message: IpqPacketMessage): Uint8Array {
  checkObject("message", message);
  const packetId = checkU64("packetId", message.packetId);
  const mark = checkU64("mark", message.mark);
  const seconds = checkSafe("timestampSeconds", message.timestampSeconds);
  const microseconds = checkSafe("timestampMicroseconds", message.timestampMicroseconds);
  const hook = checkU32("hook", message.hook);
  const indevName = ipqDeviceName(message.indevName, "indevName");
  const outdevName = ipqDeviceName(message.outdevName, "outdevName");
  const hwProtocol = checkU16("hwProtocol", message.hwProtocol);
  const hwType = checkU16("hwType", message.hwType);
  const { hwAddress: givenAddress, payload: givenPayload } = message;
  const dataLength = checkU32("dataLength", message.dataLength);
  // Behind the getters of the message, which may run the program's own code.
  const hwAddress = checkBytes("hwAddress", givenAddress, MAX_ADDRESS);
  const payload = checkBytes("payload", givenPayload, IPQ_MAX_LENGTH - IPQ_PACKET_SIZE);
  if (dataLength !== payload.length) {
    throw new RangeError(
      `dataLength must be the payload's length, ${payload.length}, got ${dataLength}`,
    );
  }

  const length = align4(IPQ_PACKET_SIZE + dataLength);
  const bytes = new Uint8Array(new ArrayBuffer(length));
  const view = viewOf(bytes);
  writeHeader(view, 0, length, IPQM.PACKET, 0, 0);
  view.setBigUint64(AT.packetId, packetId, true);
  view.setBigUint64(AT.mark, mark, true);
  view.setBigInt64(AT.timestampSeconds, BigInt(seconds), true);
  view.setBigInt64(AT.timestampMicroseconds, BigInt(microseconds), true);
  view.setUint32(AT.hook, hook, true);
  bytes.set(indevName, AT.indevName);
  bytes.set(outdevName, AT.outdevName);
  view.setUint16(AT.hwProtocol, hwProtocol, false);
  view.setUint16(AT.hwType, hwType, true);
  view.setUint8(AT.hwAddressLength, hwAddress.length);
  bytes.set(hwAddress, AT.hwAddress);
  view.setUint32(AT.dataLength, dataLength, true);
  bytes.set(payload, AT.payload);
  return bytes;
}

function checkSafe(field: string, value: number): number {
  return checkInteger(field, value, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
}
