/**
 * What can go wrong between a program and its handles. Failures of the system are `SystemError`s.
 *
 * @module
 */

/** A handle was used after it was closed, or data after the callback that it belongs to. */
export class HandleClosedError extends Error {
  /** Always `"HandleClosedError"`. */
  override readonly name = "HandleClosedError";

  /**
   * The message is the two, one behind the other.
   *
   * @param what the object, as the message shall name it
   * @param why what ended it
   */
  constructor(what: string, why: string = "is closed") {
    super(`${what} ${why}`);
  }
}
