/** Inputs from valid ones: a few bytes are changed, moved, repeated, put in or taken out. */
import type { Random } from "./random.ts";

const BYTES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 0x0f, 0x10, 0x40, 0x45, 0x60, 0x7f, 0x80, 0xfe, 0xff];
const WORDS = [0, 1, 3, 4, 5, 7, 8, 15, 16, 20, 24, 40, 0x7fff, 0x8000, 0xfffc, 0xffff];
const MOST_CHANGES = 6;
const LONGEST_NOISE = 256;
/** What grows stays below this, unless it was longer to begin with. */
const LONGEST_GROWN = 4096;

/** Long inputs take long: one in so many is made of one. */
const RARE = 512;

/** What inputs are made of. */
export interface Corpus {
  readonly corpus: readonly Uint8Array[];
  readonly long?: readonly Uint8Array[];
}

/** Writes an input to the beginning of `to`; returns its length. */
export function mutate(to: Uint8Array, { corpus, long = [] }: Corpus, random: Random): number {
  if (corpus.length === 0 || random.once(32)) return noise(to, random);
  const from = random.pick(long.length > 0 && random.once(RARE) ? long : corpus);
  to.set(from);
  let length = from.length;
  // Some are tried as they are.
  for (let left = random.below(MOST_CHANGES + 1); left > 0; left--) {
    length = change(to, length, random);
  }
  return length;
}

function noise(to: Uint8Array, random: Random): number {
  const length = random.below(LONGEST_NOISE);
  for (let at = 0; at < length; at++) to[at] = random.word();
  // Half of it begins like an IP header.
  if (length > 0 && random.once(2)) to[0] = (to[0]! & 0x0f) | (random.once(2) ? 0x40 : 0x60);
  return length;
}

function change(to: Uint8Array, length: number, random: Random): number {
  if (length === 0) return noise(to, random);
  // Headers are in front: most changes are there.
  const at = random.below(random.once(3) ? length : Math.min(length, 80));
  switch (random.below(12)) {
    case 0:
      to[at]! ^= 1 << random.below(8);
      return length;
    case 1:
    case 2:
      to[at] = random.pick(BYTES);
      return length;
    case 3:
      to[at] = random.word();
      return length;
    case 4:
    case 5: {
      if (at + 2 > length) return length;
      const word = random.once(3) ? length - random.below(8) : random.pick(WORDS);
      // Netlink's lengths are little-endian, those of packets big-endian.
      const big = random.once(2);
      to[at] = big ? word >> 8 : word;
      to[at + 1] = big ? word : word >> 8;
      return length;
    }
    case 6: {
      if (at + 4 > length) return length;
      const value = random.once(2) ? 0xffffffff : random.word();
      for (let byte = 0; byte < 4; byte++) to[at + byte] = value >>> (8 * byte);
      return length;
    }
    case 7:
      // Cut anywhere, or by a few bytes.
      return random.once(2) ? random.below(length + 1) : Math.max(0, length - random.below(9));
    case 8: {
      const size = Math.min(1 + random.below(16), length - at);
      to.copyWithin(at, at + size, length);
      return length - size;
    }
    case 9: {
      const size = 1 + random.below(16);
      if (length + size > LONGEST_GROWN) return length;
      to.copyWithin(at + size, at, length);
      for (let byte = 0; byte < size; byte++) to[at + byte] = random.word();
      return length + size;
    }
    case 10: {
      const size = Math.min(1 + random.below(32), length - at);
      to.copyWithin(random.below(length - size + 1), at, at + size);
      return length;
    }
    default: {
      // Longer at the end: padding, or more of the same.
      const size = random.below(40);
      if (length + size > LONGEST_GROWN) return length;
      to.fill(random.once(2) ? 0 : random.word(), length, length + size);
      return length + size;
    }
  }
}
