// NlmsgBuilder: what it refuses, and how far its buffer goes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SystemError } from "../../src/linux/errno.ts";
import { NlmsgBuilder } from "../../src/libnetfilter_queue/nlmsg_builder.ts";
import { hex } from "../packet/samples.ts";
import { randomBytes } from "./packet_samples.ts";

const LIMIT = { timeout: 30_000 } as const;
const parse = (bytes: Uint8Array) => NlmsgBuilder.nfq_nlmsg_parse(bytes);

test("a verdict, byte by byte", LIMIT, () => {
  const builder = new NlmsgBuilder();
  assert.deepEqual(builder.message(), new Uint8Array());
  builder.nfq_nlmsg_put(1, 0x1234);
  builder.nfq_nlmsg_verdict_put(0xfedcba98, 0x00070003);
  builder.nfq_nlmsg_verdict_put_mark(0x89abcdef);
  builder.nfq_nlmsg_verdict_put_pkt(new Uint8Array([1, 2, 3, 4, 5]));
  assert.deepEqual(
    builder.message(),
    Uint8Array.from(hex(`
      34000000 0103 0100 00000000 00000000  00 00 1234
      0c00 0200 00070003 fedcba98  0800 0300 89abcdef  0900 0a00 0102030405 000000`)),
  );
});

test("a configuration, byte by byte; a new message takes the old one's place", LIMIT, () => {
  const builder = new NlmsgBuilder();
  builder.nfq_nlmsg_put(1, 1);
  builder.nfq_nlmsg_verdict_put(1, 1);
  builder.nfq_nlmsg_put(2, 9);
  builder.nfq_nlmsg_cfg_put_cmd(2, 1);
  builder.nfq_nlmsg_cfg_put_params(2, 0xffff);
  builder.nfq_nlmsg_cfg_put_qmaxlen(0xffffffff);
  assert.deepEqual(
    builder.message(),
    Uint8Array.from(hex(`
      30000000 0203 0100 00000000 00000000  00 00 0009
      0800 0100 01 00 0002  0900 0200 0000ffff 02 000000  0800 0300 ffffffff`)),
  );
});

test("the longest payload fits, a longer one is refused", LIMIT, () => {
  const builder = new NlmsgBuilder();
  builder.nfq_nlmsg_put(1, 0);
  builder.nfq_nlmsg_verdict_put(1, 1);
  builder.nfq_nlmsg_verdict_put_mark(1);
  const payload = randomBytes(65531, 5);
  assert.throws(() => builder.nfq_nlmsg_verdict_put_pkt(randomBytes(65532, 5)), RangeError);
  builder.nfq_nlmsg_verdict_put_pkt(payload);
  const message = builder.message();
  assert.equal(message.length, 65576);
  assert.deepEqual(parse(message).get(10), payload);
  assert.throws(() => builder.nfq_nlmsg_verdict_put_pkt(new Uint8Array()), RangeError, "full");
  assert.deepEqual(builder.message(), message, "nothing has changed");
  // An empty payload is an attribute without bytes.
  builder.nfq_nlmsg_put(1, 0);
  builder.nfq_nlmsg_verdict_put_pkt(new Uint8Array());
  assert.deepEqual(parse(builder.message()), new Map([[10, new Uint8Array()]]));
});

test("no put reaches over the end of the buffer", LIMIT, () => {
  const puts: [number, (builder: NlmsgBuilder) => void][] = [
    [12, (builder) => builder.nfq_nlmsg_verdict_put(1, 1)],
    [8, (builder) => builder.nfq_nlmsg_verdict_put_mark(1)],
    [8, (builder) => builder.nfq_nlmsg_cfg_put_cmd(1, 1)],
    [12, (builder) => builder.nfq_nlmsg_cfg_put_params(1, 1)],
    [8, (builder) => builder.nfq_nlmsg_cfg_put_qmaxlen(1)],
    [4, (builder) => builder.nfq_nlmsg_verdict_put_pkt(new Uint8Array())],
    [8, (builder) => builder.nfq_nlmsg_verdict_put_pkt(new Uint8Array(1))],
  ];
  for (const [size, put] of puts) {
    for (let capacity = 20; capacity < 20 + 2 * size; capacity++) {
      const builder = new NlmsgBuilder({ capacity });
      assert.throws(() => put(builder), /nfq_nlmsg_put first/);
      builder.nfq_nlmsg_put(1, 0);
      if (capacity < 20 + size) assert.throws(() => put(builder), RangeError);
      else put(builder);
      assert.equal(builder.message().length, capacity < 20 + size ? 20 : 20 + size);
    }
  }
});

