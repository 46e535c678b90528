/** Every entry that takes bytes, with what is hardly bytes. */
import * as ipq from "../../../src/ipq/functions.ts";
import * as wire from "../../../src/wire/mod.ts";
import { digestOf } from "../digest.ts";
import { DOCUMENTED } from "../errors.ts";
import { HOSTILE_BYTES, HOSTILE_OBJECTS } from "../hostile.ts";
import { requireDocumented, type Target } from "../target.ts";
import { NO_SCENE, type Value } from "../values.ts";

/** Calls by name; what they give is read. */
const ENTRIES: Readonly<Record<string, (bytes: Uint8Array) => unknown>> = {
  parseLayers: (bytes) => wire.parseLayers(bytes),
  parseEthernet: (bytes) => wire.parseEthernet(bytes),
  finishChecksums: (bytes) => void wire.finishChecksums(bytes),
  internetChecksum: (bytes) => wire.internetChecksum(bytes),
  checksumAdd: (bytes) => wire.checksumAdd(bytes, 0, 4),
  pseudoHeaderIpv4: (bytes) => wire.pseudoHeaderIpv4(bytes, 0, 6, 20),
  pseudoHeaderIpv6: (bytes) => wire.pseudoHeaderIpv6(bytes, 0, 6, 20),
  formatIpv6: (bytes) => wire.formatIpv6(bytes),
  formatMac: (bytes) => wire.formatMac(bytes),
  netlinkMessages: (bytes) => [...wire.netlinkMessages(bytes)],
  decodePacketMessage: (bytes) => wire.decodePacketMessage(bytes),
  decodeVerdict: (bytes) => wire.decodeVerdict(bytes),
  decodeVerdictBatch: (bytes) => wire.decodeVerdictBatch(bytes),
  decodeConfig: (bytes) => wire.decodeConfig(bytes),
  decodeConntrack: (bytes) => wire.decodeConntrack(bytes),
  decodeConntrackChange: (bytes) => wire.decodeConntrackChange(bytes),
  decodeExpectation: (bytes) => wire.decodeExpectation(bytes),
  decodeIpqPacket: (bytes) => wire.decodeIpqPacket(bytes),
  decodeIpqMode: (bytes) => wire.decodeIpqMode(bytes),
  decodeIpqVerdict: (bytes) => wire.decodeIpqVerdict(bytes),
  ipqMessageType: (bytes) => wire.ipqMessageType(bytes),
  ipqMessageError: (bytes) => wire.ipqMessageError(bytes),
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
