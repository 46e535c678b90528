/** Packets that are only read: every getter, text, JSON, flows. */
import {
  type EthernetLayers,
  Flow,
  inspect,
  Layers,
  parseEthernet,
  parseLayers,
  summary,
} from "../../../src/packet/mod.ts";
import { ARP_PACKETS, FRAMES, IP_PACKETS, LONG_PACKETS } from "../corpus.ts";
import { digestOf } from "../digest.ts";
import { DOCUMENTED } from "../errors.ts";
import { insist, NOTHING, type Target } from "../target.ts";

/** Ethertypes to read bytes as. */
const PROTOCOLS = [0, 0x800, 0x86dd, 0x806, 1, 0x8035];

const layers: Target = {
  ...{ name: "layers", errors: DOCUMENTED.layers, block: 500 },
  corpus: [...IP_PACKETS, ...ARP_PACKETS],
  long: LONG_PACKETS,
  operations: PROTOCOLS.map((protocol) => `protocol${protocol}`),
  choose: (random, bytes) => {
    if (random.once(8)) return [random.below(PROTOCOLS.length)];
    return bytes[0] === 0 ? [3] : [];
  },
  run: (bytes, [choice]) => digestOf(parseLayers(bytes, { protocol: PROTOCOLS[choice ?? 0] ?? 0 })),
};

const ethernet: Target = {
  ...{ name: "ethernet", errors: DOCUMENTED.ethernet, block: 500, corpus: FRAMES, ...NOTHING },
  run: (bytes) => digestOf(parseEthernet(bytes)),
};

const SHOW = Symbol.for("nodejs.util.inspect.custom");
interface Shown {
  [SHOW](): unknown;
}

/** JSON that is read back, and whatever else is text. */
function readText(packet: Layers | EthernetLayers): number {
  const json = packet.toJSON();
  const text = JSON.stringify(packet);
  const back = digestOf(JSON.parse(text));
  insist(back === digestOf(json), "text", () => `JSON comes back as something else: ${text}`);
  const views: unknown[] = packet instanceof Layers
    ? [packet.ip, packet.arp, packet.tcp, packet.udp, packet.icmp, packet.icmpv6, packet.flow]
    : [packet.ethernet, ...packet.vlans];
  let digest = digestOf((packet as unknown as Shown)[SHOW](), back);
  for (const view of views) {
    if (view === undefined) continue;
    digest = digestOf((view as Shown)[SHOW](), digest);
    digest = digestOf((view as { toJSON(): unknown }).toJSON(), digest);
  }
  const line = summary(packet);
  insist(!line.includes("\n"), "text", () => `more than a line: ${line}`);
  const dump = inspect(packet, { maxBytes: 64 });
  insist(dump.startsWith(line), "text", () => "inspect does not begin with the summary");
  return digestOf(dump, digest);
}

const text: Target = {
  ...{ name: "text", errors: DOCUMENTED.text, block: 50, calls: 6 },
  corpus: [...IP_PACKETS, ...ARP_PACKETS, ...FRAMES],
  long: LONG_PACKETS,
  operations: ["frame", ...PROTOCOLS.map((protocol) => `protocol${protocol}`)],
  choose: (random, bytes) => {
    // Frames begin with an address.
    if (bytes[0] === 2) return [0];
    return random.once(8) || bytes[0] === 0 ? [random.below(PROTOCOLS.length + 1)] : [];
  },
  run: (bytes, [choice = 1]) => {
    if (choice === 0) return readText(parseEthernet(bytes));
    return readText(parseLayers(bytes, { protocol: PROTOCOLS[choice - 1] ?? 0 }));
  },
};

/** Whether both are one flow, in every way that it can be told. */
function requireSame(one: Flow, other: Flow, what: string): void {
  const same = one.equals(other) && other.equals(one) && one.key === other.key &&
    one.directedKey === other.directedKey && one.hash === other.hash &&
    String(one) === String(other);
  insist(same, "flow", () => `${what}: ${one}, ${other}`);
}

const flow: Target = {
  ...{ name: "flow", errors: DOCUMENTED.flow, block: 500, corpus: IP_PACKETS, ...NOTHING },
  run: (bytes) => {
    const packet = parseLayers(bytes);
    const { flow, ip, tcp, udp } = packet;
    insist(
      (flow === undefined) === (ip === undefined),
      "flow",
      () => "a flow without an IP header",
    );
    if (flow === undefined || ip === undefined) return 0;
    requireSame(flow, Flow.of(flow.toJSON() as Parameters<typeof Flow.of>[0]), "from its JSON");
    const back = flow.reversed();
    requireSame(flow, back.reversed(), "reversed twice");
    insist(
      back.key === flow.key && back.hash === flow.hash,
      "flow",
      () => `not symmetrical: ${flow}`,
    );
    const { source, destination } = ip;
    insist(flow.source === source && flow.destination === destination, "flow", () => `${flow}`);
    const ports = tcp ?? udp;
    const same = ports === undefined ||
      (ports.sourcePort === flow.sourcePort && ports.destinationPort === flow.destinationPort);
    insist(same, "flow", () => `other ports: ${flow}`);
    return digestOf(flow);
  },
};

export const READ_TARGETS: readonly Target[] = [layers, ethernet, text, flow];
