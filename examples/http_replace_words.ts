/**
 * Replaces a word by another one of any length in the texts of HTTP responses that are not encrypted.
 *
 *     sudo env FROM=cat TO="little dog" nfqueue run examples/http_replace_words.ts
 *
 * A body's length comes before its words. So the server is asked in HTTP/1.0: its response has no chunks,
 * and ends with the connection and not by Content-Length. Nobody can tell then whether it is whole. What
 * needs HTTP/1.1 (WebSocket, Expect, a request in chunks), is no text, or is packed anyway stays as it is.
 */
import { Buffer } from "node:buffer";
import process from "node:process";
import { defineFilter, type Filter } from "@nfqueue/nfqueue";
import { httpRequest } from "@nfqueue/nfqueue/identify";
import { HOLD, TcpStreams } from "@nfqueue/nfqueue/streams";
const HEAD = /^(?:\r?\n)*[^]*?\n\r?\n/;
const NEEDS = /^(?:upgrade|expect|transfer-encoding):/im;
const NOT_ASKED = /^(?:accept-encoding|connection|keep-alive|range):.*\r?\n/gim;
const TEXT = /^content-type:[ \t]*(?:text\/|[^\r\n;]*\b(?:json|javascript|xml)\b)/im;
const CODED = /^(?:content|transfer)-encoding:/im;
const NOT_TOLD = /^(?:content-length|connection|keep-alive):.*\r?\n/gim;
const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1"); // a character a byte
/** Makes the filter, for port 80. No word is empty. */
export function replaceWords(word: string, other: string): Filter {
  const [from = "", to = ""] = [word, other].map((text) => textOf(Buffer.from(text)));
  const { handler } = new TcpStreams({
    connection: () => {
      let next: "request" | "head" | "body" = "request";
      return {
        fromClient(data, { connection, ended }) {
          if (next !== "request") return;
          const [text, { status }] = [textOf(data), httpRequest(data)];
          if (status === "more" && !ended) return HOLD;
          const [head = ""] = HEAD.exec(text) ?? [];
          if (status !== "found" || NEEDS.test(head)) return connection.pass();
          next = "head";
          const asked = head.replace(NOT_ASKED, "").replace(/ HTTP\/1\.1/, " HTTP/1.0");
          return Buffer.from(asked + text.slice(head.length), "latin1");
        },
        fromServer(data, { connection, ended }) {
          if (next === "request") return;
          const text = textOf(data);
          const [head = ""] = next === "head" ? HEAD.exec(text) ?? [] : [];
          const isText = next === "body" || (TEXT.test(head) && !CODED.test(head));
          if (!isText) return head || ended ? connection.pass() : HOLD;
          next = "body";
          const told = head.replace(NOT_TOLD, "").replace(/\r?\n$/, "Connection: close\r\n\r\n");
          const parts = text.slice(head.length).split(from);
          let hold = from.length - 1; // what may be the beginning of the word
          while (!parts.at(-1)!.endsWith(from.slice(0, hold))) hold--;
          const all = told + parts.join(to);
          return { data: Buffer.from(all.slice(0, all.length - hold), "latin1"), hold };
        },
      };
    },
    hold: { milliseconds: 5000 }, // a server that stops in the midst of a word for longer is left alone
  });
  return defineFilter({ rules: TcpStreams.rules({ serverPort: 80 }), packet: handler });
}
export default replaceWords(process.env["FROM"] || "cat", process.env["TO"] ?? "little dog");
