// QUIC Initial packets: vectors of the RFCs, and what clients, servers and evil ones may send.
import assert from "node:assert/strict";
import { test } from "node:test";
import { QuicInitial } from "../../src/identify/mod.ts";
import { extension, helloMessage } from "../support/traffic/client_hello.ts";
import {
  datagram,
  DESTINATION,
  frame,
  initialPacket,
  opaquePacket,
  type PacketParts,
  retryPacket,
  versionNegotiation,
} from "../support/traffic/quic.ts";
import { assertCuts } from "./cuts.ts";
import * as vectors from "./rfc_vectors.ts";

const timeout = 60_000;
const MORE = { status: "more" };
const OTHER = { status: "other" };

const named = (name: string, more = 0): Uint8Array<ArrayBuffer> =>
  helloMessage({
    extensions: [
      extension.padding(more),
      extension.serverName(name),
      ...[extension.alpn("h3"), extension.versions(0x0304)],
    ],
  });
const found = (serverName: string) => ({
  ...{ status: "found", serverName, alpn: ["h3"], versions: [0x0304], encrypted: false },
});

const one = (bytes: Uint8Array) => new QuicInitial().add(bytes);
/** The answers to datagrams, one after the other. */
function answers(...datagrams: readonly Uint8Array[]) {
  const initial = new QuicInitial();
  return datagrams.map((bytes) => initial.add(bytes));
}
const statuses = (...datagrams: readonly Uint8Array[]) =>
  answers(...datagrams).map(({ status }) => status);

/** A whole ClientHello in one packet. */
const packetFor = (name: string, parts: PacketParts = {}) =>
  initialPacket(frame.crypto(0, named(name)), { size: 1200, ...parts });

/** Pieces of bytes, with where they begin. */
function pieces(bytes: Uint8Array, size: number): [number, Uint8Array][] {
  const list: [number, Uint8Array][] = [];
  for (let at = 0; at < bytes.length; at += size) list.push([at, bytes.subarray(at, at + size)]);
  return list;
}

for (
  const [rfc, version, packet] of [
    ["RFC 9001, A.2", 1, vectors.RFC_9001_INITIAL],
    ["RFC 9369, A.2", 2, vectors.RFC_9369_INITIAL],
  ] as const
) {
  test(`${rfc}: read, and cut at every byte`, { timeout }, () => {
    const hello = { serverName: "example.com", alpn: ["alpn"], versions: [0x0304] };
    assert.deepEqual(one(packet), { status: "found", ...hello, encrypted: false });
    assertCuts(packet, one);
    // The packets of these tests are made as the RFC's is.
    const made = initialPacket([...vectors.FRAME], {
      ...{ version, destination: vectors.DESTINATION, source: new Uint8Array(0) },
      ...{ packetNumber: 2, numberLength: 4, size: 1200 },
    });
    assert.deepEqual(made, packet);
  });
}

test("versions, ids, tokens, packet numbers", { timeout }, () => {
  const cases: PacketParts[] = [
    {},
    { version: 2 },
    { size: 0 },
    { destination: new Uint8Array(0), source: new Uint8Array(0) },
    { destination: new Uint8Array(20).fill(5), source: new Uint8Array(20).fill(6) },
    { token: new Uint8Array(1).fill(1) },
    { token: new Uint8Array(300).fill(2), version: 2 },
    { packetNumber: 255 },
    { packetNumber: 0x1234, numberLength: 2 },
    { packetNumber: 0x123456, numberLength: 3 },
    { packetNumber: 0x87654321, numberLength: 4 },
    // A client that remembers a server's leave may clear the bit.
    { fixedBit: false },
  ];
  for (const parts of cases) {
    const packet = packetFor("a.example", parts);
    assert.deepEqual(one(packet), found("a.example"), JSON.stringify(parts));
  }
  const token = new Uint8Array(70).fill(3);
  assertCuts(packetFor("a.example", { version: 2, token, numberLength: 3 }), one);
});

