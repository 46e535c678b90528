// Sequence numbers have 32 bits and wrap (RFC 9293 §3.4). They are kept as signed integers, which engines
// hold without allocating.

/** How far `a` is behind `b`: negative where it is before. */
export function distance(a: number, b: number): number {
  return (a - b) | 0;
}

/** The number so many bytes on. */
export function advance(number: number, bytes: number): number {
  return (number + bytes) | 0;
}

/** The later of the two. */
export function later(a: number, b: number): number {
  return ((a - b) | 0) >= 0 ? a : b;
}
