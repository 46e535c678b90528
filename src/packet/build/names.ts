// The names of the fields that a packet can be built of: a misspelt one is an error, not left out.
import type {
  ArpFields,
  EthernetFields,
  IcmpFields,
  Ipv4Fields,
  Ipv6Fields,
  PacketFields,
  TcpFields,
  UdpFields,
  VlanFields,
} from "./fields.ts";
import { FIELDS } from "../headers.ts";
import { checkKeys, checkList } from "../../base/checks.ts";

/** Every name once: the compiler complains about one that is missing or too many. */
type Names<Fields> = Readonly<Record<keyof Fields, true>>;

const ETHERNET: Names<EthernetFields> = { destination: true, source: true, etherType: true };
const VLAN: Names<VlanFields> = {
  protocol: true,
  priority: true,
  dropEligible: true,
  id: true,
};
const ARP: Names<ArpFields> = {
  hardwareType: true,
  protocolType: true,
  hardwareLength: true,
  protocolLength: true,
  operation: true,
  senderHardwareAddress: true,
  senderProtocolAddress: true,
  targetHardwareAddress: true,
  targetProtocolAddress: true,
};
const IPV4: Names<Ipv4Fields> = {
  version: true,
  headerLength: true,
  dscp: true,
  ecn: true,
  totalLength: true,
  identification: true,
  reservedFlag: true,
  dontFragment: true,
  moreFragments: true,
  fragmentOffset: true,
  ttl: true,
  protocol: true,
  checksum: true,
  source: true,
  destination: true,
  options: true,
};
const IPV6: Names<Ipv6Fields> = {
  version: true,
  trafficClass: true,
  flowLabel: true,
  payloadLength: true,
  nextHeader: true,
  protocol: true,
  hopLimit: true,
  source: true,
  destination: true,
  extensions: true,
};
const TCP: Names<TcpFields> = {
  sourcePort: true,
  destinationPort: true,
  sequenceNumber: true,
  acknowledgmentNumber: true,
  headerLength: true,
  reserved: true,
  flags: true,
  fin: true,
  syn: true,
  rst: true,
  psh: true,
  ack: true,
  urg: true,
  ece: true,
  cwr: true,
  windowSize: true,
  checksum: true,
  urgentPointer: true,
  options: true,
  mss: true,
  windowScale: true,
  sackPermitted: true,
  sack: true,
  timestamps: true,
};
const UDP: Names<UdpFields> = {
  sourcePort: true,
  destinationPort: true,
  length: true,
  checksum: true,
};
const ICMP: Names<IcmpFields> = {
  type: true,
  code: true,
  checksum: true,
  identifier: true,
  sequenceNumber: true,
  restOfHeader: true,
  mtu: true,
  pointer: true,
  gateway: true,
};
const { gateway: _, ...ICMPV6 } = ICMP;

const BUILT = {
  ...{ ethernet: ETHERNET, vlan: VLAN, arp: ARP, ipv4: IPV4, ipv6: IPV6 },
  ...{ tcp: TCP, udp: UDP, icmp: ICMP, icmpv6: ICMPV6 },
} as const;

/** What a view tells besides is let pass, so that its JSON can be built of. */
const LAYERS = Object.entries(BUILT).map(([layer, names]) => {
  const name = layer as keyof typeof BUILT;
  return [name, [...new Set([...Object.keys(names), ...FIELDS[name], "payload"])]] as const;
});
/** So many tags fill a packet. */
const MAX_TAGS = 0x3fff;
const TYPED_ARRAY = Object.getPrototypeOf(Uint8Array) as typeof Uint8Array;
const TOP = [...Object.keys(BUILT), "payload"];

/** @throws {TypeError} when a field is none that a packet is built of. */
export function checkFields(fields: PacketFields): void {
  checkKeys("buildPacket's object", fields, TOP);
  for (const [layer, names] of LAYERS) {
    const given = fields[layer];
    if (given === undefined) continue;
    // Only tags may be several.
    const several = layer === "vlan" && Array.isArray(given);
    for (const part of several ? checkList(layer, given, MAX_TAGS) : [given]) {
      // What only says that it is an array of bytes throws where it is asked for its length.
      if (part instanceof TYPED_ARRAY) throw new TypeError(`${layer} must be an object of fields`);
      checkKeys(layer, part, names);
    }
  }
}
