// PacketBuffer: what each function gives, what is refused, and use after free.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SystemError } from "../../src/linux/errno.ts";
import {
  AF_BRIDGE,
  AF_INET,
  AF_INET6,
  HandleClosedError,
  PacketBuffer,
} from "../../src/libnetfilter_queue/mod.ts";
import { hex, ICMP4, TCP4, TCP6, UDP4 } from "../packet/samples.ts";

const LIMIT = { timeout: 20_000 } as const;
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const plain = (bytes: Uint8Array | null): number[] | null => bytes && [...bytes];

const udpBuffer = (extra: number = 0): PacketBuffer => {
  const buffer = PacketBuffer.pktb_alloc(AF_INET, UDP4, extra);
  assert.ok(buffer.nfq_ip_set_transport_header());
  return buffer;
};
const tcpBuffer = (extra: number = 0): PacketBuffer => {
  const buffer = PacketBuffer.pktb_alloc(AF_INET, TCP4, extra);
  assert.ok(buffer.nfq_ip_set_transport_header());
  return buffer;
};
const tcp6Buffer = (extra: number = 0): PacketBuffer => {
  const buffer = PacketBuffer.pktb_alloc(AF_INET6, TCP6, extra);
  assert.ok(buffer.nfq_ip6_set_transport_header(6));
  return buffer;
};

test("IPv4: header fields read and write the packet", LIMIT, () => {
  using buffer = udpBuffer();
  const header = buffer.nfq_ip_get_hdr()!;
  const { version, ihl, tos, tot_len, id, frag_off, ttl, protocol, check } = header;
  assert.deepEqual([version, ihl, tos, tot_len, id], [4, 5, 0, 40, 0]);
  assert.deepEqual([frag_off, ttl, protocol, check], [0x4000, 64, 17, 0x3cc3]);
  assert.deepEqual([plain(header.saddr), plain(header.daddr)], [[127, 0, 0, 1], [127, 0, 0, 1]]);
  assert.deepEqual(plain(header.bytes()), [...UDP4.subarray(0, 20)]);
  header.ttl = 63;
  header.daddr = new Uint8Array([127, 0, 0, 2]);
  assert.ok(buffer.nfq_ip_set_checksum());
  assert.equal(header.check, 0x3dc2);
  assert.deepEqual(
    plain(buffer.pktb_data().subarray(8, 20)),
    [63, 17, 0x3d, 0xc2, 127, 0, 0, 1, 127, 0, 0, 2],
  );
  assert.equal(buffer.pktb_mangled(), false, "only mangle functions count");
  header.version = 6;
  assert.equal(buffer.nfq_ip_get_hdr(), null);
});

test("TCP, UDP and IPv6: header fields", LIMIT, () => {
  using tcp = tcpBuffer();
  const header = tcp.nfq_tcp_get_hdr()!;
  const { source, dest, seq, ack_seq, doff, window, check, urg_ptr } = header;
  assert.deepEqual([source, dest, seq, ack_seq], [4000, 80, 1, 0]);
  assert.deepEqual([doff, window, check, urg_ptr], [6, 64240, 0x7942, 0]);
  const flags = () => [header.fin, header.syn, header.rst, header.psh, header.ack, header.urg];
  assert.deepEqual(flags(), [0, 1, 0, 0, 0, 0]);
  header.fin =
    header.rst =
    header.psh =
    header.ack =
    header.urg =
      1;
  header.syn = 0;
  assert.deepEqual(flags(), [1, 0, 1, 1, 1, 1]);
  assert.equal(header.bytes()[13], 0b111101);
  Object.assign(header, { source: 1, dest: 2, seq: 3, ack_seq: 0xffffffff, doff: 5 });
  Object.assign(header, { window: 6, check: 7, urg_ptr: 8 });
  assert.deepEqual(
    plain(header.bytes()),
    plain(hex("0001 0002 00000003 ffffffff 503d 0006 0007 0008")),
  );

  using udp = udpBuffer();
  const datagram = udp.nfq_udp_get_hdr()!;
  assert.deepEqual(
    [datagram.source, datagram.dest, datagram.len, datagram.check],
    [5000, 53, 20, 0x5c17],
  );
  Object.assign(datagram, { source: 1, dest: 2, len: 8, check: 4 });
  assert.deepEqual(plain(datagram.bytes()), [0, 1, 0, 2, 0, 8, 0, 4]);

  using ipv6 = tcp6Buffer();
  const outer = ipv6.nfq_ip6_get_hdr()!;
  assert.deepEqual(
    [outer.ip6_flow, outer.ip6_plen, outer.ip6_nxt, outer.ip6_hlim],
    [0x6ab12345, 44, 0, 63],
  );
  assert.deepEqual(plain(outer.ip6_src), [...TCP6.subarray(8, 24)]);
  assert.deepEqual(plain(outer.ip6_dst), [...TCP6.subarray(24, 40)]);
  outer.ip6_src = outer.ip6_dst;
  outer.ip6_hlim = 1;
  assert.deepEqual(plain(ipv6.pktb_data().subarray(7, 24)), [1, ...TCP6.subarray(24, 40)]);
});

