/** Messages that are only read: netlink, packets, conntrack entries, verdicts, ip_queue. */
import { ipq_get_msgerr, ipq_get_packet, ipq_message_type } from "../../../src/ipq/functions.ts";
import {
  ATTRIBUTE_STRIDE,
  attributeLength,
  decodeConfig,
  decodeConntrack,
  decodeConntrackChange,
  decodeError,
  decodeExpectation,
  decodeHeader,
  decodeIpqMode,
  decodeIpqPacket,
  decodeIpqVerdict,
  decodePacketMessage,
  decodeVerdict,
  decodeVerdictBatch,
  encodeConfig,
  encodeConntrackChange,
  encodeExpectation,
  encodeIpqMode,
  encodeIpqPacket,
  encodeIpqVerdict,
  encodePacketMessage,
  encodeVerdict,
  encodeVerdictBatch,
  indexPacketMessage,
  ipqMessageError,
  ipqMessageType,
  type IpqPacketMessage,
  MESSAGE_OK,
  netlinkAttributes,
  netlinkMessages,
  NFQA,
  type QueuePacketMessage,
} from "../../../src/netlink/mod.ts";
import {
  CONFIGS,
  CONNTRACK,
  DATAGRAMS,
  ERRORS,
  EXPECTATIONS,
  IPQ_MESSAGES,
  PACKET_MESSAGES,
  VERDICTS,
} from "../corpus.ts";
import { digestOf } from "../digest.ts";
import { DOCUMENTED } from "../errors.ts";
import { Finding, insist, NOTHING, requireDocumented, type Target } from "../target.ts";

/** What a call gives; undefined where it throws what it documents. */
function attempt<Value>(errors: readonly string[], call: () => Value): Value | undefined {
  try {
    return call();
  } catch (error) {
    requireDocumented(errors, error);
    return undefined;
  }
}

/** A message that was read is written, and comes back the same. */
function requireReturn<Value>(
  value: Value,
  encode: (value: Value) => Uint8Array,
  decode: (bytes: Uint8Array) => Value,
): void {
  let back: Value;
  try {
    back = decode(encode(value));
  } catch (error) {
    throw new Finding("round trip", `what was read cannot be written: ${error}`, { cause: error });
  }
  insist(digestOf(back) === digestOf(value), "round trip", () => "comes back as something else");
}

const netlink: Target = {
  ...{ name: "netlink", errors: DOCUMENTED.netlink, block: 1000, ...NOTHING },
  corpus: [...DATAGRAMS, ...ERRORS, ...PACKET_MESSAGES, ...CONNTRACK],
  run: (bytes) => {
    const errors = DOCUMENTED.netlink;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let digest = digestOf(attempt(errors, () => decodeHeader(view, 0)));
    digest = digestOf(attempt(errors, () => decodeError(view, 0)), digest);
    attempt(errors, () => {
      for (const message of netlinkMessages(bytes)) {
        digest = digestOf(message, digest);
        const end = message.offset + message.length;
        insist(end <= bytes.length, "outside", () => `message to ${end} of ${bytes.length}`);
        for (const attribute of netlinkAttributes(view, message.offset + 20, end)) {
          const behind = attribute.offset + attribute.length;
          insist(behind <= end, "outside", () => `attribute to ${behind} of ${end}`);
          digest = digestOf(attribute, digest);
        }
      }
    });
    attempt(errors, () => {
      for (const attribute of netlinkAttributes(view, 0, bytes.length)) {
        digest = digestOf(attribute, digest);
      }
    });
    return digest;
  },
};

const table = new Int32Array(ATTRIBUTE_STRIDE);

/** The quick reader and the plain one must agree. */
function compareReaders(
  bytes: Uint8Array,
  view: DataView,
  message: QueuePacketMessage | undefined,
): number {
  const code = indexPacketMessage(view, 0, bytes.length, table, 0);
  let digest = code;
  for (let type = 1; type < ATTRIBUTE_STRIDE; type++) {
    const offset = table[type]!;
    if (offset === 0) continue;
    const end = offset + attributeLength(view, offset);
    insist(offset >= 24 && end <= bytes.length, "outside", () => `attribute ${type} to ${end}`);
    digest = digestOf(end, digestOf(offset, digest));
  }
  if (message === undefined) return digest;
  insist(code === MESSAGE_OK, "difference", () => `the index says ${code} of a good message`);
  insist(table[0]! >>> 0 === message.id, "difference", () => `another id: ${table[0]! >>> 0}`);
  const payload = table[NFQA.PAYLOAD]!;
  const length = payload === 0 ? undefined : attributeLength(view, payload);
  insist(length === message.payload?.length, "difference", () => `another payload: ${length}`);
  return digest;
}

/** Times beyond 2⁵³ come rounded, and labels need not be text: neither can be written. */
function isExact({ timestamp, securityContext }: QueuePacketMessage): boolean {
  const whole = timestamp === undefined ||
    (Number.isSafeInteger(timestamp.seconds) && Number.isSafeInteger(timestamp.microseconds));
  return whole && /^[ -~]*$/.test(securityContext ?? "");
}

