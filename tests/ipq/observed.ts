// What Linux 3.4.113 (x86-64, ip_queue loaded) answered to the calls of a C program over libipq
// 1.8.9, as tables of calls and results. Both transports are held to them (transports.test.ts).
//
// Where a transport cannot be the same:
// - Ids. ip_queue's are kernel addresses, 0xffff88003dd93900; over nfqueue they count from 1.
// - The last 16 of the 56 bytes that ask for a mode lie behind libipq's structure: whatever was on
//   its stack. Over nfqueue they are zeros, and so are they in the message that answers it.
// - Kernels of today turn the clock for arriving packets on a moment after the queue is bound.
// - libipq has one error for the whole process, which each line of the recorded run shows. Ours is
//   ipq_errstr() without a handle; a handle has the text of its own last failure.
// - The recorded errno of a call that succeeded (38 now and then) is what an earlier call had left
//   there, and that of one that failed without a system call is too: ours are 0.
// - The stand-in's ping is not ping's: it plays both hooks, and looks at what has become of it.
// - The stand-in plays one process. Another owner and the missing privilege are refusals that it is
//   told to give; over nfqueue they are real.

import {
  IPQ_COPY_META,
  IPQ_COPY_NONE,
  IPQ_COPY_PACKET,
  NF_ACCEPT,
  NF_STOLEN,
  NF_STOP,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
} from "../../src/ipq/constants.ts";
import { MODE_EINVAL, VERDICT_EINVAL, VERDICT_ENOENT } from "../netlink/ip_queue_samples.ts";

/** One echo request through lo, queued in OUTPUT and, IPv4's, in INPUT. */
export interface Ping {
  readonly family?: 4 | 6;
  /** Bytes of ICMP data; the packet has 28 more (IPv6: 48). */
  readonly size: number;
  /** What the data is filled with. */
  readonly pattern?: number;
  /** No answer will come. */
  readonly lost?: boolean;
}

/** One step of the script. Handles have names, so that two can be open. */
export type Call =
  | readonly ["create", handle: string, protocol: number]
  | readonly ["mode", handle: string, mode: number, range: number]
  /** Timeout in microseconds; the buffer has 4096 bytes. */
  | readonly ["read", handle: string, timeout: number, length?: number]
  /** `last`: the packet that was read last. `mangled`: with data byte 32 turned over. */
  | readonly ["verdict", handle: string, id: "last" | number, verdict: number, data?: "mangled"]
  | readonly ["destroy", handle: string]
  | readonly ["ping", ping: Ping]
  /** The ping's end: answers received. */
  | readonly ["pinged"]
  /** Packets that wait for a verdict, by the kernel's own statistics. */
  | readonly ["length"];

/** A call and what came of it. What is left out was not recorded. */
export interface Row {
  readonly call: Call;
  /** What the C function gave; a handle is 1, NULL 0. */
  readonly result: number;
  /** The system's, where the call failed. */
  readonly errno?: number;
  /** `ipq_errstr()` after the call, which only failures change. */
  readonly errstr?: string;
  /** How the C program printed the message; see {@link output}. */
  readonly message?: string;
  /** The whole message as it was recorded. Its sender's process id was 66. */
  readonly bytes?: Uint8Array;
  /** What ping had to say of the data. */
  readonly wrong?: string;
  /** Milliseconds that passed at least. */
  readonly takes?: number;
}

/** `id` stands for every id, `<arrival>` for the time that the packet came in. */
const packet = (length: number) => `type=19 nlmsg_len=${length} flags=0 seq=0 pid=0 id mark=0`;
/** A packet on its way out. */
const output = (length: number, data: number) =>
  `${packet(length)} ts=0.000000 hook=3 in= out=lo proto=0000 type=0 alen=0 hw=0000 len=${data}`;
/** And on its way in. The protocol is in network order, printed as the number it is in C. */
const input = (length: number, data: number) =>
  `${packet(length)} ts=<arrival> hook=1 in=lo out= proto=0008 type=772 alen=6 hw=0000 len=${data}`;

const second = 1_000_000;
const unknown = "Unknown error";
const bind = "Unable to bind netlink socket";
const size = "Receive buffer size invalid";
const expired = "Timeout";

/** The run of which every byte on the wire was recorded, in its order. */
const wire: readonly Row[] = [
  { call: ["create", "h", NFPROTO_IPV4], result: 1, errstr: unknown },
  { call: ["create", "second", NFPROTO_IPV4], result: 0, errno: 98, errstr: bind },
  { call: ["create", "v6", NFPROTO_IPV6], result: 1 },
  { call: ["mode", "h", 77, 0], result: 56, errstr: bind },
  {
    call: ["read", "h", second],
    ...{ result: 76, errstr: bind, bytes: MODE_EINVAL },
    message: "type=2 msgerr=22(Invalid argument)",
  },
  { call: ["verdict", "h", 12345, NF_ACCEPT], result: 40, errstr: bind },
  {
    call: ["read", "h", second],
    ...{ result: 60, errstr: bind, bytes: VERDICT_ENOENT },
    message: "type=2 msgerr=2(No such file or directory)",
  },
  { call: ["verdict", "h", 12345, 99], result: 40, errstr: bind },
  {
    call: ["read", "h", second],
    ...{ result: 60, errstr: bind, bytes: VERDICT_EINVAL },
    message: "type=2 msgerr=22(Invalid argument)",
  },
  { call: ["mode", "h", IPQ_COPY_PACKET, 4096], result: 56, errstr: bind },
  { call: ["read", "h", 1000, 10], result: -1, errno: 0, errstr: size },
  { call: ["read", "h", second / 5], result: 0, errstr: expired, takes: 200 },
  { call: ["read", "h", -1], result: 0, errstr: expired },
  { call: ["ping", { size: 56 }], result: 1 },
  { call: ["read", "h", 3 * second], result: 196, errstr: expired, message: output(196, 84) },
  { call: ["read", "h", 1000, 64], result: 0, errstr: expired, takes: 1 },
  { call: ["verdict", "h", "last", NF_ACCEPT], result: 40, errstr: expired },
  { call: ["read", "h", 3 * second], result: 196, errstr: expired, message: input(196, 84) },
  { call: ["verdict", "h", "last", NF_ACCEPT], result: 40, errstr: expired },
  { call: ["destroy", "h"], result: 0, errstr: expired },
  { call: ["pinged"], result: 1 },
];

