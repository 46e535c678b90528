/**
 * The way of answers to a packet of the bridge family: frames into its bridge. The host is not to be seen.
 *
 * @module
 */

import type { Unanswered } from "../../answer/unanswered.ts";
import { NFQA } from "../../netlink/queue/numbers.ts";
import type { Beside, KernelSender } from "../../nfqueue/kernel_queue.ts";
import type { PacketMessage } from "../../nfqueue/packet_message.ts";
import { ETHERNET_HEADER_SIZE, MAC_SIZE } from "../../packet/structure/link_layouts.ts";
import type { AnsweredPacket } from "../packet/decider.ts";
import { VerdictError } from "../packet/errors.ts";
import { FAMILIES } from "../packet/families.ts";
import { MESSAGE, OUTLINE } from "../packet/friends.ts";
import { ownTag } from "../packet/vlan.ts";
import { addressOf, type Outgoing, type Way } from "./way.ts";

/** NF_BR_LOCAL_OUT of linux/netfilter_bridge.h. */
const LOCAL_OUT = 3;
const TAG_SIZE = 4;

/** Whether a packet is bridged. One that this host itself sends by its bridge is answered as any other of its own. */
export function isBridged({ family, hook }: PacketMessage): boolean {
  return family === FAMILIES.bridge && hook !== LOCAL_OUT;
}

/** By a packet socket. */
export class BridgedWay implements Way {
  readonly #packet: AnsweredPacket;
  readonly #senderOf: (tracked: boolean) => KernelSender;
  readonly #beside: Beside;
  readonly #destination: Uint8Array;
  readonly #source: Uint8Array;
  readonly #rest: Uint8Array;

  /** @throws {VerdictError} when the kernel told no Ethernet header */
  constructor(
    packet: AnsweredPacket,
    { senderOf, beside }: {
      readonly senderOf: (tracked: boolean) => KernelSender;
      readonly beside: Beside;
    },
  ) {
    const { id, [MESSAGE]: message } = packet;
    const header = message.part(NFQA.L2HDR);
    if (header === undefined || header.length !== ETHERNET_HEADER_SIZE) {
      throw new VerdictError(id, "it cannot be answered: the kernel told no Ethernet header of it");
    }
    this.#packet = packet;
    this.#senderOf = senderOf;
    this.#beside = beside;
    this.#destination = header.subarray(0, MAC_SIZE);
    this.#source = header.subarray(MAC_SIZE, 2 * MAC_SIZE);
    this.#rest = joined([tagOf(message), header.subarray(2 * MAC_SIZE)]);
  }

  get group(): Unanswered | undefined {
    if (isGroup(this.#destination)) return "destination";
    return isGroup(this.#source) ? "source" : undefined;
  }

  /** The receiver's: a bridge has no address in the network that it is in. */
  get ownAddress(): Uint8Array {
    return addressOf(this.#packet[OUTLINE], "destination");
  }

  prepare(): void {
    this.#senderOf(true).prepareFrames();
  }

  send({ bytes, onward }: Outgoing): void {
    const to = onward ? this.#destination : this.#source;
    const from = onward ? this.#source : this.#destination;
    // Frames are not tracked anyway.
    this.#senderOf(true).sendFrame(joined([to, from, this.#rest]), bytes, this.#beside);
  }
}

/** The VLAN tag that the kernel keeps apart from the header. */
function tagOf(message: PacketMessage): Uint8Array {
  const tag = ownTag(message);
  if (tag === undefined) return new Uint8Array(0);
  const bytes = new DataView(new ArrayBuffer(TAG_SIZE));
  bytes.setUint16(0, tag.protocol);
  bytes.setUint16(2, tag.tci);
  return new Uint8Array(bytes.buffer);
}

/** IEEE 802: the lowest bit of the first byte. */
function isGroup([first = 0]: Uint8Array): boolean {
  return (first & 1) !== 0;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
