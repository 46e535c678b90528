/**
 * The options of `PacketQueue.open`.
 *
 * @module
 */

import { MAX_COPY_RANGE } from "../../netlink/queue/numbers.ts";
import { FLAG_BITS, type QueueFlags } from "../../nfqueue/flags.ts";
import {
  checkBoolean,
  checkInteger,
  checkKeys,
  MAX_MILLISECONDS,
  show,
} from "../../base/checks.ts";
import type { HandlerErrorPolicy } from "./handler_errors.ts";
import { FAMILIES, type Family } from "../packet/families.ts";
import { isVerdict, Verdict } from "../packet/verdict.ts";

/** Packets that the kernel lets wait in a queue unless it is told otherwise. */
export const DEFAULT_MAX_LENGTH = 1024;

/** Options of `PacketQueue.open`. */
export interface PacketQueueOptions {
  /**
   * Bytes of each packet to copy, 0 to 65531; 0 asks for metadata only. Default 65531: all. A smaller
   * range is faster; the packets that go on are whole all the same, and `packet.length` is right.
   */
  readonly copyRange?: number | undefined;
  /** Packets that may wait in the kernel for a verdict, 1 to 0xffffffff. Default: the kernel's 1024. */
  readonly maxLength?: number | undefined;
  /**
   * Receive buffer of the socket in bytes, 1 to 0x7fffffff (SO_RCVBUFFORCE, else SO_RCVBUF; the kernel
   * doubles it). Default 4 MiB.
   */
  readonly receiveBuffer?: number | undefined;
  /** Packets taken from the kernel in one call, 1 to 1024. Default 64. */
  readonly batchSize?: number | undefined;
  /** Accept packets, instead of dropping them, while the queue or the socket is full. Default false. */
  readonly failOpen?: boolean | undefined;
  /**
   * Take large packets as they are (up to 64 KiB, checksums not yet computed) instead of having the
   * kernel cut them: many times faster for bulk TCP. Default true.
   */
  readonly gso?: boolean | undefined;
  /**
   * Attach the connection tracking entry. The kernel needs nf_conntrack_netlink, and tracks only where
   * a rule asks for it (`-m conntrack`, `ct state`, NAT). Default false.
   */
  readonly conntrack?: boolean | undefined;
  /** Attach user and group of the local socket. Default false. */
  readonly uidGid?: boolean | undefined;
  /** Attach the security context (SELinux and the like). Default false. */
  readonly securityContext?: boolean | undefined;
  /**
   * Deliver only packets of this family to the handler, accept the others at once. Default
   * "unspecified": every family that a rule sends here.
   */
  readonly family?: Family | undefined;
  /**
   * Let the kernel interrupt a receive when the socket's buffer overran (ENOBUFS), so that it is told
   * at once, and tell where the kernel's drop counters cannot be read. Losses are counted and reported
   * in any case, a second late at most. Default false.
   */
  readonly reportOverruns?: boolean | undefined;
  /** Give packets that stay undecided this long this verdict. Default: they may take for ever. */
  readonly deadline?: { readonly milliseconds: number; readonly verdict: Verdict } | undefined;
  /** The verdict of packets whose handler threw or forgot them. Default Drop. */
  readonly onError?: Verdict | undefined;
  /**
   * What `run` and `runSync` do when a handler throws or rejects: `"throw"` (the default) gives the
   * packet `onError`, and the loop ends with the handler's error; a verdict, or a function that gives
   * one, decides the packet, and the loop goes on. A function that throws, or gives no verdict, counts as
   * `"throw"`. `statistics.handlerErrors` counts, and an `"undecided"` event tells, either way.
   */
  readonly onHandlerError?: HandlerErrorPolicy | undefined;
  /**
   * Warn on the console, once a kind of event, where nobody listens for it. Default true. Packets
   * that are still undecided when the queue closes are no reason.
   */
  readonly warn?: boolean | undefined;
  /**
   * Undecided packets a handler may hold before the queue stops handing out more, 1 to 0xffffffff.
   * Default 1024. `runSync` cannot wait, so it is not bound by it. More packets wait in the kernel, up
   * to `maxLength`: rate × time of a handler must stay below the smaller of the two.
   */
  readonly concurrency?: number | undefined;
  /**
   * Packets that `reject`, `reset` and `answer` answer in a second, 1 to 0xffffffff. Default 1000. Beyond
   * that they are dropped without an answer, and counted (`statistics.answersLimited`): who sends with
   * another's address must not make this host flood that one.
   */
  readonly answersPerSecond?: number | undefined;
}

