// The command as people install it: from the package with Bun, by deno install, and as one file.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { PcapngWriter } from "../../src/capture/mod.ts";
import { VERSION } from "../../src/cli/package/version.ts";
import { BareProject, pack, repository } from "../support/packages/bare_project.ts";
import { runtime as own } from "../support/runtime/child.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { runCommand } from "../support/terminal/command_words.ts";
import { Terminal } from "../support/terminal/terminal.ts";

requireIsolation();

const LIMIT = { timeout: 120_000 } as const;
const only = (runtime: "deno" | "bun") =>
  runtime === own ? LIMIT : { ...LIMIT, skip: `it is ${runtime}'s` };
const main = join(repository, "src/cli/main.ts");
const said = { status: 0, errors: "", output: `nfqueue ${VERSION}\n` };

/** The folder of a runtime: programs name it as `bun` or `deno`. */
const path = [
  join(repository, "node_modules/.bin"),
  ...["BUN", "DENO"].map((name) => join(process.env[name] ?? "", "..")),
  process.env["PATH"] ?? "",
].join(":");

test("Bun runs the packed package's program", only("bun"), async () => {
  using project = new BareProject({ "package.json": { private: true, type: "module" } });
  const tarball = await pack(project.folder);
  const options = { folder: project.folder, environment: { PATH: path } };
  const bun = process.env["BUN"] ?? "";
  const packaged = await runCommand(
    [bun, "x", "--silent", `--package=${tarball.path}`, "nfqueue"]
      .concat("--version"),
    {
      ...options,
      environment: { ...options.environment, BUN_INSTALL: join(project.folder, ".bun") },
    },
  );
  assert.deepEqual([packaged.status, packaged.output], [0, said.output], packaged.errors);
  const { status, text } = await project.run("bun", ["add", tarball.path]);
  assert.equal(status, 0, text);
  for (const words of [[bun, "x", "nfqueue"], [join("node_modules", ".bin", "nfqueue")]]) {
    assert.deepEqual(await runCommand([...words, "--version"], options), said);
  }
});

test("Bun makes one file of it", only("bun"), async () => {
  using project = new BareProject({});
  const words = ["build", "--compile", main, "--outfile", "nfqueue"];
  const { status, text } = await project.run("bun", words);
  assert.equal(status, 0, text);
  const program = join(project.folder, "nfqueue");
  const options = { folder: project.folder, environment: { PATH: "/usr/sbin:/usr/bin:/bin" } };
  assert.deepEqual(await runCommand([program, "--version"], options), said);
  assert.equal((await runCommand([program, "--help"], options)).status, 0);
  const explained = await runCommand([program, "rules", "explain", "--rule", "input"], options);
  assert.match(explained.output, /^# nft\nnft add table /);
  // A filter imports the bare name, which the file itself has.
  assert.equal((await runCommand([program, "init"], options)).status, 0);
  writeFileSync(join(project.folder, "empty.pcapng"), new PcapngWriter().start());
  const replayed = await runCommand([program, "replay", "empty.pcapng", "filter.ts"], options);
  assert.deepEqual(replayed, { status: 0, errors: "", output: "0 packets: none\n" });
  await using running = new Terminal([program, "run", "filter.ts"], { folder: project.folder });
  await running.says("filter.ts runs on queue");
  running.type("\x03");
  assert.deepEqual(await running.end(), { code: 130, signal: null });
});

test("deno install makes a program of it", only("deno"), async () => {
  using project = new BareProject({});
  const { status, text } = await project.run("deno", [
    ...["install", "--global", "--root", ".", "--config", join(repository, "deno.json")],
    ...["--allow-ffi", "--allow-read", "--allow-env", "-n", "nfqueue", main],
  ]);
  assert.equal(status, 0, text);
  const program = join(project.folder, "bin", "nfqueue");
  const options = { folder: project.folder, environment: { PATH: path } };
  assert.deepEqual(await runCommand([program, "--version"], options), said);
});
