// Names of numbers, of pcap-filter(7).

/** Names of ICMPv6 types behind `icmp6-`. */
const ICMP6: Readonly<Record<string, number>> = {
  ...{ destinationunreach: 1, destinationrunreach: 1, packettoobig: 2, timeexceeded: 3 },
  ...{ parameterproblem: 4, echo: 128, echoreply: 129, multicastlistenerquery: 130 },
  ...{ multicastlistenerreportv1: 131, multicastlistenerdone: 132, routersolicit: 133 },
  ...{ routeradvert: 134, neighborsolicit: 135, neighboradvert: 136, redirect: 137 },
  ...{ routerrenum: 138, nodeinformationquery: 139, nodeinformationresponse: 140 },
  ...{ ineighbordiscoverysolicit: 141, ineighbordiscoveryadvert: 142 },
  ...{ multicastlistenerreportv2: 143, homeagentdiscoveryrequest: 144 },
  ...{ homeagentdiscoveryreply: 145, mobileprefixsolicit: 146, mobileprefixadvert: 147 },
  ...{ certpathsolicit: 148, certpathadvert: 149, multicastrouteradvert: 151 },
  ...{ multicastroutersolicit: 152, multicastrouterterm: 153 },
};

/** Places of fields, flags, and types of messages. */
export const CONSTANTS: Readonly<Record<string, number>> = {
  ...{ tcpflags: 13, icmptype: 0, icmpcode: 1, icmp6type: 0, icmp6code: 1 },
  ...{ "tcp-fin": 1, "tcp-syn": 2, "tcp-rst": 4, "tcp-push": 8, "tcp-ack": 16 },
  ...{ "tcp-urg": 32, "tcp-ece": 64, "tcp-cwr": 128 },
  ...{ "icmp-echoreply": 0, "icmp-unreach": 3, "icmp-sourcequench": 4, "icmp-redirect": 5 },
  ...{ "icmp-echo": 8, "icmp-routeradvert": 9, "icmp-routersolicit": 10 },
  ...{ "icmp-timxceed": 11, "icmp-paramprob": 12, "icmp-tstamp": 13, "icmp-tstampreply": 14 },
  ...{ "icmp-ireq": 15, "icmp-ireqreply": 16, "icmp-maskreq": 17, "icmp-maskreply": 18 },
  ...Object.fromEntries(Object.entries(ICMP6).map(([name, type]) => [`icmp6-${name}`, type])),
};