test("bad arguments are refused", LIMIT, () => {
  const builder = new NlmsgBuilder();
  builder.nfq_nlmsg_put(1, 0);
  const before = builder.message();
  for (const bad of [-1, 0x100000000, 1.5, NaN, Infinity]) {
    for (
      const call of [
        () => builder.nfq_nlmsg_put(bad, 0),
        () => builder.nfq_nlmsg_put(1, bad),
        () => builder.nfq_nlmsg_verdict_put(bad, 0),
        () => builder.nfq_nlmsg_verdict_put(0, bad),
        () => builder.nfq_nlmsg_verdict_put_mark(bad),
        () => builder.nfq_nlmsg_cfg_put_cmd(bad, 0),
        () => builder.nfq_nlmsg_cfg_put_cmd(0, bad),
        () => builder.nfq_nlmsg_cfg_put_params(bad, 0),
        () => builder.nfq_nlmsg_cfg_put_params(0, bad),
        () => builder.nfq_nlmsg_cfg_put_qmaxlen(bad),
        () => new NlmsgBuilder({ capacity: bad }),
      ]
    ) assert.throws(call, RangeError);
  }
  for (const bad of ["1", 1n, null, {}] as unknown as number[]) {
    assert.throws(() => builder.nfq_nlmsg_put(bad, 0), TypeError);
    assert.throws(() => builder.nfq_nlmsg_verdict_put(bad, 0), TypeError);
    assert.throws(() => builder.nfq_nlmsg_verdict_put_pkt(bad as never), TypeError);
    assert.throws(() => parse(bad as never), TypeError);
  }
  assert.throws(() => builder.nfq_nlmsg_put(256, 0), RangeError);
  assert.throws(() => builder.nfq_nlmsg_put(1, 65536), RangeError);
  assert.throws(() => builder.nfq_nlmsg_cfg_put_cmd(65536, 0), RangeError);
  assert.throws(() => builder.nfq_nlmsg_cfg_put_params(256, 0), RangeError);
  assert.deepEqual(builder.message(), before);
});

const HEADER = "0003 0000 00000000 00000000 00000000";

test("nfq_nlmsg_parse: repeated, unknown, flagged and padded attributes", LIMIT, () => {
  assert.deepEqual(parse(hex(`14000000 ${HEADER}`)), new Map());
  const bytes = hex(`
    3a000000 ${HEADER}
    0800 0300 00000001
    0800 0300 00000002
    0500 ff3f aa ffffff
    0600 0a80 0102 ffff
    0600 0000 0304`);
  assert.deepEqual(
    parse(bytes),
    new Map([[0, new Uint8Array([3, 4])], [3, new Uint8Array([0, 0, 0, 2])], [
      10,
      new Uint8Array([1, 2]),
    ]]),
  );
  // Left over: what C would take for an empty attribute of type 5.
  assert.deepEqual(parse(hex(`17000000 ${HEADER} 0400 05`)), new Map());
  // Behind the message: not read.
  assert.deepEqual(parse(hex(`14000000 ${HEADER} 0800 0300 00000001`)), new Map());
});

test("nfq_nlmsg_parse refuses lengths that lie, and attributes that are too short", LIMIT, () => {
  for (
    const bytes of [
      "",
      "14000000",
      `15000000 ${HEADER}`,
      `13000000 ${HEADER}`,
      `00000000 ${HEADER}`,
      `ffffffff ${HEADER}`,
      `18000000 ${HEADER} 0000 0300`,
      `18000000 ${HEADER} 0300 0300`,
      `1b000000 ${HEADER} 0800 0300 000000`,
      `1c000000 ${HEADER} ffff 0300 00000001`,
    ]
  ) assert.throws(() => parse(hex(bytes)), RangeError, bytes);
  assert.throws(
    () => parse(hex(`1b000000 ${HEADER} 0700 0300 000000`)),
    (error) => error instanceof SystemError && error.code === "ERANGE",
  );
});
