// Rules as words of the command line: read, written, and refused with a mark below the wrong word.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { UsageError } from "../../src/cli/frame/command.ts";
import { parseQueues } from "../../src/cli/words/queue_words.ts";
import { parseRule, ruleText } from "../../src/cli/words/rule_words.ts";
import { writeValue } from "../../src/cli/words/line_words.ts";
import { checkRule } from "../../src/rules/rule/checked_rule.ts";
import type { Rule, RuleFields } from "../../src/rules/rule/rule.ts";
import { HOSTILE, RULES } from "../rules/samples.ts";

const LIMIT = { timeout: 60_000 } as const;

test("every field is read", LIMIT, () => {
  const line = "output protocol=tcp,17 destinationPort=25,587,6000-6010 sourcePort=1024-65535 " +
    "source=10.0.0.1-10.0.0.9,192.0.2.0/24 not.destination=10.0.0.0/8 not.state=invalid " +
    "outDevice=eth*,lo state=new,established mark=0x1/0xff,7 user=root,1000 queue=0-3 " +
    'balance=flow bypass=false firstPackets=6 priority=-5 family=ipv4 expression="tcp flags syn"';
  assert.deepEqual(parseRule(line), {
    hook: "output",
    protocol: ["tcp", 17],
    destinationPort: [25, 587, { from: 6000, to: 6010 }],
    sourcePort: { from: 1024, to: 65535 },
    source: [{ from: "10.0.0.1", to: "10.0.0.9" }, "192.0.2.0/24"],
    not: { destination: "10.0.0.0/8", state: "invalid" },
    outDevice: ["eth*", "lo"],
    state: ["new", "established"],
    mark: [{ value: 1, mask: 255 }, 7],
    user: ["root", 1000],
    queue: { from: 0, to: 3 },
    ...{ balance: "flow", bypass: false, firstPackets: 6, priority: -5, family: "ipv4" },
    expression: "tcp flags syn",
  });
});

test("hooks stand first, each a word or with commas", LIMIT, () => {
  const two = { hook: ["input", "forward"], queue: 7 };
  for (
    const line of ["input,forward queue=7", "input forward queue=7", "hook=input,forward queue=7"]
  ) {
    assert.deepEqual(parseRule(line), two);
  }
  assert.deepEqual(parseRule("\t input\n  priority=raw  "), { hook: "input", priority: "raw" });
});

test("values in quotes", LIMIT, () => {
  const expression = (line: string) => parseRule(`input expression=${line}`).expression;
  assert.equal(expression('"iifname \\"lo\\" tcp flags syn"'), 'iifname "lo" tcp flags syn');
  assert.equal(expression("'iifname \"lo\"'"), 'iifname "lo"');
  assert.equal(expression("\"a=b 'c'\""), "a=b 'c'");
  assert.deepEqual(parseRule('input destinationPort="25, 587"').destinationPort, [25, 587]);
  assert.equal(parseRule("output user=DOMAIN\\user").user, "DOMAIN\\user");
  assert.equal(parseRule('output user="DOMAIN\\\\user"').user, "DOMAIN\\user");
});

