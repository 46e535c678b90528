// TCP's Multipath option (RFC 8684, and version 0 of it: RFC 6824) in the words of tcpdump.
import { formatIpv4, formatIpv6 } from "../../base/address.ts";
import { formatHex } from "../../base/hex.ts";
import { viewOf } from "../../base/bytes.ts";

/** What an option of this kind says; undefined where it makes no sense. */
type Subtype = readonly [name: string, text: (option: Option) => string | undefined];

interface Option {
  readonly data: Uint8Array;
  readonly view: DataView;
}

const SUBTYPES: readonly Subtype[] = [
  ["capable", capable],
  ["join", join],
  ["dss", dataSequence],
  ["add-addr", addAddress],
  [
    "rem-addr",
    ({ data }) => data.length < 2 ? undefined : ` id ${[...data.subarray(1)].join(" ")}`,
  ],
  ["prio", ({ data }) => {
    if (data.length > 2) return undefined;
    const id = data.length === 2 ? ` id ${data[1]}` : "";
    return `${data[0]! & 1 ? " backup" : " non-backup"}${id}`;
  }],
  ["fail", ({ data, view }) => data.length === 10 ? ` seq ${view.getBigUint64(2)}` : undefined],
  ["fast-close", ({ data }) => data.length === 10 ? ` key ${number(data, 2, 10)}` : undefined],
];

/** `mptcp 12 capable v1 {0x1234}`; the length is the option's. */
export function describeMptcp(data: Uint8Array): string {
  const start = `mptcp ${data.length + 2}`;
  if (data.length === 0) return `${start}[bad opt]`;
  const subtype = SUBTYPES[data[0]! >> 4];
  if (subtype === undefined) return `${start} unknown`;
  const [name, text] = subtype;
  return `${start} ${name}${text({ data, view: viewOf(data) }) ?? "[bad opt]"}`;
}

/** As a hexadecimal number, without zeros before it. */
function number(data: Uint8Array, from: number, to: number): string {
  return `0x${formatHex(data.subarray(from, to)).replace(/^0+(?=.)/, "")}`;
}

function capable({ data }: Option): string | undefined {
  const version = data[0]! & 15;
  const { length } = data;
  // Without keys, with one or both, then perhaps with the data's length, and its checksum.
  if (![2, 10, 18, 20, 22].includes(length)) return undefined;
  if (version > 1) return ` Unknown Version (${version})`;
  const checksum = data[1]! & 0x80 ? " csum" : "";
  const keys = [2, 10].filter((at) => at + 8 <= length).map((at) => number(data, at, at + 8));
  return ` v${version}${checksum}${keys.length === 0 ? "" : ` {${keys.join()}}`}`;
}

/** The length tells the segment: of SYN, of SYN and ACK, of ACK. */
function join({ data, view }: Option): string | undefined {
  const { length } = data;
  if (length === 22) return ` hmac 0x${formatHex(data.subarray(2))}`;
  if (length !== 10 && length !== 14) return undefined;
  const start = `${data[0]! & 1 ? " backup" : ""} id ${data[1]}`;
  return length === 10
    ? `${start} token ${number(data, 2, 6)} nonce ${number(data, 6, 10)}`
    : `${start} hmac ${number(data, 2, 10)} nonce 0x${view.getUint32(10).toString(16)}`;
}

/** Acknowledgement and mapping of the data sequence, each of 32 or 64 bits. */
function dataSequence({ data, view }: Option): string | undefined {
  const flags = data[1];
  if (flags === undefined) return undefined;
  let at = 2;
  const sequence = (wide: boolean): string | undefined => {
    const size = wide ? 8 : 4;
    if (at + size > data.length) return undefined;
    at += size;
    return wide ? `${view.getBigUint64(at - 8)}` : `${view.getUint32(at - 4)}`;
  };
  let text = flags & 16 ? " fin" : "";
  if (flags & 1) {
    const ack = sequence((flags & 2) !== 0);
    if (ack === undefined) return undefined;
    text += ` ack ${ack}`;
  }
  if (flags & 4) {
    const first = sequence((flags & 8) !== 0);
    if (first === undefined || at + 6 > data.length) return undefined;
    text += ` seq ${first} subseq ${view.getUint32(at)} len ${view.getUint16(at + 4)}`;
    at += 6;
    if (at + 2 === data.length) {
      text += ` csum 0x${view.getUint16(at).toString(16)}`;
      at += 2;
    }
  }
  return at === data.length ? text : undefined;
}

function addAddress({ data, view }: Option): string | undefined {
  const rest = data.length - 2;
  const isIpv6 = rest >= 16;
  const size = isIpv6 ? 16 : 4;
  const port = rest === size + 2 || rest === size + 10;
  const hmac = rest === size + 8 || rest === size + 10;
  if (rest !== size && !port && !hmac) return undefined;
  // Version 0 has the IP version where version 1 tells an echo.
  const kinds: Readonly<Record<number, string>> = {
    0: "v1",
    1: "v1-echo",
    4: "v0-ip4",
    6: "v0-ip6",
  };
  const kind = kinds[data[0]! & 15] ?? `unknown-${data[0]! & 15}`;
  const address = isIpv6 ? formatIpv6(data, 2) : formatIpv4(view.getUint32(2));
  const end = 2 + size + (port ? 2 : 0);
  return ` ${kind} id ${data[1]} ${address}${port ? `:${view.getUint16(2 + size)}` : ""}` +
    (hmac ? ` hmac ${number(data, end, end + 8)}` : "");
}
