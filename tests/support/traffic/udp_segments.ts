/**
 * Many UDP datagrams that leave in one packet, and are cut only where they leave the machine or
 * arrive: UDP_SEGMENT, udp(7).
 *
 * @module
 */

import { prepareErrno, SystemError, threadErrno } from "../../../src/linux/errno.ts";
import { libc } from "../../../ffi/libraries/libc.ts";
import { parseIpv4, parseIpv6 } from "../../../src/packet/mod.ts";
import type { UdpAddress } from "./udp.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const SOL_UDP = 17;
const UDP_SEGMENT = 103;
/** struct sockaddr_in and sockaddr_in6: family, port, then the address. */
const SOCKADDR = { size: 28, port: 2, ipv4: 4, ipv6: 8 } as const;

function check(call: string, result: number): number {
  const errno = threadErrno();
  if (result < 0) throw new SystemError(call, { errno });
  return result;
}

/** Sends `data` as one packet of datagrams with `size` bytes each. */
export function sendSegments(data: Uint8Array, size: number, to: UdpAddress): void {
  prepareErrno();
  const { socket, setsockopt, connect, send, close } = libc();
  const wide = to.address.includes(":");
  const address = new Uint8Array(new ArrayBuffer(SOCKADDR.size));
  const view = new DataView(address.buffer);
  view.setUint16(0, wide ? AF_INET6 : AF_INET, true);
  view.setUint16(SOCKADDR.port, to.port);
  if (wide) address.set(parseIpv6(to.address), SOCKADDR.ipv6);
  else view.setUint32(SOCKADDR.ipv4, parseIpv4(to.address));
  const option = new Uint8Array(new ArrayBuffer(4));
  new DataView(option.buffer).setInt32(0, size, true);
  const bytes = new Uint8Array(new ArrayBuffer(data.length));
  bytes.set(data);
  const descriptor = check("socket", socket(wide ? AF_INET6 : AF_INET, SOCK_DGRAM_CLOEXEC, 0));
  try {
    check("setsockopt", setsockopt(descriptor, SOL_UDP, UDP_SEGMENT, option, option.length));
    check("connect", connect(descriptor, address, address.length));
    check("send", send(descriptor, bytes, BigInt(bytes.length), 0));
  } finally {
    close(descriptor);
  }
}
