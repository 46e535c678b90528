/**
 * The local sockets of a packet.
 *
 * @module
 */

import { SOCKET_STATE, type SocketAnswer, type SocketEnds } from "../netlink/sock_diag.ts";
import type { DiagSocket } from "./diag_socket.ts";
import { pingSockets, rawSockets } from "./listed_sockets.ts";
import type { FoundSocket, LocalEnds } from "./socket_ends.ts";

const TCP = 6;
const UDP = 17;
const UDPLITE = 136;
const ICMP: Readonly<Record<number, 4 | 6>> = { 1: 4, 58: 6 };

const { CLOSE, CLOSE_WAIT, ESTABLISHED, LISTEN, NEW_SYN_RECV, SYN_RECV, SYN_SENT } = SOCKET_STATE;

/** States of a connection that waits to be accepted, if no process has it. */
const NOT_ACCEPTED: ReadonlySet<number> = new Set([
  ...[ESTABLISHED, CLOSE_WAIT, SYN_RECV, NEW_SYN_RECV],
]);

/** How well a socket fits, the best last. Within a number the kernel makes no difference. */
const FIT = { NONE: 0, TRANSLATED: 1, ANY_ADDRESS: 2, ADDRESS: 3, CONNECTED: 4 } as const;

/** All sockets that may have sent the packet, or will get it. Empty where there is none. */
export function localSockets(diag: DiagSocket, ends: LocalEnds): readonly FoundSocket[] {
  const found = (FINDERS[ends.protocol] ?? noSockets)(diag, ends);
  return found.length > 0 ? found : rawSockets(ends);
}

/** The one socket with these ends, quickly; undefined where it takes a list to tell. */
export function exactSocket(diag: DiagSocket, ends: LocalEnds): FoundSocket | undefined {
  if (ends.protocol === TCP) {
    const answer = diag.find(tcpEnds(ends));
    return answer !== undefined && isNotAccepted(answer) ? undefined : tcpSocket(answer);
  }
  if (ends.protocol !== UDP && ends.protocol !== UDPLITE) return undefined;
  return udpSocket(diag.find(udpEnds(ends)), ends.protocol);
}

type Finder = (diag: DiagSocket, ends: LocalEnds) => readonly FoundSocket[];

const FINDERS: Readonly<Record<number, Finder>> = {
  [TCP]: tcpSockets,
  [UDP]: udpSockets,
  [UDPLITE]: udpSockets,
  1: pings,
  58: pings,
};

function noSockets(): readonly FoundSocket[] {
  return [];
}

function tcpEnds(ends: LocalEnds): SocketEnds {
  const { local, localPort, remote, remotePort } = ends;
  const from = { source: local, sourcePort: localPort };
  return { ...ends, ...from, destination: remote, destinationPort: remotePort };
}

function udpEnds(ends: LocalEnds): SocketEnds {
  const { local, localPort, remote, remotePort } = ends;
  const from = { source: remote, sourcePort: remotePort };
  return { ...ends, ...from, destination: local, destinationPort: localPort };
}

function tcpSockets(diag: DiagSocket, ends: LocalEnds): readonly FoundSocket[] {
  const answer = diag.find(tcpEnds(ends));
  if (answer === undefined) return translated(diag, ends);
  if (!isNotAccepted(answer)) return [tcpSocket(answer)!];
  const listeners = best(listAll(diag, ends, 1 << LISTEN), ends);
  return listeners.map((listener) => tcpSocket(listener)!);
}

/** A connection whose far end was translated behind the socket (NAT in `output`). */
function translated(diag: DiagSocket, ends: LocalEnds): readonly FoundSocket[] {
  // The whole table of connections is looked through, so it is done for the first packet alone.
  if (ends.side !== "output" || !ends.opening) return [];
  const raw = rawSockets(ends);
  if (raw.length > 0) return raw;
  const opening = listAll(diag, ends, 1 << SYN_SENT).filter(({ source, version }) =>
    sameAddress(source, version, ends.local)
  );
  return opening.map((answer) => {
    const { destination, destinationPort: remotePort, version } = answer;
    const mapped = ends.version === 4 && version === 6;
    const remote = mapped ? destination.slice(MAPPED) : destination.slice(0, ends.local.length);
    return { ...tcpSocket(answer)!, far: { remote, remotePort } };
  });
}

function isNotAccepted({ inode, state }: SocketAnswer): boolean {
  return inode === 0 && NOT_ACCEPTED.has(state);
}

function tcpSocket(answer: SocketAnswer | undefined): FoundSocket | undefined {
  if (answer === undefined) return undefined;
  const { state, inode, user, cookie } = answer;
  const word = state === LISTEN ? "listening" : inode === 0 ? "closed" : "open";
  return { kind: "tcp", state: word, inode, user, cookie };
}

