// A filter that has the library from the npm package drops real packets: in each way to install it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { requireIsolation } from "../support/network/isolation.ts";
import { queueRule, udpTo } from "../support/network/rules.ts";
import { BareProject } from "../support/packages/bare_project.ts";
import { npmPackage, projectWith, Registry } from "../support/packages/npm_package.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { Child, runtime as own, type SpawnOptions } from "../support/runtime/child.ts";
import { UdpSocket } from "../support/traffic/udp.ts";

requireIsolation();

const timeout = 120_000;
const filter = readFileSync(new URL("fixtures/drop_filter.js", import.meta.url), "utf8");
const only = (runtime: typeof own) =>
  runtime === own ? { timeout } : { timeout, skip: `it is ${runtime}'s` };

/** Sends to two ports by turns, while the filter runs that drops what goes to the second. */
async function drops(script: string, options: SpawnOptions = {}): Promise<void> {
  using passed = await UdpSocket.open();
  using dropped = await UdpSocket.open();
  using sender = await UdpSocket.open();
  const queue = nextQueue();
  await using child = new Child(pathToFileURL(script), {
    ...options,
    environment: { ...options.environment, QUEUE: String(queue), PORT: String(dropped.port) },
  });
  await child.says("ready");
  using first = queueRule(queue, { chain: "OUTPUT", match: udpTo(passed.port) });
  using second = queueRule(queue, { chain: "OUTPUT", match: udpTo(dropped.port) });
  const numbers = [0, 1, 2, 3, 4].map(String);
  for (const number of numbers) {
    await sender.send(number, dropped);
    await sender.send(number, passed);
  }
  // Verdicts are in order: behind the last of these, all are given.
  assert.deepEqual(await passed.take(numbers.length), numbers);
  assert.deepEqual(dropped.pending, []);
  assert.deepEqual([first.packets, second.packets], [5, 5]);
}

test("from node_modules, by the tarball", { timeout }, async () => {
  using project = await projectWith(await npmPackage(), { "filter.js": filter });
  await drops(join(project.folder, "filter.js"), {
    permissions: ["--allow-ffi", "--allow-read", "--allow-env"],
  });
});

test("in Node, by require of a CommonJS program", only("node"), async () => {
  const imports = /import \{ (.*) \} from "(@nfqueue.*)";/;
  const required = filter.replace(imports, 'const { $1 } = require("$2");')
    .replace(/import process .*/, "")
    // Such a program cannot await at its top.
    .replace("using queue", "const queue").replace("await queue", "queue");
  assert.match(required, /require\("@nfqueue\/nfqueue"\)/);
  using project = await projectWith(await npmPackage(), { "filter.cjs": required });
  await drops(join(project.folder, "filter.cjs"));
});

test("in Node with permissions: --allow-ffi is the one for queues", only("node"), async () => {
  using project = await projectWith(await npmPackage(), { "filter.js": filter });
  const script = join(project.folder, "filter.js");
  // A preload of the tests lies elsewhere, so reading is allowed everywhere.
  const flags = ["--permission", "--allow-fs-read=*"];
  await drops(script, { flags: [...flags, "--allow-ffi"] });
  await using refused = new Child(pathToFileURL(script), { flags, environment: { QUEUE: "1" } });
  assert.equal((await refused.end()).code, 1);
  assert.match(refused.errors, /LibraryLoadError: .*without --allow-ffi. Give it --allow-ffi too/);
});

test("npm: by the name alone, from a registry", only("deno"), async () => {
  await using registry = await Registry.open(await npmPackage());
  using project = new BareProject({
    "filter.js": filter.replaceAll("@nfqueue/nfqueue", "npm:@nfqueue/nfqueue@^0.1.0"),
    "deno.json": {},
  });
  await drops(join(project.folder, "filter.js"), {
    environment: { ...registry.environment, DENO_DIR: join(project.folder, ".deno") },
  });
  assert.ok(registry.paths.includes("/nfqueue.tgz"), registry.paths.join());
});

test("bun add by the name, from a registry", only("bun"), async () => {
  await using registry = await Registry.open(await npmPackage());
  using project = new BareProject({
    "filter.js": filter,
    "package.json": { private: true, type: "module" },
  });
  await project.must("bun", ["add", "@nfqueue/nfqueue"], registry.environment);
  assert.ok(registry.paths.includes("/nfqueue.tgz"), registry.paths.join());
  await drops(join(project.folder, "filter.js"));
});

test("in one file that Bun bundled", only("bun"), async () => {
  using project = await projectWith(await npmPackage(), { "filter.js": filter });
  using elsewhere = new BareProject({});
  const script = join(elsewhere.folder, "filter.js");
  await project.must("bun", ["build", "filter.js", "--target", "bun", "--outfile", script]);
  await drops(script);
});

test("in one program that Bun compiled", only("bun"), async () => {
  using project = await projectWith(await npmPackage(), { "filter.js": filter });
  using elsewhere = new BareProject({});
  const program = join(elsewhere.folder, "filter");
  await project.must("bun", ["build", "filter.js", "--compile", "--outfile", program]);
  // In the runtime's place; the script's path is a word that the program does not look at.
  await drops(join(elsewhere.folder, "nothing.js"), { environment: { RUNTIME: program } });
});
