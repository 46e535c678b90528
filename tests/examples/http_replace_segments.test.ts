// examples/http_replace.ts segment by segment: whatever is sent, how often and in which pieces, is a
// part of one text, and no acknowledgment tells the sender more than the receiver has.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Example } from "../../scripts/demonstration/example.ts";
import { buildPacket, parseLayers, type TcpFields, type TcpView } from "../../src/packet/mod.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { Capture, RawSender } from "../support/traffic/raw.ts";
import { queueRule, Rule } from "../support/network/rules.ts";

requireIsolation();

const timeout = 60_000;
const CLIENT = 40_000;
const SERVER = 80;
const WINDOW = 1000;

/** Repeatable random whole numbers below a limit. */
function randomNumbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(state / 2 ** 32 * limit);
  };
}

type End = "client" | "server";

/** Both ends of a connection, with the example between them. */
class Ends implements Disposable {
  readonly #sender = new RawSender(4);
  readonly #capture = new Capture(4);
  readonly #rules = new DisposableStack();
  #lastId = 0;

  constructor(queue: number) {
    for (const [port, other] of [[CLIENT, SERVER], [SERVER, CLIENT]]) {
      const match = ["-p", "tcp", "--sport", String(port), "--dport", String(other)];
      this.#rules.use(queueRule(queue, { chain: "OUTPUT", match }));
      // There are no sockets that would answer.
      this.#rules.use(new Rule({ chain: "INPUT", match, jump: ["DROP"] }));
    }
  }

  /** Sends a segment and gives what becomes of it. */
  async send(from: End, fields: TcpFields, data: string = ""): Promise<TcpView> {
    const tcp = { ack: true, windowSize: WINDOW, ...fields };
    const identification = this.sendOff(from, tcp, Buffer.from(data, "latin1"));
    const isIt = (packet: Uint8Array) =>
      parseLayers(packet).ipv4?.identification === identification;
    return parseLayers(await this.#capture.find(isIt, `a segment of the ${from}`)).tcp!;
  }

  /** Waits until nothing comes any more. What nobody takes out of the capture would fill it. */
  async settle(): Promise<void> {
    for (let seen = -1; seen < this.#capture.packets.length;) {
      seen = this.#capture.packets.length;
      await delay(100);
    }
  }

  /** Sends a segment and gives its identification. */
  sendOff(from: End, fields: TcpFields, payload: Uint8Array): number {
    const identification = ++this.#lastId;
    const [sourcePort, destinationPort] = from === "client" ? [CLIENT, SERVER] : [SERVER, CLIENT];
    this.#sender.send(buildPacket({
      ipv4: { source: "127.0.0.1", destination: "127.0.0.1", identification },
      tcp: { ...fields, sourcePort, destinationPort },
      payload,
    }));
    return identification;
  }

  [Symbol.dispose](): void {
    this.#rules.dispose();
    this.#capture[Symbol.dispose]();
    this.#sender[Symbol.dispose]();
  }
}

const request = "GET /cat HTTP/1.1\r\nConnection: keep-alive\r\nHost: cat\r\n\r\n";
const shown = "GET /cat HTTP/1.0\r\nX-nnection: keep-alive\r\nHost: cat\r\n\r\n";
const textOf = (tcp: TcpView): string => Buffer.from(tcp.payload).toString("latin1");

const cases = [
  { from: "cat", to: "little dog", seed: 1 },
  { from: "elephant", to: "fly", seed: 2 },
  { from: "cat", to: "dog", seed: 3 },
  { from: "elephant", to: "x", seed: 4 },
  { from: "#", to: "0123456789", seed: 5 },
];
for (const { from, to, seed } of cases) {
  test(`http_replace, segments: ${from} → ${to}`, { timeout }, async () => {
    const queue = nextQueue();
    const words = ["--from", from, "--to", to];
    await using example = await Example.start({ name: "http_replace", queue, words });
    using ends = new Ends(queue);
    const random = randomNumbers(seed);
    // Ports are used again; numbers wrap in the first response and in the second request.
    for (const [client, server] of [[7, 2 ** 32 - 300], [2 ** 32 - 20, 2 ** 31 - 50]] as const) {
      await converse(ends, { client, server, from, to, random });
    }
    assert.equal(await example.interrupt(), "SIGINT");
  });
}

test("http_replace ends at no broken segment", { timeout }, async () => {
  const queue = nextQueue();
  const lines: string[] = [];
  const onLine = (line: string) => void lines.push(line);
  await using example = await Example.start({ name: "http_replace", queue, onLine });
  using ends = new Ends(queue);
  const random = randomNumbers(6);
  const bytes = (length: number) => Uint8Array.from({ length }, () => random(7));
  for (let round = 0; round < 400; round++) {
    const tcp = {
      flags: [0x02, 0x12, 0x10, 0x11, 0x04, random(256)][random(6)]!,
      sequenceNumber: random(5) * 1000,
      acknowledgmentNumber: random(2 ** 32),
      options: bytes(4 * random(11)),
      ...(random(8) === 0 ? { headerLength: 4 * random(16) } : {}),
    };
    const data = random(3) === 0 ? Buffer.from(request) : bytes(random(50));
    ends.sendOff(random(2) === 0 ? "client" : "server", tcp, data);
    // The sender's buffer holds what waits in the queue.
    if (round % 20 === 0) await delay(10);
  }
  await ends.settle();
  const known = { from: "cat", to: "little dog", random };
  await converse(ends, { client: 9000, server: 9000, ...known });
  assert.ok(lines.some((line) => line.startsWith("WireError")), "some options were broken");
  assert.equal(await example.interrupt(), "SIGINT");
});

