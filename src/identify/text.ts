import { partOf } from "../base/bytes.ts";

const CHUNK = 4096;
const decoder = new TextDecoder();

/** One character a byte (ISO 8859-1): no byte is lost. */
export function byteText(bytes: Uint8Array, from: number, to: number): string {
  let text = "";
  // Arguments lie on the stack.
  for (let at = from; at < to; at += CHUNK) {
    text += String.fromCharCode.apply(
      undefined,
      partOf(bytes, at, Math.min(at + CHUNK, to)) as unknown as number[],
    );
  }
  return text;
}

/** ASCII's letters alone: others would change into ASCII's, as the Kelvin sign does. */
export function lowerCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** A name of a host as names are compared: in lower case, and without the dot of the root. */
export function hostName(text: string): string {
  const lower = lowerCase(text);
  return lower.length > 1 && lower.endsWith(".") ? lower.slice(0, -1) : lower;
}

/** ASCII or UTF-8; what is neither becomes U+FFFD. */
export function utf8Text(bytes: Uint8Array, from: number, to: number): string {
  const text = byteText(bytes, from, to);
  if (/^[\0-\x7f]*$/.test(text)) return text;
  // A copy: a decoder does not take every kind of memory.
  return decoder.decode(Uint8Array.from(text, (character) => character.charCodeAt(0)));
}
