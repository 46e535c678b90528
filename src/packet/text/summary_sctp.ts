// An SCTP packet (RFC 9260) in the words of tcpdump.
import { viewOf } from "../../base/bytes.ts";

const HEADER_SIZE = 12;
const CHUNK_HEADER_SIZE = 4;
/** Chunks that are told before the rest is only counted. */
const MOST_CHUNKS = 32;

const CHUNKS: Readonly<Record<number, string>> = {
  ...{ 0: "DATA", 1: "INIT", 2: "INIT ACK", 3: "SACK", 4: "HB REQ", 5: "HB ACK", 6: "ABORT" },
  ...{ 7: "SHUTDOWN", 8: "SHUTDOWN ACK", 9: "OP ERR", 10: "COOKIE ECHO", 11: "COOKIE ACK" },
  ...{ 12: "ECN ECHO", 13: "ECN CWR", 14: "SHUTDOWN COMPLETE", 0xc0: "FOR CUM TSN" },
  0xc1: "REL CTRL",
};

/** Payload protocol identifiers, after IANA's registry; of 0 and 26 there is no name. */
const PROTOCOLS = [
  ...["", "ISDN Q.921", "M2UA", "M3UA", "SUA", "M2PA", "V5.2", "H.248", "BICC", "TALI", "DUA"],
  ...["ASAP", "ENRP", "H.323", "Q.IPC", "SIMCO", "DDPSC", "DDPSSC", "S1AP", "RUA", "HNBAP"],
  ...["ForCES HP", "ForCES MP", "ForCES LP", "SBc-AP", "NBAP", "", "X2AP"],
];

function protocolText(identifier: number): string {
  return PROTOCOLS[identifier] || `0x${identifier.toString(16)}`;
}

/** What a chunk holds behind its header, and how many bytes that takes. */
interface Content {
  readonly size: number;
  readonly text: (view: DataView, at: number, flags: number) => string;
}

const INIT: Content = {
  size: 16,
  text: (view, at) =>
    `[init tag: ${view.getUint32(at)}] [rwnd: ${view.getUint32(at + 4)}] ` +
    `[OS: ${view.getUint16(at + 8)}] [MIS: ${view.getUint16(at + 10)}] ` +
    `[init TSN: ${view.getUint32(at + 12)}]`,
};

const CONTENTS: Readonly<Record<number, Content>> = {
  0: {
    size: 12,
    text: (view, at, flags) =>
      `${dataFlags(flags)}[TSN: ${view.getUint32(at)}] [SID: ${view.getUint16(at + 4)}] ` +
      `[SSEQ ${view.getUint16(at + 6)}] [PPID ${protocolText(view.getUint32(at + 8))}]`,
  },
  1: INIT,
  2: INIT,
  3: {
    size: 12,
    text: (view, at) =>
      `[cum ack ${view.getUint32(at)}] [a_rwnd ${view.getUint32(at + 4)}] ` +
      `[#gap acks ${view.getUint16(at + 8)}] [#dup tsns ${view.getUint16(at + 10)}]`,
  },
};

/** Unordered, begin and end of a message. */
function dataFlags(flags: number): string {
  const text = [4, 2, 1].map((bit, index) => flags & bit ? `(${"UBE"[index]})` : "").join("");
  return text === "" ? "" : `${text} `;
}

/** `sctp (1) [INIT] [init tag: 5] …, (2) [DATA] …`, of what was captured. */
export function describeSctp(bytes: Uint8Array): string {
  const view = viewOf(bytes);
  const chunks: string[] = [];
  let count = 0;
  for (let at = HEADER_SIZE; at < bytes.length;) {
    count++;
    const whole = at + CHUNK_HEADER_SIZE <= bytes.length;
    if (count <= MOST_CHUNKS) chunks.push(`(${count}) ${whole ? chunk(view, at) : "[|sctp]"}`);
    const length = whole ? view.getUint16(at + 2) : 0;
    if (length < CHUNK_HEADER_SIZE) break;
    at += (length + 3) & ~3;
  }
  const more = count > MOST_CHUNKS ? `, (${count - MOST_CHUNKS} more)` : "";
  return ["sctp", chunks.join(" , ")].filter((text) => text !== "").join(" ") + more;
}

function chunk(view: DataView, at: number): string {
  const type = view.getUint8(at);
  const length = view.getUint16(at + 2);
  if (length < CHUNK_HEADER_SIZE) {
    return `[Bad chunk length ${length}, < size of chunk descriptor]`;
  }
  const name = CHUNKS[type];
  if (name === undefined) return `[Unknown chunk type: 0x${type.toString(16)}]`;
  const content = CONTENTS[type];
  if (content === undefined) return `[${name}]`;
  const from = at + CHUNK_HEADER_SIZE;
  const to = Math.min(at + length, view.byteLength);
  if (to - from < content.size) return `[${name}] [|sctp]`;
  return `[${name}] ${content.text(view, from, view.getUint8(at + 1))}`;
}
