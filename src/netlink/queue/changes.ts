// What a verdict can change besides mark and payload: attributes of NFQNL_MSG_VERDICT.
// Source: nfqnl_recv_verdict and nfqa_parse_bridge in net/netfilter/nfnetlink_queue.c.
import { readU32 } from "../attribute_reader.ts";
import { AttributeWriter } from "../attribute_writer.ts";
import {
  type ConntrackChange,
  type ConntrackExpectation,
  decodeConntrackChange,
  decodeExpectation,
  encodeConntrackChange,
  encodeExpectation,
} from "../conntrack/change.ts";
import { MAX_ATTRIBUTE_PAYLOAD, type NetlinkAttribute } from "../message.ts";
import { checkObject } from "../../base/objects.ts";
import { NFQA } from "./numbers.ts";
import { type PacketVlan, readVlan, writeVlan } from "./attributes.ts";
import { checkBytes, checkU32 } from "../../base/checks.ts";

/** What a verdict changes besides mark and payload. What is absent stays as it is. */
export interface QueueVerdictChanges {
  /** The new `skb->priority`, 0 to 2³²−1 (Linux 5.18 and later; others ignore it). */
  readonly priority?: number;
  /** The VLAN tag to carry (bridge family only; others ignore it). A tag cannot be taken away. */
  readonly vlan?: PacketVlan;
  /** The new link-layer header: as long as the packet's own (bridge family only). */
  readonly layer2Header?: Uint8Array;
  /** Changes of the conntrack entry; what the kernel refuses of them it does not tell. */
  readonly conntrack?: ConntrackChange;
  /** A connection to expect; the kernel looks at it only where `conntrack` is there too. */
  readonly expectation?: ConntrackExpectation;
}

/**
 * The attributes of these changes, to be appended to a verdict.
 *
 * @returns a multiple of 4 bytes, 0 where nothing changes
 * @throws {TypeError | RangeError} naming the field that is out of its range
 */
export function encodeVerdictChanges(changes: QueueVerdictChanges): Uint8Array<ArrayBuffer> {
  checkObject("changes", changes);
  const { priority, vlan, layer2Header, conntrack, expectation } = changes;
  const writer = new AttributeWriter();
  if (priority !== undefined) writer.u32(NFQA.PRIORITY, checkU32("priority", priority));
  if (vlan !== undefined) writeVlan(writer, vlan);
  if (layer2Header !== undefined) {
    writer.bytes(NFQA.L2HDR, checkBytes("layer2Header", layer2Header, MAX_ATTRIBUTE_PAYLOAD));
  }
  if (conntrack !== undefined) nested(writer, NFQA.CT, encodeConntrackChange(conntrack));
  if (expectation !== undefined) nested(writer, NFQA.EXP, encodeExpectation(expectation));
  return writer.written;
}

function nested(writer: AttributeWriter, type: number, attributes: Uint8Array): void {
  writer.nest(type, () => writer.append(attributes));
}

/**
 * Adds what one attribute of a verdict says to `changes`; one that is none of these is skipped.
 *
 * @throws {WireError} when it does not fit, or is too short
 */
export function readVerdictChange(
  view: DataView,
  bytes: Uint8Array,
  attribute: NetlinkAttribute,
  changes: { -readonly [Key in keyof QueueVerdictChanges]: QueueVerdictChanges[Key] },
): void {
  const { type, offset, length } = attribute;
  const payload = bytes.subarray(offset, offset + length);
  if (type === NFQA.PRIORITY) changes.priority = readU32(view, attribute, "NFQA_PRIORITY");
  else if (type === NFQA.VLAN) changes.vlan = readVlan(view, offset, length);
  else if (type === NFQA.L2HDR) changes.layer2Header = payload;
  else if (type === NFQA.CT) changes.conntrack = decodeConntrackChange(payload);
  else if (type === NFQA.EXP) changes.expectation = decodeExpectation(payload);
}
