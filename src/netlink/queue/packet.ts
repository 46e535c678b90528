// NFQNL_MSG_PACKET as a plain object. The queue reads packets in place (indexPacketMessage); this
// is the form for tools, tests and everything that is not in a hurry.
import { need } from "../attribute_reader.ts";
import { AttributeWriter } from "../attribute_writer.ts";
import { WireError } from "../../base/errors.ts";
import { viewOf } from "../../base/bytes.ts";
import { expectMessage, MAX_ATTRIBUTE_PAYLOAD, netlinkAttributes, NLA } from "../message.ts";
import { familyAt, queueAt, queueMessage } from "./header.ts";
import { checkObject } from "../../base/objects.ts";
import { NFQA, QUEUE_HEADER_SIZE, QUEUE_MESSAGE } from "./numbers.ts";
import { MINIMUM_LENGTH } from "./packet_index.ts";
import {
  type PacketTimestamp,
  type PacketVlan,
  readHardwareAddress,
  readSecurityContext,
  readTimestamp,
  readVlan,
  writeVlan,
} from "./attributes.ts";
import { checkBytes, checkInteger, checkText, checkU16, checkU32 } from "../../base/checks.ts";

/** Everything that an NFQNL_MSG_PACKET can say. What the kernel did not send is absent. */
export interface QueuePacketMessage {
  /** Protocol family of the hook, an NFPROTO_* number, 0 to 255. */
  readonly family: number;
  /** Queue number, 0 to 65535. */
  readonly queue: number;
  /** `nlmsg_seq`: 0 in what the kernel sends. */
  readonly sequence: number;
  /** Packet id, 0 to 2³²−1. */
  readonly id: number;
  /** Ethertype: 0x0800 for IPv4, 0x86dd for IPv6. */
  readonly hwProtocol: number;
  /** Netfilter hook: 0 prerouting, 1 input, 2 forward, 3 output, 4 postrouting. */
  readonly hook: number;
  /** Packet mark, host order. Absent when it is 0. */
  readonly mark?: number;
  /** Arrival time. Absent for packets of this machine. */
  readonly timestamp?: PacketTimestamp;
  /** Interface index the packet came in by. */
  readonly inDeviceIndex?: number;
  /** Interface index the packet leaves by. */
  readonly outDeviceIndex?: number;
  /** Interface index of the bridge port it came in by. */
  readonly physicalInDeviceIndex?: number;
  /** Interface index of the bridge port it leaves by. */
  readonly physicalOutDeviceIndex?: number;
  /** The sender's link-layer address, at most 8 bytes. */
  readonly hardwareAddress?: Uint8Array;
  /** The packet's bytes from the network header on. */
  readonly payload?: Uint8Array;
  /** The packet's real length in bytes. Present only when the payload was cut. */
  readonly captureLength?: number;
  /** `NFQA_SKB` bits. */
  readonly skbInfo?: number;
  /** User id of the sending socket's owner. */
  readonly uid?: number;
  /** Group id of the sending socket's owner. */
  readonly gid?: number;
  /** Security label of the packet. */
  readonly securityContext?: string;
  /** VLAN tag (bridge family only). */
  readonly vlan?: PacketVlan;
  /** Link-layer header (bridge family only). */
  readonly layer2Header?: Uint8Array;
  /** `skb->priority`. */
  readonly priority?: number;
  /** net_cls class id of the sender's control group. */
  readonly cgroupClassId?: number;
  /** `enum ip_conntrack_info`. */
  readonly conntrackInfo?: number;
  /** The conntrack entry, undecoded: `decodeConntrack` reads it. */
  readonly conntrack?: Uint8Array;
  /** The expectation, undecoded. */
  readonly expectation?: Uint8Array;
}

type NumberField =
  | "mark"
  | "inDeviceIndex"
  | "outDeviceIndex"
  | "physicalInDeviceIndex"
  | "physicalOutDeviceIndex"
  | "captureLength"
  | "skbInfo"
  | "uid"
  | "gid"
  | "priority"
  | "cgroupClassId"
  | "conntrackInfo";
type BytesField = "payload" | "layer2Header" | "conntrack" | "expectation";

/** Attributes that are one big-endian u32. */
const NUMBERS: ReadonlyMap<number, NumberField> = new Map([
  [NFQA.MARK, "mark"],
  [NFQA.IFINDEX_INDEV, "inDeviceIndex"],
  [NFQA.IFINDEX_OUTDEV, "outDeviceIndex"],
  [NFQA.IFINDEX_PHYSINDEV, "physicalInDeviceIndex"],
  [NFQA.IFINDEX_PHYSOUTDEV, "physicalOutDeviceIndex"],
  [NFQA.CAP_LEN, "captureLength"],
  [NFQA.SKB_INFO, "skbInfo"],
  [NFQA.UID, "uid"],
  [NFQA.GID, "gid"],
  [NFQA.PRIORITY, "priority"],
  [NFQA.CGROUP_CLASSID, "cgroupClassId"],
  [NFQA.CT_INFO, "conntrackInfo"],
]);

/** Attributes that are any bytes. The payload is last, as in what the kernel sends. */
const BYTES: ReadonlyMap<number, BytesField> = new Map([
  [NFQA.L2HDR, "layer2Header"],
  [NFQA.CT, "conntrack"],
  [NFQA.EXP, "expectation"],
  [NFQA.PAYLOAD, "payload"],
]);

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(NFQA).map(([name, type]) => [type, name]),
);

