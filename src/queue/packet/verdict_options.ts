/**
 * What the methods of a packet that give a verdict take.
 *
 * @module
 */

/**
 * A packet mark (nfmark) in host order, 0 to 0xffffffff: a number replaces the whole mark,
 * `{ value, mask }` only the bits that are set in `mask`.
 */
export type Mark = number | { readonly value: number; readonly mask: number };

/** Options that every verdict but drop takes. What is absent stays as it is. */
export interface VerdictOptions {
  /** The mark the packet goes on with. */
  readonly mark?: Mark | undefined;
  /** Its new priority (skb->priority), 0 to 0xffffffff; kernels before 5.18 ignore it. */
  readonly priority?: number | undefined;
  /** The VLAN tag that it goes on with; bridge family only. */
  readonly vlan?: VlanOptions | undefined;
  /** Its new layer-2 header, as long as its own; bridge family only. */
  readonly layer2Header?: Uint8Array | undefined;
  /** Changes of its connection tracking entry; needs the queue's option `conntrack`. */
  readonly conntrack?: ConntrackOptions | undefined;
}

/** The names of those options. */
export const VERDICT_KEYS: readonly string[] = [
  "mark",
  "priority",
  "vlan",
  "layer2Header",
  "conntrack",
] satisfies (keyof VerdictOptions)[];

/** A VLAN tag to carry. What is absent is taken from the packet's own tag, or else is 0. */
export interface VlanOptions {
  /** VLAN id, 0 to 4095. */
  readonly id?: number | undefined;
  /** Priority code point, 0 to 7. */
  readonly priority?: number | undefined;
  /** Whether it may be dropped first. */
  readonly dropEligible?: boolean | undefined;
  /** Ethertype of the tag, 0 to 0xffff: 0x8100 (802.1Q, the default) or 0x88a8 (802.1ad). */
  readonly protocol?: number | undefined;
}

/** Changes of a packet's connection tracking entry. */
export interface ConntrackOptions {
  /** The connection mark (ctmark). */
  readonly mark?: Mark | undefined;
  /**
   * Labels, numbered 0 to 127: exactly these, or some to set and some to clear. The kernel keeps labels
   * only for connections that began while a rule with `connlabel` (nft: `ct label`) existed in the
   * namespace, and does not tell when it could not.
   */
  readonly labels?:
    | readonly number[]
    | { readonly set?: readonly number[]; readonly clear?: readonly number[] }
    | undefined;
  /** Seconds until the entry expires, 0 to 0xffffffff. A later packet of the connection renews it. */
  readonly timeout?: number | undefined;
  /** A connection to expect because of this one, as helpers (FTP, SIP) do. */
  readonly expectation?: ExpectationOptions | undefined;
}

/**
 * A connection that is to count as RELATED. This one needs a helper, given by a rule with `CT`. What
 * NAT is to make of it (CTA_EXPECT_NAT) cannot be said.
 */
export interface ExpectationOptions {
  /** Where it comes from; without it from anywhere. */
  readonly source?: string | undefined;
  /** From which port; without it from any. */
  readonly sourcePort?: number | undefined;
  /** Where it goes to, of the same family. */
  readonly destination: string;
  /** To which port. */
  readonly destinationPort: number;
  /** Protocol number: 6 is TCP, 17 UDP. */
  readonly protocol: number;
  /** Name of the helper that it gets itself, 1 to 15 bytes. */
  readonly helper?: string | undefined;
  /** Class of the helper's expectations, 0 to 0xffffffff; decides how long it is expected. */
  readonly class?: number | undefined;
  /** Expect any number of them, not one. Default false. */
  readonly permanent?: boolean | undefined;
}
