/** Packets that are built, of fields of all sorts. */
import {
  buildPacket,
  type EthernetLayers,
  type Layers,
  type PacketFields,
  parseEthernet,
  parseLayers,
} from "../../../src/packet/mod.ts";
import { FIELDS } from "../../../src/packet/headers.ts";
import { digestBytes } from "../digest.ts";
import { DOCUMENTED } from "../errors.ts";
import type { Random } from "../random.ts";
import { sortOfField } from "../setters.ts";
import { insist, requireDocumented, type Target } from "../target.ts";
import { chooseValue, NO_SCENE, type Sort, VALUES } from "../values.ts";
import { isRight } from "../whole.ts";

type Layer = keyof typeof FIELDS;

/** Which headers there are. */
const STACKS: readonly (readonly Layer[])[] = [
  ...[["ipv4"], ["ipv6"], ["arp"], ["ipv4", "tcp"], ["ipv4", "udp"], ["ipv4", "icmp"]] as Layer[][],
  ...[["ipv6", "tcp"], ["ipv6", "udp"], ["ipv6", "icmpv6"]] as Layer[][],
  ...[["ethernet", "arp"], ["ethernet", "vlan", "ipv4", "udp"]] as Layer[][],
  ...[["ethernet", "ipv6", "icmpv6"], ["ethernet"]] as Layer[][],
  // What does not go together.
  ...[[], ["tcp"], ["vlan", "ipv4"], ["ipv4", "ipv6"], ["ipv4", "icmpv6"], [
    "tcp",
    "udp",
  ]] as Layer[][],
];

interface Field {
  readonly layer: Layer | "";
  readonly name: string;
  readonly sort: Sort;
}

const VIEWS: Readonly<Record<Layer, string>> = {
  ...{ ethernet: "EthernetView", vlan: "VlanView", arp: "ArpView", ipv4: "Ipv4View" },
  ...{ ipv6: "Ipv6View", tcp: "TcpView", udp: "UdpView", icmp: "IcmpView", icmpv6: "Icmpv6View" },
};

const FIELD_LIST: readonly Field[] = [
  ...(Object.keys(FIELDS) as Layer[]).flatMap((layer) =>
    [...FIELDS[layer], "unknown"].map((name): Field => ({
      ...{ layer, name, sort: sortOfField(VIEWS[layer], name) },
    }))
  ),
  ...(["payload", ...Object.keys(FIELDS)] as const).map((name): Field => ({
    ...{ layer: "", name, sort: name === "payload" ? "bytes" : "object" },
  })),
];

/** Fields that may contradict the packet, each other, or what is right. */
const LYING = new RegExp(
  "length|protocol|nextheader|checksum|version|fragment|option|ethertype|extension|routing|" +
    "flags|restofheader|mtu|pointer|gateway|hardware|identifier|sequencenumber|sack|mss|timestamps|" +
    "windowscale|fin|syn|rst|psh|ack|urg|ece|cwr|type|code|payload|address",
  "i",
);

const OPERATIONS: readonly string[] = [
  ...STACKS.map((layers) => `stack:${layers.join("+")}`),
  ...FIELD_LIST.flatMap(({ layer, name }) =>
    VALUES.map((value) => `${layer}.${name}=${value.name}`)
  ),
];

function choose(random: Random): number[] {
  const stack = random.below(STACKS.length);
  const layers = STACKS[stack]!;
  const operations = [stack];
  for (let left = random.below(5); left > 0; left--) {
    const layer = random.once(6) || layers.length === 0 ? "" : random.pick(layers);
    const possible = FIELD_LIST.flatMap((field, at) => field.layer === layer ? [at] : []);
    const field = random.pick(possible);
    const value = chooseValue(random, FIELD_LIST[field]!.sort);
    operations.push(STACKS.length + field * VALUES.length + value);
  }
  return operations;
}

interface Given {
  readonly field: Field;
  readonly value: unknown;
}

/** What was assigned, and the object of it. */
function gather(bytes: Uint8Array, operations: readonly number[]) {
  const fields: Record<string, unknown> = { payload: bytes };
  const given: Given[] = [];
  for (const operation of operations) {
    if (operation < STACKS.length) {
      for (const layer of STACKS[operation]!) fields[layer] = {};
      continue;
    }
    const at = operation - STACKS.length;
    const value = VALUES[at % VALUES.length]!.make(NO_SCENE);
    const field = FIELD_LIST[Math.floor(at / VALUES.length)]!;
    given.push({ field, value });
    if (field.layer === "") fields[field.name] = value;
    else {
      const layer = fields[field.layer];
      if (typeof layer === "object" && layer !== null && !Array.isArray(layer)) {
        Reflect.defineProperty(layer, field.name, {
          ...{ value, enumerable: true, configurable: true, writable: true },
        });
      }
    }
  }
  return { fields, given };
}

/** What was built reads as it was told, and is right where nothing was told wrong. */
function check(
  packet: Layers | EthernetLayers,
  fields: Readonly<Record<string, unknown>>,
  given: readonly Given[],
): void {
  const layers = "layers" in packet ? packet.layers : packet;
  const plain = given.every(({ field }) => field.layer !== "" && !LYING.test(field.name));
  // What begins with the payload is any packet.
  const built = fields["ipv4"] !== undefined || fields["ipv6"] !== undefined;
  if (!plain || !built || layers === undefined) return;
  const names = given.map(({ field }) => `${field.layer}.${field.name}`);
  insist(
    layers.ip === undefined || isRight(layers),
    "checksum",
    () => `a length or checksum is wrong of a packet with ${names.join(", ")}`,
  );
  const last = new Map(given.map((one) => [`${one.field.layer}.${one.field.name}`, one]));
  for (const [name, { field, value }] of last) {
    if (typeof value !== "number" && typeof value !== "boolean") continue;
    const read = fieldOf(packet, field);
    // Other forms of the same value are let pass, and not looked at.
    const known = read === undefined || read === value ||
      /dscp|ecn|trafficClass/.test(field.name) ||
      field.layer === "arp";
    insist(known, "difference", () => `${name} was ${String(value)}, and reads ${String(read)}`);
  }
}

function fieldOf(packet: Layers | EthernetLayers, { layer, name }: Field): unknown {
  const layers = "layers" in packet ? packet.layers : packet;
  const outer = "layers" in packet ? packet : undefined;
  const view = layer === "ethernet"
    ? outer?.ethernet
    : layer === "vlan"
    ? outer?.vlans[0]
    : layer === ""
    ? undefined
    : layers?.[layer];
  return (view as Readonly<Record<string, unknown>> | undefined)?.[name];
}

const build: Target = {
  ...{ name: "build", errors: DOCUMENTED.build, block: 300, operations: OPERATIONS, choose },
  corpus: [new Uint8Array(0), new Uint8Array(9).fill(1), new Uint8Array(40)],
  run: (bytes, operations) => {
    const { fields, given } = gather(bytes, operations);
    let built: Uint8Array;
    try {
      built = buildPacket(fields as PacketFields);
    } catch (error) {
      requireDocumented(DOCUMENTED.build, error);
      return 0;
    }
    const framed = fields["ethernet"] !== undefined;
    check(framed ? parseEthernet(built) : parseLayers(built), fields, given);
    return digestBytes(built);
  },
};

export const BUILD_TARGETS: readonly Target[] = [build];
