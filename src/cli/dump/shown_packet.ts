// A packet as all ways of showing it see it, whether it comes from a queue or out of a recording.
import {
  type CapturedPacket,
  LINK_TYPE,
  type NetworkLayer,
  networkLayerOf,
  recordOf,
} from "../../capture/mod.ts";
import { Layers } from "../../packet/layers.ts";
import { PacketBytes } from "../../packet/structure/packet_bytes.ts";
import type { Packet } from "../../queue/packet/packet.ts";
import type { FilteredPacket } from "./expression/packet_reader.ts";

/** What only a queue tells of a packet. */
export interface QueueFacts {
  readonly hook: string;
  readonly mark: number;
  readonly uid: number | undefined;
}

/** A packet that may be shown. */
export class ShownPacket implements FilteredPacket {
  readonly record: CapturedPacket;
  readonly facts: QueueFacts | undefined;
  readonly length: number;
  readonly ethernet: boolean;
  readonly etherType: number;
  readonly networkOffset: number;

  constructor(record: CapturedPacket, facts?: QueueFacts) {
    const linkType = record.interface?.linkType ?? LINK_TYPE.RAW;
    const network: NetworkLayer | undefined = networkLayerOf(record.bytes, linkType);
    this.record = record;
    this.facts = facts;
    this.length = record.length ?? record.bytes.length;
    this.ethernet = linkType === LINK_TYPE.ETHERNET;
    this.etherType = network?.etherType ?? -1;
    this.networkOffset = network?.offset ?? 0;
  }

  /** A queued packet, before its verdict. */
  static ofQueue(packet: Packet): ShownPacket {
    const { hook, mark, uid } = packet;
    return new ShownPacket(recordOf(packet, { verdict: "accept" }), { hook, mark, uid });
  }

  get bytes(): Uint8Array {
    return this.record.bytes;
  }

  get direction(): "inbound" | "outbound" | undefined {
    return this.record.direction;
  }

  /** Its headers; undefined where the link type is not known. */
  get layers(): Layers | undefined {
    if (this.etherType < 0) return undefined;
    return new Layers(new PacketBytes(this.bytes), this.etherType, this.networkOffset);
  }

  /** Bytes on the wire from the network header on. */
  get networkLength(): number {
    return this.length - this.networkOffset;
  }
}
