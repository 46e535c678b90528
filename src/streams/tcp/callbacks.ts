import { HOLD } from "../../base/hold.ts";
import { copyOf, fixed, isShared } from "../../base/bytes.ts";
import { checkBytes, checkInteger, checkKeys, show } from "../../base/checks.ts";

/** What a callback of a stream may return. */
export type StreamResult =
  | undefined
  | void
  | Uint8Array
  | typeof HOLD
  | {
    /** Goes on in place of all but the last `hold` bytes. */
    readonly data: Uint8Array;
    /** So many bytes at the end come again, with more. */
    readonly hold: number;
  };

/**
 * Sees one direction of a connection: each byte once, in order.
 *
 * @param data the next bytes; they are the program's own, unless the connection is `borrowed`. Behind `HOLD`
 * those that were held come first
 * @param stream the direction; `ended` is true at its last call
 * @returns nothing: the bytes go on as they are. A Uint8Array: these go on instead, of any length; they are
 * copied before the next call. `HOLD`:
 * all of them come again, with more. `{ data, hold }`: the last `hold` bytes do
 */
export type StreamCallback<Stream> = (data: Uint8Array, stream: Stream) => StreamResult;

/** Why a connection is not followed any more. */
export type EndReason =
  /** Both ends have closed it. */
  | "closed"
  /** One of the ends has reset it. */
  | "reset"
  /** The program has reset it, or its callback threw. */
  | "refused"
  /** A limit was reached. */
  | "limit"
  /** Nothing came for so long. */
  | "idle"
  /** The program called `pass()`. */
  | "passed"
  /** Another connection with the same addresses and ports has begun. */
  | "replaced"
  /** `streams.close()` was called. */
  | "stopped";

/** What to do with a connection. All are called synchronously: a promise is a TypeError. */
export interface ConnectionCallbacks<Stream> {
  /** What the client sends; without it that goes on untouched. */
  readonly fromClient?: StreamCallback<Stream> | undefined;
  /** What the server sends. */
  readonly fromServer?: StreamCallback<Stream> | undefined;
  /** Called once, when the connection is not followed any more. */
  readonly end?: ((reason: EndReason) => void) | undefined;
  /**
   * Promises that the callbacks return nothing: bytes are never changed or held. What comes out of order
   * then goes on at once, which is quicker where packets are lost. False by default.
   */
  readonly readOnly?: boolean | undefined;
  /**
   * Callbacks get bytes that are only lent: the next call, of any connection, overwrites them. It spares new
   * memory for each packet, which takes longer than all else. False by default.
   */
  readonly borrowed?: boolean | undefined;
}

const KEYS = ["fromClient", "fromServer", "end", "readOnly", "borrowed"] as const;

/** Throws a TypeError unless these are callbacks; undefined stays. */
export function checkCallbacks<Stream>(
  value: unknown,
): ConnectionCallbacks<Stream> | undefined {
  if (value === undefined) return undefined;
  if (isPromise(value)) {
    throw new TypeError("connection must return its callbacks at once, got a promise");
  }
  checkKeys("what connection returns", value, KEYS);
  const callbacks = value as Record<string, unknown>;
  for (const name of ["fromClient", "fromServer", "end"] as const) {
    const callback = callbacks[name];
    if (callback === undefined || typeof callback === "function") continue;
    throw new TypeError(`${name} must be a function, got ${show(callback)}`);
  }
  for (const name of ["readOnly", "borrowed"] as const) {
    const flag = callbacks[name];
    if (flag === undefined || typeof flag === "boolean") continue;
    throw new TypeError(`${name} must be true or false, got ${show(flag)}`);
  }
  return value as ConnectionCallbacks<Stream>;
}

/** What a callback wants, checked. One object serves all calls. */
export class Wish {
  /** Goes on; undefined: the bytes as they came. */
  bytes: Uint8Array | undefined = undefined;
  /** So many bytes at the end are held. */
  hold = 0;

  /**
   * Reads what a callback returned.
   *
   * @throws {TypeError | RangeError} when it is nothing that a callback may return
   */
  read(
    name: string,
    result: unknown,
    { length, readOnly }: { readonly length: number; readonly readOnly: boolean },
  ): void {
    this.bytes = undefined;
    this.hold = 0;
    if (result === undefined) return;
    if (isPromise(result)) {
      throw new TypeError(
        `${name} must return at once, got a promise: return HOLD and decide at a later call`,
      );
    }
    if (readOnly) {
      throw new TypeError(`${name} must return nothing, since its connection is readOnly`);
    }
    if (result === HOLD) this.hold = length;
    else if (result instanceof Uint8Array) this.bytes = steady(checkBytes(name, result));
    else if (typeof result === "object" && result !== null) {
      checkKeys(`what ${name} returns`, result, ["data", "hold"]);
      const { data, hold } = result as { data?: unknown; hold?: unknown };
      this.bytes = steady(checkBytes(`${name}: data`, data));
      this.hold = checkInteger(`${name}: hold`, hold, 0, length);
    } else {
      throw new TypeError(
        `${name} must return nothing, a Uint8Array, HOLD or { data, hold }, got ${show(result)}`,
      );
    }
  }
}

/** The same bytes, until the program runs again: only other threads could change them, where they are shared. */
function steady(bytes: Uint8Array): Uint8Array {
  return isShared(bytes) ? copyOf(bytes) : fixed(bytes);
}

function isPromise(value: unknown): boolean {
  return typeof value === "object" && value !== null && "then" in value;
}
