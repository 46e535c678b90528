// Stand-in for libnetfilter_queue before 1.0.4: what was not safe then is refused.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Child } from "../support/runtime/child.ts";
import { StubLibrary } from "../support/stand_ins/stub_library.ts";

/**
 * A pktb_trim that leaves the end where it was, a pktb_mangle that says it inserted whatever it was
 * told to, and the few others that are needed.
 */
const OLD = {
  pktb_alloc: `void *pktb_alloc(int f, void *d, unsigned long l, unsigned long e) {
    return ((void *(*)(int, void *, unsigned long, unsigned long))real(__func__))(f, d, l, e); }`,
  pktb_free: "void pktb_free(void *p) { ((void (*)(void *))real(__func__))(p); }",
  pktb_data: "void *pktb_data(void *p) { return ((void *(*)(void *))real(__func__))(p); }",
  pktb_network_header: `void *pktb_network_header(void *p) {
    return ((void *(*)(void *))real(__func__))(p); }`,
  pktb_trim: "void pktb_trim(void *p, unsigned int n) { (void)p; (void)n; }",
  pktb_mangle: `int pktb_mangle(void *p, int d, unsigned o, unsigned l, void *r, unsigned n) {
    if (n > l) return 1;
    return ((int (*)(void *, int, unsigned, unsigned, void *, unsigned))real(__func__))(
      p, d, o, l, r, n); }`,
  nfq_ip_set_transport_header: `int nfq_ip_set_transport_header(void *p, void *h) {
    return ((int (*)(void *, void *))real(__func__))(p, h); }`,
  nfq_ip_get_hdr:
    "void *nfq_ip_get_hdr(void *p) { return ((void *(*)(void *))real(__func__))(p); }",
  nfq_tcp_get_hdr: `void *nfq_tcp_get_hdr(void *p) {
    return ((void *(*)(void *))real(__func__))(p); }`,
};

test("stand-in for an old library: IPv4 works, the rest says which version it needs", {
  timeout: 20_000,
}, async () => {
  using stub = new StubLibrary(OLD);
  await using child = new Child(new URL("./fixtures/old_library.ts", import.meta.url), {
    environment: { NFQUEUE_LIBRARY: stub.path },
  });
  const { code } = await child.end();
  assert.equal(code, 0, child.errors);
  const lines = child.output.trim().split("\n");
  const needs = (call: string) => `MissingSymbolError: ${call} needs version 1.0.`;
  const expected = [
    `IPv6: ${needs("pktb_alloc(10, …)")}`,
    `bridge: ${needs("pktb_alloc(7, …)")}`,
    "IPv4 header: 40",
    `TCP checksum: ${needs("nfq_tcp_compute_checksum_ipv6")}`,
    `UDP checksum: ${needs("nfq_udp_compute_checksum_ipv6")}`,
    "insert: true",
    "insert after a trim: false",
    "replace after a trim: true",
    "packet: 64,17,7,195,127,0,0,1,127,0,0,1",
  ];
  assert.equal(lines.length, expected.length, child.output);
  assert.deepEqual(lines.map((line, index) => line.slice(0, expected[index]!.length)), expected);
});
