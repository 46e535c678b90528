/** What is told from first bytes: nothing is thrown, and a beginning never tells something else. */
import {
  clientHello,
  dnsQuestions,
  httpRequest,
  type NotFound,
  QuicInitial,
} from "../../../src/identify/mod.ts";
import { RFC_9001_INITIAL, RFC_9369_INITIAL } from "../../../tests/identify/rfc_vectors.ts";
import { extension, helloMessage, inRecords } from "../../../tests/support/traffic/client_hello.ts";
import {
  datagram,
  frame,
  initialPacket,
  opaquePacket,
  retryPacket,
  versionNegotiation,
} from "../../../tests/support/traffic/quic.ts";
import { counting } from "../../../tests/packet/edits.ts";
import { digestOf } from "../digest.ts";
import { insist, NOTHING, type Target } from "../target.ts";

type Answer = { readonly status: "found" } | NotFound;

/** The digest of an answer that is one. */
function digestAnswer(answer: Answer): number {
  const { status } = answer;
  const known = status === "found" || status === "more" || status === "other";
  insist(known, "answer", () => `status ${status}`);
  return digestOf(answer);
}

/** Asks about the bytes and about a beginning of them: what is known of it is known of all. */
function ask(bytes: Uint8Array, identify: (bytes: Uint8Array) => Answer): number {
  const whole = identify(bytes);
  const digest = digestAnswer(whole);
  for (const length of [bytes.length >> 1, Math.max(0, bytes.length - 1)]) {
    const part = identify(bytes.subarray(0, length));
    if (part.status === "more") continue;
    const same = digestAnswer(part) === digest;
    insist(same, "beginning", () => `${part.status} of ${length} bytes, ${whole.status} of all`);
  }
  return digest;
}

const { serverName, alpn, versions, encrypted, padding } = extension;
const HELLOS = [
  helloMessage({ extensions: undefined }),
  helloMessage({ extensions: [serverName("a.example"), alpn("h2", "http/1.1")] }),
  helloMessage({ extensions: [versions(0x0a0a, 0x0304, 0x0303), encrypted(), padding(20)] }),
  helloMessage({ session: [...counting(32)], extensions: [serverName("B.example.")] }),
];
const text = (words: string) => Uint8Array.from(words, (letter) => letter.charCodeAt(0));

const tls: Target = {
  ...{ name: "clientHello", errors: [], block: 500, calls: 3, ...NOTHING },
  corpus: HELLOS.flatMap((hello) => [inRecords(hello), inRecords(hello, { size: 30 })]),
  long: [inRecords(helloMessage({ extensions: [padding(3000), serverName("a")] }))],
  run: (bytes) => ask(bytes, clientHello),
};

const quicDatagram: Target = {
  ...{ name: "quicDatagram", errors: [], block: 200, calls: 3, ...NOTHING },
  corpus: [
    ...HELLOS.map((hello) => initialPacket(frame.crypto(0, hello))),
    initialPacket(frame.crypto(0, HELLOS[1]!), { version: 2, token: text("a token") }),
    datagram(opaquePacket("zero-rtt"), initialPacket(frame.ping()), opaquePacket("handshake")),
    ...[retryPacket(), versionNegotiation()],
  ],
  long: [RFC_9001_INITIAL, RFC_9369_INITIAL],
  run: (bytes) => ask(bytes, (bytes) => new QuicInitial().add(bytes)),
};

/** Changed frames would not be authentic: they are sealed after the change. */
const quicFrames: Target = {
  ...{ name: "quicFrames", errors: [], block: 50, ...NOTHING },
  corpus: HELLOS.flatMap((hello) => [
    Uint8Array.from([...frame.ack(9, [1, 2]), ...frame.crypto(0, hello), ...frame.close("end")]),
    Uint8Array.from([
      ...frame.crypto(20, hello.subarray(20)),
      ...[...frame.ping(), ...frame.ackEcn(5), ...frame.crypto(0, hello.subarray(0, 30))],
    ]),
  ]),
  run: (bytes) => {
    const initial = new QuicInitial();
    const half = bytes.length >> 1;
    const destination = Uint8Array.of(1, 2, 3, 4);
    const first = initial.add(initialPacket([...bytes], { destination }));
    // More of the same connection.
    const more = initialPacket([...bytes.subarray(half)], { destination, packetNumber: 1 });
    const second = initial.add(more);
    const kept = first.status !== "found" || digestAnswer(first) === digestAnswer(second);
    insist(kept, "answer", () => `${first.status}, then ${second.status}`);
    return digestOf(digestAnswer(second), digestAnswer(first));
  },
};

const http: Target = {
  ...{ name: "httpRequest", errors: [], block: 500, calls: 3, ...NOTHING },
  corpus: [
    "GET /a?b HTTP/1.1\r\nHost: A.example:80\r\nUser-Agent: x y\r\nCookie: a=1\r\nCookie: b\r\n\r\n",
    "POST http://user@b.example/ HTTP/1.0\nContent-Length: 4\n__proto__: 1\n\nbody",
    "\r\nCONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: c\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  ].map(text),
  run: (bytes) => ask(bytes, httpRequest),
};

const name = [3, 0x6e, 0x61, 0x73, 4, 0x68, 0x6f, 0x6d, 0x65, 0];
const query = (
  count: number,
  ...body: number[]
) => [0, 7, 1, 0, 0, count, 0, 0, 0, 0, 0, 1, ...body];
const QUERIES = [
  query(1, ...name, 0, 1, 0, 1, 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0),
  query(3, ...name, 0, 28, 0x80, 1, 0xc0, 12, 0, 255, 0, 1, 1, 0x61, 0xc0, 16, 0, 12, 0, 1),
];

const dns: Target = {
  ...{ name: "dnsQuestions", errors: [], block: 500, calls: 3 },
  corpus: QUERIES.flatMap((bytes) => [
    Uint8Array.from(bytes),
    Uint8Array.from([0, bytes.length, ...bytes]),
  ]),
  operations: ["tcp"],
  choose: (random, bytes) => bytes[1] !== 7 || random.once(8) ? [0] : [],
  run: (bytes, [tcp]) =>
    ask(bytes, (bytes) => dnsQuestions(bytes, tcp === 0 ? { transport: "tcp" } : {})),
};

export const IDENTIFY_TARGETS: readonly Target[] = [tls, quicDatagram, quicFrames, http, dns];
