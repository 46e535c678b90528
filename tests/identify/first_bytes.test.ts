// firstBytes as TcpStreams is to call it. A stand-in plays the connections.
import assert from "node:assert/strict";
import { test } from "node:test";
import { HOLD } from "../../src/base/hold.ts";
import { clientHello, firstBytes, httpRequest } from "../../src/identify/mod.ts";
import { extension, helloMessage, inRecords } from "../support/traffic/client_hello.ts";

const timeout = 10_000;
const text = (words: string) => new TextEncoder().encode(words);

/** What a callback of TcpStreams may return. */
interface Callbacks {
  fromClient(
    data: Uint8Array,
    stream: Stream,
  ): Uint8Array | typeof HOLD | { readonly data: Uint8Array; readonly hold: number } | undefined;
}

class Stream {
  readonly connection = {};
  ended = false;
}

test("a stand-in's connections are held until the name is known, and asked about once", {
  timeout,
}, () => {
  const message = helloMessage({ extensions: [extension.serverName("a.example")] });
  const hello = inRecords(message, { size: 30 });
  const asked: [string | undefined, Stream][] = [];
  const callbacks: Callbacks = firstBytes(clientHello, (result, stream: Stream) => {
    asked.push([result.status === "found" ? result.serverName : result.status, stream]);
    return result.status === "found" ? text("instead") : undefined;
  });
  const [one, two] = [new Stream(), new Stream()];
  for (let length = 1; length < hello.length; length++) {
    assert.equal(callbacks.fromClient(hello.subarray(0, length), one), HOLD);
  }
  // Another connection meanwhile.
  assert.equal(callbacks.fromClient(text("GET /"), two), undefined);
  assert.deepEqual(callbacks.fromClient(hello, one), text("instead"));
  assert.equal(callbacks.fromClient(hello, one), undefined);
  assert.equal(callbacks.fromClient(text("/"), two), undefined);
  assert.deepEqual(asked, [["other", two], ["a.example", one]]);
});

test("a stand-in's connection that ends before it is known", { timeout }, () => {
  const results: unknown[] = [];
  const { fromClient } = firstBytes(httpRequest, (result) => void results.push(result));
  const stream = new Stream();
  assert.equal(fromClient(text("GET / HTTP/1.1\r\n"), stream), HOLD);
  stream.ended = true;
  assert.equal(fromClient(text("GET / HTTP/1.1\r\nA"), stream), undefined);
  assert.deepEqual(results, [{ status: "more" }]);
});
