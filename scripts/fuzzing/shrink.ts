/** A smaller input that fails in the same way: what can be left out or made zero is, as long as it fails. */
import type { Input } from "./target.ts";

/** It need not be the smallest: a slow failure would take for ever. */
const MOST_TRIES = 4000;
const MOST_TIME = 6000;

/**
 * Tries smaller ones in turn.
 *
 * @param fails whether an input still fails as the first did
 */
export function shrink(input: Input, fails: (input: Input) => boolean): Input {
  const end = performance.now() + MOST_TIME;
  let best = input;
  let tries = 0;
  const attempt = (candidate: Input): boolean => {
    if (tries++ >= MOST_TRIES || performance.now() > end || !fails(candidate)) return false;
    best = candidate;
    return true;
  };
  for (let before = -1; before !== weight(best);) {
    before = weight(best);
    fewerOperations(() => best, attempt);
    fewerBytes(() => best, attempt);
    zeros(() => best, attempt);
  }
  return best;
}

type Attempt = (candidate: Input) => boolean;

function weight({ bytes, operations }: Input): number {
  let set = 0;
  for (const byte of bytes) if (byte !== 0) set++;
  return 1000 * operations.length + 2 * bytes.length + set;
}

function fewerOperations(best: () => Input, attempt: Attempt): void {
  for (let at = best().operations.length - 1; at >= 0; at--) {
    const { bytes, operations } = best();
    attempt({ bytes, operations: operations.filter((_, index) => index !== at) });
  }
}

function fewerBytes(best: () => Input, attempt: Attempt): void {
  // From the end first: that moves nothing.
  for (let size = best().bytes.length; size >= 1; size >>= 1) {
    while (best().bytes.length >= size) {
      const { bytes, operations } = best();
      if (!attempt({ bytes: bytes.slice(0, bytes.length - size), operations })) break;
    }
  }
  for (let size = best().bytes.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at + size <= best().bytes.length;) {
      const { bytes, operations } = best();
      const shorter = new Uint8Array(bytes.length - size);
      shorter.set(bytes.subarray(0, at));
      shorter.set(bytes.subarray(at + size), at);
      if (!attempt({ bytes: shorter, operations })) at += size;
    }
  }
}

function zeros(best: () => Input, attempt: Attempt): void {
  for (let size = best().bytes.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at < best().bytes.length; at += size) {
      const { bytes, operations } = best();
      const part = bytes.subarray(at, at + size);
      if (part.every((byte) => byte === 0)) continue;
      const zeroed = bytes.slice();
      zeroed.fill(0, at, at + size);
      attempt({ bytes: zeroed, operations });
    }
  }
}
