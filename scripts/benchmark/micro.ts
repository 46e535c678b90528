/** What single operations on packets cost, under the runtime that runs this: JSON for views.ts. */
import { bench, do_not_optimize, run } from "mitata";
import {
  buildPacket,
  finishChecksums,
  internetChecksum,
  type Layers,
  parseEthernet,
  parseLayers,
  summary,
} from "../../src/packet/mod.ts";
import { clientHello, dnsQuestions, httpRequest, QuicInitial } from "../../src/identify/mod.ts";
import {
  ATTRIBUTE_STRIDE,
  encodePacketMessage,
  indexPacketMessage,
} from "../../src/netlink/mod.ts";
import { PacketMessage } from "../../src/nfqueue/packet_message.ts";
import { Packet } from "../../src/queue/packet/packet.ts";
import { RFC_9001_INITIAL } from "../../tests/identify/rfc_vectors.ts";
import { extension, helloMessage, inRecords } from "../../tests/support/traffic/client_hello.ts";

const data = (length: number) => new Uint8Array(new ArrayBuffer(length)).fill(0x61);

const ipv4 = { source: "192.0.2.1", destination: "198.51.100.2" };
const ipv6 = { source: "2001:db8::1", destination: "2001:db8:ffff::2" };
const ports = { sourcePort: 40000, destinationPort: 443 };
const timestamps = { value: 7, echoReply: 8 };
const syn = { ...ports, syn: true, mss: 1460, windowScale: 7, sackPermitted: true, timestamps };
const echo = { type: 8, identifier: 1, sequenceNumber: 2 };

const payload = data(64);

const PACKETS = {
  udp4: buildPacket({ ipv4, udp: ports, payload }),
  udp6: buildPacket({ ipv6, udp: ports, payload }),
  syn4: buildPacket({ ipv4, tcp: syn }),
  tcp4: buildPacket({ ipv4, tcp: ports, payload: data(1400) }),
  extended6: buildPacket({
    // Destination options, nothing but padding.
    ipv6: { ...ipv6, extensions: [{ protocol: 60, data: Uint8Array.of(1, 4, 0, 0, 0, 0) }] },
    udp: ports,
  }),
  icmp4: buildPacket({ ipv4, icmp: echo, payload: data(56) }),
  icmp6: buildPacket({ ipv6, icmpv6: { ...echo, type: 128 }, payload: data(56) }),
} as const;
const FRAMES = {
  arp: buildPacket({ ethernet: {}, arp: {} }),
  tagged: buildPacket({ ethernet: {}, vlan: { id: 5 }, ipv4, udp: ports }),
};

/** A packet that just came in. */
const fresh = (name: keyof typeof PACKETS): Layers => parseLayers(PACKETS[name]);
/** One to work on again and again. */
const own = (name: keyof typeof PACKETS): Layers => parseLayers(PACKETS[name].slice());

function there<T>(view: T | undefined): T {
  if (view === undefined) throw new Error("the packet has another layer");
  return view;
}

/** What the kernel tells of a packet, in a slot of receive memory. */
const MESSAGE = (() => {
  const mark = { mark: 5, priority: 6, uid: 3, gid: 4, skbInfo: 1 };
  const header = { family: 2, queue: 1, sequence: 0, id: 1, hwProtocol: 0x800, hook: 3 };
  const encoded = encodePacketMessage({ ...header, ...mark, payload: PACKETS.udp4 });
  const bytes = new Uint8Array(new ArrayBuffer(encoded.length));
  bytes.set(encoded);
  const view = new DataView(bytes.buffer);
  const index = new Int32Array(ATTRIBUTE_STRIDE);
  indexPacketMessage(view, 0, bytes.length, index, 0);
  return new PacketMessage({ bytes, view, index, slotSize: bytes.length, single: false }, 0);
})();
const queued = (): Packet => new Packet({ decide: () => {} }, MESSAGE);
const readFields = (packet: Packet): number =>
  packet.id + packet.queue + packet.hook.length + packet.family.length + packet.etherType +
  packet.mark + (packet.priority ?? 0) + (packet.uid ?? 0) + (packet.gid ?? 0) + packet.length +
  Number(packet.truncated) + Number(packet.gso);

/** First bytes, about as long as clients send them. */
const FIRST = (() => {
  const { serverName, alpn, versions, padding } = extension;
  const extensions = [
    ...[serverName("www.example.com"), alpn("h2", "http/1.1"), versions(0x0304, 0x0303)],
    padding(1500),
  ];
  const hello = helloMessage({ extensions });
  const request = "GET /index.html HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: a browser\r\n" +
    "Accept: */*\r\nAccept-Encoding: gzip, br\r\nConnection: keep-alive\r\n\r\n";
  const name = [3, 0x77, 0x77, 0x77, 7, 0x65, 0x78, 0x61, 0x6d, 0x70, 0x6c, 0x65, 0];
  return {
    hello: inRecords(hello),
    records: inRecords(hello, { size: 500 }),
    request: new TextEncoder().encode(request),
    query: Uint8Array.of(0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...name, 0, 1, 0, 1),
  };
})();

let turn = 0;
/** Values that are never the one of last time, so that every write is one. */
const next = (): number => turn = (turn + 1) & 0xff;

