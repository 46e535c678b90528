// Stand-ins for older libraries: each function that came after 1.0.0 is left out once, and all of
// them together. The rest works, and the error names function and version.

import assert from "node:assert/strict";
import { test } from "node:test";
import { boundSymbols, type LibrarySymbol } from "../../scripts/lib/symbols.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { Child } from "../support/runtime/child.ts";
import { StubLibrary } from "../support/stand_ins/stub_library.ts";

requireIsolation();

const newer = boundSymbols()
  .filter(({ library, since }) => library === "libnetfilter_queue" && since !== "1.0.0");

/** What using these functions prints, a line each, with such a library. */
async function use(path: string, names: readonly string[]): Promise<readonly string[]> {
  await using child = new Child(new URL("./fixtures/missing_symbols.ts", import.meta.url), {
    parameters: [nextQueue(), ...names],
    environment: { NFQUEUE_LIBRARY: path },
  });
  assert.deepEqual(await child.end(), { code: 0, signal: null }, child.output + child.errors);
  return child.output.trim().split("\n");
}

/**
 * The beginning of the line of a function where others are missing. Without `pktb_alloc` there is no
 * buffer, without `nfq_nlmsg_put` no message that the others could work on.
 */
function expected(name: string, missing: readonly LibrarySymbol[]): string {
  const first = /^(?:pktb|nfq_(?:ip6?|tcp|udp))_/.test(name)
    ? "pktb_alloc"
    : /^nfq_nlmsg_(?:verdict|cfg)_/.test(name)
    ? "nfq_nlmsg_put"
    : name;
  const cause = missing.find((symbol) => symbol.name === first) ??
    missing.find((symbol) => symbol.name === name);
  if (cause === undefined) return `${name}: done`;
  return `${name}: MissingSymbolError: ${cause.name} needs version ${cause.since} or later`;
}

test("functions have the version of the release that brought them", { timeout: 10_000 }, () => {
  const releases = new Map<string, string[]>();
  for (const { name, since } of newer) {
    // 1.0.2 brought whole headers.
    const group = /^(?:pktb|nfq_ip|nfq_ip6|nfq_tcp|nfq_udp|nfq_nlmsg)_/.exec(name)?.[0];
    const entry = since === "1.0.2" && group ? group : name;
    releases.set(since, [...new Set([...(releases.get(since) ?? []), entry])].sort());
  }
  assert.deepEqual(Object.fromEntries(releases), {
    "1.0.1": ["nfq_set_verdict_batch", "nfq_set_verdict_batch2"],
    "1.0.2": [
      ...["nfq_ip6_", "nfq_ip_", "nfq_nlmsg_", "nfq_set_queue_flags", "nfq_tcp_", "nfq_udp_"],
      "pktb_",
    ],
    "1.0.3": ["nfq_get_gid", "nfq_get_secctx", "nfq_get_uid"],
    "1.0.4": [
      ...["nfq_get_skbinfo", "nfq_ip6_mangle", "nfq_nlmsg_put"],
      ...["nfq_tcp_mangle_ipv6", "nfq_udp_mangle_ipv6"],
    ],
  });
  const whole = newer.filter(({ since }) => since === "1.0.2");
  assert.equal(whole.length, 44);
});

test(
  "stand-in library that lacks nothing: every newer function does its work",
  { timeout: 60_000 },
  async () => {
    using stub = new StubLibrary();
    const names = newer.map(({ name }) => name);
    assert.deepEqual(
      await use(stub.path, names),
      ["a verdict of 32 bytes", ...names.map((name) => `${name}: done`)],
    );
  },
);

test("stand-ins that each lack a newer function: the error names it", {
  timeout: 120_000,
}, async () => {
  using stub = new StubLibrary();
  for (const symbol of newer) {
    const [verdict, line = ""] = await use(stub.without([symbol.name]), [symbol.name]);
    assert.equal(verdict, "a verdict of 32 bytes");
    assert.ok(line.startsWith(expected(symbol.name, [symbol])), line);
  }
});

for (const version of ["1.0.0", "1.0.1", "1.0.2", "1.0.3"]) {
  test(`stand-in for version ${version}: it opens, and says what needs a newer one`, {
    timeout: 60_000,
  }, async () => {
    using stub = new StubLibrary();
    const missing = newer.filter(({ since }) => since > version);
    const names = newer.map(({ name }) => name);
    const [verdict, ...lines] = await use(stub.without(missing.map(({ name }) => name)), names);
    assert.equal(verdict, "a verdict of 32 bytes");
    const beginnings = names.map((name) => expected(name, missing));
    assert.deepEqual(lines.map((line, at) => line.slice(0, beginnings[at]?.length)), beginnings);
  });
}