interface Conversation {
  /** First sequence numbers. */
  readonly client: number;
  readonly server: number;
  readonly from: string;
  readonly to: string;
  readonly random: (limit: number) => number;
}

async function converse(ends: Ends, conversation: Conversation): Promise<void> {
  const { client, server, from, to, random } = conversation;
  const share = Math.max(0.25, Math.min(1, from.length / to.length));
  const offer = { syn: true, mss: 1460, sackPermitted: true };

  // The handshake, each half of it twice.
  for (const _ of [1, 2]) {
    const syn = await ends.send("client", { ...offer, ack: false, sequenceNumber: client });
    assert.deepEqual([syn.sequenceNumber, syn.sackPermitted], [client, false]);
    assert.equal(syn.mss, Math.floor(1420 * share));
    assert.equal(syn.windowSize, Math.floor(WINDOW * share));
  }
  for (const _ of [1, 2]) {
    const answer = { ...offer, sequenceNumber: server, acknowledgmentNumber: (client + 1) >>> 0 };
    const synAck = await ends.send("server", answer);
    assert.deepEqual([synAck.sequenceNumber, synAck.mss], [server, 1460]);
    assert.equal(synAck.acknowledgmentNumber, (client + 1) >>> 0);
  }
  /** Sends a part of the request. */
  const ask = async (begin: number, end: number): Promise<void> => {
    const sequenceNumber = (client + 1 + begin) >>> 0;
    const acknowledgmentNumber = (server + 1) >>> 0;
    const numbers = { sequenceNumber, acknowledgmentNumber };
    const tcp = await ends.send("client", numbers, request.slice(begin, end));
    const at = (tcp.sequenceNumber - client - 1) >>> 0;
    assert.equal(textOf(tcp), shown.slice(at, at + tcp.payload.length));
  };
  await ask(0, request.length);
  await ask(0, request.length);
  await ask(0, 30);
  await ask(30, request.length);

  const line = () => `${"- ".repeat(random(6))}${from}${random(2) ? "" : from}; ${from.slice(1)}\n`;
  const response = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" +
    Array.from({ length: 60 }, line).join("");
  let expected = "";
  let offset = 0;
  /**
   * Sends a part of the response, and checks what arrives beyond that which the client has; gives
   * where it is in the expected text.
   */
  const answer = async (begin: number, end: number, have = 0): Promise<[number, number]> => {
    const sequenceNumber = (server + 1 + begin) >>> 0;
    const acknowledgmentNumber = (client + 1 + request.length) >>> 0;
    const data = response.slice(begin, end);
    const numbers = { sequenceNumber, acknowledgmentNumber, fin: end === response.length };
    const tcp = await ends.send("server", numbers, data);
    assert.equal(tcp.acknowledgmentNumber, acknowledgmentNumber);
    const at = (tcp.sequenceNumber - server - 1) | 0;
    if (end > offset) {
      // Now it is looked through, but for what has been.
      assert.ok(at <= expected.length);
      expected += data.slice(offset - begin).replace("Content-", "X-ntent-").replaceAll(from, to);
      offset = end;
    }
    const stop = at + tcp.payload.length;
    const known = Math.max(have - at, 0);
    const text = expected.slice(at + known, stop);
    assert.equal(textOf(tcp).slice(known), text, `${begin} to ${end}, at ${at}`);
    return [at, stop];
  };

  // All of it in some pieces, of which some come again, alone or with what follows.
  for (let begin = 0, end = 0; end < response.length; begin = end - random(2) * random(40)) {
    begin = Math.max(begin, 0);
    end = Math.min(Math.max(end, begin) + 45 + random(200), response.length);
    await answer(begin, end);
    if (random(3) === 0) await answer(begin, end);
  }
  assert.ok(expected.includes(to) && expected.includes("X-ntent-Length"));
  // Again in other pieces: they fit together.
  for (let round = 0; round < 3; round++) {
    let joined = 0;
    for (let begin = 0, end = 0; begin < response.length; begin = end) {
      end = Math.min(begin + 1 + random(40), response.length);
      const [from, to] = await answer(begin, end);
      assert.equal(from, joined);
      joined = to;
    }
    assert.equal(joined, expected.length);
  }
  // What the client has by and by: never more is acknowledged, and the rest can be had.
  const longest = Math.max(to.length, "Content-Length".length);
  let last = 0;
  for (let have = 0; have < expected.length; have += 1 + random(30)) {
    const tcp = await ends.send("client", {
      sequenceNumber: (client + 1 + request.length) >>> 0,
      acknowledgmentNumber: (server + 1 + have) >>> 0,
    });
    assert.equal(tcp.sequenceNumber, (client + 1 + request.length) >>> 0);
    const acknowledged = (tcp.acknowledgmentNumber - server - 1) | 0;
    assert.ok(acknowledged >= last, `${acknowledged} after ${last}`);
    last = acknowledged;
    const end = Math.min(acknowledged + 60, response.length);
    const [at] = await answer(acknowledged, end);
    // Of a word that has come in part all comes.
    assert.ok(at <= have && at > have - longest, `the client has ${have}, and gets ${at}`);
    // What the client has is no matter, when it comes once more with what it has not.
    await answer(Math.max(acknowledged - random(100), 0), end, have);
  }
  // All, and the FIN.
  const tcp = await ends.send("client", {
    sequenceNumber: (client + 1 + request.length) >>> 0,
    acknowledgmentNumber: (server + 2 + expected.length) >>> 0,
  });
  assert.equal((tcp.acknowledgmentNumber - server - 2) | 0, response.length);
}