/** A ping whose packet and message have these lengths: both are read and accepted. */
const accepted = (length: number, data: number, bytes = 56): readonly Row[] => [
  { call: ["ping", { size: bytes }], result: 1 },
  { call: ["read", "h", 3 * second], result: length, message: output(length, data) },
  { call: ["verdict", "h", "last", NF_ACCEPT], result: 40 },
  { call: ["read", "h", 3 * second], result: length, message: input(length, data) },
  { call: ["verdict", "h", "last", NF_ACCEPT], result: 40 },
  { call: ["pinged"], result: 1 },
];

const packets: readonly Row[] = [
  { call: ["create", "h", NFPROTO_IPV4], result: 1 },
  // Before any mode is set.
  { call: ["ping", { size: 56, lost: true }], result: 1 },
  { call: ["read", "h", second / 5], result: 0, errstr: expired, takes: 200 },
  { call: ["pinged"], result: 0 },
  // META.
  { call: ["mode", "h", IPQ_COPY_META, 0], result: 56 },
  ...accepted(112, 0),
  // PACKET, range 30, which is odd; then range 0, an odd packet.
  { call: ["mode", "h", IPQ_COPY_PACKET, 30], result: 56 },
  ...accepted(144, 30),
  { call: ["mode", "h", IPQ_COPY_PACKET, 0], result: 56 },
  ...accepted(200, 85, 57),
  // What NF_STOLEN leaves queued can be accepted; NF_STOP ends it.
  { call: ["ping", { size: 56 }], result: 1 },
  { call: ["read", "h", 3 * second], result: 196, message: output(196, 84) },
  { call: ["verdict", "h", "last", NF_STOLEN], result: 40 },
  {
    call: ["read", "h", second],
    ...{ result: 60, message: "type=2 msgerr=22(Invalid argument)" },
  },
  { call: ["verdict", "h", "last", NF_ACCEPT], result: 40 },
  { call: ["read", "h", 3 * second], result: 196, message: input(196, 84) },
  { call: ["verdict", "h", "last", NF_STOP], result: 40 },
  { call: ["pinged"], result: 1 },
  // A byte of the payload.
  { call: ["ping", { size: 56, pattern: 0x41 }], result: 1 },
  { call: ["read", "h", 3 * second], result: 196, message: output(196, 84) },
  { call: ["verdict", "h", "last", NF_ACCEPT, "mangled"], result: 124 },
  { call: ["read", "h", 3 * second], result: 196, message: input(196, 84) },
  { call: ["verdict", "h", "last", NF_ACCEPT], result: 40 },
  {
    call: ["pinged"],
    ...{ result: 1, wrong: "wrong data byte #32 should be 0x41 but was 0xbe" },
  },
  // NONE.
  { call: ["mode", "h", IPQ_COPY_NONE, 0], result: 56 },
  { call: ["ping", { size: 56, lost: true }], result: 1 },
  { call: ["pinged"], result: 0 },
  { call: ["read", "h", second / 5], result: 0, errstr: expired },
  // A packet is queued while the handle is destroyed.
  { call: ["mode", "h", IPQ_COPY_META, 0], result: 56 },
  { call: ["ping", { size: 56, lost: true }], result: 1 },
  { call: ["read", "h", 3 * second], result: 112, message: output(112, 0) },
  { call: ["length"], result: 1 },
  { call: ["destroy", "h"], result: 0 },
  { call: ["pinged"], result: 0 },
];

const ipv6: readonly Row[] = [
  { call: ["create", "h", NFPROTO_IPV6], result: 1 },
  { call: ["mode", "h", IPQ_COPY_PACKET, 0], result: 56 },
  { call: ["ping", { family: 6, size: 56 }], result: 1 },
  { call: ["read", "h", 3 * second], result: 216, message: output(216, 104) },
  { call: ["verdict", "h", "last", NF_ACCEPT], result: 40 },
  { call: ["pinged"], result: 1 },
];

/** A mode that the kernel refuses: the call itself succeeds. */
const refused = (msgerr: string): readonly Row[] => [
  { call: ["create", "h", NFPROTO_IPV4], result: 1, errstr: unknown },
  { call: ["mode", "h", IPQ_COPY_META, 0], result: 56 },
  { call: ["read", "h", second], result: 76, message: `type=2 msgerr=${msgerr}` },
];

/** The scripts by name. */
export const scenes = {
  wire,
  packets,
  ipv6,
  "other process": refused("16(Device or resource busy)"),
  unprivileged: refused("1(Operation not permitted)"),
} as const satisfies Readonly<Record<string, readonly Row[]>>;

/** The name of a script. */
export type Scene = keyof typeof scenes;
