/** Every entry that takes bytes, with what is hardly bytes. */
import * as ipq from "../../../src/ipq/functions.ts";
import * as packets from "../../../src/packet/mod.ts";
import * as netlink from "../../../src/netlink/mod.ts";
import { digestOf } from "../digest.ts";
import { DOCUMENTED } from "../errors.ts";
import { HOSTILE_BYTES, HOSTILE_OBJECTS } from "../hostile.ts";
import { requireDocumented, type Target } from "../target.ts";
import { NO_SCENE, type Value } from "../values.ts";

/** Calls by name; what they give is read. */
const ENTRIES: Readonly<Record<string, (bytes: Uint8Array) => unknown>> = {
  parseLayers: (bytes) => packets.parseLayers(bytes),
  parseEthernet: (bytes) => packets.parseEthernet(bytes),
  finishChecksums: (bytes) => void packets.finishChecksums(bytes),
  internetChecksum: (bytes) => packets.internetChecksum(bytes),
  checksumAdd: (bytes) => packets.checksumAdd(bytes, 0, 4),
  pseudoHeaderIpv4: (bytes) => packets.pseudoHeaderIpv4(bytes, 0, 6, 20),
  pseudoHeaderIpv6: (bytes) => packets.pseudoHeaderIpv6(bytes, 0, 6, 20),
  formatIpv6: (bytes) => packets.formatIpv6(bytes),
  formatMac: (bytes) => packets.formatMac(bytes),
  netlinkMessages: (bytes) => [...netlink.netlinkMessages(bytes)],
  decodePacketMessage: (bytes) => netlink.decodePacketMessage(bytes),
  decodeVerdict: (bytes) => netlink.decodeVerdict(bytes),
  decodeVerdictBatch: (bytes) => netlink.decodeVerdictBatch(bytes),
  decodeConfig: (bytes) => netlink.decodeConfig(bytes),
  decodeConntrack: (bytes) => netlink.decodeConntrack(bytes),
  decodeConntrackChange: (bytes) => netlink.decodeConntrackChange(bytes),
  decodeExpectation: (bytes) => netlink.decodeExpectation(bytes),
  decodeIpqPacket: (bytes) => netlink.decodeIpqPacket(bytes),
  decodeIpqMode: (bytes) => netlink.decodeIpqMode(bytes),
  decodeIpqVerdict: (bytes) => netlink.decodeIpqVerdict(bytes),
  ipqMessageType: (bytes) => netlink.ipqMessageType(bytes),
  ipqMessageError: (bytes) => netlink.ipqMessageError(bytes),
  ipq_message_type: (bytes) => ipq.ipq_message_type(bytes),
  ipq_get_packet: (bytes) => ipq.ipq_get_packet(bytes),
  ipq_get_msgerr: (bytes) => ipq.ipq_get_msgerr(bytes),
};

const NAMES = Object.keys(ENTRIES);
const GIVEN: readonly Pick<Value, "name" | "make">[] = [
  ...HOSTILE_BYTES,
  ...HOSTILE_OBJECTS.filter(({ name }) => !/^(entry|value)-|long-/.test(name)),
  ...[undefined, null, 5, "x", true].map((value) => ({ name: `${value}`, make: () => value })),
];

const bytes: Target = {
  ...{ name: "bytes", errors: DOCUMENTED.bytes, block: 300, corpus: [new Uint8Array(0)] },
  operations: NAMES.flatMap((name) => GIVEN.map((given) => `${name}(${given.name})`)),
  choose: (random) => [random.below(NAMES.length * GIVEN.length)],
  run: (_bytes, operations) => {
    let digest = 0;
    for (const operation of operations) {
      const given = GIVEN[operation % GIVEN.length]!;
      const call = ENTRIES[NAMES[Math.floor(operation / GIVEN.length)]!]!;
      const value = given.make(NO_SCENE);
      try {
        digest = digestOf(call(value as Uint8Array), digest);
      } catch (error) {
        requireDocumented(DOCUMENTED.bytes, error);
      }
    }
    return digest;
  },
};

export const BYTES_TARGETS: readonly Target[] = [bytes];
