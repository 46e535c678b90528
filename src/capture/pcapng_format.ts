// pcapng (draft-ietf-opsawg-pcapng): blocks of a type, a length, a body, and the length again.

/** Types of blocks. All others are skipped by their length. */
export const BLOCK = {
  SECTION: 0x0a0d0d0a,
  INTERFACE: 1,
  /** Written before 2010 or so. */
  OLD_PACKET: 2,
  SIMPLE_PACKET: 3,
  STATISTICS: 5,
  PACKET: 6,
} as const;

/** Tells the byte order of all that follows in the section. */
export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

/** Bytes of a block beside its body. */
export const BLOCK_FRAME = 12;
/** Bytes of a body before its options, or before the packet's bytes. */
export const BODY = {
  section: 16,
  interface: 8,
  oldPacket: 20,
  simple: 4,
  packet: 20,
  statistics: 12,
} as const;

/** Options by block; 1 is a comment in all of them. */
export const OPTION = {
  END: 0,
  COMMENT: 1,
  SECTION: { APPLICATION: 4 },
  INTERFACE: { NAME: 2, DESCRIPTION: 3, RESOLUTION: 9, OFFSET: 14 },
  PACKET: { FLAGS: 2, ID: 5, QUEUE: 6 },
  STATISTICS: { RECEIVED: 4, DROPPED: 5, SYSTEM_DROPPED: 7, DELIVERED: 8 },
} as const;

/** Bits of OPTION.PACKET.FLAGS. */
export const PACKET_FLAG = {
  INBOUND: 1,
  OUTBOUND: 2,
  DIRECTION: 3,
  CHECKSUM_NOT_READY: 1 << 9,
  SEGMENTS: 1 << 11,
} as const;

/** A length rounded up to whole words, as bodies and options are padded. */
export function padded(length: number): number {
  return Math.ceil(length / 4) * 4;
}
