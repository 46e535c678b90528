/**
 * What a verdict can change of a packet besides its mark and its bytes.
 *
 * @module
 */

import type { ConntrackChange, ConntrackExpectation } from "../../netlink/conntrack/change.ts";
import { EXPECTATION_FLAG } from "../../netlink/conntrack/numbers.ts";
import type { ConntrackTuple } from "../../netlink/conntrack/tuple.ts";
import { NFQA } from "../../netlink/queue/numbers.ts";
import type { PacketVlan } from "../../netlink/queue/attributes.ts";
import { encodeVerdictChanges, type QueueVerdictChanges } from "../../netlink/queue/changes.ts";
import { checkBytes, checkKeys } from "../../base/checks.ts";
import { VerdictError } from "../terms/errors.ts";
import { attributeOffset, type PacketMetadata, type Vlan } from "./metadata.ts";
import { checkInteger } from "../terms/options.ts";
import { checkUint32, type Mark, type VerdictOptions } from "./verdict.ts";

/** A VLAN tag to carry. What is absent is taken from the packet's own tag, or else is 0. */
export interface VlanOptions {
  /** VLAN id, 0…4095. */
  readonly id?: number | undefined;
  /** Priority code point, 0…7. */
  readonly priority?: number | undefined;
  /** Whether it may be dropped first. */
  readonly dropEligible?: boolean | undefined;
  /** Ethertype of the tag, 0…0xffff: 0x8100 (802.1Q, the default) or 0x88a8 (802.1ad). */
  readonly protocol?: number | undefined;
}

/** Changes of a packet's connection tracking entry. */
export interface ConntrackOptions {
  /** The connection mark (ctmark). */
  readonly mark?: Mark | undefined;
  /**
   * Labels, numbered 0…127: exactly these, or some to set and some to clear. The kernel keeps labels
   * only for connections that began while a rule with `connlabel` (nft: `ct label`) existed in the
   * namespace, and does not tell when it could not.
   */
  readonly labels?:
    | readonly number[]
    | { readonly set?: readonly number[]; readonly clear?: readonly number[] }
    | undefined;
  /** Seconds until the entry expires, 0…0xffffffff. A later packet of the connection renews it. */
  readonly timeout?: number | undefined;
  /** A connection to expect because of this one, as helpers (FTP, SIP) do. */
  readonly expectation?: ExpectationOptions | undefined;
}

/**
 * A connection that is to count as RELATED. This one needs a helper, given by a rule with `CT`. What
 * NAT is to make of it (CTA_EXPECT_NAT) cannot be said.
 */
export interface ExpectationOptions {
  /** Where it comes from; without it from anywhere. */
  readonly source?: string | undefined;
  /** From which port; without it from any. */
  readonly sourcePort?: number | undefined;
  /** Where it goes to, of the same family. */
  readonly destination: string;
  readonly destinationPort: number;
  /** Protocol number: 6 is TCP, 17 UDP. */
  readonly protocol: number;
  /** Name of the helper that it gets itself, 1…15 bytes. */
  readonly helper?: string | undefined;
  /** Class of the helper's expectations, 0…0xffffffff; decides how long it is expected. */
  readonly class?: number | undefined;
  /** Expect any number of them, not one. Default false. */
  readonly permanent?: boolean | undefined;
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
  packet: PacketMetadata,
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
    ...(vlan !== undefined && { vlan: resolveVlan(packet, vlan) }),
    ...(layer2Header !== undefined && { layer2Header: resolveHeader(packet, layer2Header) }),
    ...(conntrack !== undefined && resolveConntrack(packet, conntrack)),
  });
}

const NO_TAG: Vlan = { id: 0, priority: 0, dropEligible: false, protocol: 0x8100 };
const VLAN_KEYS = ["id", "priority", "dropEligible", "protocol"];

/**
 * The tag that these options make of the packet's own.
 *
 * @throws {TypeError | RangeError} naming what is out of its range
 * @throws {VerdictError} when it is no packet of the bridge family
 */
export function resolveVlan(packet: PacketMetadata, vlan: VlanOptions): PacketVlan {
  checkKeys("vlan", vlan, VLAN_KEYS);
  if (packet.family !== "bridge") {
    throw new VerdictError(packet.id, "only packets of the bridge family can get a VLAN tag");
  }
  const own = packet.vlan ?? NO_TAG;
  const { id = own.id, priority = own.priority, protocol = own.protocol } = vlan;
  const { dropEligible = own.dropEligible } = vlan;
  checkInteger("vlan.id", id, { min: 0, max: 0xfff });
  checkInteger("vlan.priority", priority, { min: 0, max: 7 });
  if (typeof dropEligible !== "boolean") {
    throw new TypeError(`vlan.dropEligible must be true or false, got ${String(dropEligible)}`);
  }
  checkInteger("vlan.protocol", protocol, { min: 0, max: 0xffff });
  return { protocol, tci: (priority << 13) | (dropEligible ? 0x1000 : 0) | id };
}

// The kernel drops, or even loses, a packet whose header would change its length.
function resolveHeader(packet: PacketMetadata, header: Uint8Array): Uint8Array {
  const given = checkBytes("layer2Header", header);
  const own = packet.layer2Header;
  if (own === undefined || packet.family !== "bridge") {
    throw new VerdictError(packet.id, "it came without a layer-2 header (bridge family only)");
  }
  if (given.length !== own.length) {
    throw new RangeError(
      `layer2Header must be as long as the packet's, ${own.length} bytes, got ${given.length}`,
    );
  }
  return given;
}

function resolveConntrack(
  packet: PacketMetadata,
  options: ConntrackOptions,
): { conntrack: ConntrackChange; expectation?: ConntrackExpectation } {
  checkKeys("conntrack", options, ["mark", "labels", "timeout", "expectation"]);
  if (attributeOffset(packet, NFQA.CT) === 0) {
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
      ...(timeout !== undefined && { timeout: checkUint32("conntrack.timeout", timeout) }),
    },
    ...(expectation !== undefined && { expectation: resolveExpectation(expectation) }),
  };
}

/** The kernel does the masking: another packet of the connection may change the mark meanwhile. */
function resolveConntrackMark(mark: Mark | undefined): ConntrackChange {
  if (mark === undefined) return {};
  if (typeof mark === "number") return { mark: checkUint32("conntrack.mark", mark) };
  checkKeys("conntrack.mark", mark, ["value", "mask"]);
  const value = checkUint32("conntrack.mark.value", mark.value);
  const markMask = checkUint32("conntrack.mark.mask", mark.mask);
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
  if (typeof permanent !== "boolean") {
    throw new TypeError(`expectation.permanent must be true or false, got ${String(permanent)}`);
  }
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
    protocol: checkInteger("expectation.protocol", protocol, { min: 0, max: 0xff }),
    sourcePort: sourcePort ?? 0,
    destinationPort: checkInteger("expectation.destinationPort", destinationPort, {
      min: 0,
      max: 0xffff,
    }),
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
