/**
 * What is looked for, and what is found.
 *
 * @module
 */

import type { LocalSocket } from "./result.ts";

/** A socket, and what tells it from all others. */
export interface FoundSocket extends LocalSocket {
  /** Of sockets that only /proc lists both are 0. */
  readonly cookie: readonly [number, number];
  /** Its remote end as it knows it itself, where packets carry another. */
  readonly far?: Pick<LocalEnds, "remote" | "remotePort">;
}

/** Whose sockets are wanted. */
export interface LocalEnds {
  readonly version: 4 | 6;
  /** Upper-layer protocol number. */
  readonly protocol: number;
  /** 4 bytes, or 16. */
  readonly local: Uint8Array;
  readonly localPort: number;
  readonly remote: Uint8Array;
  readonly remotePort: number;
  /** Index of the device; 0 for none. */
  readonly device: number;
  /** Which way the packet goes. */
  readonly side: "output" | "input";
  /** Whether it opens a TCP connection. */
  readonly opening: boolean;
  /** Of an echo message of ICMP; undefined for others. */
  readonly echo: number | undefined;
  /** The user that the kernel named for the packet; undefined where it did not. */
  readonly user: number | undefined;
}
