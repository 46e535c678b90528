// The file format of libpcap (pcap-savefile(5)): a header, then a record a packet.

/** The header's first word, and what it tells: the unit of the fraction of a second, and the layout. */
export const PCAP_MAGIC = {
  MICROSECONDS: 0xa1b2c3d4,
  NANOSECONDS: 0xa1b23c4d,
  /** Records with 8 bytes more: an interface's index, a protocol, a type (Kuznetzov's patch). */
  MODIFIED: 0xa1b2cd34,
} as const;

/** Where the file header's fields are. */
export const PCAP_HEADER = { size: 24, major: 4, minor: 6, snapLength: 16, linkType: 20 } as const;

/** Where a record's are. */
export const PCAP_RECORD = {
  ...{ size: 16, modifiedSize: 24, seconds: 0, fraction: 4, captured: 8, length: 12 },
} as const;
