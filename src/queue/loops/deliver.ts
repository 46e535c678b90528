/**
 * Hands one packet to a handler and takes what comes back.
 *
 * @module
 */

import type { Engine } from "./engine.ts";
import { PacketReleasedError } from "../../base/errors.ts";
import { show } from "../../base/checks.ts";
import { VerdictError } from "../packet/errors.ts";
import { IS_OVERTAKEN, SETTLE_BY_HANDLER } from "../packet/friends.ts";
import type { Packet } from "../packet/packet.ts";
import { isVerdict, type Verdict } from "../packet/verdict.ts";

/** What a handler may return: a verdict, or nothing after calling a method of the packet. */
export type HandlerResult = Verdict | void;

/** Decides about packets at once. */
export type SyncHandler = (packet: Packet) => HandlerResult;

/** Decides about packets, at once or with a promise. */
export type Handler = (packet: Packet) => HandlerResult | Promise<HandlerResult>;

/**
 * Calls the handler.
 *
 * @returns the handler's promise, undefined when the packet's turn has ended
 * @throws what the handler throws, after the packet got the verdict for errors, where `onHandlerError`
 * says so
 */
export function deliver(
  engine: Engine,
  packet: Packet,
  handler: Handler,
): PromiseLike<HandlerResult> | undefined {
  try {
    const result = handler(packet);
    if (isPromise(result)) return result;
    conclude(engine, packet, result);
  } catch (error) {
    if (engine.fail(packet, error)) throw error;
  }
  return undefined;
}

/**
 * Waits for an async handler's verdict.
 *
 * @param failed hears of a rejection, after the packet got the verdict for errors
 */
export async function settleLater(
  engine: Engine,
  packet: Packet,
  { promise, failed }: {
    promise: PromiseLike<HandlerResult>;
    failed: (error: unknown) => void;
  },
): Promise<void> {
  try {
    conclude(engine, packet, await promise);
  } catch (error) {
    let ends = true;
    try {
      // A handler whose packet was taken from it has nothing to say any more.
      if (packet[IS_OVERTAKEN] && isTooLate(error)) return;
      ends = engine.fail(packet, error);
    } catch {
      // The send found no memory: the packet stays undecided, and close() tries again. Or it threw a
      // proxy, which throws when it is looked at.
    }
    if (ends) failed(error);
  }
}

function isTooLate(error: unknown): boolean {
  return error instanceof VerdictError || error instanceof PacketReleasedError;
}

function conclude(engine: Engine, packet: Packet, result: unknown): void {
  if (isVerdict(result)) packet[SETTLE_BY_HANDLER](result);
  else if (result === undefined) engine.leave(packet);
  else {
    throw new VerdictError(
      packet.id,
      `a handler returns Verdict.Drop, Accept, Repeat or Stop, got ${show(result)}` +
        (result === 3 ? "; to send it to another queue call packet.requeue(number)" : ""),
    );
  }
}

function isPromise(value: unknown): value is PromiseLike<HandlerResult> {
  return typeof value === "object" && value !== null && "then" in value;
}
