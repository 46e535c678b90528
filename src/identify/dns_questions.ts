import { checkBytes, checkKeys, show } from "../base/checks.ts";
import { Cursor } from "./cursor.ts";
import { type Identified, MORE, OTHER } from "./result.ts";
import { lowerCase } from "./text.ts";

/** What a DNS message asks for (RFC 1035, 4.1.2). */
export interface DnsQuestion {
  /**
   * The name, in lower case and without a last dot; the root is `"."`. A dot or a backslash in a label
   * has a backslash before it, and what is not printable ASCII is `\DDD`, in decimal (RFC 1035, 5.1).
   */
  readonly name: string;
  /** The type of record: 1 is A, 28 is AAAA, 65 is HTTPS, 255 is any. */
  readonly type: number;
  /** 1 is IN. In multicast DNS the highest bit asks for an answer to the asker alone. */
  readonly class: number;
}

/** The questions of a message. */
export interface DnsQuestions {
  /** One, mostly; multicast DNS asks several at once. */
  readonly questions: DnsQuestion[];
}

/** Options of {@link dnsQuestions}. */
export interface DnsQuestionsOptions {
  /**
   * `"udp"`: the bytes are a message. `"tcp"`: its length comes before it, in two bytes (RFC 1035,
   * 4.2.2), and further messages may follow. Default `"udp"`.
   */
  readonly transport?: "udp" | "tcp" | undefined;
}

const HEADER = 12;
/** The bits of the flags' first byte that tell what kind of message it is; 0 is a query. */
const OPCODE = 0x78;
const POINTER = 0xc0;
const LONGEST_LABEL = 63;
/** Names that point at each other take room and time out of all proportion to the message. */
const MOST_QUESTIONS = 256;
/** With the length bytes of its labels. */
const LONGEST_NAME = 255;

function escaped(byte: number): string {
  if (byte === 0x2e || byte === 0x5c) return `\\${String.fromCharCode(byte)}`;
  if (byte > 0x20 && byte < 0x7f) return String.fromCharCode(byte);
  return `\\${String(byte).padStart(3, "0")}`;
}

/** Reads a name; undefined where it is none, or the cursor is broken behind the end. */
function readName(message: Cursor, start: number): string | undefined {
  const labels: string[] = [];
  let reader = message;
  // Each pointer leads further back, so there is an end to them.
  let before = reader.at;
  let length = 1;
  while (true) {
    const size = reader.u8();
    if (reader.broken) return undefined;
    if (size === 0) return labels.length === 0 ? "." : lowerCase(labels.join("."));
    if (size >= POINTER) {
      const target = start + (((size & ~POINTER) << 8) | reader.u8());
      if (reader.broken || target < start + HEADER || target >= before) return undefined;
      reader = new Cursor(message.bytes, target, before);
      before = target;
      continue;
    }
    if (size > LONGEST_LABEL || (length += 1 + size) > LONGEST_NAME) return undefined;
    let label = "";
    for (let left = size; left > 0; left--) label += escaped(reader.u8());
    labels.push(label);
  }
}

function readMessage(message: Cursor): DnsQuestion[] | "more" | "other" {
  const start = message.at;
  message.u16(); // id
  if ((message.u8() & OPCODE) !== 0) return "other";
  message.u8();
  const count = message.u16();
  message.skip(6); // how many other records there are
  if (message.broken) return "more";
  if (count === 0 || count > MOST_QUESTIONS) return "other";
  const questions: DnsQuestion[] = [];
  while (questions.length < count) {
    const name = readName(message, start);
    if (name === undefined) return message.broken ? "more" : "other";
    const [type, class_] = [message.u16(), message.u16()];
    if (message.broken) return "more";
    questions.push({ name, type, class: class_ });
  }
  return questions;
}

/**
 * Reads the questions of a DNS message (RFC 1035, 4.1): of a query, and of an answer, which repeats
 * them. Updates, notifications, and messages with no question or more than 256, are `"other"`.
 *
 * @param bytes the payload of a UDP datagram; with `transport: "tcp"` all that one end has sent so far
 * @returns `"found"` with the questions; `"more"` where the bytes end before the questions do, as those
 * of a packet that was captured in part
 * @throws {TypeError} when `bytes` is not a Uint8Array, or `options` has something else than
 * `transport`; never because of what the bytes hold
 * @example
 * ```ts
 * import { dnsQuestions } from "@nfqueue/nfqueue/identify";
 *
 * const header = [0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
 * const question = [3, 0x6e, 0x61, 0x73, 0, 0, 1, 0, 1];
 * const result = dnsQuestions(Uint8Array.of(...header, ...question));
 * if (result.status === "found") console.log(result.questions[0]?.name); // nas
 * ```
 */
export function dnsQuestions(
  bytes: Uint8Array,
  options: DnsQuestionsOptions = {},
): Identified<DnsQuestions> {
  const given = checkBytes("bytes", bytes);
  checkKeys("options", options, ["transport"]);
  const { transport = "udp" } = options;
  if (transport !== "udp" && transport !== "tcp") {
    throw new TypeError(`transport must be "udp" or "tcp", got ${show(transport)}`);
  }
  const all = new Cursor(given, 0, given.length);
  const length = transport === "tcp" ? all.u16() : all.left;
  if (all.broken) return MORE;
  if (transport === "tcp" && length < HEADER) return OTHER;
  const isCut = transport === "udp" || all.left < length;
  const questions = readMessage(all.part(Math.min(length, all.left)));
  if (typeof questions !== "string") return { status: "found", questions };
  return questions === "more" && isCut ? MORE : OTHER;
}
