// `nfqueue run` out of one file made by `bun build --compile`: a filter finds the package's names there, and is
// loaded anew.

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { requireIsolation } from "../../support/network/isolation.ts";
import { isBun } from "../../support/runtime/child.ts";
import { command } from "../../support/runtime/command.ts";
import { Terminal } from "../../support/terminal/terminal.ts";
import { UdpSocket } from "../../support/traffic/udp.ts";
import { dropsNo, Workshop } from "./workshop.ts";

requireIsolation();

test("the compiled command runs a filter, and loads it anew", {
  timeout: 120_000,
  skip: isBun ? false : "only Bun compiles it",
}, async () => {
  using workshop = new Workshop();
  using socket = await UdpSocket.open();
  const main = fileURLToPath(new URL("../../../src/cli/main.ts", import.meta.url));
  const program = workshop.path("nfqueue");
  command(process.execPath, ["build", "--compile", "--outfile", program, main]);
  const text = dropsNo(socket.port).replace(
    "import",
    'import { parseLayers } from "@nfqueue/nfqueue/packet"; parseLayers.call;\nimport',
  );
  workshop.write("filter.ts", text);
  const { folder } = workshop;
  await using terminal = new Terminal([program, "run", "filter.ts", "--watch"], { folder });
  await terminal.says("Ctrl-C ends it", 30_000);
  await socket.sendAll(["no", "yes"], socket);
  assert.deepEqual(await socket.take(1), ["yes"]);
  workshop.write("filter.ts", text.replace('"no"', '"never"'));
  await terminal.says("filter.ts is loaded anew");
  await socket.send("no", socket);
  assert.deepEqual(await socket.take(1), ["no"]);
  terminal.type("\x03");
  assert.deepEqual(await terminal.end(), { code: 130, signal: null });
  workshop.assertNothingLeft();
});
