/** Every setter of every view, found on the prototypes: new ones are fuzzed without a word here. */
import * as packets from "../../src/packet/mod.ts";
import { ARP_PACKETS, FRAMES, IP_PACKETS } from "./corpus.ts";
import type { Random } from "./random.ts";
import { chooseValue, type Sort, sortOf, VALUES } from "./values.ts";

/** A setter. */
export interface Setter {
  /** `Ipv4View`. */
  readonly view: string;
  readonly name: string;
  readonly set: (this: object, value: unknown) => void;
  /** What its getter gave of packets that have the field. */
  readonly sort: Sort;
}

/** The class of a view as a name. */
export function viewName(view: object): string {
  return (Object.getPrototypeOf(view) as object).constructor.name;
}

/** The views of a packet, or of a frame and its packet, by the names of their classes. */
export function viewsOf(packet: packets.Layers | packets.EthernetLayers): object[] {
  const layers = packet instanceof packets.EthernetLayers ? packet.layers : packet;
  const outer = packet instanceof packets.EthernetLayers ? [packet.ethernet, ...packet.vlans] : [];
  const { ip, arp, tcp, udp, icmp, icmpv6 } = layers ?? {};
  return [...outer, ip, arp, tcp, udp, icmp, icmpv6].filter((view) => view !== undefined);
}

/** What the getters give, over all valid packets. */
function learn(): ReadonlyMap<string, Sort> {
  const sorts = new Map<string, Sort>();
  const samples = [
    ...IP_PACKETS.map((bytes) => packets.parseLayers(bytes)),
    ...ARP_PACKETS.map((bytes) => packets.parseLayers(bytes, { protocol: packets.ETHERTYPE.ARP })),
    ...FRAMES.map((bytes) => packets.parseEthernet(bytes)),
  ];
  for (const view of samples.flatMap(viewsOf)) {
    for (const name of settersOf(Object.getPrototypeOf(view) as object).keys()) {
      const value = (view as Readonly<Record<string, unknown>>)[name];
      const key = `${viewName(view)}.${name}`;
      if (value !== undefined || !sorts.has(key)) sorts.set(key, sortOf(value));
    }
  }
  return sorts;
}

function settersOf(prototype: object): Map<string, Setter["set"]> {
  return new Map(
    Object.entries(Object.getOwnPropertyDescriptors(prototype))
      .flatMap(([name, { set }]) => set === undefined ? [] : [[name, set as Setter["set"]]]),
  );
}

const sorts = learn();

/** The sort of a field of a view, also of those without a setter that valid packets have. */
export function sortOfField(view: string, name: string): Sort {
  return sorts.get(`${view}.${name}`) ?? "object";
}

/** All of them. */
export const SETTERS: readonly Setter[] = Object.entries(packets).flatMap(([view, made]) => {
  if (!view.endsWith("View") || typeof made !== "function") return [];
  return [...settersOf(made.prototype as object)].map(([name, set]): Setter => ({
    ...{ view, name, set },
    sort: sorts.get(`${view}.${name}`) ?? "object",
  }));
});

/** Numbers of the setters of each view. */
const byView: ReadonlyMap<string, readonly number[]> = (() => {
  const map = new Map<string, number[]>();
  for (const [at, { view }] of SETTERS.entries()) {
    if (!map.has(view)) map.set(view, []);
    map.get(view)!.push(at);
  }
  return map;
})();

/** Names of all assignments: setter by setter, each with every value. */
export const ASSIGNMENTS: readonly string[] = SETTERS.flatMap(({ view, name }) =>
  VALUES.map((value) => `${view}.${name}=${value.name}`)
);

/** Setter and value of an assignment. */
export function assignmentOf(operation: number): readonly [Setter, typeof VALUES[number]] {
  const value = operation % VALUES.length;
  return [SETTERS[(operation - value) / VALUES.length]!, VALUES[value]!];
}

/** Some assignments to fields that the packet has. */
export function chooseAssignments(
  random: Random,
  views: readonly object[],
  most: number,
): number[] {
  const operations: number[] = [];
  if (views.length === 0) return operations;
  for (let left = 1 + random.below(most); left > 0; left--) {
    const setters = byView.get(viewName(random.pick(views))) ?? [];
    if (setters.length === 0) continue;
    const setter = random.pick(setters);
    const value = chooseValue(random, SETTERS[setter]!.sort);
    operations.push(setter * VALUES.length + value);
  }
  return operations;
}
