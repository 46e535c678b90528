// An expression is matches and nothing else: what is installed afterwards is ours.
import assert from "node:assert/strict";
import { test } from "node:test";
import { NFT } from "../../src/rules/nft/backend.ts";
import { command } from "../support/runtime/command.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { Installed } from "./nft_support.ts";
import { HOSTILE } from "./samples.ts";

requireIsolation();
const LIMIT = { timeout: 120_000 } as const;

const ruleset = () => command("nft", ["list", "ruleset"]);

/** Matches, in nft's words. */
const MATCHES = [
  ...["tcp dport 80", "tcp dport { 80, 443 } ip saddr 10.0.0.0/8", "udp length > 100"],
  ...["tcp flags syn / syn,ack", "tcp flags & (syn | ack) == syn", "meta length 40-100"],
  ...["ct state new", "ct direction original", "ct mark & 3 == 1", "ip ttl < 5", "ip dscp cs1"],
  ...["@th,16,16 53", "meta cpu 0", "meta pkttype unicast", "numgen random mod 10 < 3"],
  ...["ip saddr . tcp dport { 10.0.0.1 . 80 }", 'iifname "lo"'],
  ...["tcp option maxseg size 1-500", "meta mark { 1-5, 9 }", "ip id 7"],
  ...["jhash ip saddr mod 2 == 1", "fib daddr type local", "ip option rr exists"],
];

/** Everything else that nft has, and what would end a command. */
const REFUSED = [
  ...HOSTILE,
  ...["accept", "drop", "return", "continue", "queue", "queue num 5", "tcp dport 80 accept"],
  ...["counter", "tcp dport 80 counter", "log", 'log prefix "x"', "limit rate 1/second"],
  ...["quota over 1 mbytes", "meta mark set 1", "ct mark set 1", "ip ttl set 1", "notrack"],
  ...["reject", "reject with tcp reset", "jump keep_conntrack", "goto rule_1", "jump at_output_0"],
  ...["ip saddr vmap { 10.0.0.1 : accept }", "tcp dport vmap { 1 : drop }", "meta nftrace set 1"],
  ...["tcp dport 80 ip saddr vmap { 10.0.0.1 : jump rule_1 }", "dup to 10.0.0.1", "fwd to lo"],
  ...["snat to 10.0.0.1", "masquerade", "redirect to 80", "tproxy to 127.0.0.1:80"],
  ...["add @evil { ip saddr }", "update @evil { ip saddr }", "ip saddr @evil", "flow add @evil"],
  ...["meter evil { ip saddr limit rate 1/second }", "set add ip saddr @evil", "ct count over 1"],
  ...["counter name evil", "ct helper set evil", "ct timeout set evil", "synproxy mss 1 wscale 1"],
  ...["tcp option maxseg size set 500", "reset tcp option sack-perm", "payload set 1"],
  ...["@th,16,16 set 53", "meta priority set 1", "meta pkttype set host", "ct label set 1"],
  ...['tcp dport 80 comment "x"', 'comment "x"', 'log prefix "', 'iifname "lo', 'iifname lo"'],
  ...[
    "tcp dport { 80",
    "tcp dport 80 }",
    "} tcp dport 80",
    "} chain evil {",
    "} add table inet evil {",
  ],
  ...["{ }", "{", "}", "}{", "tcp dport { }", "tcp dport {{ 80 }}", 'include "/etc/passwd"'],
  ...["define x = 80", "tcp dport $x", "$x", "redefine x = 1", "undefine x", "flush ruleset"],
  ...[
    "add table inet evil",
    "delete table inet x",
    "list ruleset",
    "table inet evil { }",
    "monitor",
  ],
  ...[
    "chain evil { type filter hook input priority 0; }",
    "insert rule inet x y accept",
    "reset rules",
  ],
  ...[
    "== 80",
    "!= 80",
    ". tcp dport 80",
    "& 3 == 1",
    "/ 8",
    "- 80",
    ", 80",
    "| syn",
    "<< 1",
    ": 1",
  ],
  ...["80", "tcp", "tcp dport", "tcp dport 80 ip", "tcp dport 99999", "ip saddr 1.2.3", "bogus 1"],
  ...["xt target NFQUEUE", "xt match foo", "tcp dport 80, accept", "tcp dport 80 ; accept"],
  ...["tcp dport 80\taccept", "tcp dport 80 # x", "tcp dport 80 \\", "ip saddr localhost.invalid"],
  ...["position 1", "handle 1", "index 0 accept", "meta mark set ip saddr map { 10.0.0.1 : 1 }"],
  ...[
    "last",
    "objref evil",
    "exec id",
    "!id",
    "exit",
    "quit",
    "help",
    "describe tcp dport",
    "export",
  ],
];

