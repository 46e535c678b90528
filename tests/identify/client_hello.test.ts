// ClientHellos of this runtime's TLS, and made ones: records, extensions, limits, mistakes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { clientHello } from "../../src/identify/mod.ts";
import {
  extension,
  helloMessage,
  type HelloParts,
  inRecords,
  sentHello,
} from "../support/traffic/client_hello.ts";
import { assertCuts } from "./cuts.ts";

const timeout = 30_000;
const { serverName, alpn, versions, encrypted, padding } = extension;

const found = (hello: object) => ({
  ...{ status: "found", serverName: undefined, alpn: [], versions: [0x0303], encrypted: false },
  ...hello,
});
const helloOf = (parts: HelloParts) => clientHello(inRecords(helloMessage(parts)));

const sent = [
  { options: { servername: "example.com" }, hello: { versions: [0x0304, 0x0303] } },
  {
    options: { servername: "WWW.Example.com", ALPNProtocols: ["h2", "http/1.1"] },
    hello: {
      serverName: "www.example.com",
      alpn: ["h2", "http/1.1"],
      versions: [0x0304, 0x0303],
    },
  },
  {
    options: { servername: "old.example", maxVersion: "TLSv1.2" },
    hello: { versions: [0x0303] },
  },
  { options: { servername: "new.example", minVersion: "TLSv1.3" }, hello: { versions: [0x0304] } },
  { options: {}, hello: { serverName: undefined, versions: [0x0304, 0x0303] } },
  {
    options: { servername: `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.example` },
    hello: { versions: [0x0304, 0x0303] },
  },
] as const;
for (const { options, hello } of sent) {
  test(`node:tls with ${JSON.stringify(options)}`, { timeout }, async () => {
    const isWhole = (bytes: Uint8Array) => clientHello(bytes).status !== "more";
    const bytes = await sentHello(options, isWhole);
    const name = "servername" in options ? options.servername : undefined;
    const expected = found({ serverName: name, ...hello });
    assert.deepEqual(clientHello(bytes), expected);
    assertCuts(bytes, clientHello);
    // The same in records of other sizes.
    for (const size of [1, 3, 50, 300]) {
      const records = inRecords(bytes.subarray(5), { size });
      assert.deepEqual(clientHello(records), expected, `records of ${size}`);
      // Of many small records every cut takes long; shorter ClientHellos are cut below.
      if (size >= 50) assertCuts(records, clientHello);
    }
  });
}

test("extensions", { timeout }, () => {
  const cases: [HelloParts, object][] = [
    [{ extensions: undefined }, {}],
    [{ extensions: [] }, {}],
    [{ version: 0x0301, extensions: undefined }, { versions: [0x0301] }],
    [{ extensions: [serverName("a.example.")] }, { serverName: "a.example" }],
    // ASCII's letters alone: the Kelvin sign is no k.
    [{ extensions: [serverName("BÜ\u212a.example")] }, { serverName: "bÜ\u212a.example" }],
    [{ extensions: [alpn("h2", "\xff\0")] }, { alpn: ["h2", "\xff\0"] }],
    [{ extensions: [alpn("\x0a\x0a", "h3", "\xfa\xfa", "\x0a\x1a")] }, { alpn: ["h3", "\n\x1a"] }],
    [{ extensions: [versions(0x3a3a, 0x0304, 0xfafa)] }, { versions: [0x0304] }],
    [{ extensions: [versions(0x1a1a)] }, { versions: [] }],
    [
      { extensions: [padding(9), encrypted(), serverName("public.example")] },
      { encrypted: true, serverName: "public.example" },
    ],
    // The inner form says nothing by itself.
    [{ extensions: [[0xfe0d, [1]]] }, { encrypted: false }],
    // Names of other types are not hosts.
    [{ extensions: [[0, [0, 8, 5, 0, 1, 9, 0, 0, 1, 0x61]]] }, { serverName: "a" }],
    [{ extensions: [[0, [0, 4, 5, 0, 1, 9]]] }, {}],
    // Nobody reads these.
    [{ extensions: [[0x1234, [1, 2]], [0x1234, []]] }, {}],
    [{ session: new Array(32).fill(1), ciphers: [1, 2, 3], extensions: [] }, {}],
  ];
  for (const [parts, hello] of cases) {
    assert.deepEqual(helloOf(parts), found(hello), JSON.stringify(parts));
    assertCuts(inRecords(helloMessage(parts)), clientHello);
    assertCuts(inRecords(helloMessage(parts), { size: 7 }), clientHello);
  }
});

