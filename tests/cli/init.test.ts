// `nfqueue init`: the file that it writes, and those that it does not touch.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { missingName } from "../../src/cli/init/known_name.ts";
import { template } from "../../src/cli/init/template.ts";
import { placeOf, shellWord } from "../../src/cli/package/own_place.ts";
import { BareProject, pack, repository } from "../support/packages/bare_project.ts";
import { runtime as own } from "../support/runtime/child.ts";
import { commandWords, runCommand } from "../support/terminal/command_words.ts";
import { Terminal } from "../support/terminal/terminal.ts";

const LIMIT = { timeout: 120_000 } as const;
const only = (runtime: "deno" | "bun") =>
  runtime === own ? LIMIT : { ...LIMIT, skip: `it is ${runtime}'s` };
const words = (...rest: string[]) =>
  commandWords(["init", ...rest], { permissions: ["--allow-write"] });
const folder = { kind: "folder", path: repository.replace(/\/$/, "") } as const;

test(
  "in a terminal: it writes a filter, says what to type, and never writes over it",
  LIMIT,
  async () => {
    using project = new BareProject({});
    const start = (...rest: string[]) =>
      new Terminal(words(...rest), { folder: project.folder, environment: { PATH: "/nowhere" } });
    await using first = start();
    assert.deepEqual(await first.end(), { code: 0, signal: null });
    assert.match(first.text, /^filter\.ts is written: a filter that shows pings/);
    const file = join(project.folder, "filter.ts");
    assert.equal(readFileSync(file, "utf8"), template("filter.ts", folder));
    const next = {
      ...{ bun: `bun ${folder.path}`, node: `node ${folder.path}` },
      deno: "deno run --allow-ffi --allow-read --allow-env ",
    }[own];
    assert.ok(first.text.replaceAll("\n", "").includes(next), first.text);
    assert.match(first.text, /main\.ts run filter\.ts\n$/);

    project.write("filter.ts", "mine");
    await using again = start();
    assert.deepEqual(await again.end(), { code: 1, signal: null });
    assert.match(
      again.text.replaceAll("\n", " "),
      /filter\.ts exists, and is left as it is; --force/,
    );
    assert.equal(readFileSync(file, "utf8"), "mine");
    await using forced = start("--force", "filter.ts");
    assert.deepEqual(await forced.end(), { code: 0, signal: null });
    assert.equal(readFileSync(file, "utf8"), template("filter.ts", folder));
  },
);

test("the installed name is what a person is told to type", LIMIT, async () => {
  using project = new BareProject({ "bin/nfqueue": "#!/bin/sh\n" });
  await runCommand(["chmod", "+x", join(project.folder, "bin/nfqueue")]);
  const { output } = await runCommand(words("my filter.ts"), {
    folder: project.folder,
    environment: { PATH: `/nowhere:${project.folder}/bin:/usr/bin:/bin` },
  });
  // The installed program runs by Bun.
  const name = own === "node" ? /\n {4}node \/\S+\/main\.ts run/ : /\n {4}nfqueue run/;
  assert.match(output, name);
  assert.match(output, / run 'my filter\.ts'\n$/);
});

test("what it refuses", LIMIT, async () => {
  using project = new BareProject({});
  symlinkSync(join(project.folder, "nowhere.ts"), join(project.folder, "link.ts"));
  const cases: readonly (readonly [file: string, status: number, message: RegExp])[] = [
    ["filter.txt", 2, /FILE must end in \.ts, \.mts, \.js or \.mjs, got "filter\.txt"/],
    ["types.d.ts", 2, /FILE must end in/],
    [".ts", 2, /FILE must end in/],
    ["", 2, /FILE must end in/],
    ["no/folder.ts", 1, /there is no folder .*\/no\n/],
    ["link.ts", 1, /link\.ts exists/],
  ];
  for (const [file, status, message] of cases) {
    const end = await runCommand(words(file), { folder: project.folder });
    assert.deepEqual([end.status, end.output], [status, ""], file);
    assert.match(end.errors, message);
  }
  assert.deepEqual(readdirSync(project.folder), ["link.ts"]);
});