test("matches are taken, and each rule is one of ours", LIMIT, () => {
  const before = ruleset();
  for (const expression of MATCHES) {
    using installed = new Installed(NFT, { hook: "input", family: "ipv4", expression, queue: 1 });
    const text = ruleset();
    assert.match(text, /chain rule_1 \{\n.*counter .*\n\t\}/, expression);
    assert.deepEqual(installed.rules.counters(), [{ packets: 0, bytes: 0 }]);
  }
  assert.equal(ruleset(), before);
});

test("what reads the header of one version is in the tables of that version", LIMIT, () => {
  const before = ruleset();
  {
    using installed = new Installed(NFT, [
      { hook: "input", expression: "ip ttl 1", queue: 1 },
      { hook: "input", expression: "ip6 hoplimit 1", queue: 1 },
    ]);
    assert.equal(ruleset().match(/ip ttl 1 counter/g)?.length, 1);
    assert.equal(ruleset().match(/ip6 hoplimit 1 counter/g)?.length, 1);
    assert.equal(installed.rules.counters().length, 2);
  }
  const both = { hook: "input", expression: "ip ttl 1 ip6 hoplimit 1", queue: 1 } as const;
  assert.throws(
    () => new Installed(NFT, both),
    /^RangeError: expression: nft refuses it: conflict/,
  );
  assert.equal(ruleset(), before);
});

test("everything else is refused, and nothing of it is left", LIMIT, () => {
  const before = ruleset();
  using installed = new Installed(NFT, [
    { hook: "input", protocol: "udp", queue: 1 },
    // What keeps conntrack's hooks alive stays, whatever fails later.
    { hook: "output", state: "new", queue: 1 },
  ]);
  const kept = ruleset();
  let tried = 0;
  for (const expression of new Set(REFUSED)) {
    const rules = [
      { hook: "input", queue: 2 },
      { hook: "input", expression, protocol: "tcp", queue: 3 },
    ] as const;
    const refusal = (error: unknown) => {
      assert.ok(error instanceof RangeError || error instanceof TypeError, `${error}`);
      assert.match(error.message, /^rules\[1\]\.expression/, expression);
      return true;
    };
    const isNew = tried++ % 10 === 0;
    const install = () => isNew ? new Installed(NFT, rules) : installed.replace(rules);
    assert.throws(install, refusal, JSON.stringify(expression));
    if (tried % 5 === 0) {
      assert.equal(ruleset(), kept, `${JSON.stringify(expression)} or before it`);
    }
  }
  assert.equal(ruleset(), kept);
  installed.rules.remove();
  assert.equal(ruleset(), before);
});

test("two expressions cannot make one of both", LIMIT, () => {
  using installed = new Installed(NFT, { hook: "input", queue: 1 });
  const kept = ruleset();
  const pairs = [
    ['log prefix "', '" accept'],
    ['iifname "a', 'b" accept'],
    ["tcp dport { 80,", "81 } accept"],
    ["ip saddr vmap {", "10.0.0.1 : accept }"],
  ] as const;
  for (const [one, two] of pairs) {
    const rules = [one, two].map((expression) =>
      ({ hook: "input", expression, queue: 1 }) as const
    );
    assert.throws(() => installed.replace(rules), /rules\[0\]\.expression/);
    assert.equal(ruleset(), kept);
  }
});
