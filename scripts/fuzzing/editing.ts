/** A packet that is edited, and what holds after each edit. */
import { type EthernetLayers, Layers, PacketBytes } from "../../src/packet/mod.ts";
import { digestBytes, digestOf } from "./digest.ts";
import type { Scene } from "./hostile.ts";
import { assignmentOf, type Setter, viewName, viewsOf } from "./setters.ts";
import { Finding, insist, requireDocumented } from "./target.ts";
import type { Value } from "./values.ts";
import { isRight } from "./whole.ts";

/** Fields that tell what the packet is, and may lie; and checksums, which stand as they are given. */
const LYING: ReadonlySet<string> = new Set([
  ...["Ipv4View.headerLength", "Ipv4View.totalLength", "Ipv4View.moreFragments"],
  ...["Ipv4View.fragmentOffset", "Ipv4View.protocol", "Ipv4View.checksum", "Ipv4View.payload"],
  ...["Ipv6View.payloadLength", "Ipv6View.nextHeader", "Ipv6View.protocol", "Ipv6View.fragment"],
  ...["Ipv6View.extensions", "Ipv6View.routing", "Ipv6View.payload"],
  ...["TcpView.headerLength", "TcpView.checksum", "UdpView.length", "UdpView.checksum"],
  ...["IcmpView.checksum", "Icmpv6View.checksum"],
]);

/** What a packet is at one moment. */
interface State {
  readonly bytes: Uint8Array;
  /** Of everything that can be read. */
  readonly digest: number;
  readonly right: boolean;
}

/** A packet under edits. */
export class Editing implements Scene {
  readonly #packet: Layers | EthernetLayers;
  readonly #layers: Layers | undefined;
  readonly #frame: PacketBytes;
  #state: State;
  #nested = false;
  /** A hostile value changed it, so what it has become is not what was assigned. */
  #disturbed = false;

  constructor(packet: Layers | EthernetLayers) {
    this.#packet = packet;
    this.#frame = packet.bytes;
    this.#layers = packet instanceof Layers ? packet : packet.layers;
    this.#state = this.#look();
  }

  /** A digest of the packet as it is. */
  get digest(): number {
    return digestBytes(this.#state.bytes, this.#state.digest);
  }

  /** Does one assignment, if the packet has such a field. */
  assign(operation: number, errors: readonly string[]): void {
    const [setter, value] = assignmentOf(operation);
    const view = viewsOf(this.#packet).find((view) => viewName(view) === setter.view);
    if (view === undefined) return;
    const made = value.make(this);
    this.#disturbed = false;
    let thrown: unknown;
    try {
      setter.set.call(view, made);
    } catch (error) {
      thrown = error;
      requireDocumented(errors, error);
    }
    if (thrown === undefined) this.#accept(setter, value);
    else this.#requireUnchanged(setter, value, thrown);
  }

  /** For hostile values: an edit in the middle of another. */
  edit(): void {
    if (this.#nested) return;
    this.#nested = true;
    try {
      const { ip, tcp, udp, arp } = this.#layers ?? {};
      if (ip !== undefined) ip.ttl = ip.ttl ^ 1;
      if (udp !== undefined) udp.payload = new Uint8Array(11).fill(3);
      if (tcp !== undefined) tcp.options = new Uint8Array(8).fill(1);
      if (ip?.version === 6) ip.hopByHopOptions = undefined;
      if (arp !== undefined) arp.operation ^= 1;
    } catch (error) {
      // A fragment, say; then it is as it was.
      requireDocumented(["RangeError", "WireError"], error);
    } finally {
      this.#nested = false;
    }
    this.#state = this.#look();
    this.#disturbed = true;
  }

  /** For hostile values: the packet's own bytes. */
  own(): Uint8Array {
    return this.#frame.subarray();
  }

  #look(): State {
    return {
      bytes: new Uint8Array(this.#frame.subarray()),
      digest: digestOf(this.#packet),
      right: this.#layers !== undefined && isRight(this.#layers),
    };
  }

  #requireUnchanged({ view, name }: Setter, value: Value, error: unknown): void {
    const before = this.#state;
    const what = () => `${view}.${name} = ${value.name} threw ${error}`;
    const now = this.#frame.subarray();
    let same = now.length === before.bytes.length;
    for (let at = 0; same && at < now.length; at++) same = now[at] === before.bytes[at];
    insist(same, "changed after a throw", () => `bytes changed: ${what()}`);
    let digest: number;
    try {
      digest = digestOf(this.#packet);
    } catch (cause) {
      throw new Finding("changed after a throw", `cannot be read: ${what()}`, { cause });
    }
    insist(digest === before.digest, "changed after a throw", () => `reads differ: ${what()}`);
  }

  #accept({ view, name }: Setter, value: Value): void {
    const before = this.#state;
    const what = `${view}.${name} = ${value.name}`;
    try {
      this.#state = this.#look();
    } catch (cause) {
      throw new Finding("unreadable", `cannot be read after ${what}: ${cause}`, { cause });
    }
    if (this.#layers !== undefined) {
      const again = lookAgain(this.#layers);
      const same = digestOf(again) === digestOf(this.#layers);
      insist(same, "difference", () => `another packet when it is read anew, after ${what}`);
    }
    if (!before.right || this.#disturbed || LYING.has(`${view}.${name}`)) return;
    insist(this.#state.right, "checksum", () => `a length or checksum is wrong after ${what}`);
  }
}

/** Another look at the same bytes. */
function lookAgain(packet: Layers): Layers {
  const copy = new Uint8Array(packet.bytes.subarray());
  return new Layers(new PacketBytes(copy), packet.ethertype, packet.networkOffset);
}
