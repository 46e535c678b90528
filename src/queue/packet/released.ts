/**
 * What a packet has in the place of its message after its verdict.
 *
 * @module
 */

import { PacketReleasedError } from "../../base/errors.ts";
import { PacketMessage } from "../../nfqueue/packet_message.ts";

function refuse(): never {
  throw new PacketReleasedError();
}

const FIELDS = [
  "store",
  "slot",
  "bytes",
  "view",
  "index",
  "base",
] satisfies (keyof PacketMessage)[];

/** Whatever is read of it throws PacketReleasedError: so no reader has to ask before it reads. */
export const RELEASED: PacketMessage = Object.create(
  null,
  Object.fromEntries(
    [...FIELDS, ...Object.getOwnPropertyNames(PacketMessage.prototype)].map((name) =>
      [name, { get: refuse }] as const
    ),
  ),
) as PacketMessage;
