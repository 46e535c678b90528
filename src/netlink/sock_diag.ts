// Questions about sockets of TCP and UDP: sock_diag(7), <linux/sock_diag.h>, <linux/inet_diag.h>. Ports and
// addresses are in network order; all else is in host order.
import { NETLINK_HEADER_SIZE, netlinkAttributes, NLM_F, writeHeader } from "./message.ts";

/** Type of the question, and of its answers. */
export const SOCK_DIAG_BY_FAMILY = 20;

/** AF_* by IP version. */
const FAMILY = { 4: 2, 6: 10 } as const;
const NLM_F_DUMP = 0x300;
/** struct inet_diag_req_v2, behind the netlink header. */
const QUESTION = { family: 0, protocol: 1, states: 4, id: 8, size: 56 } as const;
/** struct inet_diag_sockid. */
const ID = {
  sourcePort: 0,
  destinationPort: 2,
  source: 4,
  destination: 20,
  device: 36,
  cookie: 40,
};
/** struct inet_diag_msg, behind the netlink header. */
const ANSWER = { family: 0, state: 1, id: 4, user: 64, inode: 68, size: 72 } as const;
const INET_DIAG_SKV6ONLY = 11;

/** Bytes of a question with its header. */
export const QUESTION_SIZE: number = NETLINK_HEADER_SIZE + QUESTION.size;

/** States of TCP (`TCP_*` of the kernel); unconnected sockets of UDP are CLOSE, connected ones ESTABLISHED. */
export const SOCKET_STATE = {
  ESTABLISHED: 1,
  SYN_SENT: 2,
  SYN_RECV: 3,
  FIN_WAIT1: 4,
  FIN_WAIT2: 5,
  TIME_WAIT: 6,
  CLOSE: 7,
  CLOSE_WAIT: 8,
  LAST_ACK: 9,
  LISTEN: 10,
  CLOSING: 11,
  NEW_SYN_RECV: 12,
} as const;

/** Two ends of a socket, as the question names them. */
export interface SocketEnds {
  readonly version: 4 | 6;
  /** Upper-layer protocol number. */
  readonly protocol: number;
  /** 4 bytes, or 16. */
  readonly source: Uint8Array;
  readonly sourcePort: number;
  readonly destination: Uint8Array;
  readonly destinationPort: number;
  /** Index of the device that packets pass; 0 for none. */
  readonly device: number;
}

/** Which sockets are listed. */
export interface SocketList {
  readonly version: 4 | 6;
  readonly protocol: number;
  /** Of this local port alone; 0 for any. */
  readonly port: number;
  /** A bit for each state. */
  readonly states: number;
}

/** What the kernel tells of a socket. */
export interface SocketAnswer {
  /** IP version of the socket: one of version 6 may carry IPv4, with mapped addresses. */
  readonly version: 4 | 6;
  /** One of {@linkcode SOCKET_STATE}. */
  readonly state: number;
  /** 16 bytes; of version 4 the first four count. */
  readonly source: Uint8Array;
  readonly sourcePort: number;
  readonly destination: Uint8Array;
  readonly destinationPort: number;
  /** Index of the device that the socket is bound to; 0 for none. */
  readonly device: number;
  /** The two halves of a number that no other socket of this machine ever has. */
  readonly cookie: readonly [number, number];
  readonly user: number;
  /** 0 where no process has the socket. */
  readonly inode: number;
  /** A socket of version 6 that takes no IPv4; undefined where the kernel does not say it. */
  readonly only6: boolean | undefined;
}

/**
 * Writes the question for the one socket with these ends. For TCP `source` is the local end. For UDP it is
 * the remote one: the kernel has the two swapped there, and looks for the socket that gets such a packet.
 *
 * @param view at least {@linkcode QUESTION_SIZE} bytes
 */
export function writeSocketQuestion(view: DataView, ends: SocketEnds, sequence: number): void {
  const { version, protocol, source, destination } = ends;
  const id = writeQuestion(view, { version, protocol, states: ~0, flags: 0, sequence });
  view.setUint16(id + ID.sourcePort, ends.sourcePort, false);
  view.setUint16(id + ID.destinationPort, ends.destinationPort, false);
  for (let at = 0; at < source.length; at++) {
    view.setUint8(id + ID.source + at, source[at]!);
    view.setUint8(id + ID.destination + at, destination[at]!);
  }
  view.setUint32(id + ID.device, ends.device, true);
  // INET_DIAG_NOCOOKIE: whichever it is.
  view.setInt32(id + ID.cookie, -1, true);
  view.setInt32(id + ID.cookie + 4, -1, true);
}

/** Writes the question for a list of sockets; the same `view`. */
export function writeListQuestion(view: DataView, list: SocketList, sequence: number): void {
  const id = writeQuestion(view, { ...list, flags: NLM_F_DUMP, sequence });
  view.setUint16(id + ID.sourcePort, list.port, false);
}

function writeQuestion(
  view: DataView,
  { version, protocol, states, flags, sequence }: {
    readonly version: 4 | 6;
    readonly protocol: number;
    readonly states: number;
    readonly flags: number;
    readonly sequence: number;
  },
): number {
  const type = SOCK_DIAG_BY_FAMILY;
  const start = writeHeader(view, 0, QUESTION_SIZE, type, NLM_F.REQUEST | flags, sequence);
  for (let at = 0; at < QUESTION.size; at += 4) view.setUint32(start + at, 0);
  view.setUint8(start + QUESTION.family, FAMILY[version]);
  view.setUint8(start + QUESTION.protocol, protocol);
  view.setInt32(start + QUESTION.states, states, true);
  return start + QUESTION.id;
}

/**
 * Reads an answer whose netlink header is at `offset`, and whose message ends at `end`.
 *
 * @returns undefined for one that is too short
 * @throws {WireError} when its attributes do not fit
 */
export function readSocketAnswer(
  view: DataView,
  offset: number,
  end: number,
): SocketAnswer | undefined {
  const start = offset + NETLINK_HEADER_SIZE;
  if (end - start < ANSWER.size) return undefined;
  const id = start + ANSWER.id;
  const bytes = (at: number) =>
    new Uint8Array(view.buffer.slice(view.byteOffset + at, view.byteOffset + at + 16));
  let only6: boolean | undefined;
  for (const { type, offset, length } of netlinkAttributes(view, start + ANSWER.size, end)) {
    if (type === INET_DIAG_SKV6ONLY && length > 0) only6 = view.getUint8(offset) !== 0;
  }
  return {
    version: view.getUint8(start + ANSWER.family) === FAMILY[6] ? 6 : 4,
    state: view.getUint8(start + ANSWER.state),
    source: bytes(id + ID.source),
    sourcePort: view.getUint16(id + ID.sourcePort, false),
    destination: bytes(id + ID.destination),
    destinationPort: view.getUint16(id + ID.destinationPort, false),
    device: view.getUint32(id + ID.device, true),
    cookie: [
      view.getUint32(id + ID.cookie, true),
      view.getUint32(id + ID.cookie + 4, true),
    ],
    user: view.getUint32(start + ANSWER.user, true),
    inode: view.getUint32(start + ANSWER.inode, true),
    only6,
  };
}
