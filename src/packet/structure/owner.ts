// The owner of memory that packets are lent from, and on what terms their bytes may be changed.

/** On what terms an owner lets the bytes of a packet be changed. */
export interface EditTerms {
  /** Most bytes that the packet may grow to. */
  readonly maxLength: number;
  /** Fewest that it may shrink to. */
  readonly minLength: number;
  /**
   * The transport checksum is not computed yet: the owner computes it whole in the end, and edits
   * leave it alone.
   */
  readonly partialChecksum: boolean;
  /** The memory must stay as it is: the first change moves the packet into memory of its own. */
  readonly readOnly: boolean;
  /** Free bytes right behind the packet, in the same memory, which it may grow into. */
  readonly roomBehind: number;
}

/**
 * The owner of the memory of packets: asked when one of them is about to be changed. One object for
 * all of them; `subject` tells which packet it is about.
 */
export interface BytesOwner<Subject> {
  /** Asked once, before the first change. Throws what the writer is to get instead. */
  terms(subject: Subject): EditTerms;
  /** Asked before the packet gets `length` bytes by a change at byte `at`. Throws to refuse. */
  checkLength(subject: Subject, length: number, at: number): void;
  /**
   * Asked before a change of what is read of the IP headers on the way: IPv4's options, and the
   * length of IPv6's hop-by-hop options. `had` tells whether there are any. Throws to refuse.
   */
  checkHeaders(subject: Subject, had: boolean): void;
}

/** The terms of memory that nobody else looks at. */
export const OWN_MEMORY: EditTerms = {
  maxLength: Infinity,
  minLength: 0,
  partialChecksum: false,
  readOnly: false,
  roomBehind: 0,
};

/** Memory, and a view over the same. */
export interface Memory {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}