const PACKET = {
  layer: "NFQNL_MSG_PACKET",
  type: QUEUE_MESSAGE.PACKET,
  least: QUEUE_HEADER_SIZE,
};

type Writable = { -readonly [Key in keyof QueuePacketMessage]: QueuePacketMessage[Key] };

/**
 * Reads an NFQNL_MSG_PACKET. Every Uint8Array in the result borrows from `bytes`. Unknown
 * attributes are skipped; of a repeated one the last counts.
 *
 * @throws {WireError} when `bytes` does not begin with a whole, well-formed packet message.
 */
export function decodePacketMessage(given: Uint8Array): QueuePacketMessage {
  const bytes = checkBytes("bytes", given);
  const view = viewOf(bytes);
  const header = expectMessage(view, PACKET);
  const have = header.length;
  const message: Writable = {
    family: familyAt(view, 0),
    queue: queueAt(view, 0),
    sequence: header.sequence,
    id: 0,
    hwProtocol: 0,
    hook: 0,
  };
  let identified = false;
  for (const attribute of netlinkAttributes(view, QUEUE_HEADER_SIZE, have)) {
    const { type, offset, length } = attribute;
    const least = MINIMUM_LENGTH[type] ?? 0;
    if (length < least) need(attribute, least, `NFQA_${NAMES.get(type)}`);
    const numberField = NUMBERS.get(type);
    const bytesField = BYTES.get(type);
    if (numberField !== undefined) message[numberField] = view.getUint32(offset, false);
    else if (bytesField !== undefined) {
      message[bytesField] = bytes.subarray(offset, offset + length);
    } else if (type === NFQA.PACKET_HDR) {
      message.id = view.getUint32(offset, false);
      message.hwProtocol = view.getUint16(offset + 4, false);
      message.hook = view.getUint8(offset + 6);
      identified = true;
    } else if (type === NFQA.TIMESTAMP) message.timestamp = readTimestamp(view, offset);
    else if (type === NFQA.HWADDR) {
      message.hardwareAddress = readHardwareAddress(view, bytes, offset);
    } else if (type === NFQA.SECCTX) {
      message.securityContext = readSecurityContext(bytes, offset, length);
    } else if (type === NFQA.VLAN) message.vlan = readVlan(view, offset, length);
  }
  if (!identified) {
    const reason = "there is no NFQA_PACKET_HDR";
    const { layer } = PACKET;
    throw new WireError({ layer, offset: 0, need: QUEUE_HEADER_SIZE + 11, have, reason });
  }
  return message;
}

/**
 * The bytes the kernel would send for this packet; for tests, replays and fuzzing.
 *
 * @throws {TypeError | RangeError} naming the field that is out of its range.
 */
export function encodePacketMessage(message: QueuePacketMessage): Uint8Array {
  checkObject("message", message);
  const family = checkInteger("family", message.family, 0, 0xff);
  const queue = checkU16("queue", message.queue);
  const sequence = checkU32("sequence", message.sequence);

  const writer = new AttributeWriter();
  writer.struct(NFQA.PACKET_HDR, 7, (view, at) => {
    view.setUint32(at, checkU32("id", message.id), false);
    view.setUint16(at + 4, checkU16("hwProtocol", message.hwProtocol), false);
    view.setUint8(at + 6, checkInteger("hook", message.hook, 0, 0xff));
  });
  for (const [type, field] of NUMBERS) {
    const value = message[field];
    if (value !== undefined) writer.u32(type, checkU32(field, value));
  }
  const { timestamp, hardwareAddress, securityContext, vlan } = message;
  if (timestamp !== undefined) {
    checkObject("timestamp", timestamp);
    writer.struct(NFQA.TIMESTAMP, 16, (view, at) => {
      writeU64(view, at, "timestamp.seconds", timestamp.seconds);
      writeU64(view, at + 8, "timestamp.microseconds", timestamp.microseconds);
    });
  }
  if (hardwareAddress !== undefined) {
    const address = checkBytes("hardwareAddress", hardwareAddress, 8);
    const struct = new Uint8Array(new ArrayBuffer(12));
    viewOf(struct).setUint16(0, address.length, false);
    struct.set(address, 4);
    writer.bytes(NFQA.HWADDR, struct);
  }
  if (securityContext !== undefined) {
    checkText("securityContext", securityContext);
    const text = new TextEncoder().encode(`${securityContext}\0`);
    writer.bytes(NFQA.SECCTX, checkBytes("securityContext", text, MAX_ATTRIBUTE_PAYLOAD));
  }
  if (vlan !== undefined) writeVlan(writer, vlan);
  for (const [type, field] of BYTES) {
    const value = message[field];
    if (value === undefined) continue;
    const nested = type === NFQA.CT || type === NFQA.EXP ? NLA.F_NESTED : 0;
    writer.bytes(type | nested, checkBytes(field, value, MAX_ATTRIBUTE_PAYLOAD));
  }
  return queueMessage({ type: QUEUE_MESSAGE.PACKET, sequence, family, queue }, writer.written);
}

function writeU64(view: DataView, offset: number, field: string, value: number): void {
  checkInteger(field, value, 0, Number.MAX_SAFE_INTEGER);
  view.setUint32(offset, Math.floor(value / 0x100000000), false);
  view.setUint32(offset + 4, value % 0x100000000, false);
}
