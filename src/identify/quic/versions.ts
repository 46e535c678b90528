/** What a long header can be of (RFC 9000, 17.2). */
export type PacketType = "initial" | "zero-rtt" | "handshake" | "retry";

/** In what a version of QUIC is unlike others, as far as a client's first packets go. */
export interface QuicVersion {
  /** Salt of the secret of Initial packets. */
  readonly salt: Uint8Array;
  /** Labels of what is made from the secret of the client: key, IV, header protection. */
  readonly labels: readonly [key: string, iv: string, headerProtection: string];
  /** By the two bits of the first byte. */
  readonly types: readonly [PacketType, PacketType, PacketType, PacketType];
}

/** Comes from servers alone (RFC 9000, 17.2.1). */
export const VERSION_NEGOTIATION = 0;

/** By number: version 1 (RFC 9000, RFC 9001, 5.2), version 2 (RFC 9369, 3). */
export const VERSIONS: ReadonlyMap<number, QuicVersion> = new Map<number, QuicVersion>([
  [0x00000001, {
    salt: Uint8Array.of(
      ...[0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17],
      ...[0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a],
    ),
    labels: ["quic key", "quic iv", "quic hp"],
    types: ["initial", "zero-rtt", "handshake", "retry"],
  }],
  [0x6b3343cf, {
    salt: Uint8Array.of(
      ...[0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93],
      ...[0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9],
    ),
    labels: ["quicv2 key", "quicv2 iv", "quicv2 hp"],
    types: ["retry", "initial", "zero-rtt", "handshake"],
  }],
]);