test("frames in any order, overlapping, among others", { timeout }, () => {
  const hello = named("frames.example");
  const shuffled = pieces(hello, 9).reverse().flatMap(([at, part]) => [
    ...[...frame.ping(), ...frame.crypto(at, part), ...frame.padding(at % 3)],
  ]);
  const overlapping = pieces(hello, 10).flatMap(([at]) =>
    frame.crypto(at, hello.subarray(at, at + 25))
  );
  const others = [
    ...[...frame.ack(7, [1, 2, 3, 4]), ...frame.ackEcn(3), ...frame.crypto(0, new Uint8Array(0))],
    ...[...frame.close("done"), ...frame.crypto(0, hello), 0x3f],
  ];
  for (const frames of [shuffled, overlapping, others]) {
    const packet = initialPacket(frames);
    assert.deepEqual(one(packet), found("frames.example"));
    assertCuts(packet, one);
  }
  // Where two differ the first counts.
  const other = named("FORGED.example");
  const first = [...frame.crypto(60, hello.subarray(60)), ...frame.crypto(50, other.subarray(50))];
  const packet = initialPacket([...first, ...frame.crypto(0, hello.subarray(0, 50))]);
  assert.deepEqual(one(packet), found("frames.example"));
});

test("frames that end the reading", { timeout }, () => {
  const hello = named("a.example");
  const whole = frame.crypto(0, hello);
  for (
    const frames of [
      [0x1f, ...whole], // no frame
      [0x08, 0, 1, 1, ...whole], // STREAM
      [0x02, 0, 0, 0xff, 255, 255, 255, 255, 255, 255, 255, 0, ...whole], // 2^62 ranges
      [0x06, 0, 0x7f, 0xff, ...whole], // longer than the packet
      [0x06, 0xff, 255, 255, 255, 255, 255, 255, 255, 0xff, 255, 255, 255, 255, 255, 255, 255],
    ]
  ) assert.deepEqual(one(initialPacket(frames)), MORE, String(frames.slice(0, 12)));
  // What came before them counts.
  assert.deepEqual(one(initialPacket([...whole, 0x1f])), found("a.example"));
});

test("a ClientHello over several datagrams, in any order, doubled", { timeout }, () => {
  const hello = named("post-quantum.example", 2300);
  const packets = pieces(hello, 700).map(([at, part], packetNumber) =>
    initialPacket(frame.crypto(at, part), { packetNumber, size: 1200 })
  );
  assert.equal(packets.length, 4);
  const [a, b, c, d] = packets as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  for (const order of [[a, b, c, d], [d, c, b, a], [c, a, d, b], [a, a, c, d, c, b]]) {
    const results = answers(...order, a, new Uint8Array(0));
    const last = order.length - 1;
    results.forEach((result, at) =>
      assert.deepEqual(result, at < last ? MORE : found("post-quantum.example"))
    );
  }
  // The last one cut at every byte, behind the others.
  assertCuts(d, (bytes) => answers(a, b, c, bytes).at(-1)!);
});

test("coalesced packets", { timeout }, () => {
  const hello = named("a.example");
  const [first, second] = pieces(hello, 60)
    .map(([at, part]) => initialPacket(frame.crypto(at, part)));
  const both = datagram(first!, opaquePacket("zero-rtt"), second!, opaquePacket("handshake"));
  assert.deepEqual(one(both), found("a.example"));
  assertCuts(datagram(opaquePacket("zero-rtt"), packetFor("a.example")), one);
  // Zeros or a packet with a short header behind it.
  const whole = packetFor("a.example");
  assert.deepEqual(one(datagram(whole, new Uint8Array(40))), found("a.example"));
  assert.deepEqual(one(datagram(whole, Uint8Array.of(0x41, 2, 3))), found("a.example"));
  // What goes to another connection does not belong to it, nor what is of another version.
  const stranger = initialPacket(frame.crypto(60, hello.subarray(60)), {
    destination: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
  });
  assert.deepEqual(one(datagram(first!, stranger)), MORE);
  const sameKeys = packetFor("a.example", {
    ...{ destination: Uint8Array.of(1, 2, 3), firstDestination: DESTINATION },
  });
  assert.deepEqual(one(datagram(first!, sameKeys)), MORE);
  assert.deepEqual(answers(first!, sameKeys).at(-1), found("a.example"));
  const later = packetFor("a.example", { version: 2 });
  assert.deepEqual(one(datagram(first!, later)), MORE);
  assert.deepEqual(answers(first!, later).at(-1), found("a.example"));
});