test("header fields refuse what does not fit them", LIMIT, () => {
  using buffer = tcpBuffer();
  const ip = buffer.nfq_ip_get_hdr()!;
  const tcp = buffer.nfq_tcp_get_hdr()!;
  const before = buffer.pktb_data();
  for (const bad of [-1, 1.5, NaN, 2 ** 32]) {
    assert.throws(() => ip.ttl = bad, RangeError);
    assert.throws(() => ip.tot_len = bad, RangeError);
    assert.throws(() => tcp.seq = bad, RangeError);
    assert.throws(() => tcp.syn = bad, RangeError);
  }
  assert.throws(() => ip.ihl = 16, RangeError);
  assert.throws(() => tcp.fin = 2, RangeError);
  assert.throws(() => ip.ttl = "1" as never, TypeError);
  assert.throws(() => ip.saddr = new Uint8Array(5), RangeError);
  assert.throws(() => ip.saddr = "127.0.0.1" as never, TypeError);
  assert.deepEqual(buffer.pktb_data(), before);
});

test("the functions that print", LIMIT, () => {
  using udp = udpBuffer();
  assert.equal(
    udp.nfq_ip_snprintf(),
    "SRC=127.0.0.1 DST=127.0.0.1 LEN=40 TOS=0x0 PREC=0x0 TTL=64 ID=0 PROTO=17 ",
  );
  assert.equal(udp.nfq_udp_snprintf(), "SPT=5000 DPT=53 ");
  using tcp = tcpBuffer();
  Object.assign(tcp.nfq_tcp_get_hdr()!, {
    urg: 1,
    ack: 1,
    psh: 1,
    rst: 1,
    fin: 1,
    seq: 2 ** 32 - 1,
  });
  assert.equal(
    tcp.nfq_tcp_snprintf(),
    "SPT=4000 DPT=80 SEQ=4294967295 ACK=0 WINDOW=64240 RES=0x00 URG ACK PSH RST SYN FIN ",
  );
  using ipv6 = tcp6Buffer();
  assert.match(
    ipv6.nfq_ip6_snprintf()!,
    /^SRC=2001:db8::1 DST=fe80::200:ff:fe00:2 LEN=84 TC=0x[0-9A-F]+ HOPLIMIT=63 FLOWLBL=\d+ $/,
  );
  assert.equal(ipv6.nfq_ip_snprintf(), null);
  assert.equal(udp.nfq_ip6_snprintf(), null);
});

test("a packet of another kind, or cut: null and false, and nothing changes", LIMIT, () => {
  const packets = [hex(""), hex("45"), UDP4.subarray(0, 19), hex("00".repeat(64)), ICMP4];
  for (const packet of packets) {
    using buffer = PacketBuffer.pktb_alloc(AF_INET, packet, 20);
    const ipv4 = packet === ICMP4;
    assert.equal(buffer.nfq_ip_get_hdr() !== null, ipv4);
    assert.equal(buffer.nfq_ip6_get_hdr(), null);
    assert.equal(buffer.nfq_ip6_set_transport_header(6), false);
    for (const name of ["tcp", "udp"] as const) {
      assert.equal(buffer[`nfq_${name}_get_hdr`](), null);
      assert.equal(buffer[`nfq_${name}_get_payload`](), null);
      assert.equal(buffer[`nfq_${name}_get_payload_len`](), null);
      assert.equal(buffer[`nfq_${name}_snprintf`](), null);
      assert.equal(buffer[`nfq_${name}_compute_checksum_ipv4`](), false, "no transport header");
      assert.equal(buffer[`nfq_${name}_compute_checksum_ipv6`](), false);
      assert.equal(buffer[`nfq_${name}_mangle_ipv6`](0, 0, text("x")), false);
    }
    assert.equal(buffer.nfq_tcp_mangle_ipv4(0, 0, text("x")), false);
    assert.equal(buffer.nfq_ip6_mangle(0, 0, 0, text("x")), false);
    assert.equal(buffer.pktb_transport_header(), null);
    assert.equal(buffer.nfq_ip_set_transport_header(), ipv4);
    assert.deepEqual(plain(buffer.pktb_data()), [...packet]);
  }
});