test("what is broken is something else", { timeout }, () => {
  const broken: HelloParts[] = [
    { session: new Array(33).fill(1), extensions: [] },
    { ciphers: [], extensions: [] },
    { compressions: [], extensions: [] },
    { extensions: [], behind: [0] },
    { extensions: undefined, behind: [0] },
    { extensions: undefined, behind: [0, 9, 1] },
    { extensions: [serverName()] },
    { extensions: [serverName("")] },
    { extensions: [serverName("a", "b")] },
    { extensions: [serverName("a"), serverName("a")] },
    { extensions: [[0, []]] },
    { extensions: [[0, [0, 4, 0, 0, 9, 0x61]]] },
    { extensions: [[0, [0, 4, 0, 0, 1, 0x61, 0]]] },
    { extensions: [alpn()] },
    { extensions: [alpn("h2", "")] },
    { extensions: [[16, [0, 3, 3, 0x68, 0x32]]] },
    { extensions: [versions()] },
    { extensions: [[43, [3, 3, 4, 3]]] },
    { extensions: [[43, [2, 3, 4, 0]]] },
    { extensions: [versions(0x0304), versions(0x0304)] },
    { extensions: [[0xfe0d, []]] },
    { extensions: [encrypted(), encrypted()] },
  ];
  for (const parts of broken) {
    assert.deepEqual(helloOf(parts), { status: "other" }, JSON.stringify(parts));
  }
  // One extension is longer than the block.
  const message = helloMessage({ extensions: [padding(4)] });
  message[message.length - 5]!++;
  assert.deepEqual(clientHello(inRecords(message)), { status: "other" });
});

test("other protocols are known by their first byte or two", { timeout }, () => {
  const texts = [
    "GET / HTTP/1.1\r\n",
    "SSH-2.0-x",
    "\0",
    "\x15\x03\x01",
    "\x16\x02",
    "\x16\xfe\xfd",
  ];
  for (const text of texts) {
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    assert.deepEqual(clientHello(bytes), { status: "other" }, JSON.stringify(text));
  }
  // SSL 2.0: length, CLIENT-HELLO, version 3.0.
  assert.deepEqual(clientHello(Uint8Array.of(0x80, 0x2e, 1, 3, 0)), { status: "other" });
  // A ServerHello, also one byte a record; a record of nothing, and one that is too long.
  assert.deepEqual(clientHello(Uint8Array.of(22, 3, 3, 0, 9, 2)), { status: "other" });
  const empty = Uint8Array.of(22, 3, 3, 0, 0, 22, 3, 3, 0, 1, 1);
  assert.deepEqual(clientHello(empty), { status: "other" });
  assert.deepEqual(clientHello(Uint8Array.of(22, 3, 3, 0x40, 1)), { status: "other" });
  assert.deepEqual(clientHello(Uint8Array.of(22, 3, 3, 0x40, 0)), { status: "more" });
  // Something else between two records of one message.
  const records = inRecords(helloMessage({ extensions: [] }), { size: 20 });
  records[25] = 23;
  assert.deepEqual(clientHello(records), { status: "other" });
});

test("what follows is not looked at, and what is too long is given up", { timeout }, () => {
  const whole = inRecords(helloMessage({ extensions: [serverName("a")] }));
  for (const more of [[0], [22, 3], [23, 3, 3, 0, 1, 7], new Array(100_000).fill(22)]) {
    const bytes = Uint8Array.from([...whole, ...more]);
    assert.deepEqual(clientHello(bytes), found({ serverName: "a" }));
  }
  const ofLength = (length: number) => {
    const parts = { ciphers: new Array(10_000).fill(1) };
    const extensions = (count: number) => [padding(count), serverName("a")];
    const least = helloMessage({ ...parts, extensions: extensions(0) }).length;
    const message = helloMessage({ ...parts, extensions: extensions(length - least) });
    assert.equal(message.length, length);
    return inRecords(message);
  };
  assert.deepEqual(clientHello(ofLength(65_536)), found({ serverName: "a" }));
  assert.deepEqual(clientHello(ofLength(65_537)), { status: "other" });
  // Its first bytes tell.
  assert.deepEqual(clientHello(ofLength(65_537).subarray(0, 9)), { status: "other" });
  // In records of one byte each, which takes six times as many bytes.
  const bytes = inRecords(helloMessage({ extensions: [serverName("a")] }), { size: 1 });
  assert.deepEqual(clientHello(bytes), found({ serverName: "a" }));
});

test("no bytes", { timeout }, () => {
  for (const value of ["text", undefined, null, 5, [22, 3, 1], new DataView(new ArrayBuffer(9))]) {
    assert.throws(() => clientHello(value as unknown as Uint8Array), TypeError);
  }
  assert.deepEqual(clientHello(new Uint8Array(0)), { status: "more" });
});
