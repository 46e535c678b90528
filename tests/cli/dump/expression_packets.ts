// Packets of many kinds, for the display filter: the same for the same seed.
import { buildPacket, type PacketFields } from "../../../src/packet/mod.ts";
import type { Captured } from "../../support/oracles/tcpdump.ts";
import { counting } from "../../packet/edits.ts";
import type { Random } from "../../packet/random_edits.ts";

const ADDRESSES4 = ["10.0.0.1", "10.0.0.2", "10.1.2.3", "192.168.1.77", "224.0.0.251"];
const ADDRESSES6 = ["2001:db8::1", "2001:db8::2", "2001:db8:1::1", "fe80::1", "ff02::1"];
const PORTS = [22, 53, 80, 443, 1024, 6000, 6003, 8080, 40000, 65535];
const MACS = ["02:00:00:00:00:01", "02:00:00:00:00:02", "ff:ff:ff:ff:ff:ff"];
const OTHERS = [2, 9, 33, 46, 47, 50, 51, 59, 89, 103, 112, 132];

function network(random: Random): PacketFields {
  const four = random.below(2) === 0;
  const list = four ? ADDRESSES4 : ADDRESSES6;
  const ends = { source: random.pick(list), destination: random.pick(list) };
  const ports = { sourcePort: random.pick(PORTS), destinationPort: random.pick(PORTS) };
  const other = { protocol: random.pick(OTHERS) };
  const payload = counting(4 + random.below(60), random.below(200));
  const uppers: readonly (() => PacketFields & { readonly ip?: object })[] = [
    () => ({ tcp: { ...ports, flags: random.below(256), windowSize: random.below(9) } }),
    () => ({ udp: ports }),
    () =>
      four ? { icmp: { type: random.pick([0, 3, 8, 11]), code: random.below(4) } } : {
        icmpv6: { type: random.pick([1, 128, 129, 135]), code: random.below(4) },
      },
    () => ({ ip: other }),
  ];
  const { ip = {}, ...upper } = random.pick(uppers)();
  if (four) {
    const fragment = random.pick([
      ...[{}, {}, {}, { moreFragments: true }, { fragmentOffset: 64 }, { dontFragment: true }],
    ]);
    const options = random.below(4) === 0 ? { options: counting(4 * random.below(10), 1) } : {};
    return {
      ipv4: { ...ends, ...fragment, ...options, ...ip, ttl: random.below(256) },
      ...upper,
      payload,
    };
  }
  const extensions = random.pick([
    ...[undefined, undefined, [{ protocol: 44, data: Uint8Array.of(0, 0, 0, 0, 0, 7) }]],
    [{ protocol: 60, data: Uint8Array.of(1, 4, 0, 0, 0, 0) }],
  ]);
  return { ipv6: { ...ends, extensions, ...ip }, ...upper, payload };
}

function captured(fields: PacketFields): Captured {
  const bytes = buildPacket(fields);
  return { bytes, length: bytes.length };
}

/** IP packets. */
export function ipPackets(random: Random, count: number): Captured[] {
  return Array.from({ length: count }, () => captured(network(random)));
}

/** The same, of some of which not all was captured. */
export function cut(random: Random, packets: readonly Captured[]): Captured[] {
  return packets.map(({ bytes, length }) => ({
    ...{ length, bytes: bytes.subarray(0, 1 + random.below(bytes.length)) },
  }));
}

/** Frames: IP, ARP, RARP, something else. */
export function frames(random: Random, count: number): Captured[] {
  return Array.from({ length: count }, () => {
    const ends = { source: random.pick(MACS), destination: random.pick(MACS) };
    const arp = {
      ...{ senderHardwareAddress: MACS[0]!, senderProtocolAddress: random.pick(ADDRESSES4) },
      ...{ operation: 1 + random.below(4), targetProtocolAddress: random.pick(ADDRESSES4) },
    };
    const kinds: readonly (() => PacketFields)[] = [
      () => ({ ethernet: ends, ...network(random) }),
      () => ({ ethernet: ends, ...network(random) }),
      () => ({ ethernet: { ...ends, etherType: random.pick([0x806, 0x8035]) }, arp }),
      () => ({ ethernet: { ...ends, etherType: 0x88cc }, payload: counting(40) }),
    ];
    return captured(random.pick(kinds)());
  });
}

/** Frames with a VLAN tag, and some without. */
export function taggedFrames(random: Random, count: number): Captured[] {
  return Array.from({ length: count }, () => {
    const ethernet = { source: random.pick(MACS), destination: random.pick(MACS) };
    const tagged = random.below(3) > 0;
    const vlan = tagged ? { vlan: { id: 5 + random.below(3), priority: random.below(8) } } : {};
    return captured({ ethernet, ...vlan, ...network(random) });
  });
}