function udpSockets(diag: DiagSocket, ends: LocalEnds): readonly FoundSocket[] {
  const { protocol } = ends;
  // The kernel knows best which of several sockets gets a packet. Of groups all do.
  if (ends.side === "input" && !isGroup(ends.local)) {
    const answer = diag.find(udpEnds(ends));
    return answer === undefined ? [] : [udpSocket(answer, protocol)!];
  }
  const states = 1 << ESTABLISHED | 1 << CLOSE;
  const all = listAll(diag, ends, states);
  const fitting = ends.side === "input"
    ? all.filter((answer) => fitOf(answer, ends) > FIT.TRANSLATED)
    : best(all, ends);
  return fitting.map((answer) => udpSocket(answer, protocol)!);
}

function udpSocket(answer: SocketAnswer | undefined, protocol: number): FoundSocket | undefined {
  if (answer === undefined) return undefined;
  const { inode, user, cookie } = answer;
  const state = inode === 0 ? "closed" : "open";
  return { kind: protocol === UDP ? "udp" : "udplite", state, inode, user, cookie };
}

function pings(_diag: DiagSocket, ends: LocalEnds): readonly FoundSocket[] {
  return ends.echo === undefined || ICMP[ends.protocol] !== ends.version ? [] : pingSockets(ends);
}

/** Sockets of a local port, of both versions: one of IPv6 may carry IPv4. */
function listAll(diag: DiagSocket, ends: LocalEnds, states: number): readonly SocketAnswer[] {
  const { protocol, localPort: port, device } = ends;
  const list = (version: 4 | 6) =>
    diag.list(
      { version, protocol, port, states },
      // A kernel that does not know the filter lists them all.
      (answer) =>
        answer.sourcePort === port && (states >> answer.state & 1) === 1 &&
        (answer.device === 0 || device === 0 || answer.device === device),
    ) ?? [];
  return ends.version === 4 ? [...list(4), ...list(6)] : list(6);
}

/** Those that fit best; of the user that the kernel named, if any are. */
function best(answers: readonly SocketAnswer[], ends: LocalEnds): readonly SocketAnswer[] {
  const { user } = ends;
  const fits = answers.map((answer) => ({ answer, fit: fitOf(answer, ends) }))
    .filter(({ fit }) => fit !== FIT.NONE);
  const owned = user === undefined ? [] : fits.filter(({ answer }) => answer.user === user);
  const among = owned.length > 0 ? owned : fits;
  const most = Math.max(...among.map(({ fit }) => fit));
  return among.filter(({ fit }) => fit === most).map(({ answer }) => answer);
}

function fitOf(answer: SocketAnswer, ends: LocalEnds): number {
  const { source, destination, version, only6 } = answer;
  const anyLocal = isAny(source, version);
  if (ends.version === 4 && version === 6 && anyLocal && only6 === true) return FIT.NONE;
  if (!anyLocal && !sameAddress(source, version, ends.local)) return FIT.NONE;
  if (answer.destinationPort === 0) return anyLocal ? FIT.ANY_ADDRESS : FIT.ADDRESS;
  const connected = answer.destinationPort === ends.remotePort &&
    sameAddress(destination, version, ends.remote);
  return connected ? FIT.CONNECTED : FIT.TRANSLATED;
}

function isAny(bytes: Uint8Array, version: 4 | 6): boolean {
  const size = version === 4 ? 4 : 16;
  for (let at = 0; at < size; at++) if (bytes[at] !== 0) return false;
  return true;
}

/** Where an IPv4 address is in one of IPv6 that stands for it, ::ffff:a.b.c.d. */
const MAPPED = 12;

/** Whether a socket's address is that of a packet. */
function sameAddress(bytes: Uint8Array, version: 4 | 6, address: Uint8Array): boolean {
  const start = version === 6 && address.length === 4 ? MAPPED : 0;
  if (start > 0) {
    for (let at = 0; at < start; at++) if (bytes[at] !== (at < 10 ? 0 : 0xff)) return false;
  }
  for (let at = 0; at < address.length; at++) if (bytes[start + at] !== address[at]) return false;
  return true;
}

/** Whether packets to an address have several receivers: multicast, and this network's broadcast. */
function isGroup(address: Uint8Array): boolean {
  if (address.length === 16) return address[0] === 0xff;
  // A broadcast of a network cannot be told without its mask: the kernel then names one socket.
  return address[0]! >> 4 === 14 || address.every((byte) => byte === 0xff);
}
