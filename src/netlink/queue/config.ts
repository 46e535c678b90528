// NFQNL_MSG_CONFIG: binding a queue and setting its options.
import { WireError } from "../../base/errors.ts";
import { viewOf } from "../../base/bytes.ts";
import {
  align4,
  ATTRIBUTE_HEADER_SIZE,
  decodeHeader,
  netlinkAttributes,
  NLM_F,
  writeHeader,
} from "../message.ts";
import {
  NFQA_CFG,
  NFQNL_CFG_CMD,
  NFQNL_COPY,
  QUEUE_HEADER_SIZE,
  QUEUE_MESSAGE,
} from "./numbers.ts";
import { checkObject } from "../../base/objects.ts";
import { checkBytes, checkInteger, checkU16, checkU32, show } from "../../base/checks.ts";

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
  readonly sequence: number;
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
  // Room for every attribute there is; the message is cut to its length at the end.
  const bytes = new Uint8Array(new ArrayBuffer(64));
  const view = viewOf(bytes);
  let end = QUEUE_HEADER_SIZE;
  view.setUint16(18, queue, false);

  const attribute = (type: number, length: number): number => {
    const at = end + ATTRIBUTE_HEADER_SIZE;
    view.setUint16(end, ATTRIBUTE_HEADER_SIZE + length, true);
    view.setUint16(end + 2, type, true);
    end = at + align4(length);
    return at;
  };
  const u32 = (type: number, value: number): void => {
    view.setUint32(attribute(type, 4), value, false);
  };

  if (command !== undefined) {
    const value = toNumber("command", command, COMMANDS);
    const family = checkU16("family", config.family ?? 0);
    const at = attribute(NFQA_CFG.CMD, 4);
    view.setUint8(at, value);
    view.setUint16(at + 2, family, false);
  }
  if (copyMode !== undefined) {
    const value = toNumber("copyMode", copyMode, COPY_MODES);
    const range = checkU32("copyRange", config.copyRange ?? 0);
    const at = attribute(NFQA_CFG.PARAMS, 5);
    view.setUint32(at, range, false);
    view.setUint8(at + 4, value);
  }
  if (maxLength !== undefined) u32(NFQA_CFG.QUEUE_MAXLEN, checkU32("maxLength", maxLength));
  if (hasFlags) {
    const flags = checkU32("flags", config.flags ?? 0);
    const mask = checkU32("mask", config.mask ?? flags);
    // The kernel refuses flags without a mask.
    u32(NFQA_CFG.FLAGS, flags);
    u32(NFQA_CFG.MASK, mask);
  }
  const netlinkFlags = NLM_F.REQUEST | (config.acknowledge === true ? NLM_F.ACK : 0);
  writeHeader(view, 0, end, QUEUE_MESSAGE.CONFIG, netlinkFlags, sequence);
  return bytes.slice(0, end);
}

/** Least payload, in bytes, of each attribute of a configuration message. */
const MINIMUM: Readonly<Record<number, readonly [string, number]>> = {
  [NFQA_CFG.CMD]: ["NFQA_CFG_CMD attribute", 4],
  [NFQA_CFG.PARAMS]: ["NFQA_CFG_PARAMS attribute", 5],
  [NFQA_CFG.QUEUE_MAXLEN]: ["NFQA_CFG_QUEUE_MAXLEN attribute", 4],
  [NFQA_CFG.MASK]: ["NFQA_CFG_MASK attribute", 4],
  [NFQA_CFG.FLAGS]: ["NFQA_CFG_FLAGS attribute", 4],
};

/**
 * Reads an NFQNL_MSG_CONFIG. Unknown attributes are skipped; of a repeated one the last counts.
 *
 * @throws {WireError} when `bytes` does not begin with a whole, well-formed configuration message.
 */
export function decodeConfig(bytes: Uint8Array): DecodedQueueConfig {
  const view = viewOf(checkBytes("bytes", bytes));
  const header = decodeHeader(view, 0);
  const layer = "NFQNL_MSG_CONFIG";
  const need = QUEUE_HEADER_SIZE;
  const have = header.length;
  if (header.type !== QUEUE_MESSAGE.CONFIG) {
    const reason = `message type is 0x${header.type.toString(16)}`;
    throw new WireError({ layer, offset: 0, need, have, reason });
  }
  if (have < need) throw new WireError({ layer, offset: 0, need, have });

  const config: { -readonly [Key in keyof DecodedQueueConfig]: DecodedQueueConfig[Key] } = {
    queue: view.getUint16(18, false),
    sequence: header.sequence,
    acknowledge: (header.flags & NLM_F.ACK) !== 0,
  };
  for (const { type, offset, length } of netlinkAttributes(view, QUEUE_HEADER_SIZE, have)) {
    const minimum = MINIMUM[type];
    if (minimum === undefined) continue;
    if (length < minimum[1]) {
      throw new WireError({ layer: minimum[0], offset, need: minimum[1], have: length });
    }
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
