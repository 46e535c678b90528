/**
 * A socket's receive buffer, which packets and the kernel's answers share.
 *
 * @module
 */

/** Bytes that are kept free for answers, and more than one takes (832 seen). */
const ANSWERS = 1 << 20;
const ANSWER = 1024;

/** How full a receive buffer is. */
export interface BufferUse {
  /** Bytes that wait, as the kernel counts them. */
  readonly used: number;
  /** The most; 0 where that is not known. */
  readonly most: number;
}

/** How many answers are to find room, and whether they may not do so now. */
export function answerRoom(
  { used, most }: BufferUse,
): { readonly answers: number; readonly crowded: boolean } {
  const room = most === 0 ? ANSWERS : Math.min(ANSWERS, most / 2);
  return {
    answers: Math.max(1, Math.floor(room / ANSWER)),
    crowded: most > 0 && most - used < room,
  };
}
