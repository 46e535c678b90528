// `port`, `portrange`.
import { readSystemFile } from "../../../linux/files.ts";
import { IPV6_HEADER_SIZE, IPV6_OFFSET } from "../../../packet/structure/ip_layouts.ts";
import type { Direction } from "./directions.ts";
import { every, type Predicate, some } from "./packet_reader.ts";
import { behindIpv4, isFirstFragment, isIpv4, isIpv6, protocolOfIpv4 } from "./protocols.ts";

/** Protocols whose ports are looked at; all of them where none is named. */
export const WITH_PORTS: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132 };

/** Both ends belong to it. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** A port's name in /etc/services: its number, and the protocols that have it. */
export interface NamedPort {
  readonly port: number;
  readonly protocols: readonly string[];
}

/** Ports in the range, of packets of these protocols. */
export function portPredicate(
  { from, to }: PortRange,
  protocols: readonly string[],
  direction: Direction,
): Predicate {
  const inside = (port: number) => port >= from && port <= to;
  const numbers = protocols.map((name) => WITH_PORTS[name]!);
  const ipv4 = direction(
    (reader) => inside(reader.network(behindIpv4(reader), 2)),
    (reader) => inside(reader.network(behindIpv4(reader) + 2, 2)),
  );
  // libpcap looks behind no extension header.
  const ipv6 = direction(
    (reader) => inside(reader.network(IPV6_HEADER_SIZE, 2)),
    (reader) => inside(reader.network(IPV6_HEADER_SIZE + 2, 2)),
  );
  return some(
    every(isIpv4, some(...numbers.map(protocolOfIpv4)), isFirstFragment, ipv4),
    every(isIpv6, (reader) => numbers.includes(reader.network(IPV6_OFFSET.nextHeader)), ipv6),
  );
}

/** What /etc/services says of a name; `"unreadable"` where there is no such file. */
export function portOfName(name: string): NamedPort | "unreadable" | undefined {
  const { text } = readSystemFile("/etc/services");
  if (text === undefined) return "unreadable";
  const found = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [first, entry = "", ...aliases] = line.replace(/#.*/, "").trim().split(/\s+/);
    if (first !== name && !aliases.includes(name)) continue;
    const [, port, protocol] = /^(\d+)\/(tcp|udp|sctp)$/.exec(entry) ?? [];
    if (protocol !== undefined && !found.has(protocol)) found.set(protocol, Number(port));
  }
  const [port] = found.values();
  if (port === undefined) return undefined;
  // A name that means other ports elsewhere is taken for the first one.
  const same = [...found].filter(([, other]) => other === port).map(([protocol]) => protocol);
  // libpcap: what TCP and UDP have alike is meant for all.
  const everywhere = same.includes("tcp") && same.includes("udp");
  return { port, protocols: everywhere ? Object.keys(WITH_PORTS) : same };
}
