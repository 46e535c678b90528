// What the C library sent, and what a real ip_queue kernel (Linux 3.4) answered.
import type { IpqPacketMessage } from "../../src/netlink/ip_queue/packet.ts";
import { hex } from "../packet/samples.ts";

/** The last 16 bytes of a mode are what was on libipq's stack. */
export const STACK: string = "e042a441 317f0000 08000000 00000000";
export const MODE_77: string = `
  38000000 1100 0100 00000000 42000000
  4d000000 00000000 0000000000000000 0000000000000000`;
export const MODE_PACKET_4096: string = `
  38000000 1100 0100 00000000 42000000
  02000000 00000000 0010000000000000 0000000000000000`;
export const VERDICT_12345: string = `
  28000000 1200 0100 00000000 42000000
  01000000 00000000 3930000000000000 0000000000000000`;
export const VERDICT_99: string = `
  28000000 1200 0100 00000000 42000000
  63000000 00000000 3930000000000000 0000000000000000`;
export const MODE_EINVAL: Uint8Array = hex(
  `4c000000 0200 0000 00000000 42000000 eaffffff ${MODE_77} ${STACK}`,
);
export const VERDICT_ENOENT: Uint8Array = hex(
  `3c000000 0200 0000 00000000 42000000 feffffff ${VERDICT_12345}`,
);
export const VERDICT_EINVAL: Uint8Array = hex(
  `3c000000 0200 0000 00000000 42000000 eaffffff ${VERDICT_99}`,
);

const PING_HEX = `
  45000054 654a4000 4001d75c 7f000001 7f000001 080045e9 00460001 eb53016b 00000000 fe3d0800
  00000000 10111213 14151617 18191a1b 1c1d1e1f 20212223 24252627 28292a2b 2c2d2e2f 30313233
  34353637`;
export const PING: Uint8Array = hex(PING_HEX);

export const OUTPUT: Uint8Array = hex(`
  c4000000 1300 0000 00000000 00000000
  6070d73d0088ffff 0000000000000000 0000000000000000 0000000000000000
  03000000 00000000000000000000000000000000 6c6f0000000000000000000000000000
  0000 0000 00 0000000000000000 00000000000000 5400000000000000
  ${PING_HEX}`);
export const INPUT: Uint8Array = hex(`
  c4000000 1300 0000 00000000 00000000
  e071d73d0088ffff 0000000000000000 eb53016b00000000 7f7c080000000000
  01000000 6c6f0000000000000000000000000000 00000000000000000000000000000000
  0800 0403 06 0000000000000000 00000000000000 5400000000000000
  ${PING_HEX}`);

export const OUTPUT_FIELDS: IpqPacketMessage = {
  packetId: 0xffff88003dd77060n,
  mark: 0n,
  timestampSeconds: 0,
  timestampMicroseconds: 0,
  hook: 3,
  indevName: "",
  outdevName: "lo",
  hwProtocol: 0,
  hwType: 0,
  hwAddress: hex(""),
  dataLength: 84,
  payload: PING,
};
export const INPUT_FIELDS: IpqPacketMessage = {
  packetId: 0xffff88003dd771e0n,
  mark: 0n,
  timestampSeconds: 1795249131,
  timestampMicroseconds: 556159,
  hook: 1,
  indevName: "lo",
  outdevName: "",
  hwProtocol: 0x0800,
  hwType: 772,
  hwAddress: hex("000000000000"),
  dataLength: 84,
  payload: PING,
};

/** A message in which every field is something else. */
export const FULL_FIELDS: IpqPacketMessage = {
  packetId: 0x0102030405060708n,
  mark: 0x1112131415161718n,
  timestampSeconds: -2,
  timestampMicroseconds: 0x1_2345_6789,
  hook: 0xfffffffe,
  indevName: "abcdefghijklmno",
  outdevName: "brücke0",
  hwProtocol: 0x86dd,
  hwType: 0xfedc,
  hwAddress: hex("0102030405060708"),
  dataLength: 5,
  payload: hex("6162636465"),
};
export const FULL: Uint8Array = hex(`
  78000000 1300 0000 00000000 00000000
  0807060504030201 1817161514131211 feffffffffffffff 8967452301000000
  feffffff 6162636465666768696a6b6c6d6e6f00 6272c3bc636b65300000000000000000
  86dd dcfe 08 0102030405060708 00000000000000 0500000000000000
  6162636465 000000`);