const packetMessage: Target = {
  ...{ name: "packet-message", errors: DOCUMENTED["packet-message"], block: 1000, ...NOTHING },
  corpus: PACKET_MESSAGES,
  run: (bytes) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const message = attempt(DOCUMENTED["packet-message"], () => decodePacketMessage(bytes));
    const digest = compareReaders(bytes, view, message);
    if (message === undefined) return digest;
    if (isExact(message)) requireReturn(message, encodePacketMessage, decodePacketMessage);
    return digestOf(message, digest);
  },
};

const REFUSED = ["TypeError", "RangeError"];
const INFOS = [0, 1, 2, 3, 4, 5, 7, 0xffffffff];

const conntrack: Target = {
  ...{ name: "conntrack", errors: DOCUMENTED.conntrack, block: 1000 },
  corpus: [...CONNTRACK, ...EXPECTATIONS],
  operations: INFOS.map((info) => `info${info}`),
  choose: (random) => random.once(2) ? [random.below(INFOS.length)] : [],
  run: (bytes, [choice]) => {
    const errors = DOCUMENTED.conntrack;
    const info = choice === undefined ? undefined : INFOS[choice];
    let digest = digestOf(attempt(errors, () => decodeConntrack(bytes, info)));
    const change = attempt(errors, () => decodeConntrackChange(bytes));
    if (change !== undefined) {
      requireReturn(change, encodeConntrackChange, decodeConntrackChange);
      digest = digestOf(change, digest);
    }
    const expectation = attempt(errors, () => decodeExpectation(bytes));
    // Names and addresses that were read need not be ones that can be written.
    const written = expectation && attempt(REFUSED, () => encodeExpectation(expectation));
    if (written !== undefined) {
      requireReturn(decodeExpectation(written), encodeExpectation, decodeExpectation);
    }
    return digestOf(expectation, digest);
  },
};

const verdict: Target = {
  ...{ name: "verdict", errors: DOCUMENTED.verdict, block: 1000, corpus: VERDICTS, ...NOTHING },
  run: (bytes) => {
    const errors = DOCUMENTED.verdict;
    const one = attempt(errors, () => decodeVerdict(bytes));
    // An expectation may be one that cannot be written: a name that is too long, …
    if (one !== undefined && one.expectation === undefined) {
      requireReturn(one, encodeVerdict, decodeVerdict);
    }
    const batch = attempt(errors, () => decodeVerdictBatch(bytes));
    if (batch !== undefined) requireReturn(batch, encodeVerdictBatch, decodeVerdictBatch);
    return digestOf(batch, digestOf(one));
  },
};

const config: Target = {
  ...{ name: "config", errors: DOCUMENTED.config, block: 1000, corpus: CONFIGS, ...NOTHING },
  run: (bytes) => {
    const message = attempt(DOCUMENTED.config, () => decodeConfig(bytes));
    // Flags and mask are always written together.
    if (message !== undefined && (message.mask === undefined) === (message.flags === undefined)) {
      requireReturn(message, encodeConfig, decodeConfig);
    }
    return digestOf(message);
  },
};

/** The same of ip_queue's. */
function isWritable(packet: IpqPacketMessage): boolean {
  return Number.isSafeInteger(packet.timestampSeconds) &&
    Number.isSafeInteger(packet.timestampMicroseconds) &&
    [packet.indevName, packet.outdevName].every((name) => /^[ -~]{0,15}$/.test(name));
}

const ipQueue: Target = {
  ...{ name: "ip-queue", errors: DOCUMENTED["ip-queue"], block: 1000, ...NOTHING },
  corpus: IPQ_MESSAGES,
  run: (bytes) => {
    const errors = DOCUMENTED["ip-queue"];
    const readers = [ipqMessageType, ipqMessageError, decodeIpqPacket] as const;
    const accessors = [ipq_message_type, ipq_get_msgerr, ipq_get_packet] as const;
    let digest = 0;
    for (const [index, read] of readers.entries()) {
      const value = attempt(errors, () => read(bytes));
      const same = digestOf(attempt(errors, () => accessors[index]!(bytes))) === digestOf(value);
      insist(same, "difference", () => `accessor ${index} says something else`);
      digest = digestOf(value, digest);
    }
    const packet = attempt(errors, () => decodeIpqPacket(bytes));
    if (packet && isWritable(packet)) requireReturn(packet, encodeIpqPacket, decodePacket);
    const mode = attempt(errors, () => decodeIpqMode(bytes));
    if (mode !== undefined) requireReturn(mode, encodeIpqMode, decodeIpqMode);
    const one = attempt(errors, () => decodeIpqVerdict(bytes));
    if (one !== undefined) requireReturn(one, encodeIpqVerdict, decodeIpqVerdict);
    return digestOf(mode, digestOf(one, digest));
  },
};

function decodePacket(bytes: Uint8Array): IpqPacketMessage {
  const packet = decodeIpqPacket(bytes);
  if (packet === null) throw new Finding("round trip", "no packet any more");
  return packet;
}

export const MESSAGE_TARGETS: readonly Target[] = [
  ...[netlink, packetMessage, conntrack, verdict, config, ipQueue],
];
