// Sizes, offsets and numbers of C, as a C program prints them, against those in the sources.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import * as library from "../../src/libnetfilter_queue/mod.ts";
import * as netlink from "../../src/netlink/mod.ts";
import { ERRNO } from "../../src/linux/errno.ts";
import { command } from "../support/runtime/command.ts";

const HEADERS = [
  ...["errno.h", "fcntl.h", "limits.h", "net/if.h", "poll.h", "stddef.h", "stdio.h"],
  ...[
    "sys/epoll.h",
    "sys/eventfd.h",
    "sys/ioctl.h",
    "sys/socket.h",
    "sys/time.h",
    "netinet/in.h",
    "netinet/ip.h",
  ],
  ...["netinet/ip6.h", "netinet/tcp.h", "netinet/udp.h", "netinet/if_ether.h"],
  ...["linux/netlink.h", "linux/netfilter.h", "linux/netfilter/nfnetlink.h"],
  ...["linux/netfilter/nfnetlink_queue.h", "linux/netfilter/nfnetlink_conntrack.h"],
  ...["linux/netfilter/nf_conntrack_common.h", "libmnl/libmnl.h"],
  ...["libnetfilter_queue/libnetfilter_queue.h"],
];

/** A C expression, what the sources say it is, and where they say so. */
type Row = readonly [expression: string, value: number, where: string];

