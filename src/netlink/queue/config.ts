// NFQNL_MSG_CONFIG: binding a queue and setting its options.
import { need } from "../attribute_reader.ts";
import { AttributeWriter } from "../attribute_writer.ts";
import { viewOf } from "../../base/bytes.ts";
import { expectMessage, netlinkAttributes, NLM_F } from "../message.ts";
import { queueAt, queueMessage } from "./header.ts";
import {
  NFQA_CFG,
  NFQNL_CFG_CMD,
  NFQNL_COPY,
  QUEUE_HEADER_SIZE,
  QUEUE_MESSAGE,
} from "./numbers.ts";
import { checkObject } from "../../base/objects.ts";
import { checkBytes, checkInteger, checkU16, checkU32, show } from "../../base/checks.ts";

const CONFIG = {
  layer: "NFQNL_MSG_CONFIG",
  type: QUEUE_MESSAGE.CONFIG,
  least: QUEUE_HEADER_SIZE,
};

const COMMANDS = {
  none: NFQNL_CFG_CMD.NONE,
  bind: NFQNL_CFG_CMD.BIND,
  unbind: NFQNL_CFG_CMD.UNBIND,
  pf_bind: NFQNL_CFG_CMD.PF_BIND,
  pf_unbind: NFQNL_CFG_CMD.PF_UNBIND,
} as const;

const COPY_MODES = {
  none: NFQNL_COPY.NONE,
  meta: NFQNL_COPY.META,
  packet: NFQNL_COPY.PACKET,
} as const;

/** A command by name; `NFQNL_CFG_CMD` has the numbers. */
export type QueueCommand = "none" | "bind" | "unbind" | "pf_bind" | "pf_unbind";
/** A copy mode by name; `NFQNL_COPY` has the numbers. */
export type QueueCopyMode = "none" | "meta" | "packet";

/** A configuration message. The kernel applies what is present, in the order command first. */
export interface QueueConfig {
  /** Queue number, 0 to 65535. */
  readonly queue: number;
  /** `nlmsg_seq`, 0 to 2³²−1. Default 0. */
  readonly sequence?: number;
  /** Ask for an NLMSG_ERROR with error 0 on success (NLM_F_ACK). Default false. */
  readonly acknowledge?: boolean;
  /** What to do with the queue, by name or as an `NFQNL_CFG_CMD` number (0 to 255). */
  readonly command?: QueueCommand | number;
  /** The `pf` of the command: an AF_* number, 0 to 65535. Default 0. Needs `command`. */
  readonly family?: number;
  /** How much of each packet to copy, by name or as an `NFQNL_COPY` number (0 to 255). */
  readonly copyMode?: QueueCopyMode | number;
  /** Bytes of each packet to copy, 0 to 2³²−1 (the kernel caps it at 65531). Needs `copyMode`. */
  readonly copyRange?: number;
  /** Packets that may wait for a verdict, 0 to 2³²−1. */
  readonly maxLength?: number;
  /** New values of the `NFQA_CFG_F` flags in `mask`. Default 0 when there is a mask. */
  readonly flags?: number;
  /** Which `NFQA_CFG_F` flags to change. Default: those set in `flags`. */
  readonly mask?: number;
}

/** A configuration message as it was read: defaults filled in, known numbers as names. */
export interface DecodedQueueConfig extends QueueConfig {
  /** `nlmsg_seq`, 0 to 0xffffffff. */
  readonly sequence: number;
  /** Whether an answer was asked for (NLM_F_ACK). */
  readonly acknowledge: boolean;
}

/**
 * The bytes of an NFQNL_MSG_CONFIG.
 *
 * @throws {TypeError | RangeError} naming the field that is out of its range, or the one missing.
 */
