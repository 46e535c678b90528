// A real client of QUIC: Deno's own, in a process of its own, so that both runtimes read what it sends.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { QuicInitial } from "../../src/identify/mod.ts";
import { deferred, within } from "../support/runtime/waiting.ts";
import { assertCuts } from "./cuts.ts";

const client = fileURLToPath(new URL("fixtures/quic_client.ts", import.meta.url));
/** scripts/test names the program. */
const deno = process.env["DENO"] ?? "deno";

/** The first datagrams that the client sends, which nobody answers. */
async function datagramsOf(name: string, protocols: readonly string[], count: number) {
  const socket = createSocket("udp4");
  const bound = deferred<void>();
  socket.bind(0, "127.0.0.1", () => bound.resolve());
  await bound.promise;
  const datagrams: Uint8Array[] = [];
  const enough = deferred<void>();
  socket.on("message", (datagram: Uint8Array) => {
    datagrams.push(new Uint8Array(datagram));
    if (datagrams.length >= count) enough.resolve();
  });
  const words = ["run", "--unstable-net", "--allow-net", "--no-prompt", client];
  const child = spawn(deno, [...words, String(socket.address().port), name, ...protocols], {
    stdio: "ignore",
  });
  const ended = deferred<void>();
  child.on("error", enough.reject);
  child.on("close", () => ended.resolve());
  try {
    await within(enough.promise, { what: "a QUIC client's datagrams" });
    return datagrams.slice(0, count);
  } finally {
    child.kill("SIGKILL");
    await ended.promise;
    const closed = deferred<void>();
    socket.close(() => closed.resolve());
    await closed.promise;
  }
}

test("Deno's client", { timeout: 60_000 }, async () => {
  const [first, second] = await datagramsOf("quic.example", ["h3", "hq-interop"], 2);
  assert.ok(first && second);
  const expected = {
    ...{ status: "found", serverName: "quic.example", alpn: ["h3", "hq-interop"] },
    ...{ versions: [0x0304], encrypted: false },
  };
  // The second one sends it again.
  for (const datagram of [first, second]) {
    assert.deepEqual(new QuicInitial().add(datagram), expected);
    assertCuts(datagram, (bytes) => new QuicInitial().add(bytes));
  }
});
