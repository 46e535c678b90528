// Expressions that tcpdump takes, and that this program takes with the same meaning.

/** For packets of any link type. */
export const EXPRESSIONS: readonly string[] = [
  ...["ip", "ip6", "tcp", "udp", "icmp", "icmp6", "sctp", "esp", "ah", "igmp", "pim", "vrrp"],
  ...["igrp", "carp", "not ip", "! tcp", "not not udp", "tcp or udp", "tcp and ip6"],
  ...["tcp || icmp && ip", "tcp or udp and ip6", "ip6 and tcp or udp", "(tcp or udp) and ip6"],
  ...["not (tcp or udp)", "not tcp and not udp", "!(ip and not (tcp or udp))"],
  // Addresses.
  ...["host 10.0.0.1", "src host 10.0.0.1", "dst host 10.0.0.1", "src 10.0.0.1", "dst 10.1.2.3"],
  ...["src or dst host 10.0.0.1", "src and dst host 10.0.0.1", "src and dst 10.0.0.2"],
  ...["host 10.0.0.1 or 10.0.0.2", "host 10.0.0.1 and not 10.0.0.2", "not host 10.0.0.1"],
  ...["host (10.0.0.1 or 10.1.2.3)", "src (10.0.0.1 or 10.0.0.2)", "ip host 10.0.0.1"],
  ...["host 10.0.0.1 and (10.0.0.2 or 10.1.2.3)", "host 10.0.0.1 or (10.0.0.2)"],
  ...["host 2001:db8::1", "src host 2001:db8::1", "ip6 host fe80::1", "dst ff02::1"],
  ...["host fe80::1 or 10.0.0.1", "host 2001:0db8:0000:0000:0000:0000:0000:0001"],
  ...["net 10", "net 10.0", "net 10.0.0", "net 10.0.0.0/8", "src net 10.0.0.0/24", "net 10.0.0.1"],
  ...["dst net 192.168.0.0/16", "net 10.0.0.0 mask 255.255.255.0", "net 0.0.0.0/0"],
  ...["net 224.0.0.0/4 or 192.168.1.0/24", "net 2001:db8::/32", "src net fe80::/10"],
  ...["net 2001:db8:1::/48 or fe80::/10", "ip6 net ::/0", "not net 10.0.0.0/8", "net fe80::1"],
  ...["host 10.0.0.1 and port 80", "src 10.0.0.1 and dst 10.0.0.2 or ip6"],
  // Ports.
  ...["port 80", "src port 80", "dst port 443", "tcp port 80", "udp port 53", "sctp port 80"],
  ...["port 80 or 443", "tcp port 80 or 443 or 8080", "tcp dst port 80 or 443 and ip"],
  ...["port (80 or 443)", "port 80 and 443", "src port 80 and dst port 443", "not port 80"],
  ...["src and dst port 80", "src or dst port 53", "port not 80", "port 80 and not 443"],
  ...["portrange 6000-6008", "src portrange 0-1023", "tcp portrange 1024-65535"],
  ...["dst portrange 80-443 or 6000-6003", "udp dst portrange 53-53", "portrange 53"],
  ...["port domain", "tcp port http", "udp port domain or 80", "port ssh or http", "port https"],
  ...["port 0x50", "not tcp port 80 and not udp port 53", "tcp and port 80 and not src 10.0.0.1"],
  // Protocols by number.
  ...["ip proto 6", "ip6 proto 6", "proto 17", "proto 132", "ip proto 47", "ip6 proto 58"],
  ...[
    "ip proto \\tcp",
    "proto \\udp",
    "ip proto 1 or 2",
    "ip6 proto \\tcp or 17",
    "proto (6 or 17)",
  ],
  ...["ip6 proto 44", "ip6 proto 60", "ip proto \\icmp", "proto 0x32"],
  // Lengths.
  ...["less 60", "greater 60", "less 60 and tcp", "len > 80", "len = 60", "len - 20 < 40"],
  ...["len != 60 and len <= 90", "greater 40 and less 80"],
  // Numbers in packets.
  ...["tcp[tcpflags] & (tcp-syn|tcp-ack) != 0", "tcp[tcpflags] & tcp-syn != 0"],
  ...["tcp[tcpflags] & (tcp-syn|tcp-fin) != 0 and not src net 10.0.0.0/24"],
  ...["tcp[tcpflags] == tcp-syn", "tcp[tcpflags] = tcp-syn|tcp-ack", "tcp[13] & 2 != 0"],
  ...[
    "tcp[13]=18",
    "(tcp[13] & 0x12) == 0x12",
    "((tcp[13] & 2) != 0) and ip",
    "not tcp[13] & 2 != 0",
  ],
  ...["tcp[tcpflags] & (tcp-push|tcp-urg|tcp-ece|tcp-cwr|tcp-rst) = tcp-rst"],
  ...[
    "icmp[icmptype] == icmp-echo",
    "icmp[icmptype] != icmp-echo and icmp[icmptype] != icmp-echoreply",
  ],
  ...["icmp[icmptype] = icmp-unreach and icmp[icmpcode] = 3", "icmp[0] = icmp-timxceed"],
  ...[
    "icmp6[icmp6type] == icmp6-echo",
    "icmp6[icmp6type] = icmp6-neighborsolicit",
    "icmp6[0] > 128",
  ],
  ...["ip[8] < 64", "ip[8] >= 128 or ip6", "ip[0] & 0xf != 5", "ip[6:2] & 0x1fff != 0"],
  ...["ip[6] & 0x20 != 0", "ip[2:2] > 60", "ip[12:4] = 0x0a000001", "ip6[6] = 17", "ip6[7] <= 64"],
  ...["ip[16] = 224", "udp[4:2] > 40", "udp[0:2] = 53", "udp[2:2] < 1024", "udp[8] > 100"],
  ...[
    "ip and tcp port (80 or 443) and ip[2:2] - ((ip[0]&0xf)<<2) - ((tcp[12]&0xf0)>>2) != 0",
    "tcp[(tcp[12]>>2)] > 100",
  ],
  ...["tcp[0:2] = tcp[2:2]", "ip[12:4] = ip[16:4]", "tcp[0:2] + 1 > 1024", "udp[0:2] * 2 = 106"],
  ...[
    "ip[8] / 2 = 30",
    "ip[8] % 10 = 3",
    "ip[8] ^ 0xff < 16",
    "ip[8] << 1 > 256",
    "ip[8] >> 4 = 7",
  ],
  ...[
    "-ip[8] > 0xffffff80",
    "0x50 = tcp[2:2]",
    "80 = tcp[2:2] or 443 = tcp[2:2]",
    "ip[8] - 64 < 10",
  ],
  ...["tcp[14:2] = 3", "sctp[0:2] = 80", "igmp[0] > 50", "1 = 1", "tcp[13]&2!=0&&tcp[13]&16==0"],
  ...["ip[8] / ip[1] > 3", "tcp[2000] = 1", "not tcp[2000] = 1", "ip6[40] = 6"],
  // Several destinations.
  ...["ip multicast", "ip6 multicast", "ip multicast or ip6 multicast", "not ip6 multicast"],
  ...["tcp or udp port 53 or 80", "icmp or (tcp and (port 22 or 80))", "ip and tcp and port 80"],
  ...["host 10.0.0.1 and tcp and port 80 or udp", "(host 10.0.0.1 or 10.0.0.2) and port 80 or 443"],
];

/** For frames too. */
export const FRAME_EXPRESSIONS: readonly string[] = [
  ...["arp", "rarp", "arp or rarp", "arp host 10.0.0.1", "arp net 10.0.0.0/24", "not arp"],
  ...[
    "rarp host 10.0.0.2",
    "arp src host 10.0.0.1",
    "arp dst host 10.0.0.1",
    "arp and host 10.1.2.3",
  ],
  ...[
    "arp[6:2] = 1",
    "arp[7] = 2 or rarp",
    "ether host 02:00:00:00:00:01",
    "link host ff:ff:ff:ff:ff:ff",
  ],
  ...["ether src 02:00:00:00:00:01", "ether dst host ff:ff:ff:ff:ff:ff", "ether multicast"],
  ...["ether proto 0x88cc", "ether proto \\ip", "ether proto \\arp or \\ip6", "ether[0] & 1 = 1"],
  ...["ether[12:2] = 0x800", "ether src 02:00:00:00:00:01 or 02:00:00:00:00:02 and ip"],
];
