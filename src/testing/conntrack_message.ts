// A connection as the kernel would tell of it (<linux/netfilter/nfnetlink_conntrack.h>).
import { checkInteger, checkKeys, checkText, checkU16, checkU32, show } from "../base/checks.ts";
import { AttributeWriter } from "../netlink/attribute_writer.ts";
import { encodeConntrackChange } from "../netlink/conntrack/change.ts";
import {
  CONNTRACK_INFO,
  CTA,
  CTA_COUNTERS,
  CTA_HELP,
  CTA_PROTOINFO,
  CTA_PROTOINFO_TCP,
  CTA_SECCTX,
  CTA_TIMESTAMP,
  TCP_STATES,
} from "../netlink/conntrack/numbers.ts";
import { type ConntrackTuple, writeTuple } from "../netlink/conntrack/tuple.ts";
import { parseLayers } from "../packet/layers.ts";
import type { TestConntrack } from "./test_conntrack.ts";
import type { StandInPacket } from "./passage.ts";

const KEYS: readonly string[] = [
  ...["original", "reply", "master", "status", "state", "direction", "mark", "zone", "labels"],
  ...["timeout", "id", "tcp", "helper", "securityContext", "counters", "started"],
];
const STATES: Readonly<Record<string, readonly [original: number, reply: number]>> = {
  NEW: [CONNTRACK_INFO.NEW, CONNTRACK_INFO.ESTABLISHED_REPLY],
  ESTABLISHED: [CONNTRACK_INFO.ESTABLISHED, CONNTRACK_INFO.ESTABLISHED_REPLY],
  RELATED: [CONNTRACK_INFO.RELATED, CONNTRACK_INFO.RELATED_REPLY],
};
const NANOSECONDS = 1000n;

/** The other direction. */
function turned({ source, destination, sourcePort, destinationPort, ...rest }: ConntrackTuple) {
  return {
    ...rest,
    ...(destination !== undefined && { source: destination }),
    ...(source !== undefined && { destination: source }),
    ...(destinationPort !== undefined && { sourcePort: destinationPort }),
    ...(sourcePort !== undefined && { destinationPort: sourcePort }),
  };
}

/** The direction that the packet goes. */
function tupleOf(packet: Uint8Array): ConntrackTuple | undefined {
  const { flow, icmp, icmpv6 } = parseLayers(packet);
  if (flow === undefined) return undefined;
  const { source, destination, protocol, sourcePort, destinationPort } = flow;
  const addresses = { source, destination, protocol };
  const message = icmp ?? icmpv6;
  if (message === undefined) return { ...addresses, sourcePort, destinationPort };
  return { ...addresses, icmpType: message.type, icmpCode: message.code };
}

function checkOne<Value>(field: string, value: unknown, names: readonly Value[]): Value {
  if (names.includes(value as Value)) return value as Value;
  throw new RangeError(`conntrack.${field} must be one of ${names.join(", ")}, got ${show(value)}`);
}

/**
 * The attributes of a packet's connection.
 *
 * @throws {TypeError | RangeError} naming the field that is wrong
 */
export function conntrackMessage(
  given: TestConntrack,
  packet: Uint8Array,
): Pick<StandInPacket, "conntrack" | "conntrackInfo"> {
  checkKeys("conntrack", given, KEYS);
  const { state = "NEW", direction = "original" } = given;
  checkOne("state", state, Object.keys(STATES));
  checkOne("direction", direction, ["original", "reply"]);
  const info = STATES[state]![direction === "original" ? 0 : 1];
  if (direction === "reply" && state === "NEW") {
    throw new RangeError('conntrack.direction: a new connection has no "reply" yet');
  }
  const tuple = tupleOf(packet);
  const back = tuple && turned(tuple);
  const [first, answer] = direction === "original" ? [tuple, back] : [back, tuple];
  const writer = new AttributeWriter();
  const tuples = [
    [CTA.TUPLE_ORIG, "original", given.original ?? first],
    [CTA.TUPLE_REPLY, "reply", given.reply ?? answer],
    [CTA.TUPLE_MASTER, "master", given.master],
  ] as const;
  for (const [type, name, value] of tuples) {
    if (value !== undefined) writeTuple(writer, type, { field: `conntrack.${name}`, tuple: value });
  }
  writeRest(writer, given);
  return { conntrack: writer.written.slice(), conntrackInfo: info };
}

function writeRest(writer: AttributeWriter, given: TestConntrack): void {
  const { status, mark, labels, timeout, id, zone, helper, tcp, securityContext } = given;
  const { counters, started } = given;
  // These are written as a verdict's changes are, with the same checks.
  writer.append(encodeConntrackChange({
    ...(timeout !== undefined && { timeout }),
    ...(status !== undefined && { status }),
    ...(labels !== undefined && labels.length > 0 && { labels }),
    ...(mark !== undefined && mark !== 0 && { mark }),
  }));
  if (id !== undefined) writer.u32(CTA.ID, checkU32("conntrack.id", id));
  if (zone !== undefined && zone !== 0) writer.u16(CTA.ZONE, checkU16("conntrack.zone", zone));
  if (helper !== undefined) {
    const name = checkText("conntrack.helper", helper);
    writer.nest(CTA.HELP, () => writer.text(CTA_HELP.NAME, name));
  }
  if (securityContext !== undefined) {
    const name = checkText("conntrack.securityContext", securityContext);
    writer.nest(CTA.SECCTX, () => writer.text(CTA_SECCTX.NAME, name));
  }
  if (tcp !== undefined) {
    checkKeys("conntrack.tcp", tcp, ["state"]);
    const state = TCP_STATES.indexOf(checkOne("tcp.state", tcp.state, TCP_STATES));
    writer.nest(
      CTA.PROTOINFO,
      () => writer.nest(CTA_PROTOINFO.TCP, () => writer.u8(CTA_PROTOINFO_TCP.STATE, state)),
    );
  }
  if (counters !== undefined) {
    checkKeys("conntrack.counters", counters, ["original", "reply"]);
    const { original, reply } = counters;
    for (
      const [type, counter] of [[CTA.COUNTERS_ORIG, original], [CTA.COUNTERS_REPLY, reply]] as const
    ) {
      if (counter === undefined) continue;
      writer.nest(type, () => {
        writeU64(writer, CTA_COUNTERS.PACKETS, u64("conntrack.counters.packets", counter.packets));
        writeU64(writer, CTA_COUNTERS.BYTES, u64("conntrack.counters.bytes", counter.bytes));
      });
    }
  }
  if (started !== undefined) {
    const nanoseconds = u64("conntrack.started", started) * NANOSECONDS;
    writer.nest(CTA.TIMESTAMP, () => writeU64(writer, CTA_TIMESTAMP.START, nanoseconds));
  }
}

function u64(field: string, value: unknown): bigint {
  return BigInt(checkInteger(field, value, 0, Number.MAX_SAFE_INTEGER));
}

function writeU64(writer: AttributeWriter, type: number, value: bigint): void {
  writer.struct(type, 8, (view, at) => view.setBigUint64(at, value, false));
}
