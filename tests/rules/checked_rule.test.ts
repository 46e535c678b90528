// Rules are checked before anything is installed; an error names the field.
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkRule } from "../../src/rules/rule/checked_rule.ts";
import type { Rule } from "../../src/rules/rule/rule.ts";
import { HOSTILE, RULES } from "./samples.ts";

const LIMIT = { timeout: 20_000 } as const;

const cases: readonly (readonly [rule: object, message: RegExp])[] = [
  [{}, /rules\[0\]\.hook must be one of "prerouting"/],
  [{ hook: "OUTPUT" }, /hook must be one of .* got "OUTPUT"/],
  [{ hook: [] }, /hook must have 1 to/],
  [{ hook: "input", famly: "ipv4" }, /famly.*family/],
  [{ hook: "input", family: "arp" }, /family must be one of/],
  [{ hook: "input", protocol: "tpc" }, /protocol must be a number from 0 to 255 or one of .*tcp/],
  [{ hook: "input", protocol: 256 }, /protocol/],
  [{ hook: "input", protocol: [6, "x"] }, /protocol\[1\]/],
  [{ hook: "input", destinationPort: 65536 }, /destinationPort/],
  [{ hook: "input", destinationPort: "80" }, /destinationPort must be a number/],
  [{ hook: "input", destinationPort: { from: 9, to: 8 } }, /destinationPort: from 9 is after to 8/],
  [{ hook: "input", destinationPort: { from: 9, until: 8 } }, /until/],
  [
    { hook: "input", protocol: "icmp", destinationPort: 8 },
    /destinationPort: protocol 1 has no ports/,
  ],
  [
    { hook: "input", source: "10.0.0.1/8" },
    /source: 10\.0\.0\.1\/8 has bits behind.* 10\.0\.0\.0\/8/,
  ],
  [{ hook: "input", source: "10.0.0.0/33" }, /source must be an address or a prefix of 0 to 32/],
  [{ hook: "input", source: "fe80::/129" }, /prefix of 0 to 128 bits, such as fe80::\/10/],
  [{ hook: "input", source: { from: "10.0.0.9", to: "10.0.0.1" } }, /from 10\.0\.0\.9 is after/],
  [{ hook: "input", source: { from: "10.0.0.9", to: "::1" } }, /two versions/],
  [
    { hook: "input", source: "::1", family: "ipv4" },
    /source: ::1 is no address of the family ipv4/,
  ],
  [{ hook: "input", source: "::1", destination: "1.2.3.4" }, /destination: of another version/],
  [{ hook: "output", inDevice: "lo" }, /inDevice: at output a packet came in by none/],
  [{ hook: "input", outDevice: "lo" }, /outDevice: at input it is not known/],
  [{ hook: ["output", "input"], user: 0 }, /user: only at output and postrouting, not at input/],
  [{ hook: "input", not: { user: 0 } }, /not\.user: only at output/],
  [{ hook: "input", not: { hook: "input" } }, /not.*hook/],
  [{ hook: "input", inDevice: "a device" }, /inDevice must be a device's name/],
  [{ hook: "input", inDevice: "sixteen-letters-" }, /1 to 15 bytes/],
  [
    { hook: "input", mark: { value: 3, mask: 1 } },
    /mark: the value has bits that are not in the mask/,
  ],
  [{ hook: "input", mark: -1 }, /mark/],
  [{ hook: "input", state: "open" }, /state must be one of "new"/],
  [{ hook: "input", firstPackets: 0 }, /firstPackets/],
  [{ hook: "input", priority: "out" }, /priority must be a number or one of raw, mangle/],
  [
    { hook: "input", expression: "tcp dport 80 accept; add table inet evil" },
    /expression.*without ;/,
  ],
  [{ hook: "input", expression: " " }, /expression must have 1/],
  [{ hook: "input", queue: 65536 }, /queue/],
  [{ hook: "input", queue: 3, balance: "flow" }, /balance: there is one queue only/],
  [{ hook: "input", bypass: "yes" }, /bypass must be true or false/],
];

test("what cannot be is refused, and the error names the field", LIMIT, () => {
  for (const [rule, message] of cases) {
    assert.throws(() => checkRule(rule as Rule, "rules[0]."), message, JSON.stringify(rule));
  }
  for (const wrong of [undefined, null, 7, "output"]) {
    assert.throws(() => checkRule(wrong as unknown as Rule), /rule must be an object/);
  }
});

test("what can be is taken", LIMIT, () => {
  for (const rule of RULES) assert.ok(checkRule(rule));
  const { priority, family, bypass, balance } = checkRule({ hook: "output", queue: 0 });
  assert.deepEqual([priority, family, bypass, balance], [undefined, "inet", true, "addresses"]);
  assert.equal(checkRule({ hook: "output", priority: "raw" }).priority, -300);
  assert.equal(checkRule({ hook: "forward", family: "bridge", priority: "filter" }).priority, -200);
});

const NAMES = ["inDevice", "outDevice", "user"];

test("hostile texts are refused in every field", LIMIT, () => {
  const fields = [
    ...["hook", "family", "priority", "protocol", "source", "destination", "inDevice", "outDevice"],
    ...["state", "user", "balance"],
  ];
  let refused = 0;
  for (const field of fields) {
    for (const text of HOSTILE) {
      const hook = field === "user" || field === "outDevice" ? "postrouting" : "prerouting";
      for (const value of [text, [text]]) {
        if (field === "priority" && typeof value !== "string") continue;
        // A word that means nothing to any program may name a device.
        if (
          NAMES.includes(field) && /^[\p{L}\p{N}][\p{L}\p{N}.]*$/u.test(text) && text.length < 40
        ) continue;
        assert.throws(
          () => checkRule({ hook, queue: 0, [field]: value } as unknown as Rule),
          (error) => error instanceof RangeError || error instanceof TypeError,
          `${field}: ${JSON.stringify(text)}`,
        );
        refused++;
      }
    }
  }
  assert.ok(refused >= 500, `${refused} were tried`);
});