test("lengths that lie: null and false", LIMIT, () => {
  using udp = udpBuffer();
  const ip = udp.nfq_ip_get_hdr()!;
  ip.tot_len = 41;
  assert.equal(udp.nfq_ip_get_hdr(), null, "tot_len beyond the packet");
  assert.equal(udp.nfq_udp_compute_checksum_ipv4(), false);
  ip.tot_len = 27;
  assert.equal(udp.nfq_udp_compute_checksum_ipv4(), false, "not even a UDP header");
  ip.tot_len = 28;
  assert.equal(udp.nfq_udp_compute_checksum_ipv4(), true);
  for (const ihl of [0, 4, 11, 15]) {
    ip.ihl = ihl;
    assert.equal(udp.nfq_ip_set_checksum(), false, `ihl ${ihl}`);
    assert.equal(udp.nfq_ip_set_transport_header(), false);
    assert.equal(udp.nfq_udp_mangle_ipv4(0, 0, text("")), false);
    assert.equal(udp.nfq_udp_compute_checksum_ipv4(), false);
  }
  ip.ihl = 10;
  assert.equal(udp.nfq_ip_set_transport_header(), false, "nothing behind the header");

  using tcp = tcpBuffer();
  const header = tcp.nfq_tcp_get_hdr()!;
  for (const doff of [0, 4, 7, 15]) {
    header.doff = doff;
    assert.equal(tcp.nfq_tcp_get_payload(), null, `doff ${doff}`);
    assert.equal(tcp.nfq_tcp_get_payload_len(), null);
    assert.equal(tcp.nfq_tcp_mangle_ipv4(0, 0, text("")), false);
  }
  header.doff = 6;
  assert.deepEqual([plain(tcp.nfq_tcp_get_payload()), tcp.nfq_tcp_get_payload_len()], [[], 0]);

  using datagram = udpBuffer();
  for (const len of [0, 7, 21, 65535]) {
    datagram.nfq_udp_get_hdr()!.len = len;
    assert.equal(datagram.nfq_udp_get_payload(), null, `len ${len}`);
    assert.equal(datagram.nfq_udp_get_payload_len(), 12, "counts to the packet's end");
  }
});

test("IPv6 extension headers: found where they lead, wherever they lead", LIMIT, () => {
  const find = (headers: string, target: number): number | null => {
    const packet = hex(`60000000 0000 00 40 ${"00".repeat(32)} ${headers}`);
    packet[6] = 60;
    packet[5] = packet.length - 40;
    using buffer = PacketBuffer.pktb_alloc(AF_INET6, packet, 0);
    const found = buffer.nfq_ip6_set_transport_header(target);
    assert.deepEqual(plain(buffer.pktb_data()), [...packet], "nothing has changed");
    const header = buffer.pktb_transport_header();
    assert.equal(header !== null, found);
    return header && packet.length - header.length;
  };
  const rest = "00".repeat(20);
  assert.equal(find(`0600 000000000000 ${rest}`, 6), 48);
  assert.equal(find(`0600 000000000000 ${rest}`, 60), 40, "an extension header itself");
  assert.equal(find(`0600 000000000000 ${rest}`, 17), null);
  assert.equal(find(`0601 ${"00".repeat(14)} ${rest}`, 6), 56);
  assert.equal(find(`3300 000000000000 0604 ${"00".repeat(22)} ${rest}`, 6), 72, "AH counts by 4");
  assert.equal(find(`2c00 000000000000 0600 0007 00000000 ${rest}`, 6), 56, "first fragment");
  assert.equal(find(`2c00 000000000000 0600 0008 00000000 ${rest}`, 6), null, "later fragment");
  assert.equal(find(`3c00 000000000000 ${rest}`, 6), null, "1.0.5 itself would never return");
  assert.equal(find(`06ff 000000000000 ${rest}`, 6), null, "longer than the packet");
  assert.equal(find("0600 0000", 6), null, "cut");
  assert.equal(find("", 6), null);
  assert.equal(find(`3b00 000000000000 ${rest}`, 6), null, "no next header");
});

