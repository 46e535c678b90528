import { write } from "../base/bytes.ts";
import {
  type CapturedPacket,
  type CapturedVerdict,
  type CaptureInterface,
  LINK_TYPE,
} from "./captured_packet.ts";

/** What of a queued packet goes into a recording: a `Packet` of the main entry is one. */
export interface QueuedPacket {
  /** The number of the packet in its queue, 0 to 0xffffffff. */
  readonly id: number;
  /** The number of the queue, 0 to 65535. */
  readonly queue: number;
  /** Where in the stack it was queued: `"input"`, `"output"`, … */
  readonly hook: string;
  /** The captured bytes, from the network header on. */
  readonly payload: Uint8Array;
  /** Bytes of the whole packet from the network header on. */
  readonly length: number;
  /** When it arrived, microseconds since 1970; absent on packets from this host. */
  readonly timestamp?: number | undefined;
  /** The device that it came in by. */
  readonly inDevice?: { readonly name: string } | undefined;
  /** The device that it leaves by. */
  readonly outDevice?: { readonly name: string } | undefined;
  /** The layer-2 header without the VLAN tag; bridge family only. */
  readonly layer2Header?: Uint8Array | undefined;
  /** The VLAN tag (IEEE 802.1Q); bridge family only. */
  readonly vlan?: {
    /** VLAN id, 0 to 4095. */
    readonly id: number;
    /** 0 to 7. */
    readonly priority: number;
    /** To be dropped first under congestion. */
    readonly dropEligible: boolean;
    /** The tag's protocol identifier: 0x8100 or 0x88a8. */
    readonly protocol: number;
  } | undefined;
  /** The transport checksum was not computed yet. */
  readonly checksumNotReady: boolean;
  /** Several segments in one packet. */
  readonly gso: boolean;
}

/** Hooks where a packet has its way in behind it. */
const INBOUND: readonly string[] = ["prerouting", "input", "forward", "ingress"];
/** The tag stands behind the two addresses of the Ethernet header. */
const ADDRESSES = 12;

/** Of one record each: a writer tells interfaces apart by what they say. */
const interfaces = new Map<string, CaptureInterface>();
const MOST_INTERFACES = 4096;

function interfaceOf(name: string | undefined, linkType: number): CaptureInterface {
  const key = `${linkType} ${name ?? ""}`;
  let known = interfaces.get(key);
  if (known === undefined) {
    known = { name, linkType, snapLength: 0 };
    if (interfaces.size >= MOST_INTERFACES) interfaces.clear();
    interfaces.set(key, known);
  }
  return known;
}

/**
 * A queued packet as a recording has it: as it is now, with its queue, its number, the device that it
 * came in by (on its way out the one that it leaves by), its direction, and the state of its checksum.
 * What was changed gets a second record, made after the change: both have the same `id`. A packet from
 * this host has no time of its own; it gets the time of the call.
 *
 * With the bridge's layer-2 header it is an Ethernet frame, its VLAN tag in place.
 *
 * @param verdict what is told of its fate, in a comment
 * @throws what reading the packet throws, such as PacketReleasedError after its verdict
 */
export function recordOf(packet: QueuedPacket, verdict?: CapturedVerdict): CapturedPacket {
  const { id, queue, hook, payload, layer2Header, checksumNotReady, gso } = packet;
  const inbound = INBOUND.includes(hook);
  const device = inbound ? packet.inDevice : packet.outDevice ?? packet.inDevice;
  const before = layer2Header === undefined ? undefined : frameHeader(layer2Header, packet.vlan);
  const bytes = new Uint8Array(new ArrayBuffer((before?.length ?? 0) + payload.length));
  if (before !== undefined) write(bytes, 0, before);
  write(bytes, before?.length ?? 0, payload);
  return {
    bytes,
    length: packet.length + (before?.length ?? 0),
    timestamp: packet.timestamp ?? Math.floor((performance.timeOrigin + performance.now()) * 1000),
    interface: interfaceOf(
      device?.name,
      before === undefined ? LINK_TYPE.RAW : LINK_TYPE.ETHERNET,
    ),
    id: queue * 2 ** 32 + id,
    queue,
    direction: inbound ? "inbound" : "outbound",
    checksumNotReady,
    gso,
    verdict,
  };
}

function frameHeader(header: Uint8Array, vlan: QueuedPacket["vlan"]): Uint8Array {
  if (vlan === undefined || header.length < ADDRESSES) return header;
  const tagged = new Uint8Array(new ArrayBuffer(header.length + 4));
  write(tagged, 0, header);
  tagged.copyWithin(ADDRESSES + 4, ADDRESSES, header.length);
  const { id, priority, dropEligible, protocol } = vlan;
  const view = new DataView(tagged.buffer);
  view.setUint16(ADDRESSES, protocol);
  view.setUint16(ADDRESSES + 2, (priority << 13) | (dropEligible ? 0x1000 : 0) | id);
  return tagged;
}
