/**
 * The few primitives that QUIC's Initial packets need, by node:crypto. It is loaded at the first call,
 * so that browsers can import what uses this. Nothing here calls C.
 *
 * @module
 */

type Bytes = Uint8Array<ArrayBufferLike>;

/** What is used of node:crypto. */
interface NodeCrypto {
  createHmac(hash: "sha256", key: Bytes): { update(data: Bytes): { digest(): Bytes } };
  createCipheriv(
    cipher: "aes-128-ecb",
    key: Bytes,
    iv: null,
  ): { setAutoPadding(on: boolean): unknown; update(data: Bytes): Bytes };
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

/** HMAC with SHA-256: 32 bytes. @throws {Error} where there is no node:crypto */
export function hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array {
  return nodeCrypto().createHmac("sha256", key).update(data).digest();
}

/** One block of 16 bytes through AES-128. @throws {Error} where there is no node:crypto */
export function encryptBlock(key: Uint8Array, block: Uint8Array): Uint8Array {
  const cipher = nodeCrypto().createCipheriv("aes-128-ecb", key, null);
  cipher.setAutoPadding(false);
  return cipher.update(block);
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