test("bridged frames: real ones are taken, MAC header included", LIMIT, () => {
  const mac = hex("020000000001 020000000002");
  const frame = (ethertype: string, packet: Uint8Array) =>
    new Uint8Array([...mac, ...hex(ethertype), ...packet]);
  for (const [ethertype, packet] of [["0800", UDP4], ["86dd", TCP6]] as const) {
    const bytes = frame(ethertype, packet);
    using buffer = PacketBuffer.pktb_alloc(AF_BRIDGE, bytes, 4);
    assert.deepEqual(buffer.pktb_data(), bytes);
    assert.deepEqual(buffer.pktb_mac_header(), bytes);
    assert.deepEqual(plain(buffer.pktb_network_header()), [...packet]);
    assert.ok(buffer.pktb_mangle(-14, 6, 6, hex("0a0b0c0d0e0f")));
    assert.deepEqual(plain(buffer.pktb_mac_header()!.subarray(6, 12)), [10, 11, 12, 13, 14, 15]);
    if (packet === TCP6) continue;
    assert.ok(buffer.nfq_udp_mangle_ipv4(0, 5, text("HOWDY!")));
    assert.equal(buffer.nfq_ip_get_hdr()!.tot_len, 41);
    buffer.pktb_pull(14);
    assert.equal(buffer.pktb_data().length, 41);
  }
  const refused = () => PacketBuffer.pktb_alloc(AF_BRIDGE, frame("0806", UDP4), 0);
  assert.throws(refused, (error) => {
    assert.ok(error instanceof SystemError);
    assert.equal(error.code, "EPROTONOSUPPORT");
    return true;
  });
  assert.throws(() => PacketBuffer.pktb_alloc(AF_BRIDGE, new Uint8Array(13), 0), RangeError);
  using other = udpBuffer();
  assert.equal(other.pktb_mac_header(), null);
});

test("room: what does not fit is refused and changes nothing", LIMIT, () => {
  using buffer = udpBuffer(3);
  assert.equal(buffer.pktb_tailroom(), 3);
  assert.equal(buffer.nfq_udp_mangle_ipv4(12, 0, text("1234")), false);
  assert.equal(buffer.pktb_mangle(0, 40, 0, text("1234")), false);
  assert.equal(buffer.nfq_ip_mangle(20, 20, 0, text("1234")), false);
  assert.deepEqual(plain(buffer.pktb_data()), [...UDP4]);
  assert.equal(buffer.nfq_udp_get_hdr()!.len, 20);
  assert.equal(buffer.nfq_udp_mangle_ipv4(12, 0, text("123")), true);
  assert.equal(buffer.nfq_udp_get_hdr()!.len, 23);
  assert.deepEqual([buffer.pktb_tailroom(), buffer.pktb_len()], [0, 43]);
  // 1.0.5 itself would write far over the end here: it compares room with length.
  buffer.pktb_trim(20);
  assert.equal(buffer.pktb_mangle(0, 20, 0, new Uint8Array(24)), false);
  assert.equal(buffer.pktb_mangle(0, 20, 0, new Uint8Array(23)), true);

  using large = udpBuffer(70_000);
  assert.equal(large.nfq_udp_mangle_ipv4(0, 0, new Uint8Array(65_496)), false, "65,536 bytes");
  assert.equal(large.nfq_udp_mangle_ipv4(0, 0, new Uint8Array(65_495)), true);
  assert.equal(large.nfq_ip_get_hdr()!.tot_len, 65_535);
  assert.equal(large.nfq_ip_mangle(20, 0, 0, text("1")), false);
  assert.equal(large.pktb_mangle(20, 0, 0, text("1")), true, "no length field, no limit");
});

test("a network header must survive its own mangling", LIMIT, () => {
  using ipv4 = udpBuffer();
  assert.equal(ipv4.nfq_ip_mangle(0, 0, 1, hex("4b")), false, "a header of 44 bytes");
  assert.equal(ipv4.nfq_ip_mangle(0, 0, 21, hex("")), false, "19 bytes are left");
  assert.equal(ipv4.nfq_ip_mangle(0, 0, 1, hex("4a")), true, "a header of 40 bytes");
  assert.equal(ipv4.nfq_ip_mangle(0, 0, 40, TCP4.subarray(0, 24)), true);
  using ipv6 = tcp6Buffer();
  assert.equal(ipv6.nfq_ip6_mangle(0, 0, 45, hex("")), false, "39 bytes are left");
  assert.equal(ipv6.nfq_ip6_mangle(0, 0, 44, hex("")), true);
});

