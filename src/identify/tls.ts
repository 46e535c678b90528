import { partOf, write } from "../base/bytes.ts";
import { checkBytes } from "../base/checks.ts";
import { type ClientHello, readHandshake } from "./client_hello.ts";
import { type Identified, MORE, MOST_BYTES, OTHER } from "./result.ts";

const HANDSHAKE = 22;
const MAJOR = 3;
const HEADER = 5;
const LONGEST_RECORD = 16_384;

/** The length of the record that begins at `at`, or why there is none (RFC 8446, 5.1). */
function recordLength(bytes: Uint8Array, at: number): number | "more" | "other" {
  const left = bytes.length - at;
  if (left === 0) return "more";
  if (bytes[at] !== HANDSHAKE || (left > 1 && bytes[at + 1] !== MAJOR)) return "other";
  if (left < HEADER) return "more";
  const length = (bytes[at + 3]! << 8) | bytes[at + 4]!;
  return length === 0 || length > LONGEST_RECORD ? "other" : length;
}

/**
 * Reads the ClientHello with which a TLS connection begins.
 *
 * Lengths that do not add up, an extension that is there twice and a list that must not be empty are
 * no ClientHello (`"other"`): servers refuse it as well. So is SSL 2.0's hello, and one of more than 64
 * KiB. What follows the ClientHello is not looked at.
 *
 * @param bytes all that the client has sent so far: TLS records (RFC 8446, 5.1), in as many pieces as
 * it likes
 * @returns `"found"` with what the client offers; `"more"` while bytes are missing
 * @throws {TypeError} when `bytes` is not a Uint8Array; never because of what it holds
 * @example
 * ```ts
 * import { clientHello } from "@nfqueue/nfqueue/identify";
 *
 * console.log(clientHello(Uint8Array.of(22, 3, 1)).status); // more
 * console.log(clientHello(new TextEncoder().encode("GET /")).status); // other
 * ```
 */
export function clientHello(bytes: Uint8Array): Identified<ClientHello> {
  const given = checkBytes("bytes", bytes);
  const first = recordLength(given, 0);
  if (typeof first === "string") return first === "more" ? MORE : OTHER;
  // In most cases it is one record: nothing is copied.
  const end = HEADER + first;
  const result = readHandshake(given, HEADER, Math.min(end, given.length));
  if (result.status !== "more" || given.length <= end) return result;
  return acrossRecords(given);
}

function acrossRecords(bytes: Uint8Array): Identified<ClientHello> {
  const parts: Uint8Array[] = [];
  let length = 0;
  let broken = false;
  for (let at = 0; length < MOST_BYTES;) {
    const record = recordLength(bytes, at);
    broken = record === "other";
    if (typeof record === "string") break;
    at += HEADER;
    const part = partOf(bytes, at, Math.min(at + record, bytes.length));
    parts.push(part);
    length += part.length;
    at += record;
    if (at > bytes.length) break;
  }
  const message = new Uint8Array(new ArrayBuffer(length));
  let at = 0;
  for (const part of parts) {
    write(message, at, part);
    at += part.length;
  }
  const result = readHandshake(message, 0, length);
  return broken && result.status === "more" ? OTHER : result;
}
