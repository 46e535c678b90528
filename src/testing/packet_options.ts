// What a test says about a packet beside its bytes, and the packet that the stand-in is given.
import { parseMac } from "../base/address.ts";
import { copyOf, viewOf } from "../base/bytes.ts";
import {
  checkBoolean,
  checkBytes,
  checkDeviceName,
  checkInteger,
  checkKeys,
  checkText,
  checkU16,
  checkU32,
  show,
} from "../base/checks.ts";
import { checkObject } from "../base/objects.ts";
import { recordedDevice } from "../linux/devices.ts";
import { MAX_COPY_RANGE, NFQA_SKB } from "../netlink/queue/numbers.ts";
import { buildPacket } from "../packet/build/build.ts";
import type { PacketFields } from "../packet/build/fields.ts";
import { Outline } from "../packet/structure/outline.ts";
import { PacketBytes } from "../packet/structure/packet_bytes.ts";
import { ETHERTYPE, IP_PROTOCOL } from "../packet/structure/protocols.ts";
import { upperChecksum } from "../packet/structure/pseudo_checksums.ts";
import { partialUpper } from "../packet/structure/sums.ts";
import { FAMILIES, type Family } from "../queue/packet/families.ts";
import { type Hook, hookNumber } from "../queue/packet/hooks.ts";
import { conntrackMessage } from "./conntrack_message.ts";
import type { StandInPacket } from "./passage.ts";
import type { TestConntrack } from "./test_conntrack.ts";

/** A packet: its bytes, or what `buildPacket` makes it of. */
export type TestPacket = Uint8Array | PacketFields;

/** What is said about a packet. What is absent, the packet does not have. */
export interface TestPacketOptions {
  /** Where in the stack it is queued. `"input"` by default. */
  readonly hook?: Hook | undefined;
  /**
   * Default: the version of its IP header. With `"bridge"` the packet is an Ethernet frame, whose header
   * becomes `packet.ethernet`, and whose outer VLAN tag becomes `packet.vlan`.
   */
  readonly family?: "ipv4" | "ipv6" | "bridge" | undefined;
  /** Its mark, 0 to 2³²−1. */
  readonly mark?: number | undefined;
  /** The user of the socket that sends it; shown to queues with the option `uidGid`. */
  readonly uid?: number | undefined;
  /** The group, likewise. */
  readonly gid?: number | undefined;
  /** Name of the device that it came in by. The system that the test runs on need not have it. */
  readonly inDevice?: string | undefined;
  /** Name of the device that it leaves by. */
  readonly outDevice?: string | undefined;
  /** Name of the bridge port that it came in by. */
  readonly physicalInDevice?: string | undefined;
  /** Name of the bridge port that it leaves by. */
  readonly physicalOutDevice?: string | undefined;
  /** The sender's hardware address, such as `"02:00:00:00:00:01"`. */
  readonly hardwareAddress?: string | undefined;
  /** When it came, microseconds since 1970. */
  readonly timestamp?: number | undefined;
  /** `skb->priority`, 0 to 2³²−1. */
  readonly priority?: number | undefined;
  /** Shown to queues with the option `securityContext`. */
  readonly securityContext?: string | undefined;
  /** net_cls class id of the socket, 0 to 2³²−1. */
  readonly cgroupClassId?: number | undefined;
  /**
   * The checksum of TCP or UDP is not computed yet, as of a packet that this host sends: it is replaced by
   * the sum that the kernel has there by then.
   */
  readonly checksumNotReady?: boolean | undefined;
  /**
   * The connection; shown to queues with the option `conntrack`. The tuples that are not given are those
   * of the packet, and `state` is `"NEW"`: `{}` is a new connection. Without it the packet has none.
   */
  readonly conntrack?: TestConntrack | undefined;
}

/** The names of those options. */
export const PACKET_KEYS: readonly string[] = [
  ...["hook", "family", "mark", "uid", "gid", "inDevice", "outDevice", "physicalInDevice"],
  ...["physicalOutDevice", "hardwareAddress", "timestamp", "priority", "securityContext"],
  ...["cgroupClassId", "checksumNotReady", "conntrack"],
];

const MICROSECONDS = 1_000_000;
const ETHERNET_SIZE = 14;
const VLAN_SIZE = 4;
const VLAN_TYPES: readonly number[] = [0x8100, 0x88a8];
const IP_SIZES: Readonly<Record<number, number>> = { 4: 20, 6: 40 };
const IP_FAMILIES: Readonly<Record<number, Family>> = { 4: "ipv4", 6: "ipv6" };

/** What the stand-in is given for a packet. */
export interface GivenPacket {
  readonly packet: StandInPacket;
  readonly family: Family;
  readonly hook: Hook;
  readonly inDevice: string | undefined;
  readonly outDevice: string | undefined;
}

/** @throws {TypeError | RangeError} naming the field that is wrong */
function device(field: string, value: unknown): string | undefined {
  return value === undefined ? undefined : checkDeviceName(field, value);
}

/** The bytes as the test's own, so that what it does with them later changes nothing. */
function bytesOf(given: TestPacket, family: unknown): Uint8Array {
  if (given instanceof Uint8Array) return copyOf(checkBytes("packet", given));
  checkObject("packet", given);
  if (given.ethernet !== undefined && family !== "bridge") {
    throw new TypeError('packet.ethernet: only with the option family: "bridge"');
  }
  return buildPacket(given);
}

