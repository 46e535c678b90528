// Bytes as text for people and for JSON.

const HEX_BYTE: readonly string[] = Array.from(
  { length: 256 },
  (_, value) => value.toString(16).padStart(2, "0"),
);
const ROW = 16;

/** Bytes as lower-case hex, two digits each and nothing between them. */
export function formatHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += HEX_BYTE[byte];
  return text;
}

/** A number as `0x0800`, with that many digits at least. */
export function hexNumber(value: number, digits: number): string {
  return `0x${value.toString(16).padStart(digits, "0")}`;
}

/** Lines of 16 bytes: where the line begins, the bytes in hex, those of them that are ASCII. */
export function hexDump(bytes: Uint8Array): string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += ROW) {
    const row = bytes.subarray(at, at + ROW);
    const half = (from: number) =>
      Array.from(row.subarray(from, from + ROW / 2), (byte) => HEX_BYTE[byte]).join(" ");
    const digits = `${half(0)}  ${half(ROW / 2)}`.padEnd(3 * ROW);
    const letters = Array.from(
      row,
      (byte) => byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".",
    );
    lines.push(`${at.toString(16).padStart(4, "0")}  ${digits}  ${letters.join("")}`);
  }
  return lines;
}
