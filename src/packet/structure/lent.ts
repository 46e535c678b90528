// How this library's own readers get at the bytes of a packet without a copy and without a new object.

/** Where the bytes of a packet are. The memory is borrowed until the packet's verdict. */
export interface BytesPlace {
  bytes: Uint8Array;
  /** Over the same memory as `bytes`. */
  view: DataView;
  /** Where the network header begins in both, and where the captured bytes end. */
  start: number;
  end: number;
}

/** Writes into a place where a packet's bytes are. No program has the symbol. */
export const LEND: unique symbol = Symbol("lend");
