// Finds the headers of an Ethernet frame: its own, the tags, and those of the packet in it.
import type { WireProblem } from "../base/errors.ts";
import { INSPECT, type JsonObject, jsonValue, shown } from "../base/json_value.ts";
import { Layers } from "./layers.ts";
import { EthernetView } from "./link/ethernet.ts";
import { VlanView } from "./link/vlan.ts";
import { ETHERNET_HEADER_SIZE, ETHERNET_OFFSET, VLAN_TAG_SIZE } from "./structure/link_layouts.ts";
import { PacketBytes } from "./structure/packet_bytes.ts";
import { ETHERTYPE } from "./structure/protocols.ts";

/** An 802.3 frame's length where the ethertype would be: no packet that is known here. */
const LENGTH_ZERO = 1;

/** The headers of an Ethernet frame: its own, VLAN tags, and those of the packet inside. */
export class EthernetLayers {
  /** The memory that the views read and write: the frame. */
  readonly packetBytes: PacketBytes;
  /** Absent when it was not captured whole. */
  readonly ethernet: EthernetView | undefined;
  /** VLAN tags, the outer one first. */
  readonly vlans: readonly VlanView[];
  /** The packet; absent when the link-layer headers are cut off. */
  readonly layers: Layers | undefined;
  readonly #problem: WireProblem | undefined;

  /**
   * Reads the link layer; the packet behind it is read when it is asked for.
   *
   * @param bytes from the destination address on, ending before the frame check sequence.
   */
  constructor(bytes: PacketBytes) {
    this.packetBytes = bytes;
    const vlans: VlanView[] = [];
    this.vlans = vlans;
    const have = bytes.length;
    const need = ETHERNET_HEADER_SIZE;
    if (have < need) {
      this.#problem = { layer: "ethernet header", offset: 0, need, have };
      return;
    }
    this.ethernet = new EthernetView(bytes);
    let at: number = ETHERNET_OFFSET.etherType;
    let type = bytes.u16(at);
    while (type === ETHERTYPE.VLAN || type === ETHERTYPE.SERVICE_VLAN) {
      const left = have - at - 2;
      if (left < VLAN_TAG_SIZE) {
        this.#problem = { layer: "vlan tag", offset: at, need: 6, have: have - at };
        return;
      }
      vlans.push(new VlanView(bytes, at));
      at += VLAN_TAG_SIZE;
      type = bytes.u16(at);
    }
    // 0 would make Layers guess.
    this.layers = new Layers(bytes, type || LENGTH_ZERO, at + 2);
  }

  /** The frame as it is now: borrowed where the memory is yours, else a copy. */
  get bytes(): Uint8Array {
    return this.packetBytes.bytes();
  }

  /** Why the next layer could not be read; `undefined` when every layer that is known was read. */
  get malformed(): WireProblem | undefined {
    return this.#problem ?? this.layers?.malformed;
  }

  /** Every header, and the bytes (hex) behind the innermost one as `payload`. */
  toJSON(): JsonObject {
    const { ethernet, vlans, layers, malformed } = this;
    return {
      ...(ethernet && { ethernet: ethernet.toJSON() }),
      ...(vlans.length > 0 && { vlans: vlans.map((vlan) => vlan.toJSON()) }),
      ...layers?.toJSON(),
      ...(malformed && { malformed: jsonValue(malformed) }),
    };
  }

  /** @ignore For console.log. */
  [INSPECT](): unknown {
    return shown(this);
  }
}

/**
 * The headers of an Ethernet frame, from the destination address on and without the frame check
 * sequence. The result borrows `bytes`.
 *
 * @throws {TypeError} when `bytes` is no Uint8Array.
 * @example
 * ```ts no-eval
 * import { parseEthernet } from "@nfqueue/nfqueue/packet";
 *
 * const bytes = new Uint8Array(64);
 * const { ethernet, vlans, layers } = parseEthernet(bytes);
 * console.log(ethernet?.source, vlans[0]?.id, layers?.arp?.operation);
 * ```
 */
export function parseEthernet(bytes: Uint8Array): EthernetLayers {
  return new EthernetLayers(new PacketBytes(bytes));
}
