/**
 * The way of answers to a routed packet: this host routes them by their destination.
 *
 * @module
 */

import type { Unanswered } from "../../answer/unanswered.ts";
import { ERRNO, failedCall } from "../../linux/errno.ts";
import type { Beside, KernelSender, Route } from "../../nfqueue/kernel_queue.ts";
import type { AnsweredPacket } from "../packet/decider.ts";
import { MESSAGE, OUTLINE } from "../packet/friends.ts";
import { addressOf, type Outgoing, type Version, type Way } from "./way.ts";

/** NF_INET_LOCAL_IN of linux/netfilter.h. */
const INPUT = 1;
/** The first byte of IPv4's own addresses. */
const LOOPBACK = 127;

/** By raw sockets. */
export class RoutedWay implements Way {
  readonly #packet: AnsweredPacket;
  readonly #senderOf: (tracked: boolean) => KernelSender;
  readonly #version: Version;
  readonly #beside: Beside;
  #toSource: Route | undefined;
  #toDestination: Route | undefined;

  constructor(
    packet: AnsweredPacket,
    { senderOf, beside }: {
      readonly senderOf: (tracked: boolean) => KernelSender;
      readonly beside: Beside;
    },
  ) {
    this.#packet = packet;
    this.#senderOf = senderOf;
    this.#version = packet[OUTLINE].version as Version;
    this.#beside = beside;
  }

  prepare(version: Version): void {
    this.#senderOf(false).prepare(version);
  }

  send({ bytes, tracked }: Outgoing): void {
    this.#senderOf(tracked).send(bytes, this.#beside);
  }

  /** Which of the addresses is a broadcast of a network that this host is in. */
  get group(): Unanswered | undefined {
    if (this.#version === 6) return undefined;
    if (this.#destination().errno === ERRNO.EACCES) return "destination";
    return this.#source().errno === ERRNO.EACCES ? "source" : undefined;
  }

  /**
   * What this host answers with (RFC 1812 §4.3.2.4, RFC 4443 §2.2): the address that the packet was for, if
   * it is one of its own; else the one that it has towards the sender.
   *
   * @throws {SystemError} when there is no way to the sender
   */
  get ownAddress(): Uint8Array {
    const destination = this.#address("destination");
    const { hook } = this.#packet[MESSAGE];
    // All of 127.0.0.0/8 is its own, and 127.0.0.1 is the way's.
    if (hook === INPUT || (this.#version === 4 && destination[0] === LOOPBACK)) {
      return destination;
    }
    const { source } = this.#destination();
    if (source?.every((byte, at) => byte === destination[at])) return destination;
    const back = this.#source();
    if (back.source !== undefined) return back.source;
    throw failedCall("connect", back.errno, "This host has no way to the packet's sender");
  }

  #source(): Route {
    return this.#toSource ??= this.#route("source");
  }

  #destination(): Route {
    return this.#toDestination ??= this.#route("destination");
  }

  #route(which: "source" | "destination"): Route {
    return this.#senderOf(false).routeTo(this.#version, this.#address(which), this.#beside.device);
  }

  #address(which: "source" | "destination"): Uint8Array {
    return addressOf(this.#packet[OUTLINE], which);
  }
}
