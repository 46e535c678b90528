/** What captures hold, whatever their format. */

/**
 * What a captured packet begins with (https://www.tcpdump.org/linktypes.html): the headers that
 * {@linkcode networkLayerOf} knows.
 */
export const LINK_TYPE = {
  /** A protocol family, 4 bytes in the byte order of the machine that captured. */
  NULL: 0,
  ETHERNET: 1,
  /** An IPv4 or IPv6 header: what nfnetlink_queue hands out. */
  RAW: 101,
  /** As NULL, big-endian. */
  LOOP: 108,
  /** Linux's "any" device ("cooked"). */
  LINUX_SLL: 113,
  IPV4: 228,
  IPV6: 229,
  LINUX_SLL2: 276,
} as const;

/** Where packets were captured. */
export interface CaptureInterface {
  /** The device's name; absent in pcap. */
  readonly name?: string | undefined;
  /** What the device is, in words; absent in pcap. */
  readonly description?: string | undefined;
  /** See {@linkcode LINK_TYPE}; any 16-bit number. */
  readonly linkType: number;
  /** Most bytes of a packet that were kept; 0 for no limit. */
  readonly snapLength: number;
  /** What was counted until the end of the capture, where the file tells. */
  readonly statistics?: CaptureStatistics | undefined;
}

/** Counters of an interface (pcapng's Interface Statistics Block), in packets. */
export interface CaptureStatistics {
  /** Packets that arrived. */
  readonly received?: number | undefined;
  /** Packets that the interface had no room for. */
  readonly dropped?: number | undefined;
  /** Packets that the operating system had no room for: overruns, and a queue that was full. */
  readonly systemDropped?: number | undefined;
  /** Packets that reached the program. */
  readonly delivered?: number | undefined;
}

/** What became of a packet, as a recording's comment tells it. */
export interface CapturedVerdict {
  /** `"accept"`, `"drop"`, `"repeat"`, `"stop"`, or `"queue 7"`. */
  readonly verdict: string;
  /** The mark that went with it (32 bits); absent where none was set. */
  readonly mark?: number | undefined;
}

/** One captured packet. All but `bytes` and `timestamp` may be absent. */
export interface CapturedPacket {
  /** From the link header on; a copy, yours. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Bytes of the whole packet, captured or not; `bytes.length` where it is absent. */
  readonly length?: number | undefined;
  /** Microseconds since 1970, UTC; 0 where the file has none. */
  readonly timestamp: number;
  /** Nanoseconds beyond `timestamp`: 0 to 999. */
  readonly nanoseconds?: number | undefined;
  /** Where it was captured; in a file that is written, RAW without a name. */
  readonly interface?: CaptureInterface | undefined;
  /** Two blocks with the same number (0 to 2**53-1) are of one packet: as it came, and changed. */
  readonly id?: number | undefined;
  /** The queue, or the number of the receive queue of a network card (32 bits). */
  readonly queue?: number | undefined;
  /** Which way it went through the interface; absent in pcap. */
  readonly direction?: "inbound" | "outbound" | undefined;
  /** The transport checksum was not computed yet: it looks wrong, and is not. */
  readonly checksumNotReady?: boolean | undefined;
  /** Several segments in one packet. */
  readonly gso?: boolean | undefined;
  /** Of people and programs. */
  readonly comments?: readonly string[] | undefined;
  /** Read from and written as a comment: `verdict accept, mark 0x7`. */
  readonly verdict?: CapturedVerdict | undefined;
}