test("0-RTT that overtakes the Initial, and packets after it", { timeout }, () => {
  const hello = named("a.example", 1500);
  const [first, second] = pieces(hello, 900)
    .map(([at, part], packetNumber) => initialPacket(frame.crypto(at, part), { packetNumber }));
  const zeroRtt = opaquePacket("zero-rtt");
  const short = Uint8Array.of(0x40, 1, 2, 3);
  const list = [zeroRtt, first!, short, opaquePacket("handshake"), zeroRtt, second!];
  assert.deepEqual(statuses(...list), ["more", "more", "more", "more", "more", "found"]);
});

test("a Retry: the same ClientHello again, with other keys", { timeout }, () => {
  for (const version of [1, 2] as const) {
    const hello = named("retry.example", 1500);
    const parts = { version, packetNumber: 0, size: 1200 };
    const chosen = Uint8Array.of(9, 8, 7, 6, 5);
    const token = new Uint8Array(50).fill(4);
    const [start, rest] = [hello.subarray(0, 800), hello.subarray(800)];
    const again = { version, destination: chosen, token, size: 1200 };
    const list = [
      initialPacket(frame.crypto(0, start), parts),
      retryPacket({ version }),
      initialPacket(frame.crypto(800, rest), { ...again, packetNumber: 2 }),
      initialPacket(frame.crypto(0, start), { ...again, packetNumber: 1 }),
    ];
    const results = answers(...list);
    assert.deepEqual(results, [MORE, MORE, MORE, found("retry.example")]);
    // What the two attempts have is not mixed: no server would see it so.
    assert.deepEqual(answers(list[0]!, list[2]!).at(-1), MORE);
  }
});

test("the connection id that the server chose; the keys stay", { timeout }, () => {
  const hello = named("a.example", 1500);
  const [start, rest] = [hello.subarray(0, 800), hello.subarray(800)];
  const first = initialPacket(frame.crypto(0, start), { size: 1200 });
  const second = initialPacket(frame.crypto(800, rest), {
    ...{ destination: Uint8Array.of(1, 1, 2, 2), firstDestination: DESTINATION, packetNumber: 1 },
  });
  assert.deepEqual(answers(first, second), [MORE, found("a.example")]);
  // Also where it comes first: it waits.
  assert.deepEqual(answers(second, first), [MORE, found("a.example")]);
  // Not without end: eight wait.
  const noise = Array.from({ length: 8 }, (_, at) =>
    initialPacket(frame.ping(), {
      ...{ destination: Uint8Array.of(at), firstDestination: Uint8Array.of(1, at) },
    }));
  assert.deepEqual(answers(second, ...noise, first).at(-1), MORE);
});

test("other versions, and the client's next attempt", { timeout }, () => {
  const draft = packetFor("a.example");
  draft.set([0xff, 0, 0, 29], 1);
  const reserved = packetFor("a.example");
  reserved.set([0x1a, 0x2a, 0x3a, 0x4a], 1);
  assert.deepEqual(one(draft), OTHER);
  assert.deepEqual(one(reserved), OTHER);
  const list = [reserved, versionNegotiation(), packetFor("a.example")];
  assert.deepEqual(statuses(...list), ["other", "more", "found"]);
});