/** A line, the words that the mark is below, and what is said. */
const wrong: readonly (readonly [line: string, marked: string, message: RegExp])[] = [
  ["output dport=25", "dport", /no dport: did you mean destinationPort\?/],
  ["output src=::1", "src", /did you mean source\?/],
  ["output proto=tcp", "proto", /did you mean protocol\?/],
  ["output destinatonPort=25", "destinatonPort", /did you mean destinationPort\?/],
  ["output not.sourc=::1", "not.sourc", /did you mean not\.source\?/],
  ["output fruit=apple", "fruit", /no fruit: there are hook, family/],
  ["output =5", "=", /no "": there are/],
  ["output not.queue=5", "not.queue", /queue cannot be negated; protocol/],
  ["output source", "source", /source needs a value: source=…/],
  ["outptu queue=0", "outptu", /hook must be one of "prerouting", .* got "outptu"/],
  ["input tcp", "tcp", /hook\[1\] must be one of/],
  ["queue=0", "", /the hook is missing/],
  ["", "", /the hook is missing/],
  ["input queue=0 queue=1", "queue=1", /queue is given twice/],
  ["input destinationPort=25,x,7", "x", /destinationPort must be a number, or a range .* got "x"/],
  ["input destinationPort=25,70000", "70000", /destinationPort\[1\] must be an integer from 0/],
  ["input destinationPort=9-8", "destinationPort=9-8", /from 9 is after to 8/],
  ["input destinationPort=1-2-3", "1-2-3", /destinationPort must be a number, or a range/],
  ["input destinationPort=25, 587", ",", /a value is missing/],
  ["input destinationPort=,25", "=", /a value is missing/],
  ["input source=", "=", /a value is missing/],
  ["input destinationPort=0x50", "0x50", /destinationPort must be a number/],
  ["input destinationPort=-1", "-1", /destinationPort must be a number/],
  ["input source=10.0.0.1,10.0.0.1/8", "10.0.0.1/8", /bits behind the prefix/],
  ["input not.source=10.0.0.1-::1", "not.source=10.0.0.1-::1", /two versions/],
  ["input inDevice=lo outDevice=eth0", "outDevice=eth0", /at input it is not known/],
  ["input mark=0x1/0x", "0x1/0x", /mark must be a number, or a value and a mask/],
  ["input mark=3/1", "mark=3/1", /bits that are not in the mask/],
  ["input queue=0,1", "0,1", /queue must be a number, or a range such as 0-3/],
  ["input queue=1 balance=flow", "balance=flow", /there is one queue only/],
  ["input bypass=yes", "yes", /bypass must be true or false/],
  ["input protocol=tpc", "protocol=tpc", /protocol must be a number .* or one of/],
  ["input priority=early", "priority=early", /priority must be a number or one of raw/],
  ["input expression=a;b", "expression=a;b", /without ;/],
  ['input expression="a', '"a', /no " at its end/],
  ['input expression="a"b', "b", /a value ends with its quote/],
  [`input inDevice=${"e".repeat(300)}`, `inDevice=${"e".repeat(61)}…`, /1 to 15 bytes/],
];

test("an error shows the line, with a mark below the word", LIMIT, () => {
  for (const [line, marked, message] of wrong) {
    assert.throws(() => parseRule(line), (error) => {
      assert.ok(error instanceof UsageError, line);
      assert.match(error.message, message);
      const lines = error.message.split("\n");
      assert.equal(lines.length, 3, error.message);
      const from = lines[2]!.indexOf("^");
      assert.equal(lines[2]!.trim(), "^".repeat(Math.max(1, marked.length)), error.message);
      assert.equal(lines[1]!.slice(from, from + marked.length), marked, error.message);
      return true;
    });
  }
});

test("a long line is cut around the word", LIMIT, () => {
  const line = `input sourcePort=${Array.from({ length: 500 }, (_, at) => at).join(",")},x,1,2`;
  assert.throws(() => parseRule(line), (error) => {
    const [, shown = "", mark = ""] = (error as Error).message.split("\n");
    assert.ok(shown.length <= 80, shown);
    assert.equal(shown[mark.indexOf("^")], "x");
    return true;
  });
});

const one = <Value>(value: fc.Arbitrary<Value>) =>
  fc.oneof(value, fc.uniqueArray(value, { minLength: 2, maxLength: 4, selector: String }));
const ipv4 = fc.tuple(fc.nat(200), fc.nat(255)).map(([a, b]) => `10.${a}.0.${b}`);
const ipv6 = fc.nat(0xffff).map((last) => `fd00::${(last + 1).toString(16)}`);
const addresses = (address: fc.Arbitrary<string>, prefix: string) =>
  one(fc.oneof(
    address,
    fc.constant(prefix),
    fc.tuple(address, address).map(([from, to]) => ({ from, to })),
  ));
const port = fc.nat(0xffff);
const ports = one(
  fc.oneof(
    port,
    fc.tuple(port, port).map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) })),
  ),
);
const device = fc.constantFrom("lo", "eth0", "wg*", "eth0.5", "veth-a@b");
const mask = fc.nat(0xffff);

/** Fields that fit most rules; the check takes out what does not go together. */
const matches: fc.Arbitrary<RuleFields> = fc.oneof(
  ...[addresses(ipv4, "10.0.0.0/8"), addresses(ipv6, "fd00::/8")].map((place) =>
    fc.record({
      protocol: one(fc.constantFrom<string | number>("tcp", "udp", 132, "dccp")),
      source: place,
      destination: place,
      sourcePort: ports,
      destinationPort: ports,
      inDevice: one(device),
      outDevice: one(device),
      state: one(fc.constantFrom<"new" | "invalid" | "untracked">("new", "invalid", "untracked")),
      mark: one(fc.oneof(
        fc.nat(0xffffffff),
        fc.tuple(mask, mask).map(([value, mask]) => ({ value: (value & mask) >>> 0, mask })),
      )),
      user: one(fc.constantFrom<string | number>("root", "a\\b", "www-data", 0, 1000)),
    }, { requiredKeys: [], noNullPrototype: true }) as fc.Arbitrary<RuleFields>
  ),
);

const rules: fc.Arbitrary<Rule> = fc.tuple(
  matches,
  fc.record({
    hook: one(fc.constantFrom("prerouting", "input", "forward", "output", "postrouting")),
    family: fc.constantFrom("inet", "ipv4", "ipv6", "bridge"),
    priority: fc.oneof(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), fc.constant("filter")),
    not: matches.filter((fields) => Object.keys(fields).length > 0),
    firstPackets: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    expression: fc.string({ minLength: 1, maxLength: 40 }),
    queue: fc.oneof(
      fc.constant(7),
      fc.constant({ from: 0, to: 3 }),
      fc.constant({ from: 5, to: 5 }),
    ),
    balance: fc.constantFrom("flow", "addresses", "cpu"),
    bypass: fc.boolean(),
  }, { requiredKeys: ["hook"], noNullPrototype: true }),
).map(([fields, rest]) => ({ ...fields, ...rest }) as Rule).filter((rule) => {
  try {
    return checkRule(rule) !== undefined;
  } catch {
    return false;
  }
});

