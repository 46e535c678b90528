// Rules that the tests share.
import type { Rule } from "../../src/rules/rule/rule.ts";

/** Every field, alone and together. */
export const RULES: readonly Rule[] = [
  { hook: "output", queue: 0 },
  { hook: "output", protocol: "tcp", destinationPort: [25, 587], queue: 0 },
  { hook: ["input", "forward"], protocol: ["udp", 6, "icmp"], queue: 65535, bypass: false },
  { hook: "input", source: ["10.0.0.0/8", "192.0.2.7", "fe80::/10"], queue: 1 },
  { hook: "input", source: { from: "10.0.0.1", to: "10.0.0.9" }, queue: 1 },
  { hook: "input", destination: { from: "fe80::1", to: "fe80::ff" }, family: "ipv6", queue: 1 },
  { hook: "forward", sourcePort: { from: 1000, to: 2000 }, destinationPort: 53, queue: 1 },
  { hook: "forward", inDevice: ["eth0", "wg*"], outDevice: "lo", queue: 1 },
  { hook: "forward", state: ["new", "established", "related", "invalid", "untracked"], queue: 1 },
  { hook: "forward", mark: [0, 7, 0xffffffff, { value: 4, mask: 12 }], queue: 1 },
  { hook: "output", user: [0, 1000], queue: 1 },
  { hook: "forward", queue: { from: 4, to: 5 }, balance: "cpu" },
  { hook: "forward", queue: { from: 0, to: 3 }, balance: "addresses", bypass: false },
  {
    ...{ hook: "forward", source: "10.0.0.0/8", firstPackets: 6, queue: { from: 0, to: 3 } },
    not: { destinationPort: 22, inDevice: "eth1", source: ["10.1.0.0/16", "fd00::/8"] },
  },
  {
    hook: "output",
    protocol: "udp",
    destinationPort: Array.from({ length: 40 }, (_, at) => at),
    queue: 2,
  },
];

/** What a hostile person would write, anywhere. */
export const HOSTILE: readonly string[] = [
  ...[
    "; flush ruleset",
    "\nflush ruleset",
    "x\n-A INPUT -j DROP",
    "`id`",
    "$(id)",
    "&& id",
    "| id",
  ],
  ...[
    "' -j ACCEPT '",
    '" accept; add table inet evil; "',
    "eth0 accept",
    "eth0\taccept",
    "../../x",
  ],
  ...[
    "-j",
    "--help",
    "-f /etc/passwd",
    "# comment",
    "{ tcp }",
    "@set",
    "$var",
    "\\",
    "\0",
    "eth0\0",
  ],
  ...["tcp dport 80 accept", "*", "e*h", "**", "", " ", "a".repeat(1000), "é".repeat(8), "\u2028"],
  ...["10.0.0.1; drop", "10.0.0.1/8/9", "10.0.0.256", "10.0.0.1/", "1.2.3", "::1%lo", "0x7f000001"],
  ...['include "/etc/passwd"', "root; id", "root\n", "%s%n", "{{", "}", "jump evil", "goto evil"],
];
