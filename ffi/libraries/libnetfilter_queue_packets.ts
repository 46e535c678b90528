/**
 * libnetfilter_queue: packet buffers, and the headers and payloads in them.
 *
 * @module
 */

import { libnetfilterQueueFile } from "./libnetfilter_queue.ts";
import { lazyLibrary } from "../load.ts";
import type { NativeFunctions, SymbolTable } from "../types.ts";

/** pktbuff.h and libnetfilter_queue_{ipv4,ipv6,tcp,udp}.h. Every `char *` that is written is a `buffer`. */
export const packetSymbols = {
  /** `struct pkt_buff *pktb_alloc(int family, void *data, size_t len, size_t extra)` */
  pktb_alloc: {
    parameters: ["i32", "buffer", "usize", "usize"],
    result: "pointer",
    since: "1.0.2",
  },
  /** `void pktb_free(struct pkt_buff *pktb)` */
  pktb_free: { parameters: ["pointer"], result: "void", since: "1.0.2" },
  /** `uint8_t *pktb_data(struct pkt_buff *pktb)` */
  pktb_data: { parameters: ["pointer"], result: "pointer", since: "1.0.2" },
  /** `uint32_t pktb_len(struct pkt_buff *pktb)` */
  pktb_len: { parameters: ["pointer"], result: "u32", since: "1.0.2" },
  /** `void pktb_push(struct pkt_buff *pktb, unsigned int len)` */
  pktb_push: { parameters: ["pointer", "u32"], result: "void", since: "1.0.2" },
  /** `void pktb_pull(struct pkt_buff *pktb, unsigned int len)` */
  pktb_pull: { parameters: ["pointer", "u32"], result: "void", since: "1.0.2" },
  /** `void pktb_put(struct pkt_buff *pktb, unsigned int len)` */
  pktb_put: { parameters: ["pointer", "u32"], result: "void", since: "1.0.2" },
  /** `void pktb_trim(struct pkt_buff *pktb, unsigned int len)` */
  pktb_trim: { parameters: ["pointer", "u32"], result: "void", since: "1.0.2" },
  /** `unsigned int pktb_tailroom(struct pkt_buff *pktb)` */
  pktb_tailroom: { parameters: ["pointer"], result: "u32", since: "1.0.2" },
  /** `uint8_t *pktb_mac_header(struct pkt_buff *pktb)` */
  pktb_mac_header: { parameters: ["pointer"], result: "pointer", since: "1.0.2" },
  /** `uint8_t *pktb_network_header(struct pkt_buff *pktb)` */
  pktb_network_header: { parameters: ["pointer"], result: "pointer", since: "1.0.2" },
  /** `uint8_t *pktb_transport_header(struct pkt_buff *pktb)` */
  pktb_transport_header: { parameters: ["pointer"], result: "pointer", since: "1.0.2" },
  /** `int pktb_mangle(struct pkt_buff *pktb, int dataoff, unsigned int match_offset, unsigned int match_len, const char *rep_buffer, unsigned int rep_len)` */
  pktb_mangle: {
    parameters: ["pointer", "i32", "u32", "u32", "buffer", "u32"],
    result: "i32",
    since: "1.0.2",
  },
  /** `bool pktb_mangled(const struct pkt_buff *pktb)` */
  pktb_mangled: { parameters: ["pointer"], result: "u8", since: "1.0.2" },

  /** `struct iphdr *nfq_ip_get_hdr(struct pkt_buff *pktb)` */
  nfq_ip_get_hdr: { parameters: ["pointer"], result: "pointer", since: "1.0.2" },
  /** `int nfq_ip_set_transport_header(struct pkt_buff *pktb, struct iphdr *iph)` */
  nfq_ip_set_transport_header: {
    parameters: ["pointer", "pointer"],
    result: "i32",
    since: "1.0.2",
  },
  /** `void nfq_ip_set_checksum(struct iphdr *iph)` */
  nfq_ip_set_checksum: { parameters: ["pointer"], result: "void", since: "1.0.2" },
  /** `int nfq_ip_mangle(struct pkt_buff *pktb, unsigned int dataoff, unsigned int match_offset, unsigned int match_len, const char *rep_buffer, unsigned int rep_len)` */
  nfq_ip_mangle: {
    parameters: ["pointer", "u32", "u32", "u32", "buffer", "u32"],
    result: "i32",
    since: "1.0.2",
  },
  /** `int nfq_ip_snprintf(char *buf, size_t size, const struct iphdr *iph)` */
  nfq_ip_snprintf: { parameters: ["buffer", "usize", "pointer"], result: "i32", since: "1.0.2" },

  /** `struct ip6_hdr *nfq_ip6_get_hdr(struct pkt_buff *pktb)` */
  nfq_ip6_get_hdr: { parameters: ["pointer"], result: "pointer", since: "1.0.2" },
  /** `int nfq_ip6_set_transport_header(struct pkt_buff *pktb, struct ip6_hdr *iph, uint8_t target)` */
  nfq_ip6_set_transport_header: {
    parameters: ["pointer", "pointer", "u8"],
    result: "i32",
    since: "1.0.2",
  },
  /** `int nfq_ip6_mangle(struct pkt_buff *pktb, unsigned int dataoff, unsigned int match_offset, unsigned int match_len, const char *rep_buffer, unsigned int rep_len)` */
  nfq_ip6_mangle: {
    parameters: ["pointer", "u32", "u32", "u32", "buffer", "u32"],
    result: "i32",
    since: "1.0.4",
  },
  /** `int nfq_ip6_snprintf(char *buf, size_t size, const struct ip6_hdr *ip6h)` */
  nfq_ip6_snprintf: { parameters: ["buffer", "usize", "pointer"], result: "i32", since: "1.0.2" },

  /** `struct tcphdr *nfq_tcp_get_hdr(struct pkt_buff *pktb)` */
  nfq_tcp_get_hdr: { parameters: ["pointer"], result: "pointer", since: "1.0.2" },
  /** `void *nfq_tcp_get_payload(struct tcphdr *tcph, struct pkt_buff *pktb)` */
  nfq_tcp_get_payload: { parameters: ["pointer", "pointer"], result: "pointer", since: "1.0.2" },
  /** `unsigned int nfq_tcp_get_payload_len(struct tcphdr *tcph, struct pkt_buff *pktb)` */
  nfq_tcp_get_payload_len: { parameters: ["pointer", "pointer"], result: "u32", since: "1.0.2" },
  /** `void nfq_tcp_compute_checksum_ipv4(struct tcphdr *tcph, struct iphdr *iph)` */
  nfq_tcp_compute_checksum_ipv4: {
    parameters: ["pointer", "pointer"],
    result: "void",
    since: "1.0.2",
  },
  /** `void nfq_tcp_compute_checksum_ipv6(struct tcphdr *tcph, struct ip6_hdr *ip6h)` */
  nfq_tcp_compute_checksum_ipv6: {
    parameters: ["pointer", "pointer"],
    result: "void",
    since: "1.0.2",
  },
  /** `int nfq_tcp_mangle_ipv4(struct pkt_buff *pktb, unsigned int match_offset, unsigned int match_len, const char *rep_buffer, unsigned int rep_len)` */
  nfq_tcp_mangle_ipv4: {
    parameters: ["pointer", "u32", "u32", "buffer", "u32"],
    result: "i32",
    since: "1.0.2",
  },
  /** `int nfq_tcp_mangle_ipv6(struct pkt_buff *pktb, unsigned int match_offset, unsigned int match_len, const char *rep_buffer, unsigned int rep_len)` */
  nfq_tcp_mangle_ipv6: {
    parameters: ["pointer", "u32", "u32", "buffer", "u32"],
    result: "i32",
    since: "1.0.4",
  },
  /** `int nfq_tcp_snprintf(char *buf, size_t size, const struct tcphdr *tcp)` */
  nfq_tcp_snprintf: { parameters: ["buffer", "usize", "pointer"], result: "i32", since: "1.0.2" },

  /** `struct udphdr *nfq_udp_get_hdr(struct pkt_buff *pktb)` */
  nfq_udp_get_hdr: { parameters: ["pointer"], result: "pointer", since: "1.0.2" },
  /** `void *nfq_udp_get_payload(struct udphdr *udph, struct pkt_buff *pktb)` */
  nfq_udp_get_payload: { parameters: ["pointer", "pointer"], result: "pointer", since: "1.0.2" },
  /** `unsigned int nfq_udp_get_payload_len(struct udphdr *udph, struct pkt_buff *pktb)` */
  nfq_udp_get_payload_len: { parameters: ["pointer", "pointer"], result: "u32", since: "1.0.2" },
  /** `void nfq_udp_compute_checksum_ipv4(struct udphdr *udph, struct iphdr *iph)` */
  nfq_udp_compute_checksum_ipv4: {
    parameters: ["pointer", "pointer"],
    result: "void",
    since: "1.0.2",
  },
  /** `void nfq_udp_compute_checksum_ipv6(struct udphdr *udph, struct ip6_hdr *ip6h)` */
  nfq_udp_compute_checksum_ipv6: {
    parameters: ["pointer", "pointer"],
    result: "void",
    since: "1.0.2",
  },
  /** `int nfq_udp_mangle_ipv4(struct pkt_buff *pktb, unsigned int match_offset, unsigned int match_len, const char *rep_buffer, unsigned int rep_len)` */
  nfq_udp_mangle_ipv4: {
    parameters: ["pointer", "u32", "u32", "buffer", "u32"],
    result: "i32",
    since: "1.0.2",
  },
  /** `int nfq_udp_mangle_ipv6(struct pkt_buff *pktb, unsigned int match_offset, unsigned int match_len, const char *rep_buffer, unsigned int rep_len)` */
  nfq_udp_mangle_ipv6: {
    parameters: ["pointer", "u32", "u32", "buffer", "u32"],
    result: "i32",
    since: "1.0.4",
  },
  /** `int nfq_udp_snprintf(char *buf, size_t size, const struct udphdr *udp)` */
  nfq_udp_snprintf: { parameters: ["buffer", "usize", "pointer"], result: "i32", since: "1.0.2" },
} as const satisfies SymbolTable;

/** The calls for packet buffers; opened at the first call. */
export const libnetfilterQueuePackets: () => NativeFunctions<typeof packetSymbols> = lazyLibrary({
  ...libnetfilterQueueFile,
  symbols: packetSymbols,
});
