// ICMP and ICMPv6 messages in the words of tcpdump.
import { formatIpv6 } from "./address.ts";
import { Frame } from "./frame.ts";
import type { Icmpv6View } from "./icmpv6.ts";
import type { IcmpView } from "./icmp.ts";
import { Layers } from "./layers.ts";
import { protocolName } from "./protocol_names.ts";
import { ETHERTYPE, IP_PROTOCOL } from "./protocols.ts";

/** `echo request, id 3, seq 2`, `10.0.0.1 udp port 53 unreachable`, … */
export function describeIcmp(icmp: IcmpView): string {
  const { identifier, sequenceNumber, type, typeName, code } = icmp;
  if (identifier !== undefined) return `${typeName}, id ${identifier}, seq ${sequenceNumber}`;
  const quoted = new Layers(new Frame(icmp.payload), ETHERTYPE.IPV4);
  const to = quoted.ip?.destination;
  if (type === 3 && to !== undefined) {
    switch (code) {
      case 0:
        return `net ${to} unreachable`;
      case 1:
        return `host ${to} unreachable`;
      case 2:
        return `${to} protocol ${quoted.ip?.protocol} unreachable`;
      case 3:
        return `${to} ${portOf(quoted)} unreachable`;
      case 4:
        return `${to} unreachable - need to frag (mtu ${icmp.mtu})`;
      case 13:
        return `${to} unreachable - admin prohibited`;
    }
  }
  if (type === 5 && to !== undefined && code <= 3) {
    const what = ["net", "host", "net with TOS", "host with TOS"][code];
    return `redirect ${to} to ${what} ${icmp.gateway}`;
  }
  if (type === 11 && code === 0) return "time exceeded in-transit";
  if (type === 11 && code === 1) return "ip reassembly time exceeded";
  if (type === 12 && code === 0) return `parameter problem - octet ${icmp.pointer}`;
  return code === 0 ? typeName : `${typeName}, code ${code}`;
}

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
      if (code === 0) return "time exceeded in-transit";
      return code === 1 ? "ip reassembly time exceeded" : `${typeName}, code ${code}`;
    case 4: {
      const what = ["erroneous", "next header", "option"][code] ?? `code ${code}`;
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
  const quoted = new Layers(new Frame(payload), ETHERTYPE.IPV6);
  const to = quoted.ip?.destination;
  if (code === 4 && to !== undefined) return `unreachable port, ${to} ${portOf(quoted)}`;
  const reasons = [
    ...["unreachable route", "administratively prohibited", "beyond scope of source address"],
    ...["unreachable address", "unreachable port", "source address failed policy"],
    "reject route",
  ];
  const reason = reasons[code] ?? `code ${code}`;
  return to === undefined ? reason : `${reason} ${to}`;
}

/** The destination port of a packet that an error quotes: its first 8 bytes at least. */
function portOf({ ip }: Layers): string {
  if (ip === undefined) return "port";
  const { protocol, payload } = ip;
  const hasPorts = protocol === IP_PROTOCOL.TCP || protocol === IP_PROTOCOL.UDP;
  if (!hasPorts || payload.length < 4) return `${protocolName(protocol)} port`;
  const port = (payload[2]! << 8) | payload[3]!;
  return `${protocolName(protocol).toLowerCase()} port ${port}`;
}

function address(before: string, bytes: Uint8Array, at: number): string {
  return bytes.length < at + 16 ? "" : `${before}${formatIpv6(bytes, at)}`;
}
