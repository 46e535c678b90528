// What else people call the properties: the words of scapy, of C's headers, of the RFCs, of tshark and
// of gopacket. Only errors speak of them.

/** By view and property, the words in small letters, without what is no letter or figure. */
type Aliases = Readonly<Record<string, Readonly<Record<string, string>>>>;

const IP_ADDRESSES = {
  source: "src saddr ipsrc ip6src srcip srcaddr srchost sourceaddress sourceip",
  destination: "dst dest daddr ipdst ip6dst dstip dstaddr dsthost destinationaddress destinationip",
} as const;
const PORTS = {
  sourcePort: "sport srcport source",
  destinationPort: "dport dstport dest destination",
} as const;
const CHECKSUM = "chksum check cksum csum sum";
const PAYLOAD = "load data body bytes content raw";
const ECHO = {
  identifier: "id ident echoid icmpid icmp6id",
  sequenceNumber: "seq seqno sequence echosequence icmpseq icmp6seq",
} as const;

/** What each property is called elsewhere; `options` are those of all functions. */
export const ALIASES: Aliases = {
  ethernet: {
    destination: "dst dest dhost etherdhost hdest dstmac macdst destinationmac destinationaddress",
    source: "src shost ethershost hsource srcmac macsrc sourcemac sourceaddress",
    etherType: "type proto protocol hproto ethproto ethernettype",
  },
  vlan: {
    protocol: "tpid proto",
    priority: "prio pcp",
    dropEligible: "dei cfi",
    id: "vid vlan vlanid vlanidentifier tag",
    etherType: "type encapsulatedproto",
  },
  arp: {
    hardwareType: "hwtype htype hrd arhrd hwtypes addrtype hardwareaddressspace",
    protocolType: "ptype pro arpro prototype protocol protocoladdressspace",
    hardwareLength: "hwlen hlen hln arhln hwsize hwaddresssize hardwaresize",
    protocolLength: "plen pln arpln protosize protaddresssize protocolsize",
    operation: "op oper opcode arop",
    senderHardwareAddress: "hwsrc sha arsha arpsha srchwmac sourcehwaddress sendermac srcmac",
    senderProtocolAddress:
      "psrc spa arsip arpspa srcprotoipv4 sourceprotaddress senderip srcip src",
    targetHardwareAddress: "hwdst tha artha arptha dsthwmac dsthwaddress targetmac dstmac",
    targetProtocolAddress: "pdst tpa artip arptpa dstprotoipv4 dstprotaddress targetip dstip dst",
  },
  ipv4: {
    ...IP_ADDRESSES,
    version: "ver ipv",
    headerLength: "ihl iphl hdrlen hl internetheaderlength",
    dscp: "tos iptos dsfield typeofservice differentiatedservices trafficclass",
    ecn: "tos iptos dsfield typeofservice",
    totalLength: "len length totlen iplen",
    identification: "id ipid ident identifier",
    reservedFlag: "flags rb rf evil reserved flagsrb",
    dontFragment: "flags df flagsdf dontfrag",
    moreFragments: "flags mf flagsmf morefrag",
    fragmentOffset: "frag fragoff fragoffset offset ipoff foff",
    ttl: "timetolive hoplimit hlim ipttl",
    protocol: "proto ipp nextheader nh nexthdr ipproto",
    checksum: `${CHECKSUM} ipsum headerchecksum hdrchecksum`,
    optionList: "opts",
    payload: PAYLOAD,
  },
  ipv6: {
    ...IP_ADDRESSES,
    version: "ver",
    trafficClass: "tc tclass tos",
    flowLabel: "fl flow flowlbl ip6flow",
    payloadLength: "plen len length payloadlen ip6plen totallength",
    nextHeader: "nh nxt nexthdr ip6nxt",
    hopLimit: "hlim hops ip6hlim ip6hops hoplim timetolive",
    protocol: "proto",
    hopByHopOptions: "hbh hopbyhop hopopts",
    destinationOptions: "dstopts dstopt destopt",
    routing: "routinghdr rthdr",
    fragment: "frag fraghdr",
    authentication: "ah",
    payload: PAYLOAD,
  },
  tcp: {
    sourcePort: `${PORTS.sourcePort} thsport`,
    destinationPort: `${PORTS.destinationPort} thdport`,
    sequenceNumber: "seq thseq seqno seqnum seqraw sequence",
    acknowledgmentNumber:
      "ackseq thack ackno acknum ackraw acknumber acknowledgementnumber acknowledgment",
    headerLength: "dataofs doff thoff dataoffset hdrlen",
    reserved: "res res1 thx2",
    flags: "thflags controlbits",
    fin: "flagsfin thfin",
    syn: "flagssyn thsyn",
    rst: "reset flagsreset thrst",
    psh: "push flagspush thpush",
    ack: "flagsack",
    urg: "urgent flagsurg thurg",
    ece: "flagsece thece",
    cwr: "flagscwr thcwr",
    // RFC 9293 §3.1 says Window.
    windowSize: "window win thwin windowsizevalue",
    checksum: `${CHECKSUM} thsum`,
    urgentPointer: "urgptr thurp urp urgent",
    optionList: "opts",
    mss: "maxseg maximumsegmentsize optionsmssval",
    windowScale: "wscale wscaleshift optionswscaleshift ws",
    sackPermitted: "sackok sackperm optionssackperm",
    timestamps: "timestamp ts tsval tsecr",
    payload: PAYLOAD,
  },
  udp: {
    sourcePort: `${PORTS.sourcePort} uhsport`,
    destinationPort: `${PORTS.destinationPort} uhdport`,
    length: "len ulen uhulen",
    checksum: `${CHECKSUM} uhsum`,
    payload: PAYLOAD,
  },
  icmp: {
    ...ECHO,
    type: "icmptype",
    code: "icmpcode",
    checksum: `${CHECKSUM} icmpcksum`,
    mtu: "nexthopmtu nextmtu",
    gateway: "gw gwaddr icmpgwaddr",
    pointer: "ptr pptr icmppptr",
    restOfHeader: "unused rest",
    payload: PAYLOAD,
  },
  icmpv6: {
    ...ECHO,
    type: "icmp6type",
    code: "icmp6code",
    checksum: `${CHECKSUM} icmp6cksum`,
    mtu: "icmp6mtu",
    pointer: "ptr pptr icmp6pptr",
    targetAddress: "tgt target ndnstarget",
    restOfHeader: "unused rest",
    payload: PAYLOAD,
  },
  flow: {
    source: IP_ADDRESSES.source,
    destination: IP_ADDRESSES.destination,
    sourcePort: "sport srcport",
    destinationPort: "dport dstport",
    protocol: "proto",
  },
  packet: {
    payload: PAYLOAD,
    mark: "nfmark fwmark skbmark",
    etherType: "protocol hwprotocol",
    hardwareAddress: "hwaddr hw",
    layer2Header: "l2hdr linklayer",
    conntrack: "ct",
    inDevice: "indev iif",
    outDevice: "outdev oif",
    length: "len",
  },
  filter: {
    rules: "rule ruleset chain",
    options: "settings config queueoptions open",
    packet: "handler handle callback onpacket filter process run decide default",
    start: "init setup begin onstart open",
    stop: "end close teardown cleanup dispose finish onstop",
  },
  options: {
    queues: "queue queuenumber queuenum queuenumbers num",
    copyRange: "range maxpacketlen snaplen",
    maxLength: "maxlen maxqueuelen queuelen queuelength",
    receiveBuffer: "socklen rcvbuf recvbuf rcvbufsize buffersize",
    mark: "nfmark fwmark",
  },
};
