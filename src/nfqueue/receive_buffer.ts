/**
 * A socket's receive buffer, which packets and the kernel's answers share.
 *
 * @module
 */

/**
 * Bytes by which the receive buffer grows for one send: for 832 a refused verdict, and for packets that
 * come meanwhile, however fast.
 */
export const ANSWER_ROOM: number = 16 << 20;
