/**
 * How `Datagrams` is told what to do, and what it tells.
 *
 * @module
 */

import { checkInteger, checkKeys, MAX_MILLISECONDS, show } from "../../base/checks.ts";
import type { Datagram } from "./datagram.ts";

/** What is asked of a packet of a queue; a `Packet` has it all. */
export interface FragmentPacket {
  /** The hook that it is in. */
  readonly hook: string;
  /** The device that it came by. */
  readonly inDevice: { readonly index: number } | undefined;
  /** A copy of its bytes, from the IP header on. */
  readonly payload: Uint8Array;
  /** Whether not all of it was captured. */
  readonly truncated: boolean;
  /** Its verdict, once it has one. */
  readonly verdict: number | undefined;
  /** Its IPv4 header. */
  readonly ipv4: { readonly moreFragments: boolean; readonly fragmentOffset: number } | undefined;
  /** Its IPv6 header. */
  readonly ipv6: { readonly fragment: object | undefined } | undefined;
  /** Keeps it undecided. */
  hold(): void;
  /** Lets it go on. */
  accept(): void;
  /** Drops it. */
  drop(): void;
  /** Sends it through its hook again. */
  repeat(): void;
  /** Lets it go on, past the rest of its hook. */
  stop(): void;
  /** Puts other bytes in its place. */
  replacePayload(bytes: Uint8Array): void;
  /** Sends a packet beside it. */
  send(bytes: Uint8Array): void;
}

/** What a callback decides: a value of `Verdict`, or the packet that goes on instead. */
export type DatagramResult = 0 | 1 | 4 | 5 | Uint8Array;

/** Why a datagram was given up. */
export type IncompleteReason =
  /** Not all of it came in time. */
  | "time"
  /** It was the oldest when one more would have been too many: `limits.datagrams`, `fragments` and `bytes`. */
  | "datagrams"
  | "fragments"
  | "bytes"
  /** Two fragments claim the same bytes (RFC 5722). */
  | "overlap"
  /** Its lengths make no sense: data behind the last fragment, more than 65,535 bytes, … */
  | "malformed"
  /** Too little of a fragment was captured to know its bytes. */
  | "truncated"
  /** `close()` was called. */
  | "closed";

/** A datagram that was given up. */
export interface IncompleteDatagram {
  /** What was the matter. */
  readonly reason: IncompleteReason;
  /** What became of its fragments. */
  readonly then: "drop" | "pass";
  /** How many fragments waited. */
  readonly fragments: number;
  /** The bytes of data in them. */
  readonly bytes: number;
  /** A sentence for people. */
  readonly message: string;
}

/** How much may wait. */
export interface DatagramLimits {
  /** Datagrams of which not all is there, 1 to 65,536. Default 256. */
  readonly datagrams?: number | undefined;
  /**
   * Fragments that wait, 2 to 65,536. Default 512: each takes a place in the kernel's queue (`maxLength`) and one of
   * the packets that the program may hold (`concurrency`).
   */
  readonly fragments?: number | undefined;
  /** Bytes of the packets that wait, 65,536 to 2³¹−1. Default 4 MiB. */
  readonly bytes?: number | undefined;
  /** How long the first fragment waits at most, 1 to 2³¹−1. Default 30,000. */
  readonly milliseconds?: number | undefined;
}

/** Options of {@linkcode Datagrams}. */
export interface DatagramsOptions<Packet extends FragmentPacket> {
  /** Decides about a whole packet. It is called at once, and must not be asynchronous. */
  readonly datagram: (whole: Datagram<Packet>) => DatagramResult;
  /** How much may wait. */
  readonly limits?: DatagramLimits | undefined;
  /**
   * What becomes of the fragments of a datagram that reaches a limit, and of those that come later:
   * `"drop"`, the default, or `"pass"`, unseen. Where fragments overlap or make no sense they are dropped.
   */
  readonly incomplete?: "drop" | "pass" | undefined;
  /** Hears of each datagram that was given up. */
  readonly onIncomplete?: ((given: IncompleteDatagram) => void) | undefined;
}

/** The options, checked and with their defaults. */
export interface DatagramSettings<Packet extends FragmentPacket> {
  readonly datagram: DatagramsOptions<Packet>["datagram"];
  readonly limits: { readonly [Name in keyof DatagramLimits]-?: number };
  readonly incomplete: "drop" | "pass";
  readonly onIncomplete: (given: IncompleteDatagram) => void;
}

const MOST = 65_536;

/** @throws {TypeError | RangeError} naming the option */
export function resolveOptions<Packet extends FragmentPacket>(
  options: DatagramsOptions<Packet>,
): DatagramSettings<Packet> {
  checkKeys("options", options, ["datagram", "limits", "incomplete", "onIncomplete"]);
  const { datagram, limits = {}, incomplete = "drop", onIncomplete } = options;
  checkFunction("datagram", datagram);
  if (onIncomplete !== undefined) checkFunction("onIncomplete", onIncomplete);
  if (incomplete !== "drop" && incomplete !== "pass") {
    throw new RangeError(`incomplete must be "drop" or "pass", got ${show(incomplete)}`);
  }
  checkKeys("limits", limits, ["datagrams", "fragments", "bytes", "milliseconds"]);
  const { datagrams = 256, fragments = 512, bytes = 4 << 20, milliseconds = 30_000 } = limits;
  return {
    datagram,
    limits: {
      datagrams: checkInteger("limits.datagrams", datagrams, 1, MOST),
      fragments: checkInteger("limits.fragments", fragments, 2, MOST),
      bytes: checkInteger("limits.bytes", bytes, MOST, 0x7fffffff),
      milliseconds: checkInteger("limits.milliseconds", milliseconds, 1, MAX_MILLISECONDS),
    },
    incomplete,
    onIncomplete: onIncomplete ?? (() => {}),
  };
}

function checkFunction(field: string, value: unknown): void {
  if (typeof value !== "function") {
    throw new TypeError(`${field} must be a function, got ${show(value)}`);
  }
}
