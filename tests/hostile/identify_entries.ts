/**
 * Every entry of ./identify that takes bytes.
 *
 * @module
 */

import * as identify from "../../src/identify/mod.ts";
import { RFC_9001_INITIAL } from "../identify/rfc_vectors.ts";
import { extension, helloMessage, inRecords } from "../support/traffic/client_hello.ts";
import type { Entry } from "./entries.ts";

/** What only reads the bytes, and gives what it made of them. */
function reads(bytes: Uint8Array, use: (value: never) => unknown): Entry {
  return { open: () => ({ bytes, use: (value) => use(value as never), state: () => [] }) };
}

const text = (words: string) => new TextEncoder().encode(words);
const HELLO = helloMessage({ extensions: [extension.serverName("bücher.example")] });
const QUERY = Uint8Array.of(0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0x61, 0, 0, 1, 0, 1);

export const IDENTIFY_ENTRIES: readonly (readonly [string, Entry])[] = [
  ["clientHello", reads(inRecords(HELLO), (value) => identify.clientHello(value))],
  [
    "clientHello, in several records",
    reads(inRecords(HELLO, { size: 20 }), (value) => identify.clientHello(value)),
  ],
  ["QuicInitial.add", reads(RFC_9001_INITIAL, (value) => new identify.QuicInitial().add(value))],
  [
    "httpRequest",
    reads(text("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), (value) => identify.httpRequest(value)),
  ],
  ["dnsQuestions", reads(QUERY, (value) => identify.dnsQuestions(value))],
];
