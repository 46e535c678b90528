/** Where in the stack packets are caught. */
export type RuleHook = "prerouting" | "input" | "forward" | "output" | "postrouting";

/** Which packets a rule sees: IPv4 and IPv6 (`"inet"`), one of them, or those that a bridge forwards. */
export type RuleFamily = "inet" | "ipv4" | "ipv6" | "bridge";

/** What conntrack knows of the connection. */
export type ConnectionState = "new" | "established" | "related" | "invalid" | "untracked";

/** How a range of queues shares the packets: by connection, by addresses, by processor. */
export type QueueBalance = "flow" | "addresses" | "cpu";

/** A range; both ends belong to it. */
export interface Range<Value> {
  /** Its first value. */
  readonly from: Value;
  /** Its last value, not below the first. */
  readonly to: Value;
}

/** One value, or several of which one must fit. */
export type OneOrMore<Value> = Value | readonly Value[];

/** What packets must be like. All that is given must fit. */
export interface RuleFields {
  /** A name (`"tcp"`, `"icmp"`: ICMPv6 for IPv6), or a number from 0 to 255. */
  readonly protocol?: OneOrMore<string | number> | undefined;
  /** Addresses and prefixes: `"10.0.0.1"`, `"10.0.0.0/8"`, `"fe80::/10"`. */
  readonly source?: OneOrMore<string | Range<string>> | undefined;
  /** As `source`, of the destination. */
  readonly destination?: OneOrMore<string | Range<string>> | undefined;
  /** 0 to 65535; of TCP, UDP, UDP-Lite, DCCP and SCTP where `protocol` is not given. */
  readonly sourcePort?: OneOrMore<number | Range<number>> | undefined;
  /** As `sourcePort`, of the destination. */
  readonly destinationPort?: OneOrMore<number | Range<number>> | undefined;
  /** Names of the devices that packets come in by; `"wg*"` is all that begin so. */
  readonly inDevice?: OneOrMore<string> | undefined;
  /** As `inDevice`, of the device that packets leave by. */
  readonly outDevice?: OneOrMore<string> | undefined;
  /** The state of the connection that the packet belongs to. */
  readonly state?: OneOrMore<ConnectionState> | undefined;
  /** The packet's mark, or some of its bits (32 bits, host order). */
  readonly mark?:
    | OneOrMore<number | { readonly value: number; readonly mask: number }>
    | undefined;
  /** Name or number of the user whose socket sends; only at output and postrouting. */
  readonly user?: OneOrMore<string | number> | undefined;
}

/** A rule: packets that fit go to a queue. */
export interface Rule extends RuleFields {
  /** Where in the stack packets are caught. */
  readonly hook: OneOrMore<RuleHook>;
  /** Which packets. `"inet"` by default. */
  readonly family?: RuleFamily | undefined;
  /** A number, or one of nft's names: `"raw"`, `"mangle"`, `"dstnat"`, `"filter"`, `"security"`, `"srcnat"`. */
  readonly priority?: number | string | undefined;
  /** Packets that fit one of these do not fit: each field is negated by itself. */
  readonly not?: RuleFields | undefined;
  /** Only so many packets of each connection, both directions counted; 1 to 2**31-1. */
  readonly firstPackets?: number | undefined;
  /** Matches in nft's own words; only for nft. */
  readonly expression?: string | undefined;
  /** A queue, or a range of them that share the packets; 0 to 65535. */
  readonly queue?: number | Range<number> | undefined;
  /** For a range; `"addresses"` by default. `"flow"` needs nft. */
  readonly balance?: QueueBalance | undefined;
  /** Whether packets pass where no program listens; else they are dropped. True by default. */
  readonly bypass?: boolean | undefined;
}
