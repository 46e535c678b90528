/**
 * The few primitives that QUIC's Initial packets need, by node:crypto. It is loaded at the first call,
 * so that browsers can import what uses this. Nothing here calls C.
 *
 * @module
 */

type Bytes = Uint8Array<ArrayBufferLike>;

/** What is used of node:crypto. */
interface NodeCrypto {
  hash(name: "sha256", data: Bytes, encoding: "buffer"): Bytes;
  createCipheriv(cipher: "aes-128-ecb", key: Bytes, iv: null): { update(data: Bytes): Bytes };
  createDecipheriv(
    cipher: "aes-128-gcm",
    key: Bytes,
    iv: Bytes,
    options: { readonly authTagLength: number },
  ): {
    setAAD(data: Bytes): unknown;
    setAuthTag(tag: Bytes): unknown;
    update(data: Bytes): Bytes;
    final(): unknown;
  };
}

const TAG_BYTES = 16;
let loaded: NodeCrypto | undefined;

function nodeCrypto(): NodeCrypto {
  if (loaded !== undefined) return loaded;
  const { process } = globalThis as {
    readonly process?: { getBuiltinModule?(name: "node:crypto"): NodeCrypto | undefined };
  };
  loaded = process?.getBuiltinModule?.("node:crypto");
  if (loaded === undefined) {
    throw new Error("QUIC needs node:crypto: Deno, Bun and Node have it, this runtime has not");
  }
  return loaded;
}

/** Bytes of a block of SHA-256. */
const BLOCK_BYTES = 64;

/**
 * HMAC with SHA-256 (RFC 2104): 32 bytes. Two hashes at once take half of the time that an Hmac object
 * takes in Deno, and a fifth in Bun.
 *
 * @param key 64 bytes at most
 * @throws {Error} where there is no node:crypto
 */
export function hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array {
  const { hash } = nodeCrypto();
  const keyed = (pad: number, bytes: Uint8Array) => {
    const block = new Uint8Array(new ArrayBuffer(BLOCK_BYTES + bytes.length)).fill(pad);
    for (let at = 0; at < key.length; at++) block[at]! ^= key[at]!;
    block.set(bytes, BLOCK_BYTES);
    return hash("sha256", block, "buffer");
  };
  return keyed(0x5c, keyed(0x36, data));
}

/** One block of 16 bytes through AES-128. @throws {Error} where there is no node:crypto */
export function encryptBlock(key: Uint8Array, block: Uint8Array): Uint8Array {
  // Padding would come at the end, which is never asked for.
  return nodeCrypto().createCipheriv("aes-128-ecb", key, null).update(block);
}

/** What AES-128-GCM takes; `sealed` ends with the tag of 16 bytes. */
export interface Sealed {
  readonly key: Uint8Array;
  /** 12 bytes. */
  readonly nonce: Uint8Array;
  /** What is in the clear and authenticated too. */
  readonly additional: Uint8Array;
  readonly sealed: Uint8Array;
}

/**
 * Opens what AES-128-GCM sealed.
 *
 * @returns undefined where it is not authentic
 * @throws {Error} where there is no node:crypto
 */
export function openSealed(
  { key, nonce, additional, sealed }: Sealed,
): Uint8Array | undefined {
  const end = sealed.length - TAG_BYTES;
  if (end < 0) return undefined;
  const { createDecipheriv } = nodeCrypto();
  try {
    const decipher = createDecipheriv("aes-128-gcm", key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(additional);
    decipher.setAuthTag(sealed.subarray(end));
    const opened = decipher.update(sealed.subarray(0, end));
    decipher.final();
    return opened;
  } catch {
    return undefined;
  }
}