export function encodeConfig(config: QueueConfig): Uint8Array {
  checkObject("config", config);
  const queue = checkU16("queue", config.queue);
  const sequence = checkU32("sequence", config.sequence ?? 0);
  const { command, copyMode, maxLength } = config;
  if (command === undefined && config.family !== undefined) {
    throw new TypeError("family is part of a command: give command too");
  }
  if (copyMode === undefined && config.copyRange !== undefined) {
    throw new TypeError("copyRange is part of the copy mode: give copyMode too");
  }
  const hasFlags = config.flags !== undefined || config.mask !== undefined;
  const writer = new AttributeWriter();
  if (command !== undefined) {
    const value = toNumber("command", command, COMMANDS);
    const family = checkU16("family", config.family ?? 0);
    writer.struct(NFQA_CFG.CMD, 4, (view, at) => {
      view.setUint8(at, value);
      view.setUint16(at + 2, family, false);
    });
  }
  if (copyMode !== undefined) {
    const value = toNumber("copyMode", copyMode, COPY_MODES);
    const range = checkU32("copyRange", config.copyRange ?? 0);
    writer.struct(NFQA_CFG.PARAMS, 5, (view, at) => {
      view.setUint32(at, range, false);
      view.setUint8(at + 4, value);
    });
  }
  if (maxLength !== undefined) {
    writer.u32(NFQA_CFG.QUEUE_MAXLEN, checkU32("maxLength", maxLength));
  }
  if (hasFlags) {
    const flags = checkU32("flags", config.flags ?? 0);
    const mask = checkU32("mask", config.mask ?? flags);
    // The kernel refuses flags without a mask.
    writer.u32(NFQA_CFG.FLAGS, flags);
    writer.u32(NFQA_CFG.MASK, mask);
  }
  const netlinkFlags = NLM_F.REQUEST | (config.acknowledge === true ? NLM_F.ACK : 0);
  const header = { type: QUEUE_MESSAGE.CONFIG, flags: netlinkFlags, sequence, queue };
  return queueMessage(header, writer.written);
}

/** Least payload, in bytes, of each attribute of a configuration message. */
const MINIMUM: Readonly<Record<number, readonly [string, number]>> = {
  [NFQA_CFG.CMD]: ["NFQA_CFG_CMD", 4],
  [NFQA_CFG.PARAMS]: ["NFQA_CFG_PARAMS", 5],
  [NFQA_CFG.QUEUE_MAXLEN]: ["NFQA_CFG_QUEUE_MAXLEN", 4],
  [NFQA_CFG.MASK]: ["NFQA_CFG_MASK", 4],
  [NFQA_CFG.FLAGS]: ["NFQA_CFG_FLAGS", 4],
};

/**
 * Reads an NFQNL_MSG_CONFIG. Unknown attributes are skipped; of a repeated one the last counts.
 *
 * @throws {WireError} when `bytes` does not begin with a whole, well-formed configuration message.
 */
export function decodeConfig(bytes: Uint8Array): DecodedQueueConfig {
  const view = viewOf(checkBytes("bytes", bytes));
  const header = expectMessage(view, CONFIG);
  const config: { -readonly [Key in keyof DecodedQueueConfig]: DecodedQueueConfig[Key] } = {
    queue: queueAt(view, 0),
    sequence: header.sequence,
    acknowledge: (header.flags & NLM_F.ACK) !== 0,
  };
  for (const attribute of netlinkAttributes(view, QUEUE_HEADER_SIZE, header.length)) {
    const { type, offset } = attribute;
    const minimum = MINIMUM[type];
    if (minimum === undefined) continue;
    need(attribute, minimum[1], minimum[0]);
    if (type === NFQA_CFG.CMD) {
      config.command = toName(view.getUint8(offset), COMMANDS);
      config.family = view.getUint16(offset + 2, false);
    } else if (type === NFQA_CFG.PARAMS) {
      config.copyRange = view.getUint32(offset, false);
      config.copyMode = toName(view.getUint8(offset + 4), COPY_MODES);
    } else if (type === NFQA_CFG.QUEUE_MAXLEN) config.maxLength = view.getUint32(offset, false);
    else if (type === NFQA_CFG.MASK) config.mask = view.getUint32(offset, false);
    else config.flags = view.getUint32(offset, false);
  }
  return config;
}

function toNumber<Name extends string>(
  field: string,
  value: Name | number,
  table: Readonly<Record<Name, number>>,
): number {
  if (typeof value === "number") return checkInteger(field, value, 0, 0xff);
  if (typeof value === "string" && Object.hasOwn(table, value)) return table[value];
  const names = Object.keys(table).join(", ");
  throw new TypeError(`${field} must be one of ${names} or a number, got ${show(value)}`);
}

function toName<Name extends string>(
  value: number,
  table: Readonly<Record<Name, number>>,
): Name | number {
  for (const name in table) if (table[name] === value) return name;
  return value;
}
