/**
 * The mark of packets that this library sends itself. No installed rule catches them: an answer to a
 * packet would else come to the queue again. The letters "nfq" and a number.
 */
export const INJECTED_MARK = 0x6e667101;
