// Questions of messages that dns-packet writes, and of made ones: names, pointers, lengths.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as dns from "dns-packet";
import fc from "fast-check";
import { dnsQuestions } from "../../src/identify/mod.ts";
import { runs } from "../support/runtime/quick.ts";
import { assertCuts } from "./cuts.ts";

const timeout = 30_000;
const OTHER = { status: "other" };
const MORE = { status: "more" };
const overTcp = (bytes: Uint8Array) => dnsQuestions(bytes, { transport: "tcp" });

const plain = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(bytes);
const found = (...questions: object[]) => ({
  status: "found",
  questions: questions.map((question) => ({ name: "a.example", type: 1, class: 1, ...question })),
});

/** A message with one question, whose name is these bytes. */
function message(name: readonly number[], { count = 1, flags = 0x100 } = {}): Uint8Array {
  const header = [0, 7, flags >> 8, flags & 0xff, count >> 8, count & 0xff, 0, 0, 0, 0, 0, 0];
  return Uint8Array.from([...header, ...name, 0, 1, 0, 1]);
}
const label = (text: string) => [text.length, ...Array.from(text, (_, at) => text.charCodeAt(at))];

test("what dns-packet writes", { timeout }, () => {
  const types = [["A", 1], ["AAAA", 28], ["MX", 15], ["TXT", 16], ["SRV", 33], ["ANY", 255]];
  for (const [type, number] of types as [dns.RecordType, number][]) {
    const questions: dns.Question[] = [{ type, name: "WWW.a-b_c.Example", class: "IN" }];
    const additionals: dns.Answer[] = [{
      ...{ type: "OPT", name: ".", udpPayloadSize: 1232, flags: 0, options: [] },
    } as unknown as dns.Answer];
    const query: dns.Packet = { type: "query", id: 7, flags: 0x100, questions, additionals };
    const expected = found({ name: "www.a-b_c.example", type: number });
    const datagram = plain(dns.encode(query));
    assert.deepEqual(dnsQuestions(datagram), expected);
    assertCuts(datagram, dnsQuestions);
    const stream = plain(dns.streamEncode(query));
    assert.deepEqual(overTcp(stream), expected);
    assertCuts(stream, overTcp);
    assert.deepEqual(overTcp(Uint8Array.from([...stream, 0, 50, 1])), expected);
  }
  const answer: dns.Packet = {
    ...{ type: "response", id: 7, flags: dns.RECURSION_DESIRED },
    questions: [{ type: "A", name: "a.example", class: "IN" }],
    answers: [{ type: "A", name: "a.example", ttl: 5, data: "192.0.2.1" }],
  };
  assert.deepEqual(dnsQuestions(plain(dns.encode(answer))), found({}));
  assertCuts(plain(dns.encode(answer)), dnsQuestions);
  const root: dns.Packet = { questions: [{ type: "NS", name: ".", class: "IN" }] };
  assert.deepEqual(dnsQuestions(plain(dns.encode(root))), found({ name: ".", type: 2 }));
});

test("any names and numbers, as dns-packet writes them", { timeout }, () => {
  const name = fc.array(
    fc.stringMatching(/^[a-zA-Z0-9_-]{1,63}$/),
    { minLength: 1, maxLength: 4 },
  ).map((labels) => labels.join(".").slice(0, 250).replace(/\.$/, ""));
  const classes = { IN: 1, CS: 2, CH: 3, HS: 4, ANY: 255 };
  const question = fc.record({ name, class: fc.constantFrom("IN", "CS", "CH", "HS", "ANY") });
  fc.assert(
    fc.property(fc.array(question, { minLength: 1, maxLength: 5 }), (list) => {
      const questions = list.map((one) => ({ ...one, type: "AAAA" } as dns.Question));
      const bytes = plain(dns.encode({ type: "query", id: 1, questions }));
      const expected = found(...list.map((one) => ({
        ...{ name: one.name.toLowerCase(), type: 28 },
        class: classes[one.class as keyof typeof classes],
      })));
      assert.deepEqual(dnsQuestions(bytes), expected);
      assertCuts(bytes, dnsQuestions);
    }),
    { numRuns: runs(200) },
  );
});