/** By group, each operation made once: its closure is what is measured. */
const GROUPS: Record<string, Record<string, () => unknown>> = {
  "a queued packet": (() => {
    const packet = queued();
    return {
      "made and accepted": () => queued().accept(),
      "12 fields read": () => readFields(packet),
      "made, 12 fields read, accepted": () => {
        const packet = queued();
        const sum = readFields(packet);
        packet.accept();
        return sum;
      },
      "made, UDP port read, accepted": () => {
        const packet = queued();
        const port = packet.udp?.destinationPort;
        packet.accept();
        return port;
      },
    };
  })(),
  "a packet that just came in": {
    "outline, no view": () => fresh("udp4"),
    "UDP port": () => fresh("udp4").udp?.destinationPort,
    "UDP port, IPv6": () => fresh("udp6").udp?.destinationPort,
    "UDP port behind an extension header": () => fresh("extended6").udp?.destinationPort,
    "TCP flags": () => fresh("tcp4").tcp?.flags,
    "flow: ports and addresses": () => {
      const { flow } = fresh("udp4");
      return flow && flow.sourceNumber ^ flow.destinationNumber ^ flow.sourcePort ^
          flow.destinationPort;
    },
    "flow.hash": () => fresh("udp4").flow?.hash,
    "flow.key": () => fresh("udp4").flow?.key,
    "flow.key, IPv6": () => fresh("udp6").flow?.key,
    "summary, tcpdump's line": () => summary(fresh("tcp4")),
    "JSON": () => fresh("tcp4").toJSON(),
  },
  "IPv4": (() => {
    const ip = there(own("udp4").ipv4);
    return {
      "addresses as numbers": () => ip.sourceNumber ^ ip.destinationNumber,
      "addresses as text": () => ip.source + ip.destination,
      "write ttl": () => ip.ttl = next(),
      "write source as number": () => ip.sourceNumber = next(),
    };
  })(),
  "IPv6": (() => {
    const ip = there(own("udp6").ipv6);
    const extended = there(own("extended6").ipv6);
    return {
      "addresses as text": () => ip.source + ip.destination,
      "write hopLimit": () => ip.hopLimit = next(),
      "extensions": () => extended.extensions,
    };
  })(),
  "TCP": (() => {
    const tcp = there(own("tcp4").tcp);
    const first = there(own("syn4").tcp);
    const other = data(1400).fill(0x62);
    return {
      "ports, numbers, flags, window": () =>
        tcp.sourcePort ^ tcp.destinationPort ^ tcp.sequenceNumber ^ tcp.acknowledgmentNumber ^
        tcp.flags ^ tcp.windowSize,
      "mss and window scale": () => there(first.mss) ^ there(first.windowScale),
      "write destinationPort": () => tcp.destinationPort = next(),
      "write mss": () => first.mss = 1000 + next(),
      "take mss out and put it in": () => {
        first.mss = undefined;
        first.mss = 1460;
      },
      "write 1400 bytes of payload": () => tcp.payload = other,
    };
  })(),
  "UDP": (() => {
    const udp = there(own("udp4").udp);
    const [short, long] = [data(64), data(72)];
    return {
      "ports and length": () => udp.sourcePort ^ udp.destinationPort ^ udp.length,
      "write destinationPort": () => udp.destinationPort = next(),
      "write 64 or 72 bytes of payload": () => udp.payload = next() & 1 ? short : long,
      "port and longer payload, just came in": () => {
        const packet = own("udp4");
        const { udp } = packet;
        if (udp === undefined) return;
        udp.destinationPort = 53;
        udp.payload = long;
      },
    };
  })(),
  "ICMP, ICMPv6": (() => {
    const icmp = there(own("icmp4").icmp);
    const icmpv6 = there(own("icmp6").icmpv6);
    return {
      "type, code, identifier": () => icmp.type ^ icmp.code ^ there(icmp.identifier),
      "write sequenceNumber": () => icmp.sequenceNumber = next(),
      "write sequenceNumber, ICMPv6": () => icmpv6.sequenceNumber = next(),
    };
  })(),
  "Ethernet, VLAN, ARP": (() => {
    const { ethernet, vlans: [vlan] } = parseEthernet(FRAMES.tagged.slice());
    const arp = there(parseEthernet(FRAMES.arp.slice()).layers?.arp);
    return {
      "UDP port, just came in": () => parseEthernet(FRAMES.tagged).layers?.udp?.destinationPort,
      "addresses as text": () => there(ethernet).source + there(ethernet).destination,
      "write VLAN id": () => there(vlan).id = next(),
      "ARP operation and addresses": () =>
        arp.operation + arp.senderProtocolAddress + arp.targetProtocolAddress,
    };
  })(),
  "first bytes": {
    "ClientHello, 1.6 KB": () => clientHello(FIRST.hello),
    "ClientHello, 1.6 KB in 4 records": () => clientHello(FIRST.records),
    "ClientHello, half of it": () => clientHello(FIRST.hello.subarray(0, 800)),
    "QUIC Initial, 1200 bytes": () => new QuicInitial().add(RFC_9001_INITIAL),
    "HTTP request head, 5 headers": () => httpRequest(FIRST.request),
    "DNS question": () => dnsQuestions(FIRST.query),
  },
  "whole packets": {
    "buildPacket, UDP of 64 bytes": () => buildPacket({ ipv4, udp: ports, payload }),
    "buildPacket, SYN with options": () => buildPacket({ ipv4, tcp: syn }),
    "finishChecksums, 1400 bytes": () => finishChecksums(PACKETS.tcp4),
    "internetChecksum, 1400 bytes": () => internetChecksum(PACKETS.tcp4),
  },
};

for (const [group, operations] of Object.entries(GROUPS)) {
  for (const [name, operation] of Object.entries(operations)) {
    bench(`${group}: ${name}`, () => do_not_optimize(operation()));
  }
}
const { benchmarks } = await run({ format: "quiet" });
const results = benchmarks.map(({ alias, runs: [result] }) => {
  if (result?.stats === undefined) throw result?.error;
  const { p50, heap } = result.stats;
  return { name: alias, ns: p50, bytes: heap?.avg ?? NaN };
});
console.log(JSON.stringify(results));
