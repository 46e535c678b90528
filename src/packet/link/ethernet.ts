import { formatMac, parseMac } from "../../base/address.ts";
import type { WireProblem } from "../../base/errors.ts";
import { Frame } from "../structure/packet_bytes.ts";
import { ethernetJson, frameJson, INSPECT, type JsonObject, shown } from "../text/json.ts";
import { Layers } from "../layers.ts";
import { guardNames } from "../../base/name_guard.ts";
import { ETHERTYPE } from "../structure/protocols.ts";
import { checkExactBytes, checkInteger, checkU16 } from "../../base/checks.ts";
import { VLAN_TAG_SIZE, VlanView } from "./vlan.ts";

/** Where the fields of an Ethernet header begin (IEEE 802.3 §3), in bytes. */
const FIELD = { destination: 0, source: 6, etherType: 12 } as const;
const MAC_SIZE = 6;
const MAX_MAC = 0xffffffffffff;

/** Bytes of an Ethernet header without VLAN tags. */
export const ETHERNET_HEADER_SIZE = 14;

/**
 * An Ethernet header. Numbers are in host order. Borrows the frame: every use throws
 * PacketReleasedError once the frame was released. A field that is assigned changes the header in
 * place; a value out of range throws RangeError, one of the wrong type TypeError.
 */
export class EthernetView {
  readonly #frame: Frame;
  readonly #start: number;

  /** @throws {RangeError} when the frame has no 14 bytes at `start`. */
  constructor(frame: Frame, start: number = 0) {
    if (!(start >= 0 && start + ETHERNET_HEADER_SIZE <= frame.length)) {
      throw new RangeError(`an Ethernet header has 14 bytes, got ${frame.length - start}`);
    }
    this.#frame = frame;
    this.#start = start;
  }

  /** Destination address, `00:11:22:33:44:55`. */
  get destination(): string {
    return formatMac(this.destinationBytes);
  }

  set destination(value: string) {
    this.destinationBytes = parseMac(value, "destination");
  }

  /** Source address, `00:11:22:33:44:55`. */
  get source(): string {
    return formatMac(this.sourceBytes);
  }

  set source(value: string) {
    this.sourceBytes = parseMac(value, "source");
  }

  /** The six bytes of the destination address: a copy of a queued packet\'s, else borrowed. */
  get destinationBytes(): Uint8Array {
    return this.#address(FIELD.destination);
  }

  set destinationBytes(value: Uint8Array) {
    const bytes = checkExactBytes("destinationBytes", value, MAC_SIZE);
    this.#frame.setBytes(this.#start + FIELD.destination, bytes);
  }

  /** The six bytes of the source address: a copy of a queued packet\'s, else borrowed. */
  get sourceBytes(): Uint8Array {
    return this.#address(FIELD.source);
  }

  set sourceBytes(value: Uint8Array) {
    const bytes = checkExactBytes("sourceBytes", value, MAC_SIZE);
    this.#frame.setBytes(this.#start + FIELD.source, bytes);
  }

  /** Destination address as a number of 48 bits, first byte highest. */
  get destinationNumber(): number {
    return this.#number(FIELD.destination);
  }

  set destinationNumber(value: number) {
    this.#writeNumber("destinationNumber", FIELD.destination, value);
  }

  /** Source address as a number of 48 bits, first byte highest. */
  get sourceNumber(): number {
    return this.#number(FIELD.source);
  }

  set sourceNumber(value: number) {
    this.#writeNumber("sourceNumber", FIELD.source, value);
  }

  /** What follows: 0x0800 IPv4, 0x8100 a VLAN tag, …; below 0x0600 the length of an 802.3 frame. */
  get etherType(): number {
    return this.#frame.u16(this.#start + FIELD.etherType);
  }

  set etherType(value: number) {
    this.#frame.setU16(this.#start + FIELD.etherType, checkU16("etherType", value));
  }

  /** Its fields under their names here. */
  toJSON(): JsonObject {
    return ethernetJson(this);
  }

  /** @ignore For console.log. */
  [INSPECT](): unknown {
    return shown(this);
  }

  #address(field: number): Uint8Array {
    const at = this.#start + field;
    return this.#frame.bytes(at, at + MAC_SIZE);
  }

  #number(field: number): number {
    const at = this.#start + field;
    return this.#frame.u16(at) * 0x100000000 + this.#frame.u32(at + 2);
  }

  #writeNumber(name: string, field: number, value: number): void {
    checkInteger(name, value, 0, MAX_MAC);
    const at = this.#start + field;
    this.#frame.setU16(at, Math.floor(value / 0x100000000));
    this.#frame.setU32(at + 2, value % 0x100000000);
  }
}

guardNames(EthernetView, "ethernet");
guardNames(VlanView, "vlan");

/** The headers of an Ethernet frame: its own, VLAN tags, and those of the packet inside. */
export class EthernetLayers {
  readonly frame: Frame;
  /** Absent when it was not captured whole. */
  readonly ethernet: EthernetView | undefined;
  /** VLAN tags, the outer one first. */
  readonly vlans: readonly VlanView[];
  /** The packet; absent when the link-layer headers are cut off. */
  readonly layers: Layers | undefined;
  readonly #problem: WireProblem | undefined;

  /** @param frame begins at the destination address and ends before the frame check sequence. */
  constructor(frame: Frame) {
    this.frame = frame;
    const vlans: VlanView[] = [];
    this.vlans = vlans;
    const have = frame.length;
    const need = ETHERNET_HEADER_SIZE;
    if (have < need) {
      this.#problem = { layer: "ethernet header", offset: 0, need, have };
      return;
    }
    this.ethernet = new EthernetView(frame);
    let at: number = FIELD.etherType;
    let type = frame.u16(at);
    while (type === ETHERTYPE.VLAN || type === ETHERTYPE.SERVICE_VLAN) {
      const left = have - at - 2;
      if (left < VLAN_TAG_SIZE) {
        this.#problem = { layer: "vlan tag", offset: at, need: 6, have: have - at };
        return;
      }
      vlans.push(new VlanView(frame, at));
      at += VLAN_TAG_SIZE;
      type = frame.u16(at);
    }
    // 0 would make Layers guess.
    this.layers = new Layers(frame, type || LENGTH_ZERO, at + 2);
  }

  /** Why the next layer could not be read; `undefined` when every layer that is known was read. */
  get malformed(): WireProblem | undefined {
    return this.#problem ?? this.layers?.malformed;
  }

  /** Every header, and the bytes (hex) behind the innermost one as `payload`. */
  toJSON(): JsonObject {
    return frameJson(this);
  }

  /** @ignore For console.log. */
  [INSPECT](): unknown {
    return shown(this);
  }
}

/** An 802.3 frame's length where the ethertype would be: no packet that is known here. */
const LENGTH_ZERO = 1;

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
  return new EthernetLayers(new Frame(bytes));
}