test("arguments outside the packet throw RangeError, wrong types TypeError", LIMIT, () => {
  using buffer = udpBuffer(10);
  const before = buffer.pktb_data();
  const mangles = [
    (offset: number, length: number) => buffer.pktb_mangle(0, offset, length, text("")),
    (offset: number, length: number) => buffer.nfq_ip_mangle(0, offset, length, text("")),
    (offset: number, length: number) => buffer.nfq_udp_mangle_ipv4(offset, length, text("")),
  ];
  for (const mangle of mangles) {
    for (const bad of [41, 0xffffffff, 2 ** 32, -1, 1.5, NaN]) {
      assert.throws(() => mangle(bad, 0), RangeError, `${bad}`);
      assert.throws(() => mangle(0, bad), RangeError, `${bad}`);
    }
    assert.throws(() => mangle("0" as never, 0), TypeError);
  }
  assert.throws(() => buffer.pktb_mangle(-1, 0, 0, text("")), RangeError);
  assert.throws(() => buffer.pktb_mangle(2 ** 31, 0, 0, text("")), RangeError);
  assert.throws(() => buffer.nfq_ip_mangle(-1, 1, 0, text("")), RangeError);
  assert.throws(() => buffer.pktb_mangle(0, 0, 0, "x" as never), TypeError);
  assert.throws(() => buffer.pktb_mangle(0, 0, 0, [1] as never), TypeError);
  for (const bad of [-1, 1.5, NaN, 2 ** 32]) {
    assert.throws(() => buffer.pktb_push(bad), RangeError);
    assert.throws(() => buffer.pktb_pull(bad), RangeError);
    assert.throws(() => buffer.pktb_put(bad), RangeError);
    assert.throws(() => buffer.pktb_trim(bad), RangeError);
    assert.throws(() => buffer.nfq_ip6_set_transport_header(bad), RangeError);
    assert.throws(() => PacketBuffer.pktb_alloc(AF_INET, UDP4, bad), RangeError);
  }
  assert.throws(() => buffer.pktb_push(1), RangeError, "nothing was pulled");
  assert.throws(() => buffer.pktb_pull(41), RangeError);
  assert.throws(() => buffer.pktb_put(11), RangeError);
  assert.throws(() => buffer.pktb_trim(51), RangeError);
  assert.throws(() => buffer.nfq_ip6_set_transport_header(59), RangeError);
  assert.throws(() => PacketBuffer.pktb_alloc(AF_INET, new Uint8Array(2 ** 21), 0), RangeError);
  assert.throws(() => PacketBuffer.pktb_alloc(AF_INET, "x" as never, 0), TypeError);
  for (const family of [0, 1, 3, 16, -2, 2.5, "2"]) {
    assert.throws(() => PacketBuffer.pktb_alloc(family as number, UDP4, 0), RangeError);
  }
  assert.deepEqual(buffer.pktb_data(), before);
});

test("the data is copied in and out", LIMIT, () => {
  const data = UDP4.slice();
  using buffer = PacketBuffer.pktb_alloc(AF_INET, data, 0);
  data.fill(0);
  buffer.pktb_data().fill(0);
  buffer.pktb_network_header()!.fill(0);
  buffer.nfq_ip_get_hdr()!.saddr.fill(0);
  assert.deepEqual(plain(buffer.pktb_data()), [...UDP4]);
});

test("after the free everything throws; a second free does nothing", LIMIT, () => {
  const buffer = udpBuffer(10);
  const ip = buffer.nfq_ip_get_hdr()!;
  const udp = buffer.nfq_udp_get_hdr()!;
  const kept = buffer.pktb_data();
  buffer.pktb_free();
  buffer.pktb_free();
  buffer[Symbol.dispose]();
  const methods = Object.getOwnPropertyNames(PacketBuffer.prototype)
    .concat(Object.getOwnPropertyNames(Object.getPrototypeOf(PacketBuffer.prototype)))
    .filter((name) => /^(pktb|nfq)_/.test(name) && name !== "pktb_free");
  assert.equal(methods.length, 37, "all of them");
  for (const name of methods) {
    const method = buffer[name as keyof PacketBuffer] as (...values: unknown[]) => unknown;
    const numbers = [0, 0, 0].slice(0, Math.max(0, method.length - 1));
    const last = /mangle(_ipv[46])?$/.test(name) ? new Uint8Array(1) : 0;
    assert.throws(() => method.call(buffer, ...numbers, last), HandleClosedError, name);
  }
  assert.throws(() => ip.ttl, HandleClosedError);
  assert.throws(() => ip.ttl = 1, HandleClosedError);
  assert.throws(() => ip.bytes(), HandleClosedError);
  assert.throws(() => udp.check = 1, HandleClosedError);
  assert.deepEqual(plain(kept), [...UDP4]);
});