test("what ruleText writes, parseRule reads: the same rule", LIMIT, () => {
  for (const rule of RULES) assert.deepEqual(parseRule(ruleText(rule)), rule);
  let together = 0;
  fc.assert(
    fc.property(rules, (rule) => {
      together += Object.keys(rule).length;
      const text = ruleText(rule);
      assert.deepEqual(parseRule(text), rule, text);
      assert.equal(ruleText(parseRule(text)), text);
    }),
    { numRuns: 500 },
  );
  assert.ok(together > 1000, `${together} fields in all`);
});

test("ruleText refuses what is no rule", LIMIT, () => {
  const evil = { hook: "input", inDevice: "lo queue=9" } as Rule;
  assert.throws(() => ruleText(evil), /inDevice must be a device's name/);
  assert.throws(() => ruleText({} as Rule), /hook must be one of/);
});

const FIELDS: Readonly<Record<string, string>> = {
  ...{ hook: "output", family: "ipv4", priority: "raw", protocol: "tcp", source: "10.0.0.1" },
  ...{ destination: "10.0.0.1", sourcePort: "25", destinationPort: "25-30", inDevice: "eth0" },
  ...{ outDevice: "eth0", state: "new", mark: "0x1/0x1", user: "root", firstPackets: "6" },
  ...{ expression: "x", queue: "0-3", balance: "cpu", bypass: "true", "not.source": "10.0.0.1" },
  ...{ "not.inDevice": "eth0", "not.user": "root" },
};

/** All hostile texts, and each before and behind something harmless. */
const texts = (harmless: string) =>
  HOSTILE.flatMap((
    text,
  ) => [text, `${harmless}${text}`, `${text}${harmless}`, `${harmless},${text}`]);

test("hostile texts in every word are refused, or taken as they are", LIMIT, () => {
  let tried = 0, refused = 0;
  const seen = new Set<string>();
  for (const [field, harmless] of Object.entries(FIELDS)) {
    const hook = field.endsWith("inDevice") ? "forward" : "postrouting";
    for (const text of texts(harmless)) {
      const lines = [`${hook} ${field}=${text}`, `${hook} ${field}=${writeValue(text)}`]
        .concat(text.includes("'") ? [] : `${hook} ${field}='${text}'`);
      for (const line of field === "hook" ? lines.map((one) => one.replace(hook, "")) : lines) {
        seen.add(text);
        tried++;
        let rule: Rule;
        try {
          rule = parseRule(line);
        } catch (error) {
          assert.ok(error instanceof UsageError, `${JSON.stringify(line)}: ${String(error)}`);
          assert.equal(error.message.split(/[\n\r\u2028]/).length, 3, JSON.stringify(line));
          refused++;
          continue;
        }
        // Only that field, and all of the text in it.
        const { hook: found, not, ...rest } = rule;
        if (field === "hook") {
          assert.deepEqual([found, not, rest], [text.trim(), undefined, {}], JSON.stringify(line));
          continue;
        }
        const value = (field.startsWith("not.") ? not : rest) as Record<string, unknown>;
        const plain = field.replace("not.", "");
        assert.equal(found, hook, JSON.stringify(line));
        assert.deepEqual(Object.keys(rest), field === plain ? [field] : [], JSON.stringify(line));
        const back = ruleText(rule).slice(`${hook} ${field}=`.length);
        const literal = [writeValue(text), writeValue(text.trim()), text.trim()];
        // The text has quotes of its own around it.
        if (/^(["']).*\1$/.test(text)) literal.push(writeValue(text.slice(1, -1)));
        assert.ok(literal.includes(back), `${JSON.stringify(line)}: ${back}`);
        assert.ok(plain in value);
      }
    }
  }
  assert.ok(seen.size >= 500, `${seen.size} different texts`);
  assert.ok(refused > tried * 0.8, `${refused} of ${tried} were refused`);
});

test("hostile texts as whole words", LIMIT, () => {
  for (const text of [...HOSTILE, ...HOSTILE.map((one) => `${one}=1`)]) {
    for (const line of [text, `output ${text}`, `output ${text} queue=0`, `${text} output`]) {
      if (/^ *$/.test(text) && line !== text) {
        assert.equal(parseRule(line).hook, "output");
        continue;
      }
      assert.throws(() => parseRule(line), UsageError, JSON.stringify(line));
    }
  }
});

test("numbers of queues", LIMIT, () => {
  assert.deepEqual(parseQueues("7"), { from: 7, to: 7 });
  assert.deepEqual(parseQueues("0-65535"), { from: 0, to: 65535 });
  for (
    const text of ["", "x", "-1", "65536", "0-65536", "1-", "1-2-3", " 1", "1\n", "0x1", "1e3"]
  ) {
    assert.throws(
      () => parseQueues(text),
      /a queue is a number from 0 to 65535, or a range such as 0-3/,
    );
  }
  for (const text of HOSTILE) assert.throws(() => parseQueues(text), UsageError);
  assert.throws(() => parseQueues("3-1"), /"3-1" ends before it begins/);
});