test("what a server sends does not count", { timeout }, () => {
  const server = initialPacket(frame.crypto(0, named("server.example")), { from: "server" });
  assert.deepEqual(one(server), MORE);
  assert.deepEqual(answers(server, packetFor("a.example")).at(-1), found("a.example"));
});

test("what is not authentic does not count", { timeout }, () => {
  const packet = packetFor("a.example", { size: 0 });
  for (let at = 0; at < packet.length; at++) {
    const changed = packet.slice();
    changed[at]! ^= 0x01;
    const { status } = one(changed);
    // A bit of the version makes another protocol of it.
    assert.notEqual(status, "found", `byte ${at}`);
    assert.deepEqual(answers(changed, packet).at(-1), found("a.example"), `byte ${at}`);
  }
});

test("something else", { timeout }, () => {
  const texts = ["\x16\x03\x01", "GET / HTTP/1.1\r\n\r\n", "\0\x01\x01\0\0\x01", "\x40\x01\x02"];
  for (const text of texts) {
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    assert.deepEqual(one(bytes), OTHER, JSON.stringify(text));
  }
  assert.deepEqual(one(new Uint8Array(0)), MORE);
  assert.deepEqual(one(opaquePacket("handshake")), OTHER);
  // Connection ids have 20 bytes at most.
  assert.deepEqual(one(Uint8Array.of(0xc0, 0, 0, 0, 1, 21, 1)), OTHER);
  assert.deepEqual(one(Uint8Array.of(0xc0, 0, 0, 0, 1, 1, 1, 21)), OTHER);
  // A handshake that begins with something else than a ClientHello, and one that is broken.
  assert.deepEqual(one(initialPacket(frame.crypto(0, Uint8Array.of(2, 0, 0, 9)))), OTHER);
  const broken = named("a.example");
  broken[4 + 2 + 32] = 33;
  assert.deepEqual(one(initialPacket(frame.crypto(0, broken))), OTHER);
  // Too long: by its length, or by what comes.
  assert.deepEqual(one(initialPacket(frame.crypto(0, Uint8Array.of(1, 1, 0, 0)))), OTHER);
  assert.deepEqual(one(initialPacket(frame.crypto(65_530, new Uint8Array(7)))), OTHER);
  assert.deepEqual(one(initialPacket(frame.crypto(65_530, new Uint8Array(6)))), MORE);
  // Too short for a sample.
  const short = Uint8Array.of(0xc0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 19, ...new Uint8Array(19));
  assert.deepEqual(one(short), MORE);
});

test("connections that begin again and again, and datagrams without end", { timeout }, () => {
  // The beginning of each is forgotten after four others.
  const hello = named("a.example", 100);
  const start = (id: number) =>
    initialPacket(frame.crypto(0, hello.subarray(0, 50)), { destination: Uint8Array.of(id) });
  const end = (id: number) =>
    initialPacket(frame.crypto(50, hello.subarray(50)), { destination: Uint8Array.of(id) });
  const four = [start(1), start(2), start(3), start(4)];
  assert.deepEqual(answers(...four, end(1)).at(-1), found("a.example"));
  assert.deepEqual(answers(...four, start(5), end(1)).at(-1), MORE);
  const initial = new QuicInitial();
  for (let count = 0; count < 128; count++) assert.deepEqual(initial.add(start(count)), MORE);
  assert.deepEqual(initial.add(packetFor("a.example")), OTHER);
});

test("the bytes can be written over afterwards", { timeout }, () => {
  const hello = named("a.example", 1500);
  const room = new Uint8Array(1200);
  const initial = new QuicInitial();
  for (const [at, part] of pieces(hello, 700)) {
    room.set(initialPacket(frame.crypto(at, part), { size: 1200 }));
    const { status } = initial.add(room);
    room.fill(0xff);
    if (at + 700 >= hello.length) assert.equal(status, "found");
  }
});