test("names with all kinds of bytes", { timeout }, () => {
  const cases: [number[], string][] = [
    [[...label("a.b\\c"), 0], "a\\.b\\\\c"],
    [[...label(" \0\x7f\xff"), ...label("é"), 0], "\\032\\000\\127\\255.\\233"],
    [[...label("x".repeat(63)), 0], "x".repeat(63)],
  ];
  for (const [bytes, name] of cases) {
    assert.deepEqual(dnsQuestions(message(bytes)), found({ name }));
    assertCuts(message(bytes), dnsQuestions);
  }
  const labels = (...lengths: number[]) => [
    ...lengths.flatMap((length) => label("x".repeat(length))),
    0,
  ];
  // 255 bytes with all lengths, and one more.
  assert.equal(dnsQuestions(message(labels(63, 63, 63, 61))).status, "found");
  assert.deepEqual(dnsQuestions(message(labels(63, 63, 63, 62))), OTHER);
});

test("pointers lead back, as multicast DNS uses them", { timeout }, () => {
  const first = [...label("a"), ...label("example"), 0, 0, 28, 0x80, 1];
  const two = message([...first, 0xc0, 12], { count: 2, flags: 0 });
  assert.deepEqual(dnsQuestions(two), found({ type: 28, class: 0x8001 }, {}));
  assertCuts(two, dnsQuestions);
  const inside = message([...first, ...label("b"), 0xc0, 14], { count: 2 });
  assert.deepEqual(
    dnsQuestions(inside),
    found({ type: 28, class: 0x8001 }, { name: "b.example" }),
  );
  // In a stream they count from the message.
  const stream = Uint8Array.from([0, two.length, ...two]);
  assert.deepEqual(overTcp(stream), found({ type: 28, class: 0x8001 }, {}));
  assertCuts(stream, overTcp);
  for (
    const name of [
      ...[[0xc0, 12], [0xc0, 13], [0xc0, 0], [0xc0, 11], [0xc0, 200], [0xff, 0xff]],
      ...[[...label("a"), 0xc0, 12], [0x40, 1, 0], [0x80, 1, 0]],
    ]
  ) assert.deepEqual(dnsQuestions(message(name)), OTHER, String(name));
  // A chain to a name, each link one question further back, and one that is too long in the end.
  const chain = message([...first, 0xc0, 12, 0, 1, 0, 1, 0xc0, 27], { count: 3 });
  assert.deepEqual(dnsQuestions(chain), found({ type: 28, class: 0x8001 }, {}, {}));
  const long = [...label("x".repeat(63)), ...label("y".repeat(63)), ...label("z".repeat(63)), 0];
  const longer = message(
    [...long, 0, 1, 0, 1, ...label("w".repeat(62)), 0xc0, 12],
    { count: 2 },
  );
  assert.deepEqual(dnsQuestions(longer), OTHER);
});

test("what is no question", { timeout }, () => {
  const name = [...label("a"), 0];
  for (const flags of [0x0800, 0x1000, 0x2000, 0x2800, 0x3000, 0x7800, 0xa800]) {
    assert.deepEqual(dnsQuestions(message(name, { flags })), OTHER, flags.toString(16));
  }
  assert.deepEqual(dnsQuestions(message(name, { count: 0 })), OTHER);
  assert.deepEqual(dnsQuestions(message(name, { count: 2 })), MORE);
  const many = (count: number) => {
    const pointers = Array.from({ length: count - 1 }, () => [0xc0, 12, 0, 1, 0, 1]).flat();
    return dnsQuestions(Uint8Array.from([...message(name, { count }), ...pointers]));
  };
  assert.deepEqual(many(256), found(...new Array(256).fill({ name: "a" })));
  assert.deepEqual(many(257), OTHER);
  assert.deepEqual(dnsQuestions(new Uint8Array(0)), MORE);
  // In a stream the length tells that nothing more comes.
  const whole = message(name, { count: 2 });
  assert.deepEqual(overTcp(Uint8Array.from([0, whole.length, ...whole])), OTHER);
  assert.deepEqual(overTcp(Uint8Array.from([0, whole.length + 1, ...whole])), MORE);
  assert.deepEqual(overTcp(Uint8Array.of(0, 11, 0)), OTHER);
  assert.deepEqual(overTcp(Uint8Array.of(0)), MORE);
});

test("no bytes, no options", { timeout }, () => {
  for (const value of ["text", undefined, null, 5, [0, 7]]) {
    assert.throws(() => dnsQuestions(value as unknown as Uint8Array), TypeError);
  }
  const bytes = message([0]);
  assert.throws(() => dnsQuestions(bytes, { transport: "sctp" } as never), /transport must be/);
  assert.throws(() => dnsQuestions(bytes, { protocol: "tcp" } as never), /options has no/);
  assert.throws(() => dnsQuestions(bytes, null as never), TypeError);
});
