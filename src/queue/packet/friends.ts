/**
 * Methods of `Packet` for this library alone: nobody else has the symbols.
 *
 * @module
 */

/** Gives the verdict that a handler returned. */
export const SETTLE_BY_HANDLER: unique symbol = Symbol("settleByHandler");
/** Gives a verdict of the queue's own. */
export const SETTLE_BY_QUEUE: unique symbol = Symbol("settleByQueue");
/** Whether it is undecided and not held. */
export const IS_LEFT: unique symbol = Symbol("isLeft");
/** Whether its deadline, or the end of the queue, took it from its handler. */
export const IS_OVERTAKEN: unique symbol = Symbol("isOvertaken");
/** Moves an undecided packet out of the receive memory into some of its own. */
export const MOVE_OUT: unique symbol = Symbol("moveOut");
/** The packet's message; throws PacketReleasedError after the verdict. */
export const MESSAGE: unique symbol = Symbol("message");
/** Where its headers are; throws PacketReleasedError after the verdict. */
export const OUTLINE: unique symbol = Symbol("outline");