/** What the C compiler says of each expression. */
function compiled(expressions: readonly string[]): number[] {
  const folder = mkdtempSync(join(tmpdir(), "nfqueue-layout-"));
  try {
    const source = join(folder, "layout.c");
    writeFileSync(
      source,
      `#define _GNU_SOURCE\n${HEADERS.map((name) => `#include <${name}>\n`).join("")}
int main(void) {
${expressions.map((text) => `  printf("%lld\\n", (long long)(${text}));`).join("\n")}
  return 0;
}
`,
    );
    command("cc", ["-o", join(folder, "layout"), source]);
    return command(join(folder, "layout"), []).trim().split("\n").map(Number);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function check(rows: readonly Row[]): void {
  const values = compiled(rows.map(([expression]) => expression));
  assert.equal(values.length, rows.length);
  const wrong = rows.flatMap(([expression, value, where], index) =>
    values[index] === value ? [] : [`${expression} is ${values[index]}, ${where} says ${value}`]
  );
  assert.deepEqual(wrong, []);
}

/** Number literals that a source file gives to constants, also inside an object: `MSGHDR.size`. */
function constants(path: string): ReadonlyMap<string, number> {
  const text = readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
  const found = new Map<string, number>();
  const number = "(0[xo][0-9a-f]+|[0-9]+)";
  for (
    const [, name, value] of text.matchAll(
      new RegExp(`^(?:export )?const (\\w+)(?:: number)? = ${number}n?;`, "gm"),
    )
  ) {
    found.set(name!, Number(value));
  }
  for (const [, name, body] of text.matchAll(/^(?:export )?const (\w+)[^={]*= \{([^}]*)\}/gm)) {
    for (const [, key, value] of body!.matchAll(new RegExp(`(\\w+): ${number}\\b`, "g"))) {
      found.set(`${name}.${key}`, Number(value));
    }
  }
  return found;
}

/** Rows of a file's own constants: C expression by constant name. */
function rowsOf(path: string, expressions: Readonly<Record<string, string>>): Row[] {
  const found = constants(path);
  return Object.entries(expressions).map(([name, expression]) => {
    const value = found.get(name);
    assert.ok(value !== undefined, `${path} has no constant ${name} any more`);
    return [expression, value, `${name} in ${path}`];
  });
}

/** Rows of a table whose keys are the ends of C names. */
function tableRows(
  prefix: string,
  table: Readonly<Record<string, number>>,
  options: { readonly without?: readonly string[] } = {},
): Row[] {
  return Object.entries(table)
    .filter(([key]) => !options.without?.includes(key))
    .map(([key, value]) => [`${prefix}${key}`, value, `src/netlink (${prefix}…)`]);
}

test("structures: sizes and offsets", { timeout: 30_000 }, () => {
  check([
    ...rowsOf("ffi/memory.ts", {
      "MSGHDR.size": "sizeof(struct msghdr)",
      "MSGHDR.iov": "offsetof(struct msghdr, msg_iov)",
      "MSGHDR.iovlen": "offsetof(struct msghdr, msg_iovlen)",
    }),
    ["sizeof(struct iovec)", 16, "OutgoingMessage in ffi/memory.ts"],
    ["offsetof(struct iovec, iov_base)", 0, "OutgoingMessage in ffi/memory.ts"],
    ["offsetof(struct iovec, iov_len)", 8, "OutgoingMessage in ffi/memory.ts"],
    ["sizeof(void *)", 8, "storeAddress in ffi/memory.ts, getBigUint64 elsewhere"],
    ...rowsOf("src/linux/receive_slots.ts", {
      MMSGHDR_SIZE: "sizeof(struct mmsghdr)",
      MSG_IOV: "offsetof(struct mmsghdr, msg_hdr.msg_iov)",
      MSG_IOVLEN: "offsetof(struct mmsghdr, msg_hdr.msg_iovlen)",
      MSG_FLAGS: "offsetof(struct mmsghdr, msg_hdr.msg_flags)",
      MSG_LEN: "offsetof(struct mmsghdr, msg_len)",
      IOVEC_SIZE: "sizeof(struct iovec)",
    }),
    ...rowsOf("ffi/poll_set.ts", {
      POLLFD_SIZE: "sizeof(struct pollfd)",
      EVENTS: "offsetof(struct pollfd, events)",
      REVENTS: "offsetof(struct pollfd, revents)",
      POLLIN: "POLLIN",
      EFD_CLOEXEC: "EFD_CLOEXEC",
      EFD_NONBLOCK: "EFD_NONBLOCK",
    }),
    ["sizeof(struct timeval)", 16, "#timeval in src/nfqueue/system_kernel.ts, data.ts"],
    ["offsetof(struct timeval, tv_usec)", 8, "#timeval in src/nfqueue/system_kernel.ts, data.ts"],
    ...rowsOf("src/linux/netlink_socket.ts", {
      SOCKADDR_NL_SIZE: "sizeof(struct sockaddr_nl)",
      PORT_ID: "offsetof(struct sockaddr_nl, nl_pid)",
    }),
    ...rowsOf("src/linux/readiness.ts", {
      POLLFD_SIZE: "sizeof(struct pollfd)",
      EVENTS: "offsetof(struct pollfd, events)",
      POLLIN: "POLLIN",
      TIMESPEC_SIZE: "sizeof(struct timespec)",
      NANOSECONDS: "offsetof(struct timespec, tv_nsec)",
      CLOEXEC: "EFD_CLOEXEC",
      NONBLOCK: "EFD_NONBLOCK",
      EPOLL_CTL_ADD: "EPOLL_CTL_ADD",
    }),
    ...rowsOf("ffi/bun.ts", {
      EPOLL_CLOEXEC: "EPOLL_CLOEXEC",
      EPOLL_CTL_ADD: "EPOLL_CTL_ADD",
      EPOLLIN: "EPOLLIN",
    }),
    ...rowsOf("src/linux/devices.ts", {
      "IFREQ.size": "sizeof(struct ifreq)",
      "IFREQ.family": "offsetof(struct ifreq, ifr_hwaddr.sa_family)",
      IF_NAMESIZE: "IF_NAMESIZE",
      SIOCGIFHWADDR: "SIOCGIFHWADDR",
    }),
    ...rowsOf("src/libnetfilter_queue/receiver.ts", {
      NLMSG_ERROR: "NLMSG_ERROR",
      CONFIG_MESSAGE: "NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_CONFIG",
      "ANSWER.type": "offsetof(struct nlmsghdr, nlmsg_type)",
      "ANSWER.error": "sizeof(struct nlmsghdr) + offsetof(struct nlmsgerr, error)",
      "ANSWER.request":
        "sizeof(struct nlmsghdr) + offsetof(struct nlmsgerr, msg) + offsetof(struct nlmsghdr, nlmsg_type)",
    }),
    ...rowsOf("src/libnetfilter_queue/data.ts", {
      IFNAMSIZ: "IFNAMSIZ",
      "SIZES.packetHeader": "sizeof(struct nfqnl_msg_packet_hdr)",
      "SIZES.packetHardware": "sizeof(struct nfqnl_msg_packet_hw)",
      "SIZES.timeval": "sizeof(struct timeval)",
      "HARDWARE_ADDRESS.offset": "offsetof(struct nfqnl_msg_packet_hw, hw_addr)",
      "HARDWARE_ADDRESS.size": "sizeof(((struct nfqnl_msg_packet_hw *)0)->hw_addr)",
    }),
    ...rowsOf("src/libnetfilter_queue/guards/framing.ts", {
      MESSAGE_HEADER: "NLMSG_HDRLEN",
      QUEUE_HEADER: "NLMSG_HDRLEN + sizeof(struct nfgenmsg)",
      ATTRIBUTE_HEADER: "NLA_HDRLEN",
      NFQA_HWADDR: "NFQA_HWADDR",
      HARDWARE_ADDRESS_SIZE: "sizeof(((struct nfqnl_msg_packet_hw *)0)->hw_addr)",
    }),
    ...rowsOf("src/libnetfilter_queue/nlmsg_builder.ts", {
      HEADER: "NLMSG_HDRLEN + sizeof(struct nfgenmsg)",
      ATTRIBUTE: "NLA_HDRLEN",
      TYPE_MASK: "NLA_TYPE_MASK & 0xffff",
    }),
    ...rowsOf("src/libnetfilter_queue/packet_buffer/ip.ts", {
      IPV4_HEADER: "sizeof(struct iphdr)",
      IPV6_HEADER: "sizeof(struct ip6_hdr)",
      NEXT_HEADER: "offsetof(struct ip6_hdr, ip6_nxt)",
      IPPROTO_FRAGMENT: "IPPROTO_FRAGMENT",
      IPPROTO_AH: "IPPROTO_AH",
      IPPROTO_NONE: "IPPROTO_NONE",
    }),
    ...rowsOf("src/libnetfilter_queue/packet_buffer/tcp.ts", {
      TCP_HEADER: "sizeof(struct tcphdr)",
    }),
    ...rowsOf("src/libnetfilter_queue/packet_buffer/udp.ts", {
      UDP_HEADER: "sizeof(struct udphdr)",
    }),
    ...rowsOf("src/libnetfilter_queue/packet_buffer/memory.ts", {
      ETHERNET_HEADER: "ETH_HLEN",
      AF_INET: "AF_INET",
      AF_INET6: "AF_INET6",
      AF_BRIDGE: "AF_BRIDGE",
    }),
    ["offsetof(struct ethhdr, h_proto)", 12, "allocate in packet_buffer/memory.ts"],
  ]);
});

test("structures: where src/netlink reads and writes", { timeout: 30_000 }, () => {
  const sizes = constants("src/netlink/message.ts");
  const at = (name: string): number => sizes.get(`HEADER.${name}`)!;
  check([
    ["sizeof(struct nlmsghdr)", netlink.NETLINK_HEADER_SIZE, "netlink.ts"],
    ["offsetof(struct nlmsghdr, nlmsg_len)", at("length"), "netlink.ts"],
    ["offsetof(struct nlmsghdr, nlmsg_type)", at("type"), "netlink.ts"],
    ["offsetof(struct nlmsghdr, nlmsg_flags)", at("flags"), "netlink.ts"],
    ["offsetof(struct nlmsghdr, nlmsg_seq)", at("sequence"), "netlink.ts"],
    ["offsetof(struct nlmsghdr, nlmsg_pid)", at("portId"), "netlink.ts"],
    ["sizeof(struct nfgenmsg)", netlink.NFGENMSG_SIZE, "netlink.ts"],
    ["sizeof(struct nlattr)", netlink.ATTRIBUTE_HEADER_SIZE, "netlink.ts"],
    ["offsetof(struct nlattr, nla_type)", 2, "netlinkAttributes, indexPacketMessage"],
    ["sizeof(struct nlmsghdr) + sizeof(struct nlmsgerr)", netlink.ERROR_MESSAGE_SIZE, "netlink.ts"],
    ["NLMSG_HDRLEN + sizeof(struct nfgenmsg)", netlink.QUEUE_HEADER_SIZE, "nfqueue.ts"],
    ["NLMSG_HDRLEN + offsetof(struct nfgenmsg, nfgen_family)", 16, "decodePacketMessage"],
    ["NLMSG_HDRLEN + offsetof(struct nfgenmsg, res_id)", 18, "beginVerdict, encodeConfig, …"],
    ["USHRT_MAX - NLA_HDRLEN", netlink.MAX_ATTRIBUTE_PAYLOAD, "netlink.ts"],
    ["sizeof(struct nfqnl_msg_packet_hdr)", 7, "MINIMUM_LENGTH in nfqueue.ts"],
    ["offsetof(struct nfqnl_msg_packet_hdr, packet_id)", 0, "decodePacketMessage"],
    ["offsetof(struct nfqnl_msg_packet_hdr, hw_protocol)", 4, "decodePacketMessage"],
    ["offsetof(struct nfqnl_msg_packet_hdr, hook)", 6, "decodePacketMessage"],
    ["sizeof(struct nfqnl_msg_packet_hw)", 12, "MINIMUM_LENGTH in nfqueue.ts"],
    ["offsetof(struct nfqnl_msg_packet_hw, hw_addrlen)", 0, "readHardwareAddress"],
    ["offsetof(struct nfqnl_msg_packet_hw, hw_addr)", 4, "readHardwareAddress"],
    ["sizeof(((struct nfqnl_msg_packet_hw *)0)->hw_addr)", 8, "readHardwareAddress"],
    ["sizeof(struct nfqnl_msg_packet_timestamp)", 16, "readTimestamp"],
    ["offsetof(struct nfqnl_msg_packet_timestamp, usec)", 8, "readTimestamp"],
    [
      "NLMSG_HDRLEN + sizeof(struct nfgenmsg) + NLA_HDRLEN + sizeof(struct nfqnl_msg_verdict_hdr)",
      netlink.VERDICT_SIZE,
      "nfqueue_verdict.ts",
    ],
    ["offsetof(struct nfqnl_msg_verdict_hdr, verdict)", 0, "beginVerdict"],
    ["offsetof(struct nfqnl_msg_verdict_hdr, id)", 4, "beginVerdict"],
    ["sizeof(struct nfqnl_msg_config_cmd)", 4, "encodeConfig"],
    ["offsetof(struct nfqnl_msg_config_cmd, command)", 0, "encodeConfig"],
    ["offsetof(struct nfqnl_msg_config_cmd, pf)", 2, "encodeConfig"],
    ["sizeof(struct nfqnl_msg_config_params)", 5, "encodeConfig"],
    ["offsetof(struct nfqnl_msg_config_params, copy_range)", 0, "encodeConfig"],
    ["offsetof(struct nfqnl_msg_config_params, copy_mode)", 4, "encodeConfig"],
  ]);
});

test("header fields: src/packet's views and the header classes", { timeout: 30_000 }, () => {
  const headers = "ip.ts, tcp.ts and udp.ts of src/libnetfilter_queue; the views of src/packet";
  const fields: Readonly<Record<string, Readonly<Record<string, number>>>> = {
    iphdr: { tos: 1, tot_len: 2, id: 4, frag_off: 6, ttl: 8, protocol: 9, check: 10 },
    "iphdr ": { saddr: 12, daddr: 16 },
    ip6_hdr: { ip6_flow: 0, ip6_plen: 4, ip6_nxt: 6, ip6_hlim: 7, ip6_src: 8, ip6_dst: 24 },
    tcphdr: { source: 0, dest: 2, seq: 4, ack_seq: 8, window: 14, check: 16, urg_ptr: 18 },
    udphdr: { source: 0, dest: 2, len: 4, check: 6 },
    ip6_frag: { ip6f_nxt: 0, ip6f_offlg: 2 },
    ip6_ext: { ip6e_nxt: 0, ip6e_len: 1 },
  };
  // Bit fields have no offset: which byte of a zeroed struct changes, and to what.
  const bits = (struct: string, field: string, byte: number): string =>
    `(union { struct ${struct} s; unsigned char b[60]; }){ .s = { .${field} = 1 } }.b[${byte}]`;
  check([
    ...Object.entries(fields).flatMap(([struct, members]) =>
      Object.entries(members).map(([name, offset]): Row => [
        `offsetof(struct ${struct}, ${name})`,
        offset,
        headers,
      ])
    ),
    [bits("iphdr", "ihl", 0), 1, headers],
    [bits("iphdr", "version", 0), 16, headers],
    [bits("tcphdr", "doff", 12), 16, headers],
    ...["fin", "syn", "rst", "psh", "ack", "urg"].map((name, bit): Row => [
      bits("tcphdr", name, 13),
      1 << bit,
      headers,
    ]),
  ]);
});

test("numbers of the queue protocol", { timeout: 30_000 }, () => {
  const flags = ["REQUEST", "MULTI", "ACK", "ECHO", "DUMP_INTR", "CAPPED", "ACK_TLVS"] as const;
  check([
    ...tableRows("NLMSG_", netlink.NLMSG),
    ...flags.map((name): Row => [`NLM_F_${name}`, netlink.NLM_F[name], "netlink.ts"]),
    ["NLM_F_DUMP_FILTERED", netlink.NLM_F.DUMP_FILTERED, "netlink.ts"],
    ["NLA_F_NESTED", netlink.NLA.F_NESTED, "netlink.ts"],
    ["NLA_F_NET_BYTEORDER", netlink.NLA.F_NET_BYTEORDER, "netlink.ts"],
    ["NLA_TYPE_MASK & 0xffff", netlink.NLA.TYPE_MASK, "netlink.ts"],
    ["NFNL_SUBSYS_QUEUE", netlink.NFNL_SUBSYS_QUEUE, "nfqueue.ts"],
    ...tableRows("NFQNL_MSG_", netlink.NFQNL_MSG),
    ...tableRows("NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_", netlink.QUEUE_MESSAGE),
    // Linux 6.10 and later: not in every header.
    ...tableRows("NFQA_", netlink.NFQA, { without: ["CGROUP_CLASSID"] }),
    ["NFQA_PRIORITY + 1", netlink.NFQA.CGROUP_CLASSID, "nfqueue.ts"],
    ...tableRows("NFQA_VLAN_", netlink.NFQA_VLAN),
    ...tableRows("NFQNL_CFG_CMD_", netlink.NFQNL_CFG_CMD),
    ...tableRows("NFQNL_COPY_", netlink.NFQNL_COPY),
    ...tableRows("NFQA_CFG_", netlink.NFQA_CFG),
    ...tableRows("NFQA_CFG_F_", netlink.NFQA_CFG_F),
    ...tableRows("NFQA_SKB_", netlink.NFQA_SKB),
    ...tableRows("NF_", netlink.NF_VERDICT),
    ["NF_VERDICT_FLAG_QUEUE_BYPASS", netlink.NF_VERDICT_FLAG_QUEUE_BYPASS, "nfqueue.ts"],
    ...tableRows("CTA_", netlink.CTA),
    ["CTA_TUPLE_IP", netlink.CTA_TUPLE.IP, "conntrack.ts"],
    ["CTA_TUPLE_PROTO", netlink.CTA_TUPLE.PROTO, "conntrack.ts"],
    ["CTA_TUPLE_ZONE", netlink.CTA_TUPLE.ZONE, "conntrack.ts"],
    ...tableRows("CTA_IP_", netlink.CTA_IP),
    ...tableRows("CTA_PROTO_", netlink.CTA_PROTO),
    ...tableRows("CTA_PROTOINFO_", netlink.CTA_PROTOINFO),
  ]);
});

test("numbers that ./libnetfilter_queue exports, and those of sockets", { timeout: 30_000 }, () => {
  const exported = Object.entries(library).flatMap(([name, value]): Row[] =>
    /^(NF|AF)/.test(name) && typeof value === "number" ? [[name, value, "mod.ts"]] : []
  );
  assert.ok(exported.length > 30, `${exported.length} constants are exported`);
  check([
    // NFQ_XML_ALL is ~0U in C.
    ...exported,
    ...[0, 7, 0xffff].map((number): Row => [
      `(unsigned int)NF_QUEUE_NR(${number}u)`,
      library.NF_QUEUE_NR(number),
      "NF_QUEUE_NR",
    ]),
    ...Object.entries(ERRNO).map(([name, value]): Row => [name, value, "src/linux/errno.ts"]),
    ...rowsOf("src/nfqueue/system_kernel.ts", {
      MSG_WAITFORONE: "MSG_WAITFORONE",
      F_GETFL: "F_GETFL",
      F_SETFL: "F_SETFL",
      O_NONBLOCK: "O_NONBLOCK",
      SOL_SOCKET: "SOL_SOCKET",
      SO_RCVTIMEO: "SO_RCVTIMEO",
      SOL_NETLINK: "SOL_NETLINK",
      NETLINK_NO_ENOBUFS: "NETLINK_NO_ENOBUFS",
      NETLINK_CAP_ACK: "NETLINK_CAP_ACK",
    }),
    ...rowsOf("src/linux/receive_slots.ts", { MSG_TRUNC: "MSG_TRUNC" }),
    ...rowsOf("src/linux/netlink_socket.ts", {
      AF_NETLINK: "AF_NETLINK",
      MSG_DONTWAIT: "MSG_DONTWAIT",
      SOL_SOCKET: "SOL_SOCKET",
      SO_SNDBUF: "SO_SNDBUF",
      SO_RCVBUF: "SO_RCVBUF",
      SO_SNDBUFFORCE: "SO_SNDBUFFORCE",
      SO_RCVBUFFORCE: "SO_RCVBUFFORCE",
    }),
    ...rowsOf("src/ipq/shared_queue.ts", {
      SOL_SOCKET: "SOL_SOCKET",
      SO_TIMESTAMP: "SO_TIMESTAMP",
      SEQUENCE: "offsetof(struct nlmsghdr, nlmsg_seq)",
    }),
    ...rowsOf("src/linux/descriptors.ts", { F_SETFD: "F_SETFD", FD_CLOEXEC: "FD_CLOEXEC" }),
    ...rowsOf("src/ipq/libipq_transport.ts", { DESCRIPTOR_LIMIT: "FD_SETSIZE" }),
    ...rowsOf("src/linux/files.ts", { O_RDONLY: "O_RDONLY", O_CLOEXEC: "O_CLOEXEC" }),
    ...rowsOf("src/libnetfilter_queue/receiver.ts", {
      MSG_TRUNC: "MSG_TRUNC",
      MSG_DONTWAIT: "MSG_DONTWAIT",
    }),
    ["NFPROTO_UNSPEC", 0, "FAMILIES in src/queue/packet/families.ts"],
    ["NFPROTO_IPV4", library.AF_INET, "packet_buffer/memory.ts"],
    ["NFPROTO_IPV6", library.AF_INET6, "packet_buffer/memory.ts"],
    ["NFPROTO_BRIDGE", library.AF_BRIDGE, "packet_buffer/memory.ts"],
  ]);
});
