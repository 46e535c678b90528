import type { BytesPlace, LEND } from "../packet/structure/lent.ts";

/** What `TcpStreams` needs of a packet: a `Packet` of a queue has it all. */
export interface StreamPacket {
  /** The captured bytes from the network header on. */
  readonly payload: Uint8Array;
  /** Whether `payload` holds less than the packet. */
  readonly truncated: boolean;
  /** The transport checksum is not computed yet. */
  readonly checksumNotReady: boolean;
  /** Several segments in one packet. */
  readonly gso: boolean;
  /** Where it was caught. Without it connection tracking sees all packets of our own. */
  readonly hook?: string;
  /** Makes other bytes go on in its place. */
  replacePayload(bytes: Uint8Array): void;
  /** Discards it. */
  drop?(): void;
  /** Sends a packet beside it, at once, behind the verdicts that were given before. */
  send(bytes: Uint8Array, options?: { readonly untracked?: boolean | undefined }): void;
  /** @ignore The bytes without a copy. */
  [LEND]?(place: BytesPlace): void;
}

/** What the handler of `TcpStreams` returns: the values of `Verdict.Accept` and `Verdict.Drop`. */
export type StreamVerdict = 0 | 1;

/** The packet goes on. */
export const ACCEPT = 1;
/** The packet is discarded. */
export const DROP = 0;
