import { encryptBlock, hmacSha256, openSealed } from "../../../ffi/crypto.ts";
import { partOf } from "../../base/bytes.ts";
import type { InitialPacket } from "./datagram.ts";
import type { QuicVersion } from "./versions.ts";

/** With what a client's Initial packets are protected. Everybody on the way can compute it. */
export interface InitialKeys {
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
  readonly headerProtection: Uint8Array;
}

const HASH_BYTES = 32;
const KEY_BYTES = 16;
const IV_BYTES = 12;
const SAMPLE_BYTES = 16;
/** The sample begins where a packet number of the longest form would end. */
const SAMPLE_OFFSET = 4;

/** HKDF-Expand-Label (RFC 8446, 7.1) of at most one hash: its first block is all of it. */
function expandLabel(secret: Uint8Array, label: string, length: number): Uint8Array {
  const name = new TextEncoder().encode(`tls13 ${label}`);
  const info = Uint8Array.of(length >> 8, length & 0xff, name.length, ...name, 0, 1);
  return partOf(hmacSha256(secret, info), 0, length);
}

/** The keys of the client that first sent to this connection id (RFC 9001, 5.2). */
export function initialKeys(version: QuicVersion, destination: Uint8Array): InitialKeys {
  const initial = hmacSha256(version.salt, destination);
  const secret = expandLabel(initial, "client in", HASH_BYTES);
  const [key, iv, headerProtection] = version.labels;
  return {
    key: expandLabel(secret, key, KEY_BYTES),
    iv: expandLabel(secret, iv, IV_BYTES),
    headerProtection: expandLabel(secret, headerProtection, KEY_BYTES),
  };
}

/**
 * Takes the protection off a packet (RFC 9001, 5.3 and 5.4).
 *
 * @returns the frames; undefined where it is not protected with these keys
 */
export function openInitial(packet: InitialPacket, keys: InitialKeys): Uint8Array | undefined {
  const { bytes, numberAt } = packet;
  const sampleAt = numberAt + SAMPLE_OFFSET;
  if (sampleAt + SAMPLE_BYTES > bytes.length) return undefined;
  const sample = partOf(bytes, sampleAt, sampleAt + SAMPLE_BYTES);
  const mask = encryptBlock(keys.headerProtection, sample);
  const flags = bytes[0]! ^ (mask[0]! & 0x0f);
  const frames = numberAt + (flags & 3) + 1;
  const header = bytes.slice(0, frames);
  header[0] = flags;
  const nonce = keys.iv.slice();
  for (let at = numberAt; at < frames; at++) {
    header[at]! ^= mask[1 + at - numberAt]!;
    // Numbers begin at 0: the few low bytes that are sent are all of it.
    nonce[IV_BYTES - frames + at]! ^= header[at]!;
  }
  const sealed = partOf(bytes, frames, bytes.length);
  return openSealed({ key: keys.key, nonce, additional: header, sealed });
}
