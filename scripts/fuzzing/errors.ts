/**
 * Which errors each target's calls document; everything else that is thrown is a failure. Bad arguments
 * are TypeErrors and RangeErrors of ours, with a message that says what is wrong: those of the engine
 * count as failures (own_errors.ts tells them apart).
 */

const ARGUMENTS = ["TypeError", "RangeError"] as const;

/** Names of errors by target. */
export const DOCUMENTED = {
  /** Looking at a packet, in any way, throws nothing. */
  layers: [],
  ethernet: [],
  text: [],
  flow: [],
  /** Decoders: what the bytes are not. */
  netlink: ["WireError"],
  "packet-message": ["WireError"],
  conntrack: ["WireError"],
  verdict: ["WireError"],
  config: ["WireError"],
  "ip-queue": ["WireError"],
  /** Setters: the value, or (WireError) the packet has not, or no longer, the part to be changed. */
  edit: [...ARGUMENTS, "WireError", "HostileError"],
  "edit-frame": [...ARGUMENTS, "WireError", "HostileError"],
  /** Builders and encoders: the field that is wrong. */
  build: [...ARGUMENTS, "HostileError"],
  encode: [...ARGUMENTS, "HostileError"],
  checksum: ["RangeError"],
  address: ["RangeError"],
  /** Every entry that takes bytes: what is no Uint8Array; decoders also what the bytes are not. */
  bytes: [...ARGUMENTS, "WireError", "HostileError"],
  /** A queued packet: as setters, and what its verdict, its capture and its checksum allow. */
  packet: [
    ...[...ARGUMENTS, "WireError", "HostileError"],
    ...["TruncatedPacketError", "UnfinishedChecksumError", "VerdictError", "PacketReleasedError"],
  ],
} as const satisfies Readonly<Record<string, readonly string[]>>;
