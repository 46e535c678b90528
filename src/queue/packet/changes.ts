/**
 * What a verdict can change of a packet besides its bytes.
 *
 * @module
 */

import type { ConntrackChange, ConntrackExpectation } from "../../netlink/conntrack/change.ts";
import { EXPECTATION_FLAG } from "../../netlink/conntrack/numbers.ts";
import type { ConntrackTuple } from "../../netlink/conntrack/tuple.ts";
import { NFQA } from "../../netlink/queue/numbers.ts";
import { encodeVerdictChanges, type QueueVerdictChanges } from "../../netlink/queue/changes.ts";
import {
  checkBoolean,
  checkBytes,
  checkInteger,
  checkKeys,
  checkU16,
  checkU32,
} from "../../base/checks.ts";
import type { Undecided } from "./decider.ts";
import { VerdictError } from "./errors.ts";
import { FAMILIES } from "./families.ts";
import { MESSAGE } from "./friends.ts";
import { NO_MARK } from "./verdict.ts";
import type {
  ConntrackOptions,
  ExpectationOptions,
  Mark,
  VerdictOptions,
} from "./verdict_options.ts";
import { resolveVlan } from "./vlan.ts";

/**
 * The mark to send.
 *
 * @param current the packet's own
 * @throws {TypeError | RangeError} when it is not a 32-bit unsigned integer
 */
export function resolveMark(mark: Mark | undefined, current: () => number): number {
  if (mark === undefined) return NO_MARK;
  if (typeof mark === "number") return checkU32("mark", mark);
  if (typeof mark !== "object" || mark === null) {
    throw new TypeError(`mark must be a number or { value, mask }, got ${String(mark)}`);
  }
  const value = checkU32("mark.value", mark.value);
  const mask = checkU32("mark.mask", mark.mask);
  return ((current() & ~mask) | (value & mask)) >>> 0;
}

/**
 * The attributes that a verdict with these options carries besides mark and payload; undefined where
 * there are none.
 *
 * @param assigned to the packet's header and tag before; an option goes before it
 * @throws {TypeError | RangeError} naming what is out of its range
 * @throws {VerdictError} when this packet has nothing of the kind to change
 */
export function resolveChanges(
  packet: Undecided,
  { priority, vlan, layer2Header, conntrack }: VerdictOptions,
  assigned?: QueueVerdictChanges,
): Uint8Array<ArrayBuffer> | undefined {
  if (
    priority === undefined && vlan === undefined && layer2Header === undefined &&
    conntrack === undefined && assigned === undefined
  ) return undefined;
  return encodeVerdictChanges({
    ...assigned,
    ...(priority !== undefined && { priority }),
    ...(vlan !== undefined && { vlan: resolveVlan(packet, vlan, assigned?.vlan) }),
    ...(layer2Header !== undefined && { layer2Header: resolveHeader(packet, layer2Header) }),
    ...(conntrack !== undefined && resolveConntrack(packet, conntrack)),
  });
}

// The kernel drops, or even loses, a packet whose header would change its length.
function resolveHeader(packet: Undecided, header: Uint8Array): Uint8Array {
  const given = checkBytes("layer2Header", header);
  const { [MESSAGE]: message } = packet;
  const own = message.length(NFQA.L2HDR);
  if (message.offset(NFQA.L2HDR) === 0 || message.family !== FAMILIES.bridge) {
    throw new VerdictError(packet.id, "it came without a layer-2 header (bridge family only)");
  }
  if (given.length !== own) {
    throw new RangeError(
      `layer2Header must be as long as the packet's, ${own} bytes, got ${given.length}`,
    );
  }
  return given;
}

function resolveConntrack(
  packet: Undecided,
  options: ConntrackOptions,
): { conntrack: ConntrackChange; expectation?: ConntrackExpectation } {
  checkKeys("conntrack", options, ["mark", "labels", "timeout", "expectation"]);
  if (packet[MESSAGE].offset(NFQA.CT) === 0) {
    throw new VerdictError(
      packet.id,
      "it carries no conntrack entry to change: open the queue with { conntrack: true }, on a " +
        "kernel with nf_conntrack_netlink, where some rule makes it track connections",
    );
  }
  const { mark, labels, timeout, expectation } = options;
  return {
    conntrack: {
      ...resolveConntrackMark(mark),
      ...resolveLabels(labels),
      ...(timeout !== undefined && { timeout: checkU32("conntrack.timeout", timeout) }),
    },
    ...(expectation !== undefined && { expectation: resolveExpectation(expectation) }),
  };
}

/** The kernel does the masking: another packet of the connection may change the mark meanwhile. */
function resolveConntrackMark(mark: Mark | undefined): ConntrackChange {
  if (mark === undefined) return {};
  if (typeof mark === "number") return { mark: checkU32("conntrack.mark", mark) };
  checkKeys("conntrack.mark", mark, ["value", "mask"]);
  const value = checkU32("conntrack.mark.value", mark.value);
  const markMask = checkU32("conntrack.mark.mask", mark.mask);
  return { mark: (value & markMask) >>> 0, markMask };
}

function resolveLabels(labels: ConntrackOptions["labels"]): ConntrackChange {
  if (labels === undefined) return {};
  if (Array.isArray(labels)) return { labels };
  checkKeys("conntrack.labels", labels, ["set", "clear"]);
  const { set = [], clear = [] } = labels as Exclude<typeof labels, readonly number[]>;
  for (const list of [set, clear]) {
    if (!Array.isArray(list)) {
      throw new TypeError("conntrack.labels.set and .clear must be arrays of label numbers");
    }
  }
  return { labels: set, labelsMask: [...set, ...clear] };
}

const EXPECTATION_KEYS = [
  "source",
  "sourcePort",
  "destination",
  "destinationPort",
  "protocol",
  "helper",
  "class",
  "permanent",
];

function resolveExpectation(options: ExpectationOptions): ConntrackExpectation {
  checkKeys("expectation", options, EXPECTATION_KEYS);
  const { source, sourcePort, destination, destinationPort, protocol, helper } = options;
  const { permanent = false } = options;
  checkBoolean("expectation.permanent", permanent);
  if (typeof destination !== "string") {
    throw new TypeError(`expectation.destination must be an address, got ${String(destination)}`);
  }
  const wide = destination.includes(":");
  if (typeof source === "string" && source.includes(":") !== wide) {
    throw new TypeError("expectation.source and .destination must be of the same family");
  }
  const anything = wide ? "::" : "0.0.0.0";
  const one = wide ? "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" : "255.255.255.255";
  // The kernel wants every field, also of the mask; of that it looks at the source alone.
  const tuple: ConntrackTuple = {
    source: source ?? anything,
    destination,
    protocol: checkInteger("expectation.protocol", protocol, 0, 0xff),
    sourcePort: sourcePort ?? 0,
    destinationPort: checkU16("expectation.destinationPort", destinationPort),
  };
  const mask: ConntrackTuple = {
    source: source === undefined ? anything : one,
    destination: one,
    protocol,
    sourcePort: sourcePort === undefined ? 0 : 0xffff,
    destinationPort: 0xffff,
  };
  return {
    tuple,
    mask,
    ...(helper !== undefined && { helper }),
    ...(options.class !== undefined && { class: options.class }),
    ...(permanent && { flags: EXPECTATION_FLAG.PERMANENT }),
  };
}