test("without --allow-write it says which permission it needs", only("deno"), async () => {
  using project = new BareProject({});
  const { status, errors } = await runCommand(commandWords(["init"]), { folder: project.folder });
  assert.equal(status, 1);
  assert.match(errors, /^nfqueue init: Deno needs --allow-write to write .*filter\.ts; without it/);
  const printed = await runCommand(commandWords(["init", "-"]), { folder: project.folder });
  assert.deepEqual(printed, { status: 0, errors: "", output: template("filter.ts", folder) });
  assert.deepEqual(readdirSync(project.folder), []);
});

test("Deno checks and loads what it wrote, as it is", only("deno"), async () => {
  using project = new BareProject({});
  await runCommand(words(), { folder: project.folder });
  assert.deepEqual(readdirSync(project.folder).sort(), ["deno.json", "filter.ts"]);
  const checked = await project.run("deno", ["check", "filter.ts"]);
  assert.equal(checked.status, 0, checked.text);
  project.write("main.ts", 'import filter from "./filter.ts";\nconsole.log(filter.rules);');
  const { status, text } = await project.run("deno", ["run", "main.ts"]);
  assert.equal(status, 0, text);
  assert.match(text, /hook: "output", protocol: "icmp"/);
});

test(
  "a deno.json that is there is left alone; the command to type makes the name known",
  only("deno"),
  async () => {
    using project = new BareProject({ "deno.json": { tasks: {} }, "deep/er/x": "" });
    const first = await runCommand(words("deep/er/filter.mts"), { folder: project.folder });
    assert.match(first.output, new RegExp(`\n    deno link ${folder.path}\n`));
    assert.deepEqual(JSON.parse(readFileSync(join(project.folder, "deno.json"), "utf8")), {
      tasks: {},
    });
    assert.ok(!existsSync(join(project.folder, "deep/er/deno.json")));
    const linked = await project.run("deno", ["link", folder.path]);
    assert.equal(linked.status, 0, linked.text);
    const checked = await project.run("deno", ["check", "deep/er/filter.mts"]);
    assert.equal(checked.status, 0, checked.text);
    const second = await runCommand(words("other.js"), { folder: project.folder });
    assert.doesNotMatch(second.output, /types/);
  },
);

test(
  "Bun: the command to type makes the name known",
  only("bun"),
  async () => {
    using project = new BareProject({});
    project.write("package.json", { private: true, type: "module" });
    const { output } = await runCommand(words(), { folder: project.folder });
    assert.match(output, new RegExp(`\n    bun add link:${folder.path}\n`));
    assert.ok(!existsSync(join(project.folder, "deno.json")));
    const tarball = await pack(project.folder);
    const added = await project.run("bun", ["add", tarball.path]);
    assert.equal(added.status, 0, added.text);
    project.write("main.ts", 'import filter from "./filter.ts";\nconsole.log(filter.rules);');
    const { status, text } = await project.run("bun", ["run", "main.ts"]);
    assert.equal(status, 0, text);
    assert.match(text, /protocol: "icmp"/);
    const second = await runCommand(words("other.ts"), { folder: project.folder });
    assert.doesNotMatch(second.output, /types/);
  },
);

test("a package from a registry, an installed one, one file", LIMIT, () => {
  const address = placeOf(
    "https://registry.example/@nfqueue/nfqueue/0.1.0/src/cli/package/own_place.ts",
  );
  assert.deepEqual(address, { kind: "address" });
  assert.match(template("f.ts", address), /from "jsr:@nfqueue\/nfqueue@\d+\.\d+\.\d+";/);
  assert.equal(missingName("/", address), undefined);
  const installed = placeOf("file:///p/node_modules/@nfqueue/nfqueue/src/cli/package/own_place.ts");
  assert.deepEqual(installed, { kind: "installed", path: "/p/node_modules/@nfqueue/nfqueue" });
  assert.equal(
    missingName("/", installed)?.command,
    {
      ...{ bun: "bun add @nfqueue/nfqueue", node: "npm install @nfqueue/nfqueue" },
      deno: "deno add jsr:@nfqueue/nfqueue",
    }[own],
  );
  assert.deepEqual(placeOf("file:///$bunfs/root/nfqueue"), {
    ...{ kind: "compiled", path: process.execPath },
  });
});

test("words for a shell", LIMIT, async () => {
  for (const word of ["filter.ts", "a b", "it's", "$(id)", "-x", "", "ä", "`id`;", "a\nb"]) {
    const { output } = await runCommand(["sh", "-c", `printf %s ${shellWord(word)}`]);
    assert.equal(output, word);
  }
});