/** Options with every default filled in. */
export interface Settings {
  readonly number: number;
  readonly copyRange: number;
  readonly maxLength: number | undefined;
  readonly receiveBuffer: number;
  readonly batchSize: number;
  readonly flags: QueueFlags;
  readonly family: Family;
  readonly reportOverruns: boolean;
  readonly deadline: { readonly milliseconds: number; readonly verdict: Verdict } | undefined;
  readonly onError: Verdict;
  readonly onHandlerError: HandlerErrorPolicy;
  readonly warn: boolean;
  readonly concurrency: number;
  readonly answersPerSecond: number;
}

const FAMILY_NAMES: readonly string[] = Object.keys(FAMILIES);
const KEYS: readonly string[] = [
  "copyRange",
  "maxLength",
  "receiveBuffer",
  "batchSize",
  "failOpen",
  "gso",
  "conntrack",
  "uidGid",
  "securityContext",
  "family",
  "reportOverruns",
  "deadline",
  "onError",
  "onHandlerError",
  "warn",
  "concurrency",
  "answersPerSecond",
];

/**
 * Checks a queue's number and options.
 *
 * @throws {TypeError | RangeError} naming the option, its range and the value
 */
export function resolveSettings(number: number, options: PacketQueueOptions = {}): Settings {
  checkInteger("queue number", number, 0, 0xffff);
  checkKeys("options", options, KEYS);
  const {
    copyRange = MAX_COPY_RANGE,
    maxLength,
    receiveBuffer = 4 << 20,
    batchSize = 64,
    failOpen = false,
    gso = true,
    conntrack = false,
    uidGid = false,
    securityContext = false,
    family = "unspecified",
    reportOverruns = false,
    deadline,
    onError = Verdict.Drop,
    onHandlerError = "throw",
    warn = true,
    concurrency = 1024,
    answersPerSecond = 1000,
  } = options;
  if (!FAMILY_NAMES.includes(family)) {
    throw new TypeError(`family must be one of ${FAMILY_NAMES.join(", ")}, got ${show(family)}`);
  }
  checkVerdict("onError", onError);
  if (onHandlerError !== "throw" && typeof onHandlerError !== "function") {
    checkVerdict('onHandlerError, where it is not "throw" or a function,', onHandlerError);
  }
  return {
    number,
    copyRange: checkCopyRange(copyRange),
    maxLength: maxLength === undefined ? undefined : checkMaxLength(maxLength),
    receiveBuffer: checkInteger("receiveBuffer", receiveBuffer, 1, 0x7fffffff),
    batchSize: checkInteger("batchSize", batchSize, 1, 1024),
    flags: checkFlags({ failOpen, gso, conntrack, uidGid, securityContext }),
    family,
    reportOverruns: checkBoolean("reportOverruns", reportOverruns),
    deadline: deadline === undefined ? undefined : checkDeadline(deadline),
    onError,
    onHandlerError,
    warn: checkBoolean("warn", warn),
    concurrency: checkInteger("concurrency", concurrency, 1, 0xffffffff),
    answersPerSecond: checkInteger("answersPerSecond", answersPerSecond, 1, 0xffffffff),
  };
}

/** @throws {TypeError | RangeError} */
export function checkCopyRange(value: number): number {
  return checkInteger("copyRange", value, 0, MAX_COPY_RANGE);
}

/** @throws {TypeError | RangeError} */
export function checkMaxLength(value: number): number {
  return checkInteger("maxLength", value, 1, 0xffffffff);
}

/**
 * A copy, for which each was read once: reading may run the program's own code.
 *
 * @throws {TypeError} for an unknown switch or one that is not a boolean
 */
export function checkFlags(flags: QueueFlags): QueueFlags {
  const names = Object.keys(FLAG_BITS) as (keyof QueueFlags)[];
  checkKeys("flags", flags, names);
  const checked: { -readonly [Name in keyof QueueFlags]: QueueFlags[Name] } = {};
  for (const name of names) {
    const value = flags[name];
    if (value !== undefined) checked[name] = checkBoolean(name, value);
  }
  return checked;
}

function checkDeadline(
  deadline: NonNullable<PacketQueueOptions["deadline"]>,
): NonNullable<PacketQueueOptions["deadline"]> {
  checkKeys("deadline", deadline, ["milliseconds", "verdict"]);
  const { milliseconds, verdict } = deadline;
  checkInteger("deadline.milliseconds", milliseconds, 1, MAX_MILLISECONDS);
  checkVerdict("deadline.verdict", verdict);
  return { milliseconds, verdict };
}

function checkVerdict(name: string, value: unknown): void {
  if (!isVerdict(value)) {
    throw new TypeError(
      `${name} must be Verdict.Drop, Accept, Repeat or Stop, got ${show(value)}`,
    );
  }
}
