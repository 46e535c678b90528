/**
 * Replaces a word by another one of any length in HTTP responses that are not encrypted. The ends of
 * a TCP connection number its bytes: whoever changes how many there are corrects the sequence numbers
 * of all later packets, and the acknowledgment numbers of those that come back.
 *
 *     sudo iptables -t raw -A OUTPUT -p tcp --dport 80 -j NFQUEUE --queue-num 0 --queue-bypass
 *     sudo iptables -A INPUT -p tcp --sport 80 -j NFQUEUE --queue-num 0 --queue-bypass
 *     sudo deno run --allow-ffi examples/http_replace.ts --from cat --to "little dog"
 *     sudo bun examples/http_replace.ts --from cat --to "little dog"
 *
 * `iptables … -D …` removes the rules, and changed connections then hang; `ip6tables` takes the same
 * words for IPv6. The table raw comes before connection tracking, which then sees nothing but the
 * server's numbers.
 *
 * Content-Length has gone by when the words come. So a response to GET or POST is made to end with its
 * connection: the server sees HTTP/1.0 and no Connection field, the client no Content-Length, and
 * cannot tell whether a response is whole. A word that two packets share is not found, nor one in a
 * packet that a later one overtook; compressed content is not asked for. Left alone are requests that
 * take several packets or ask for an upgrade (WebSocket), and connections that were there before.
 */

import { Buffer } from "node:buffer";
import { parseArgs } from "node:util";
import { PacketQueue, type TcpView, Verdict } from "@nfqueue/nfqueue";

const { values } = parseArgs({
  options: {
    queue: { type: "string", default: "0" },
    from: { type: "string", default: "cat" },
    to: { type: "string", default: "little dog" },
  },
});
if (!values.from || !values.to) throw new RangeError("a word is empty");
// Text here has a character for each byte.
const from = Buffer.from(values.from).toString("latin1");
const to = Buffer.from(values.to).toString("latin1");
/** What the sender gets of segment and window: the data needs room to grow. */
const share = Math.min(1, Math.max(0.25, from.length / to.length));

const REQUEST = /^(?:GET|POST) \S+ HTTP\/1\.[01](?![^]*\nupgrade:)[^]*\r\n\r\n/i;
const FIELDS = /[01](?<=^\w+ \S+ HTTP\/1\..)|^(?:connection|accept-encoding)(?=:)/gim;
const WORD = new RegExp(from.replace(/\W/g, "\\$&"), "g");
const HEAD = new RegExp(`^[Cc]ontent-[Ll]ength(?=:)|${WORD.source}`, "gm");

/**
 * One direction of a connection. Numbers are the sender's; they have 32 bits and wrap: `(a - b) | 0`
 * is how far a is behind b.
 */
class Stream {
  readonly first: number;
  /** As much as fits into a segment of the other direction, whatever its options. */
  readonly #most: number;
  /** What is looked for, and up to where that was done. */
  #pattern: RegExp | undefined;
  #end: number;
  /** What was found and is not acknowledged yet, and the growth by what was found before it. */
  #changes: { readonly at: number; readonly length: number; readonly text: Buffer }[] = [];
  #growth = 0;

  constructor({ sequenceNumber, mss = 536, ack }: TcpView) {
    this.first = sequenceNumber;
    this.#most = mss - 40;
    this.#pattern = ack ? undefined : FIELDS;
    this.#end = sequenceNumber + 1;
  }

  /** Changes a segment's data and number. */
  edit(tcp: TcpView, other: Stream | undefined): void {
    const start = tcp.sequenceNumber + Number(tcp.syn);
    const data = Buffer.from(tcp.payload);
    const known = this.#changes.length;
    if (other) this.#search(start, data, other);
    try {
      tcp.payload = this.#changed(start, data);
    } catch (error) {
      this.#changes.length = known;
      throw error;
    }
    tcp.sequenceNumber = this.#numberAfter(tcp.sequenceNumber);
  }

