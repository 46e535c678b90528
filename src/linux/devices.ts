/**
 * Names of network interfaces, and how large a packet each takes.
 *
 * @module
 */

import { libc } from "../../ffi/libraries/libc.ts";
import { linkGeneration } from "./change_watch.ts";
import { textOf } from "../../ffi/memory.ts";

/** A network interface as a packet names it. */
export interface Device {
  /** Interface index, 1 or more. */
  readonly index: number;
  /** Its name now; empty where the interface is gone. */
  readonly name: string;
}

const IF_NAMESIZE = 16;
const MOST = 1024;

const buffer = new Uint8Array(new ArrayBuffer(IF_NAMESIZE));
const known = new Map<number, Device>();
/** Date.now() of the last look: one a millisecond, because looking is a system call. */
let looked = -1;
/** What the names and sizes were true for. */
let generation = -1;

/** The interface with this index, undefined for 0. */
export function deviceOf(index: number): Device | undefined {
  if (index === 0) return undefined;
  // Half as dear as performance.now(), and good enough to tell two milliseconds apart.
  const now = Date.now();
  if (now !== looked) {
    looked = now;
    const current = linkGeneration();
    if (current !== generation) {
      generation = current;
      known.clear();
      sizes.clear();
    }
  }
  const entry = known.get(index) ?? elsewhere.get(index);
  if (entry !== undefined) return entry;
  const name = libc().if_indextoname(index, buffer) === null ? "" : textOf(buffer);
  const device = { index, name };
  if (known.size >= MOST) known.clear();
  known.set(index, device);
  return device;
}

/** Far above the indexes that a kernel gives. */
const FIRST_ELSEWHERE = 0x70000000;
/** Devices of packets that come from another system, or from none, by their made-up indexes. */
const elsewhere = new Map<number, Device>();

/**
 * Makes up a device for packets of a recording or a test: this system need not have one of that name.
 *
 * @returns its index, the same for the same name
 */
export function recordedDevice(name: string): number {
  for (const device of elsewhere.values()) if (device.name === name) return device.index;
  const index = FIRST_ELSEWHERE + elsewhere.size;
  elsewhere.set(index, { index, name });
  return index;
}

const SIOCGIFHWADDR = 0x8927n;
/** struct ifreq: the name, then a sockaddr whose family is the link type. */
const IFREQ = { size: 40, family: 16 } as const;

/** What ip_queue told about an interface. */
export interface RawDevice {
  /** The name as the kernel has it: 16 bytes, NULs behind it. All NUL where the interface is gone. */
  readonly name: Uint8Array;
  /** The link type (`ARPHRD_*`: 1 Ethernet, 772 loopback); 0 where the interface is gone. */
  readonly hardwareType: number;
}

/**
 * Asks the system about an interface. Names may be any bytes, so this one is not decoded.
 *
 * @param socket any open socket
 */
export function rawDeviceOf(index: number, socket: number): RawDevice {
  const request = new Uint8Array(new ArrayBuffer(IFREQ.size));
  if (libc().if_indextoname(index, request) === null) return { name: NO_NAME, hardwareType: 0 };
  const name = request.slice(0, IF_NAMESIZE);
  const failed = libc().ioctl(socket, SIOCGIFHWADDR, request) < 0;
  const type = failed ? 0 : new DataView(request.buffer).getUint16(IFREQ.family, true);
  return { name, hardwareType: type };
}

const NO_NAME = new Uint8Array(new ArrayBuffer(IF_NAMESIZE));

const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const SIOCGIFMTU = 0x8921n;

/** What is in here is forgotten with the names: a new MTU is a change too. */
const sizes = new Map<number, number | undefined>();

/** Bytes of the largest packet that an interface takes; undefined where it is gone. */
export function mtuOf({ index, name }: Device): number | undefined {
  // What another system's device takes is not known, nor is this system's of that name meant.
  if (index >= FIRST_ELSEWHERE) return undefined;
  if (sizes.has(index)) return sizes.get(index);
  const mtu = name === "" ? undefined : readMtu(name);
  if (sizes.size >= MOST) sizes.clear();
  sizes.set(index, mtu);
  return mtu;
}

function readMtu(name: string): number | undefined {
  const { socket, ioctl, close } = libc();
  const request = new Uint8Array(new ArrayBuffer(IFREQ.size));
  request.set(new TextEncoder().encode(name).subarray(0, IF_NAMESIZE - 1));
  const descriptor = socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0);
  if (descriptor < 0) return undefined;
  const result = ioctl(descriptor, SIOCGIFMTU, request);
  close(descriptor);
  return result < 0 ? undefined : new DataView(request.buffer).getInt32(IF_NAMESIZE, true);
}
