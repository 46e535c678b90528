// Rules that are too much, and objects that say something else each time they are asked.
import assert from "node:assert/strict";
import { test } from "node:test";
import { IPTABLES } from "../../src/rules/iptables/backend.ts";
import { NFT } from "../../src/rules/nft/backend.ts";
import { explainRules } from "../../src/rules/set/explain.ts";
import { prepareRules } from "../../src/rules/set/prepare.ts";
import type { Rule } from "../../src/rules/rule/rule.ts";

const LIMIT = { timeout: 20_000 } as const;
const MANY = Array.from({ length: 10_000 }, (_, at) => at);
const masked = MANY.map((at) => ({ value: at, mask: 0xffff }));
const devices = MANY.map((at) => `d${at}*`);
const addresses = MANY.map((at) => `10.0.${at >> 8}.${at & 0xff}`);
const rule: Rule = { hook: "forward", queue: 0 };

const tooMany: readonly (readonly [what: string, rules: Rule | Rule[], nft: RegExp | undefined])[] =
  [
    [
      "lists times lists",
      [rule, { ...rule, inDevice: devices, outDevice: devices, mark: masked }],
      /rules\[1\]: .*65536/,
    ],
    ["what nft has sets for", { ...rule, source: addresses, destination: addresses }, undefined],
    [
      "many rules that are much together",
      Array.from({ length: 10 }, () => ({ ...rule, mark: masked })),
      /rules: .*65536/,
    ],
  ];
for (const [what, rules, nft] of tooMany) {
  test(
    `more lines than anybody can install are refused before they are made: ${what}`,
    LIMIT,
    () => {
      const explained = explainRules(rules);
      assert.match((explained.iptables as { impossible: string }).impossible, /rules?.*: .*65536/);
      if (nft === undefined) assert.ok("commands" in explained.nft);
      else assert.match((explained.nft as { impossible: string }).impossible, nft);
    },
  );
}

test("lists that lie about their length end all the same", LIMIT, () => {
  const endless = Object.assign([rule], {
    *[Symbol.iterator]() {
      for (;;) yield rule;
    },
  });
  assert.equal(prepareRules(endless).rules.length, 1);
  const ports = Object.assign([1, 2], {
    *[Symbol.iterator]() {
      for (;;) yield 1;
    },
  });
  const [prepared] = prepareRules({ ...rule, sourcePort: ports }).rules;
  assert.deepEqual(prepared!.rule.fields.sourcePort, [{ from: 1, to: 1 }, { from: 2, to: 2 }]);
  assert.throws(
    () => prepareRules(new Array(2 ** 32 - 1)),
    /^RangeError: rules must have 0 to 10000/,
  );
  assert.throws(
    () => prepareRules({ ...rule, mark: new Array(2 ** 32 - 1) }),
    /^RangeError: mark must have/,
  );
});

test("each field is read once: what was checked is what is installed", LIMIT, () => {
  const twice: string[] = [];
  const watched = <Value extends object>(value: Value): Value => {
    const read = new Set<string | symbol>();
    return new Proxy(value, {
      get: (target, key) => {
        if (read.has(key)) twice.push(String(key));
        read.add(key);
        return Reflect.get(target, key);
      },
    });
  };
  prepareRules(watched<Rule>({
    ...{ hook: "postrouting", queue: watched({ from: 1, to: 2 }), family: "ipv4", priority: 1 },
    ...{ balance: "cpu", bypass: false, firstPackets: 3, expression: "tcp flags syn", user: 0 },
    not: watched({ mark: watched({ value: 1, mask: 3 }), protocol: "tcp" }),
  }));
  assert.deepEqual(twice, []);
});

test("a range of all queues is one more than the kernel can count", LIMIT, () => {
  assert.throws(
    () => prepareRules([{ ...rule, queue: { from: 0, to: 65535 } }]),
    /^RangeError: rules\[0\]\.queue: at most 65535 queues/,
  );
  prepareRules({ ...rule, queue: { from: 1, to: 65535 } });
});

test("a user's number is no user's name", LIMIT, () => {
  const lookups = {
    hasDevice: () => true,
    user: (name: string) => name === "7" ? 1000 : undefined,
  };
  const { rules, users } = prepareRules([
    { hook: "output", queue: 0, user: "7" },
    { hook: "output", queue: 0, user: 7 },
  ], lookups);
  const options = { name: "nfqueue", users, leaveChains: false };
  for (const backend of [NFT, IPTABLES]) {
    const text = backend.commands(rules, options).join("\n");
    assert.match(text, /(skuid|uid-owner) 1000 [^]*(skuid|uid-owner) 7 /, text);
  }
});
