/**
 * Marks of packets that are this library's own. Installed rules know them: an answer to a packet would else
 * come to the queue again. The letters "nfq" and a number.
 *
 * @module
 */

/** All of them: 0x6e667100 to 0x6e6671ff. */
export const OWN_MARKS = { value: 0x6e667100, mask: 0xffffff00 } as const;
/** The mark of packets that this library sends itself. */
export const INJECTED_MARK = 0x6e667101;
/** The same, of those that connection tracking must not see. */
export const UNTRACKED_MARK = 0x6e667102;
/** A queued packet that gets one of these and is repeated meets a rule of ours, by which the kernel rejects it. */
export const REJECT_MARKS = {
  "tcp-reset": 0x6e667110,
  "port-unreachable": 0x6e667111,
  "host-unreachable": 0x6e667112,
  "network-unreachable": 0x6e667113,
  "admin-prohibited": 0x6e667114,
} as const;
/** What the kernel tells the sender of such a packet. */
export type RejectedAs = keyof typeof REJECT_MARKS;

/** Whether it is one of them. */
export function isOwnMark(mark: number | undefined): boolean {
  return mark !== undefined && (mark & OWN_MARKS.mask) === OWN_MARKS.value;
}

/** Whether a packet with this mark was sent by this library. */
export function isInjected(mark: number | undefined): boolean {
  return mark === INJECTED_MARK || mark === UNTRACKED_MARK;
}
