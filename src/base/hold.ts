/**
 * What a callback of `TcpStreams` returns to get the same bytes again, with more: nothing goes on until
 * then.
 */
export const HOLD: unique symbol = Symbol("HOLD");
