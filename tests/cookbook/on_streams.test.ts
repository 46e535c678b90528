// The recipes that follow connections, on real packets to a server elsewhere.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { Lines } from "../support/filter/recipes.ts";
import { RunningRecipe } from "../support/filter/running_recipe.ts";
import { Crossroads } from "../support/network/crossroads.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { TlsClient, tlsServer } from "../support/traffic/tls.ts";

requireIsolation();

const limit = { timeout: 30_000 };

/** A server behind this host's cable, and a client of this host. */
async function withServer(
  port: number,
  act: (client: TlsClient) => Promise<void>,
): Promise<void> {
  using roads = new Crossroads(0);
  const place = { host: roads.path("OUTPUT", 4).destination, port };
  await using _server = await tlsServer(place, { prefix: roads.right.prefix });
  await using client = await TlsClient.start(place);
  await act(client);
}

test("log_tls_names", limit, async () => {
  using lines = new Lines();
  await withServer(443, async (client) => {
    await using recipe = await RunningRecipe.start("streams/log_tls_names");
    assert.equal(await client.ask({ name: "a.test" }), "got hello");
    assert.equal(await client.ask({ name: "b.test", segment: 100 }), "got hello");
    assert.deepEqual(recipe.failures, []);
  });
  assert.deepEqual(lines.all.map((line) => line.split('"')[1]), ["a.test", "b.test"]);
});

test("log_http_requests and replace_header", limit, async () => {
  const request = (field: string) => `GET /a HTTP/1.1\r\nUser-Agent: ${field}\r\n\r\n`;
  const pieces = [...request("x")].map((letter) => Buffer.from(letter));
  await withServer(80, async (client) => {
    {
      using lines = new Lines();
      await using recipe = await RunningRecipe.start("streams/log_http_requests");
      assert.equal(await client.write([Buffer.from(request("x"))]), `got ${request("x")}`);
      assert.equal(await client.write(pieces), `got ${request("x")}`);
      assert.match(
        lines.all.join("\n"),
        /^.* {2}"GET \/a HTTP\/1\.1"\n.* {2}"GET \/a HTTP\/1\.1"$/,
      );
      assert.deepEqual(recipe.failures, []);
    }
    await using recipe = await RunningRecipe.start("streams/replace_header");
    const whole = Buffer.from(request("x"));
    const answer = `got ${request("somebody")}`;
    const cases = [[whole], [whole.subarray(0, 30), whole.subarray(30)]];
    for (const parts of cases) assert.equal(await client.write(parts, answer.length), answer);
    assert.deepEqual(recipe.failures, []);
  });
});

test("limit_bytes", limit, async () => {
  using lines = new Lines();
  await withServer(80, async (client) => {
    await using recipe = await RunningRecipe.start("streams/limit_bytes");
    // The server sends back what it gets.
    assert.equal(await client.pour(400_000), "got it all");
    assert.equal(await client.pour(2_000_000), "ECONNRESET");
    assert.deepEqual(recipe.failures, []);
  });
  assert.equal(lines.all.length, 1);
});