function checkIp(bytes: Uint8Array, family: unknown): Family {
  const version = bytes.length === 0 ? 0 : bytes[0]! >> 4;
  const found = IP_FAMILIES[version];
  if (found === undefined || bytes.length < IP_SIZES[version]!) {
    throw new RangeError(
      "packet must be a whole IPv4 or IPv6 packet, from its IP header on; with the option " +
        `family: "bridge" an Ethernet frame; got ${bytes.length} bytes that are neither`,
    );
  }
  if (family !== undefined && family !== found) {
    throw new RangeError(`family is ${show(family)}, and the packet is of ${found}`);
  }
  return found;
}

/** A frame as the kernel tells of it: its header without the tag, the tag, and what follows. */
function frame(bytes: Uint8Array): StandInPacket {
  if (bytes.length < ETHERNET_SIZE) {
    throw new RangeError(`packet must be an Ethernet frame, got ${bytes.length} bytes`);
  }
  const view = viewOf(bytes);
  const protocol = view.getUint16(12, false);
  const tagged = VLAN_TYPES.includes(protocol) && bytes.length >= ETHERNET_SIZE + VLAN_SIZE;
  const start = tagged ? ETHERNET_SIZE + VLAN_SIZE : ETHERNET_SIZE;
  const layer2Header = bytes.slice(0, ETHERNET_SIZE);
  layer2Header.set(bytes.subarray(start - 2, start), 12);
  return {
    payload: bytes.slice(start),
    hwProtocol: view.getUint16(start - 2, false),
    layer2Header,
    ...(tagged && { vlan: { protocol, tci: view.getUint16(14, false) } }),
  };
}

/** @throws {RangeError} for a packet that the kernel would not leave so */
function startChecksum(bytes: Uint8Array): void {
  const outline = new Outline(new PacketBytes(bytes), ETHERTYPE.ANY, 0);
  const { protocol } = outline;
  const at = upperChecksum(outline);
  const sum = partialUpper(outline);
  const left = protocol === IP_PROTOCOL.TCP || protocol === IP_PROTOCOL.UDP;
  if (!left || at < 0 || sum < 0) {
    throw new RangeError("checksumNotReady: only for whole packets of TCP or UDP");
  }
  outline.packet.setU16(at, sum);
}

/**
 * Checks a packet and its options.
 *
 * @param defaultHook where it is queued if the options do not say it
 * @throws {TypeError | RangeError} naming the field
 */
export function givenPacket(
  given: TestPacket,
  options: TestPacketOptions,
  defaultHook: Hook = "input",
): GivenPacket {
  const { hook = defaultHook, family: wanted, mark, uid, gid, timestamp, conntrack } = options;
  const { hardwareAddress, priority, securityContext, cgroupClassId } = options;
  const bytes = bytesOf(given, wanted);
  const bridged = wanted === "bridge";
  const family = bridged ? "bridge" : checkIp(bytes, wanted);
  const content: StandInPacket = bridged ? frame(bytes) : { payload: bytes };
  if (content.payload.length > MAX_COPY_RANGE) {
    throw new RangeError(`packet must have ${MAX_COPY_RANGE} bytes at most`);
  }
  const names = {
    inDevice: device("inDevice", options.inDevice),
    outDevice: device("outDevice", options.outDevice),
  };
  const ports = {
    physicalInDevice: device("physicalInDevice", options.physicalInDevice),
    physicalOutDevice: device("physicalOutDevice", options.physicalOutDevice),
  };
  const indexes = Object.fromEntries(
    Object.entries({ ...names, ...ports }).filter(([, name]) => name !== undefined)
      .map(([field, name]) => [`${field}Index`, recordedDevice(name!)]),
  );
  const numbers = Object.fromEntries(
    Object.entries({ mark, uid, gid, priority, cgroupClassId })
      .filter(([, value]) => value !== undefined)
      .map(([field, value]) => [field, checkU32(field, value)]),
  );
  const microseconds = timestamp === undefined
    ? undefined
    : checkInteger("timestamp", timestamp, 0, Number.MAX_SAFE_INTEGER);
  const unfinished = options.checksumNotReady !== undefined &&
    checkBoolean("checksumNotReady", options.checksumNotReady);
  if (unfinished) startChecksum(content.payload);
  const packet: StandInPacket = {
    ...content,
    ...numbers,
    ...indexes,
    family: FAMILIES[family],
    hook: hookNumber("hook", hook),
    ...(microseconds !== undefined && {
      timestamp: {
        seconds: Math.floor(microseconds / MICROSECONDS),
        microseconds: microseconds % MICROSECONDS,
      },
    }),
    ...(hardwareAddress !== undefined && {
      hardwareAddress: parseMac(checkText("hardwareAddress", hardwareAddress), "hardwareAddress"),
    }),
    ...(securityContext !== undefined && {
      securityContext: checkText("securityContext", securityContext),
    }),
    ...(unfinished && { skbInfo: NFQA_SKB.CSUMNOTREADY }),
    ...(conntrack !== undefined && conntrackMessage(conntrack, content.payload)),
  };
  return { packet, family, hook, ...names };
}

/** Checks the options of one packet, and takes those of `more` apart. */
export function checkOptions(options: unknown, more: readonly string[]): void {
  checkKeys("options", options, [...more, ...PACKET_KEYS]);
}

/** A queue's number. */
export function checkNumber(value: unknown): number {
  return checkU16("queue", value);
}
