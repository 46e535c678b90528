// ICMP and ICMPv6 messages in the words of tcpdump.
import { formatIpv6 } from "../../base/address.ts";
import { PacketBytes } from "../structure/packet_bytes.ts";
import type { Icmpv6View } from "../transport/icmpv6.ts";
import type { IcmpView } from "../transport/icmp.ts";
import { Layers } from "../layers.ts";
import { protocolName } from "../structure/protocol_names.ts";
import { ETHERTYPE, IP_PROTOCOL } from "../structure/protocols.ts";

/** What cannot be reached, and why, by the code of a "destination unreachable". */
const UNREACHABLE: Readonly<Record<number, readonly [what: string, why: string]>> = {
  0: ["net ", ""],
  1: ["host ", ""],
  5: ["", "source route failed"],
  6: ["net ", "unknown"],
  7: ["host ", "unknown"],
  8: ["", "source host isolated"],
  9: ["net ", "admin prohibited"],
  10: ["host ", "admin prohibited"],
  11: ["net ", "tos prohibited"],
  12: ["host ", "tos prohibited"],
  13: ["host ", "admin prohibited filter"],
  14: ["host ", "host precedence violation"],
  15: ["host ", "precedence cutoff"],
};

const REDIRECT: readonly (readonly [how: string, what: string])[] = [
  ["redirect", "net "],
  ["redirect", "host "],
  ["redirect-tos", "net "],
  ["redirect-tos", "host "],
];

/** `echo request, id 3, seq 2`, `10.0.0.1 udp port 53 unreachable`, … */
export function describeIcmp(icmp: IcmpView): string {
  const { identifier, sequenceNumber, type, typeName, code } = icmp;
  if (identifier !== undefined) return `${typeName}, id ${identifier}, seq ${sequenceNumber}`;
  const quoted = new Layers(new PacketBytes(icmp.payload), ETHERTYPE.IPV4);
  const to = quoted.ip?.destination;
  if (type === 3 && to !== undefined) {
    switch (code) {
      case 2:
        return `${to} protocol ${quoted.ip?.protocol} unreachable`;
      case 3:
        return `${to} ${portOf(quoted)} unreachable`;
      case 4:
        return `${to} unreachable - need to frag${icmp.mtu ? ` (mtu ${icmp.mtu})` : ""}`;
    }
    const [what, why = `#${code}`] = UNREACHABLE[code] ?? [""];
    return `${what}${to} unreachable${why === "" ? "" : ` - ${why}`}`;
  }
  if (type === 5 && to !== undefined) {
    const [how, what] = REDIRECT[code] ?? [`redirect-#${code}`, ""];
    return `${how} ${to} to ${what}${icmp.gateway}`;
  }
  if (type === 11) {
    if (code === 0) return "time exceeded in-transit";
    return code === 1 ? "ip reassembly time exceeded" : `time exceeded-#${code}`;
  }
  if (type === 12) {
    return `parameter problem - ${code === 0 ? `octet ${icmp.pointer}` : `code ${code}`}`;
  }
  return code === 0 ? typeName : `${typeName}, code ${code}`;
}

const PARAMETER_PROBLEMS = [
  "erroneous",
  "next header",
  "option",
  "incomplete header chain",
] as const;

/** `neighbor solicitation, who has fe80::2`, `packet too big, mtu 1280`, … */
export function describeIcmpv6(icmp: Icmpv6View): string {
  const { identifier, sequenceNumber, type, typeName, code, payload, restOfHeader } = icmp;
  if (identifier !== undefined) return `${typeName}, id ${identifier}, seq ${sequenceNumber}`;
  switch (type) {
    case 1:
      return `${typeName}, ${unreachable(payload, code)}`;
    case 2:
      return `${typeName}, mtu ${icmp.mtu}`;
    case 3:
      return timeExceeded(payload, code);
    case 4: {
      const what = PARAMETER_PROBLEMS[code] ?? `code ${code}`;
      return `${typeName}, ${what} - octet ${icmp.pointer}`;
    }
    case 130:
    case 131:
    case 132: {
      const delay = type === 130 ? `, max resp delay ${restOfHeader >>> 16}` : "";
      return `${typeName}${delay}${address(", addr ", payload, 0)}`;
    }
    case 135:
      return `${typeName}${address(", who has ", payload, 0)}`;
    case 136:
      return `${typeName}${address(", tgt is ", payload, 0)}`;
    case 137:
      return `${typeName}${address(", ", payload, 16)}${address(" to ", payload, 0)}`;
    case 143:
      return `${typeName}, ${restOfHeader & 0xffff} group record(s)`;
    default:
      return code === 0 ? typeName : `${typeName}, code ${code}`;
  }
}

function unreachable(payload: Uint8Array, code: number): string {
  const quoted = new Layers(new PacketBytes(payload), ETHERTYPE.IPV6);
  const to = quoted.ip?.destination;
  if (code === 4 && to !== undefined) return `unreachable port, ${to} ${portOf(quoted)}`;
  if (code === 2 && to !== undefined) {
    return `beyond scope ${to}, source address ${quoted.ip?.source}`;
  }
  const reasons = [
    ...["unreachable route", " unreachable prohibited", "beyond scope"],
    ...["unreachable address", "unreachable port", "source address failed policy"],
    "reject route",
  ];
  const reason = reasons[code] ?? `code ${code}`;
  return to === undefined ? reason : `${reason} ${to}`;
}

function timeExceeded(payload: Uint8Array, code: number): string {
  if (code > 1) return `time exceeded in-transit, unknown code (${code})`;
  if (code === 1) return "time exceeded in-transit (reassembly)";
  const to = new Layers(new PacketBytes(payload), ETHERTYPE.IPV6).ip?.destination;
  return `time exceeded in-transit${to === undefined ? "" : ` for ${to}`}`;
}

/** The destination port of a packet that an error quotes: its first 8 bytes at least. */
function portOf({ ip }: Layers): string {
  if (ip === undefined) return "port";
  const { protocol, payload } = ip;
  const hasPorts = protocol === IP_PROTOCOL.TCP || protocol === IP_PROTOCOL.UDP;
  if (payload.length < 4) return `${protocolName(protocol)} port`;
  const port = (payload[2]! << 8) | payload[3]!;
  return `${hasPorts ? protocolName(protocol).toLowerCase() : `protocol ${protocol}`} port ${port}`;
}

function address(before: string, bytes: Uint8Array, at: number): string {
  return bytes.length < at + 16 ? "" : `${before}${formatIpv6(bytes, at)}`;
}
