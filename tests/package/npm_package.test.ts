// What `npm publish ./npm` would send.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { VERSION } from "../../src/cli/package/version.ts";
import { BareProject, repository } from "../support/packages/bare_project.ts";
import { manifestOf, npmPackage, projectWith, Registry } from "../support/packages/npm_package.ts";
import { command } from "../support/runtime/command.ts";
import { isDeno, runtime as own } from "../support/runtime/child.ts";

const timeout = 120_000;
const only = (runtime: "deno" | "bun") =>
  runtime === own ? { timeout } : { timeout, skip: `it is ${runtime}'s` };
/** What does not depend on who asks. */
const once = isDeno ? { timeout } : { timeout, skip: "it is done in the tests under Deno" };

test("package.json says what an npm package needs", once, async () => {
  const made = await npmPackage();
  const { name, version, type, license, os, sideEffects, bin, files, exports, ...others } =
    manifestOf(made);
  assert.deepEqual(
    { name, version, type, license, os, sideEffects, bin },
    {
      ...{ name: "@nfqueue/nfqueue", version: VERSION, type: "module", license: "MIT" },
      // Packets can be read anywhere; only queues need Linux.
      os: undefined,
      sideEffects: false,
      bin: { nfqueue: exports["./cli"]?.["default"]?.slice("./".length) },
    },
  );
  // Addresses are there once somebody knows them; scripts/release insists.
  const addresses = ["bugs", "homepage", "repository"];
  assert.deepEqual(Object.keys(others).filter((field) => !addresses.includes(field)).sort(), [
    ...["description", "engines", "keywords", "main", "types"],
  ]);
  const sources = JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as {
    exports: Record<string, string>;
  };
  for (const [entry, source] of Object.entries(sources.exports)) {
    const { types = "", default: file = "", ...rest } = exports[entry] ?? {};
    assert.ok(file.endsWith(source.slice(1).replace(/\.ts$/, ".js")), `${entry}: ${file}`);
    assert.deepEqual([types, rest], [file.replace(/\.js$/, ".d.ts"), {}]);
  }
  assert.ok((files as string[]).includes("CHANGELOG.md"));
  assert.deepEqual(Object.keys(exports).sort(), Object.keys(sources.exports).sort());
});

test("it has JavaScript and declarations that find each other", once, async () => {
  const { folder } = await npmPackage();
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const papers = names.filter((name) => !/\.(js|d\.ts)$/.test(name)).map((name) =>
    name.slice(folder.length)
  );
  assert.deepEqual(papers.sort(), ["/CHANGELOG.md", "/LICENSE", "/README.md", "/package.json"]);
  const lost: string[] = [];
  let found = 0;
  for (const name of names.filter((name) => /\.(js|ts)$/.test(name))) {
    const text = readFileSync(name, "utf8");
    for (
      const [, path = ""] of text.matchAll(/^(?:import|export|\}) [^"\n]*\bfrom "(\.[^"]+)"/gm)
    ) {
      const target = join(name, "..", path);
      const wanted = name.endsWith(".d.ts") ? target.replace(/\.js$/, ".d.ts") : target;
      if (!path.endsWith(".js") || !existsSync(wanted)) lost.push(`${name}: ${path}`);
      found++;
    }
  }
  assert.deepEqual(lost, []);
  assert.ok(found > 500, `${found} imports`);
});

test("publint finds nothing", once, async () => {
  const { tarball } = await npmPackage();
  const bytes = new Uint8Array(readFileSync(tarball));
  const { messages, pkg } = await publint({ pack: { tarball: bytes.buffer }, strict: true });
  assert.deepEqual(messages.map((message) => formatMessage(message, pkg)), []);
});

test("arethetypeswrong finds nothing, for ES modules", once, async () => {
  const made = await npmPackage();
  using project = new BareProject({});
  const tool = join(repository, "node_modules/@arethetypeswrong/cli/dist/index.js");
  const words = ["run", "--allow-all", tool, made.tarball, "--profile", "esm-only"];
  const { status, text } = await project.run("deno", [...words, "--format", "json"]);
  assert.equal(status, 0, text);
  const { analysis } = JSON.parse(text) as { analysis: { entrypoints: object } };
  assert.deepEqual(Object.keys(analysis.entrypoints), Object.keys(manifestOf(made).exports));
});

test("a bundle for browsers reads packets, and has only what it uses", only("bun"), async () => {
  using project = await projectWith(await npmPackage(), {
    "packet.js": `import { parseLayers } from "@nfqueue/nfqueue/packet"; console.log(parseLayers);`,
    "verdict.js": `import { Verdict } from "@nfqueue/nfqueue"; console.log(Verdict.Drop);`,
  });
  const bundle = async (name: string) => {
    await project.must("bun", ["build", name, "--target", "browser", "--outfile", "bundle.js"]);
    return readFileSync(join(project.folder, "bundle.js"), "utf8");
  };
  const packets = await bundle("packet.js");
  assert.doesNotMatch(packets, /node:|bun:|Deno\b/);
  assert.match(packets, /class TcpView/);
  // Nothing of the queue: modules have no side effects.
  const verdict = await bundle("verdict.js");
  assert.ok(verdict.length < 3000, `${verdict.length} bytes`);
});

test("the program nfqueue, by npm: alone", only("deno"), async () => {
  await using registry = await Registry.open(await npmPackage());
  using project = new BareProject({ "deno.json": {} });
  const words = ["run", "--allow-read", "--allow-env", "--allow-ffi"];
  const text = await project.must(
    "deno",
    [...words, "--quiet", "npm:@nfqueue/nfqueue@^0.1.0/cli", "--version"],
    registry.environment,
  );
  assert.equal(text, `nfqueue ${VERSION}\n`);
});

test("the program nfqueue, in Bun's node_modules", only("bun"), async () => {
  using project = await projectWith(await npmPackage(), {});
  symlinkSync(process.execPath, join(project.folder, "bun"));
  const path = { PATH: `${project.folder}:${process.env["PATH"]}` };
  const text = await project.must("bun", ["x", "nfqueue", "--version"], path);
  assert.equal(text, `nfqueue ${VERSION}\n`);
});

test("the program nfqueue runs with the only runtime that is there", { timeout }, async () => {
  const made = await npmPackage();
  using project = await projectWith(made, {});
  const programs = join(project.folder, "programs");
  mkdirSync(programs);
  symlinkSync(process.execPath, join(programs, own));
  for (const name of ["env", "sh", "readlink"]) {
    symlinkSync(command("which", [name]).trim(), join(programs, name));
  }
  const { nfqueue: program } = manifestOf(made)["bin"] as { readonly nfqueue: string };
  const main = join("node_modules/@nfqueue/nfqueue", program);
  const { stdout, stderr, status } = spawnSync(join(programs, "sh"), [main, "--version"], {
    ...{ cwd: project.folder, encoding: "utf8" },
    env: { ...process.env, PATH: programs },
  });
  assert.deepEqual([stdout, status], [`nfqueue ${VERSION}\n`, 0], stderr);
  rmSync(join(programs, own));
  const without = spawnSync(join(programs, "sh"), [main], {
    ...{ cwd: project.folder, encoding: "utf8" },
    env: { PATH: programs },
  });
  assert.deepEqual([without.status, without.stderr], [127, "nfqueue needs Bun, Deno or Node\n"]);
});