  /** Notes what is to be changed in that part of the data which is new. */
  #search(start: number, data: Buffer, other: Stream): void {
    const ahead = (start - this.#end) | 0;
    if (ahead + data.length <= 0) return;
    this.#end = start + data.length;
    const text = data.toString("latin1", Math.max(-ahead, 0));
    // A request is what comes first. The head of a response must be seen whole.
    if (ahead > 0 && this.#pattern !== WORD) this.#pattern = undefined;
    const pattern = this.#pattern;
    if (pattern === FIELDS) {
      this.#pattern = undefined;
      if (!REQUEST.test(text)) return;
      other.#pattern = HEAD;
    }
    const body = text.indexOf("\r\n\r\n");
    if (pattern === HEAD && body >= 0) this.#pattern = WORD;
    let room = other.#most - data.length;
    for (const { index, 0: old } of pattern ? text.matchAll(pattern) : []) {
      const isWord = old === from && pattern !== FIELDS;
      if (!isWord && body >= 0 && index > body) continue;
      const instead = isWord ? to : old.length === 1 ? "0" : `X-${old.slice(2)}`;
      const growth = instead.length - old.length;
      if (growth > Math.max(room, 0)) continue;
      room -= growth;
      const at = this.#end - text.length + index;
      this.#changes.push({ at, length: old.length, text: Buffer.from(instead, "latin1") });
    }
  }

  /** The data as the receiver gets it, the same however often and in whatever pieces it is sent. */
  #changed(start: number, data: Buffer): Buffer {
    const parts: Buffer[] = [];
    let done = 0;
    for (const { at, length, text } of this.#changes) {
      const begin = (at - start) | 0;
      if (begin + length <= 0) continue;
      if (begin >= data.length) break;
      parts.push(data.subarray(done, Math.max(begin, 0)));
      done = begin + length;
      if (done <= data.length) parts.push(text); // it goes with the last old byte
    }
    return Buffer.concat([...parts, data.subarray(done)]);
  }

  /** The receiver's number for one of the sender's. */
  #numberAfter(number: number): number {
    let growth = this.#growth;
    for (const { at, length, text } of this.#changes) {
      const into = (number - at) | 0;
      if (into < length) return (number - Math.max(into, 0) + growth) >>> 0;
      growth += text.length - length;
    }
    return (number + growth) >>> 0;
  }

  /** The sender's number for one that the receiver acknowledges. What is before it is forgotten. */
  acknowledge(number: number): number {
    for (;;) {
      const [change] = this.#changes;
      const place = number - this.#growth;
      const into = change ? (place - change.at) | 0 : 0;
      if (!change || into < change.text.length) return (place - Math.max(into, 0)) >>> 0;
      this.#growth += change.text.length - change.length;
      this.#changes.shift();
    }
  }
}

/** Both directions of each connection, those used last at the end. */
const connections = new Map<string, Map<string, Stream>>();
const MOST_CONNECTIONS = 10_000;

// Without gso a packet is one segment, and has room to grow; with it, it may be at its longest.
using queue = PacketQueue.open(Number(values.queue), { gso: false, maxLength: 8192 });
await queue.run(({ tcp, flow }) => {
  if (!tcp || !flow) return Verdict.Accept;
  const streams = connections.get(flow.key) ?? new Map<string, Stream>();
  if (tcp.syn && streams.get(flow.directedKey)?.first !== tcp.sequenceNumber) {
    streams.set(flow.directedKey, new Stream(tcp));
  }
  const mine = streams.get(flow.directedKey);
  const other = streams.get(flow.reversed().directedKey);
  if (!mine) return Verdict.Accept;
  connections.delete(flow.key);
  connections.set(flow.key, streams);
  const [oldest = ""] = connections.keys();
  if (connections.size > MOST_CONNECTIONS) connections.delete(oldest);
  try {
    mine.edit(tcp, other);
    if (tcp.ack && other) tcp.acknowledgmentNumber = other.acknowledge(tcp.acknowledgmentNumber);
    tcp.windowSize = Math.floor(tcp.windowSize * share);
    if (tcp.syn) {
      const { mss = 536 } = tcp;
      // Packets of loopback may be longer than what a verdict can send back.
      tcp.mss = Math.min(65_000, tcp.ack ? mss : Math.floor((mss - 40) * share));
      tcp.sackPermitted = false; // selective acknowledgments would be further numbers
    }
    return Verdict.Accept;
  } catch (error) {
    // It does not fit (a route's MTU, broken options). Data comes again, and its words stay.
    console.error(String(error));
    return Verdict.Drop;
  }
});
